"""Checkpoints that survive a kill at any moment: whole files only, each with a checksum, the last two kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from acgan.atomic import sha256, write_atomically, write_text
from acgan.errors import RunError
from acgan.file_kinds import odd_kind

KEPT = 2
#: Keys of a checkpoint.
PAYLOAD_KEYS = {"state", "meta", "iteration", "nimg", "trained_sec", "means", "scores"}


def write_checkpoint(directory: Path, nimg: int, payload: dict[str, Any]) -> Path:
    """Write ``<nimg>.pt``, of tensors and plain values, and its checksum, then remove all but the last two."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{nimg}.pt"
    checksum = _checksum_file(file)
    replaced = checksum.read_text(encoding="ascii", errors="replace") if checksum.is_file() else ""
    line = ""

    def write(temporary: Path) -> None:
        try:
            torch.save(payload, temporary)
        except RuntimeError as error:  # torch's error for a full disk
            raise RunError(
                f"{file}: cannot be written ({str(error).splitlines()[0]}). Make room on the disk; the same command "
                "then goes on from the checkpoint before."
            ) from error
        # The checksum takes its place first, beside that of the file that is replaced: none is ever without one.
        nonlocal line
        line = f"{sha256(temporary)}  {file.name}\n"
        write_text(checksum, line + replaced)

    write_atomically(file, write)
    if replaced:
        write_text(checksum, line)
    # Newer ones are broken, or the run would not be here: they do not count as the last two.
    not_newer = sorted((other for other in _all(directory) if other <= nimg), reverse=True)
    kept = not_newer[:KEPT]
    for old, path in _all(directory).items():
        if old not in kept:
            path.unlink()
            _checksum_file(path).unlink(missing_ok=True)
    return file


def read_latest(directory: Path, on_broken: Callable[[str], None]) -> dict[str, Any] | None:
    """Payload of the newest whole checkpoint, on the CPU; None if there is no checkpoint at all.

    Args:
        directory: The checkpoints' directory.
        on_broken: Receives a message on each checkpoint that is skipped.

    Raises:
        RunError: If there are checkpoints and all are broken.
    """
    files = sorted(_all(directory).items(), reverse=True)
    problem = ""
    for _, file in files:
        try:
            return _read(file)
        except _BrokenError as error:
            problem = str(error)
            on_broken(f"{file}: {problem}; falling back to the checkpoint before it")
    if files:
        raise RunError(
            f"{directory}: all {len(files)} checkpoints are broken (the last one looked at: {problem}). "
            "Start anew with --fresh, which moves this run aside."
        )
    return None


class _BrokenError(Exception):
    """A checkpoint that cannot be used, and why."""


def _read(file: Path) -> dict[str, Any]:
    if kind := odd_kind(file):
        raise _BrokenError(f"it is {kind}, not a file")
    checksum = _checksum_file(file)
    if not checksum.is_file():
        raise _BrokenError(f"its checksum {checksum.name} is missing")
    if sha256(file).encode() not in checksum.read_bytes().split():
        raise _BrokenError("truncated or changed (its SHA-256 is not the one it was written with)")
    try:
        payload: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's errors on a file of another kind are of many kinds
        raise _BrokenError(
            f"no file of torch's, though its checksum is right ({type(error).__name__})"
        ) from error
    lacks = sorted(PAYLOAD_KEYS - payload.keys()) if isinstance(payload, dict) else sorted(PAYLOAD_KEYS)
    if lacks:
        raise _BrokenError(
            f"no checkpoint of acgan's, though its checksum is right: it lacks {', '.join(lacks)}"
        )
    return dict(payload)


def _all(directory: Path) -> dict[int, Path]:
    return {int(path.stem): path for path in directory.glob("*.pt") if path.stem.isdigit()}


def _checksum_file(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")

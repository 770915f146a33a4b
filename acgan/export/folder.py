"""Folders as the Hugging Face hub has them, which are whole or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acgan.atomic import disk_errors_name
from acgan.errors import UserError
from acgan.file_kinds import read_text
from acgan.reading import parse_json, to_json
from acgan.weights import HUB_WEIGHTS

CARD, MODEL_CONFIG, SAMPLES_PICTURE = "README.md", "config.json", "samples.png"
#: All that is written into such a folder.
FOLDER_FILES = (CARD, MODEL_CONFIG, HUB_WEIGHTS, SAMPLES_PICTURE)
_LIBRARY = {"library_name": "acgan"}


def model_config(about: Mapping[str, Any]) -> bytes:
    """The content of ``config.json``: what exported files tell, and labels as other libraries of the hub have them."""
    names = list(about["class_names"])
    labels = {
        "id2label": {str(label): name for label, name in enumerate(names)},
        "label2id": {name: label for label, name in enumerate(names)},
    }
    return (to_json({**_LIBRARY, **about, **labels}) + "\n").encode()


def check_export_folder(out: Path, force: bool) -> None:
    """Check that a folder can be made, or replaced, without loss.

    Raises:
        UserError: If something is there, and it is no such folder or ``force`` is not given.
    """
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_dir():
        raise UserError(f"--out {out}: is no folder; expected a folder to make. Choose another name.")
    entries = {entry.name for entry in out.iterdir()}
    if entries and not force:
        raise UserError(
            f"--out {out}: exists already. Choose another name, or --force to replace what `acgan export` wrote."
        )
    others = sorted(entries - set(FOLDER_FILES))
    if entries and (others or not _is_ours(out / MODEL_CONFIG)):
        why = f"has {others[0]!r}" if others else f"has no {MODEL_CONFIG} of acgan"
        raise UserError(
            f"--out {out}: {why}; --force replaces only folders that `acgan export` wrote. Choose another name."
        )


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder beside its place, force it to the disk, and give it its name; one that is there goes then."""
    beside = f".{out.name}.{secrets.token_hex(8)}"
    new, old = out.with_name(f"{beside}.tmp"), out.with_name(f"{beside}.old.tmp")
    try:
        with disk_errors_name(out):
            new.mkdir()
            for name, content in files.items():
                _write(new / name, content)
            if out.exists():
                os.replace(out, old)
            os.replace(new, out)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and not out.exists():
            os.replace(old, out)
        raise
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(old, ignore_errors=True)


def _write(file: Path, content: bytes) -> None:
    with open(file, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _is_ours(config: Path) -> bool:
    try:
        values = parse_json(read_text(config))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and _LIBRARY.items() <= values.items()

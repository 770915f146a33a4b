"""Files that are whole or not there, their digests, and the name of a run's best one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from acgan.file_kinds import odd_kind

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{16}\.tmp", re.DOTALL)
_NAME_BYTES = 100  # of a file's name in its temporary one: file systems allow 255


def write_atomically(file: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a temporary name, force it to the disk, then give it its name.

    The name is hidden, and this call's own: of two processes that write one file, the later one's stays, whole. What a
    pipe or a device, such as /dev/stdout, is given, it gets in one piece; it is never replaced by a file.

    Args:
        file: The file's name; whatever is there is replaced, or stays whole.
        write: Writes the content to the path it is given.
    """
    if odd_kind(file):
        _hand_over(file, write)
        return
    end = os.fsencode(file.name)[-_NAME_BYTES:].decode("utf-8", errors="ignore")
    temporary = file.with_name(f".{end}.{secrets.token_hex(8)}.tmp")
    try:
        with disk_errors_name(file):
            write(temporary)
            with open(temporary, "rb+") as handle:
                os.fsync(handle.fileno())
            os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the rename itself reaches the disk with the directory (POSIX)
        descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def _hand_over(odd: Path, write: Callable[[Path], None]) -> None:
    """Write what is whole to a pipe, socket or device."""
    with tempfile.TemporaryDirectory() as folder, disk_errors_name(odd):
        whole = Path(folder) / "whole"
        write(whole)
        with open(whole, "rb") as source, open(odd, "wb") as target:
            shutil.copyfileobj(source, target)


@contextlib.contextmanager
def disk_errors_name(file: Path) -> Iterator[None]:
    """Context in which an error of the disk names a file: that of a full disk names none, others a temporary one."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if (name is None and error.errno is not None) or (
            name and is_temporary(os.path.basename(os.fsdecode(name)))
        ):
            error.filename = str(file)
        raise


def is_temporary(name: str) -> bool:
    """True for a temporary name of ``write_atomically``."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers(folder: Path, older_than_sec: float) -> None:
    """Remove what killed processes left under temporary names.

    Args:
        folder: The folder; those below it are left alone.
        older_than_sec: Age from which on nobody still writes a file: 0 where nobody else writes in the folder.
    """
    newest = time.time() - older_than_sec
    for file in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):  # another process may remove it too
            if is_temporary(file.name) and (not older_than_sec or file.stat().st_mtime < newest):
                file.unlink()


def write_bytes(file: Path, content: bytes) -> None:
    """Write a file of this content so."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(file, write)


def write_text(file: Path, text: str) -> None:
    """Write a text file in UTF-8 so."""
    write_bytes(file, text.encode("utf-8"))


def sha256(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(file, "rb") as handle:
        while chunk := handle.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest()


def best_name(name: str) -> str:
    """The file name of the best state of a product: ``generator-best.safetensors``."""
    path = Path(name)
    return f"{path.stem}-best{path.suffix}"

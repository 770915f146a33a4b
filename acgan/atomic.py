"""Files that are whole or not there, their digests, and the name of a run's best one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(file: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a temporary name, force it to the disk, then give it its name.

    Args:
        file: The file's name; whatever is there is replaced, or stays whole.
        write: Writes the content to the path it is given.
    """
    temporary = file.with_name(f".{file.name}.tmp")
    try:
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

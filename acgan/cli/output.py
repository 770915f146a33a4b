"""Standard output and error that never stop work: unread output is dropped, what cannot be shown is escaped."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from typing import TextIO

import click
from typing_extensions import Buffer

from acgan.showing import shown_lines

_NAMES = ("stdout", "stderr")
_FULL = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
)  # a file that someone will read: that it lacks lines is told


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text that may have names in it; ``click.echo`` is for texts that are styled."""
    click.echo(shown_lines(str(message)), err=err, nl=nl)


def echo_prose(message: str) -> None:
    """Print sentences, on a terminal with their lines broken between words.

    A terminal breaks a command within a word, and it can be copied all the same: print it by ``echo``.
    """
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        wrapped = partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)
        message = "\n".join(map(wrapped, shown_lines(message).split("\n")))
    echo(message)


class _Dropping(io.FileIO):
    """A file that drops what it cannot write, since the reader of a pipe or the terminal is gone.

    Attributes:
        full: The first error that left a file incomplete, on a full disk.
    """

    full: OSError | None = None

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno in _FULL:
                self.full = self.full or error
            return memoryview(data).nbytes


@contextlib.contextmanager
def output_dropped_unread() -> Iterator[None]:
    """Context of a command, whose output may lose its reader at any time and is dropped from then on.

    It sits below every writer: ``print``, click, rich's tables and bars, and warnings.

    Raises:
        SystemExit: With exit code 1 in place of 0, if a file on a full disk lacks a part of the output.
    """
    before = {name: getattr(sys, name) for name in _NAMES}
    for number, (name, stream) in enumerate(before.items(), start=1):
        setattr(sys, name, _nowhere(number) if stream is None else _dropping(stream))
    after = {name: getattr(sys, name) for name in _NAMES}
    try:
        yield
    except SystemExit as ended:
        lost = [(name, full) for name, stream in after.items() if (full := _full(stream)) is not None]
        if ended.code or not lost:
            raise
        for name, error in lost:
            print(f"{name}: {error.strerror}; a part of what was printed is lost", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        for name, stream in before.items():
            if stream is not after[name]:
                after[name].flush()
            setattr(sys, name, stream)


def _dropping(stream: TextIO) -> TextIO:
    """A stream of the same form that drops what it cannot write; one that has no file, as in tests, as it is."""
    binary = getattr(stream, "buffer", None)
    raw = getattr(binary, "raw", binary)  # with -u Python has no buffer between
    if not isinstance(stream, io.TextIOWrapper) or type(raw) is not io.FileIO:
        return stream
    stream.flush()
    file = _Dropping(raw.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        file if raw is binary else io.BufferedWriter(file),
        encoding=stream.encoding,
        # What an encoding lacks, or a file name that is no text, shows escaped.
        errors="backslashreplace" if stream.errors == "strict" else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _full(stream: TextIO) -> OSError | None:
    """The error of a full disk that a stream met."""
    stream.flush()
    binary = getattr(stream, "buffer", None)
    file = getattr(binary, "raw", binary)
    return file.full if isinstance(file, _Dropping) else None


def _nowhere(number: int) -> TextIO:
    """A stream for one that is closed, as by ``>&-``: Python has None there, which has no ``isatty``."""
    _occupy(number)
    return open(os.devnull, "w", encoding="utf-8")


def _occupy(number: int) -> None:
    """Let a closed file descriptor lead nowhere: else the next file that is opened gets its number, and output."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)

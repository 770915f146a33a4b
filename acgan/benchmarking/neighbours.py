"""Busy processes beside a measurement, as on a machine that others use too."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

#: A neighbour spins in plain Python, so it keeps one core busy. It ends by itself when its standard input closes, as
#: it does however its parent ends. Ctrl-C reaches it too, and is left to the parent.
_SPIN = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.SIG_IGN)
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
os.write(1, b".")
number = 0
while True:
    number += 1
"""
_PATIENCE_SEC = 5.0


@contextlib.contextmanager
def busy_neighbours(count: int) -> Iterator[tuple[int, ...]]:
    """Keep so many processes busy inside, each with one thread; they have ended when the block is left.

    Yields:
        Their process numbers.
    """
    with contextlib.ExitStack() as running:
        yield tuple([running.enter_context(_neighbour()) for _ in range(count)])


@contextlib.contextmanager
def _neighbour() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", _SPIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.read(1)  # it spins now
        yield process.pid
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait(_PATIENCE_SEC)

"""Forked children, and the end of a process."""

import subprocess
import sys
from pathlib import Path


def test_forked_children_compute_parts_and_a_busy_process_ends() -> None:
    script = Path(__file__).with_name("forks.py")
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True, timeout=400)
    assert dict(line.split(": ") for line in done.stdout.splitlines()) == {
        "after parts": "well",
        "in a stream": "0 well 190",
        "in parts of a stream": "well well",
        "in parts together": "well well",
        "in a single part": "well",
        "workers of a loader": "[[0, 6, 12], [18, 24, 30]]",
        "beside exchanging": "well",
        "beside sleeping": "well",
        "beside setting": "well",
    }, done.stderr
    assert done.returncode == 0, done.stderr

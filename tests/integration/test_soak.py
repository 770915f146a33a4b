"""Long work: memory, open files and threads stay where they are."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from run_helpers import train_args, trained

SHORT = {"train.total_nimg": 32, "monitor.num_per_class": 0}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]


@dataclass(frozen=True)
class Used:
    """Anonymous memory in bytes, open files and threads of a process."""

    memory: int
    files: int
    threads: int

    @classmethod
    def by(cls, process: int) -> Used:
        place = Path(f"/proc/{process}")
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        return cls(
            int(status["RssAnon"].split()[0]) << 10,
            len(list((place / "fd").iterdir())),
            int(status["Threads"]),
        )


def used_over_time(arguments: list[str], log: Path, most_sec: float) -> list[Used]:
    """Memory, files and threads of a command, twice a second; it ends well or at the end of the time."""
    found: list[Used] = []
    with open(log, "w") as output:
        process = subprocess.Popen([sys.executable, "-m", "acgan", *arguments], stdout=output, stderr=output)
        end = time.monotonic() + most_sec
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
            try:
                found.append(Used.by(process.pid))
            except (OSError, KeyError):  # it ends
                break
        if process.poll() is None:
            process.terminate()
        assert process.wait(120) in (0, 75), log.read_text()
    return found


def assert_flat(found: list[Used]) -> None:
    """No more at the end than in the second quarter, but for what the allocator keeps."""
    quarter = len(found) // 4
    assert quarter > 4, "it ended before anything could be seen"
    early, late = found[quarter : 2 * quarter], found[-quarter:-2]
    assert max(one.memory for one in late) < max(one.memory for one in early) + (48 << 20)
    assert max(one.files for one in late) <= max(one.files for one in early)
    assert max(one.threads for one in late) <= max(one.threads for one in early)


@pytest.mark.parametrize("out", ["samples.npz", "samples/"])
def test_300_000_samples(out: str, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", SHORT)
    arguments = ["sample", str(run), "-n", "30000", "--out", f"{tmp_path}/{out}", "--quiet"]
    assert_flat(used_over_time(arguments, tmp_path / "log", 900))


def test_training_with_all_that_is_due_at_short_intervals(tmp_path: Path) -> None:
    changes = {
        "train.total_nimg": 10_000_000,
        "every.log_nimg": 160,
        "every.sample_nimg": 800,
        "every.evaluate_nimg": 1600,
        "every.checkpoint_nimg": 800,
    }
    assert_flat(used_over_time(train_args(tmp_path / "run", changes), tmp_path / "log", 600))

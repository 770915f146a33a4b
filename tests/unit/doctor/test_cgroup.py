"""The cores that a container allows, from the files of both versions of control groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from acgan.doctor.cgroup import cpu_quota


def written(top: Path, files: Mapping[str, str]) -> tuple[Path, Path]:
    """The folder of control groups, and the file with a process's own."""
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top / "fs", top / "own"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"own": "0::/\n", "fs/cpu.max": "max 100000\n"}, None),
        ({"own": "0::/\n", "fs/cpu.max": "150000 100000\n"}, 1.5),
        # a container sees its own group as the top, whatever its path outside is
        ({"own": "0::/docker/abc\n", "fs/cpu.max": "200000 100000\n"}, 2.0),
        (
            {
                "own": "0::/slice/job\n",
                "fs/slice/cpu.max": "400000 100000\n",
                "fs/slice/job/cpu.max": "max 100000\n",
            },
            4.0,
        ),
        (
            {
                "own": "0::/slice/job\n",
                "fs/slice/cpu.max": "400000 100000",
                "fs/slice/job/cpu.max": "50000 100000",
            },
            0.5,
        ),
        # another process's group counts for nothing
        ({"own": "0::/slice/job\n", "fs/other/cpu.max": "50000 100000\n"}, None),
        # version 1
        (
            {
                "own": "4:memory:/x\n3:cpu,cpuacct:/job\n",
                "fs/cpu/job/cpu.cfs_quota_us": "300000\n",
                "fs/cpu/job/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            {
                "own": "3:cpu:/\n",
                "fs/cpu/cpu.cfs_quota_us": "-1\n",
                "fs/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"own": "0::/\n", "fs/cpu.max": "nonsense\n"}, None),
    ],
)
def test_quota(files: Mapping[str, str], expected: float | None, tmp_path: Path) -> None:
    assert cpu_quota(*written(tmp_path, files)) == expected


def test_a_path_cannot_lead_out_of_the_control_groups(tmp_path: Path) -> None:
    root, own = written(
        tmp_path, {"own": "0::/../..\n", "cpu.max": "10000 100000\n", "fs/cpu.max": "max 100000\n"}
    )
    assert cpu_quota(root, own) is None

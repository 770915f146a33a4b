"""The share of the processor that a container gives."""

from __future__ import annotations

import contextlib
from pathlib import Path

_ROOT, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cpu_quota(root: Path = _ROOT, own: Path = _OWN) -> float | None:
    """Number of cores that the process's control groups allow, the tightest of them; None is no limit.

    Args:
        root: Place of the control groups' files.
        own: File with the process's groups.
    """
    limits = [limit for folder in _folders(root, own) if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def _folders(root: Path, own: Path) -> list[Path]:
    """The folders of the process's groups and of those around them; a container may see its own as the top."""
    folders = [root, root / "cpu"]
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if ".." in path or (controllers and "cpu" not in controllers.split(",")):
                continue  # of another name space, or for something else
            inner = (root / "cpu" if controllers else root) / path.lstrip("/")
            folders += [inner, *inner.parents]
    return [folder for folder in dict.fromkeys(folders) if folder.is_relative_to(root)]


def _limit(folder: Path) -> float | None:
    """The limit of one group, in the files of version 2 or 1."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return float(quota) / float(period)  # `max` is no number
    with contextlib.suppress(OSError, ValueError):
        quota_us = float((folder / "cpu.cfs_quota_us").read_text())
        period_us = float((folder / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else None
    return None

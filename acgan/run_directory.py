"""The run directory: locked by one process, and holding one configuration."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import filelock

from acgan.config import RunConfig, diff, is_harmless, load, save
from acgan.errors import ConfigError, RunError
from acgan.runtime import Ranks


@contextlib.contextmanager
def locked(directory: Path, ranks: Ranks) -> Iterator[None]:
    """Hold a run directory against other processes.

    Raises:
        RunError: If another process trains in it.
    """
    if not ranks.first:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RunError(
            f"{directory}: another process is training in this run directory. "
            "Wait for it or stop it, or choose another directory with --run-dir."
        ) from None
    try:
        yield
    finally:
        lock.release()


def prepare(directory: Path, config: RunConfig, fresh: bool, say: Callable[[str], None]) -> None:
    """Leave a directory with this configuration in it: a new run's, or one's that can go on with it.

    Raises:
        ConfigError: If it holds a run with another configuration.
        RunError: If it holds something else.
    """
    file = directory / "config.yaml"
    others = [entry for entry in directory.iterdir() if entry.name != ".lock"]
    if fresh and others:
        aside = _move_aside(directory, others)
        say(f"{directory}: the run that was here is now {aside}.")
    elif file.exists():
        _check_same_config(load(RunConfig, file), config, directory)
    elif others:
        raise RunError(
            f"{directory}: not empty and not a run (it has no config.yaml). Choose another directory with "
            "--run-dir, or --fresh, which moves what is there aside."
        )
    save(config, file)


def _move_aside(directory: Path, entries: Sequence[Path]) -> Path:
    """Move a run's files to ``<directory>.<n>``; the lock stays with us."""
    aside = next(
        path
        for n in itertools.count(1)
        if not (path := directory.with_name(f"{directory.name}.{n}")).exists()
    )
    aside.mkdir()
    for entry in entries:
        entry.rename(aside / entry.name)
    return aside


def _check_same_config(old: RunConfig, new: RunConfig, directory: Path) -> None:
    changed = {key: values for key, values in diff(old, new).items() if not is_harmless(key)}
    if changed:
        lines = "\n".join(f"  {key}: {before} -> {after}" for key, (before, after) in changed.items())
        raise ConfigError(
            f"{directory}: holds a run with another configuration:\n{lines}\n"
            "Go on with the old one by undoing these changes, or start anew: --fresh moves the old run aside, "
            "--run-dir chooses another place."
        )

"""The run directory: locked by one process, and holding one configuration."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from acgan.atomic import write_text
from acgan.config import AnyConfig, diff, is_harmless, load, to_yaml
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError

_LOCK = ".lock"
_OURS = (_LOCK, ".config.yaml.tmp")  # the second is left by a kill while the directory was made


@contextlib.contextmanager
def locked(directory: Path, ranks: Ranks) -> Iterator[None]:
    """Lock a run directory against other processes.

    Raises:
        RunError: If another process trains in it, or it cannot be made or written to.
    """
    if not ranks.first:
        yield
        return
    lock = filelock.FileLock(directory / _LOCK)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise RunError(
            f"{directory}: another process is training in this run directory. "
            "Wait for it or stop it, or choose another directory with --run-dir."
        ) from None
    except OSError as error:
        raise RunError(
            f"{directory}: cannot be made or written to ({error.strerror or error}). Choose another directory "
            "with --run-dir."
        ) from None
    try:
        yield
    finally:
        if not (directory / "config.yaml").exists():  # no run began: leave no trace
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                (directory / _LOCK).unlink(missing_ok=True)
                directory.rmdir()
        lock.release()


def is_locked(directory: Path) -> bool:
    """True while another process trains in a run directory."""
    file = directory / _LOCK
    if not file.exists():  # acquiring would make it
        return False
    lock = filelock.FileLock(file)
    try:
        lock.acquire(timeout=0)
    except (filelock.Timeout, OSError):
        return True
    lock.release()
    return False


def check_usable(directory: Path, config: AnyConfig, fresh: bool) -> None:
    """Check, before anything is written, that a training may use a directory.

    Raises:
        ConfigError: If it holds a run with another configuration, and ``fresh`` is not set.
        RunError: If it holds something else, and ``fresh`` is not set.
    """
    file = directory / "config.yaml"
    if fresh or not directory.exists():
        return
    if file.exists():
        _check_same_config(load(type(config), file), config, directory)
    elif _content(directory):
        raise RunError(
            f"{directory}: not empty and not a run (it has no config.yaml). Choose another directory with "
            "--run-dir, or --fresh, which moves what is there aside."
        )


def settle(directory: Path, config: AnyConfig, fresh: bool, say: Callable[[str], None]) -> None:
    """Write the configuration to the directory, after moving its content aside if ``fresh``."""
    if fresh and _content(directory):
        aside = _move_aside(directory)
        say(f"{directory}: the run that was here is now {aside}.")
    write_text(directory / "config.yaml", to_yaml(config))


def _content(directory: Path) -> list[Path]:
    return [entry for entry in directory.iterdir() if entry.name not in _OURS]


def _move_aside(directory: Path) -> Path:
    """Move a run's files to ``<directory>.<n>``; the lock stays."""
    directory = directory.resolve()  # "." has no name
    aside = next(
        path
        for n in itertools.count(1)
        if not (path := directory.with_name(f"{directory.name}.{n}")).exists()
    )
    aside.mkdir()
    for entry in _content(directory):
        entry.rename(aside / entry.name)
    return aside


def _check_same_config(old: AnyConfig, new: AnyConfig, directory: Path) -> None:
    changed = {key: values for key, values in diff(old, new).items() if not is_harmless(key, new.harmless)}
    if "data.source" in changed and len({_place(source) for source in changed["data.source"]}) == 1:
        del changed["data.source"]
    if changed:
        lines = "\n".join(f"  {key}: {before} -> {after}" for key, (before, after) in changed.items())
        raise ConfigError(
            f"{directory}: holds a run with another configuration:\n{lines}\n"
            "Go on with the old one by undoing these changes, or start anew: --fresh moves the old run aside, "
            "--run-dir chooses another place."
        )


def _place(source: str) -> tuple[str, Path]:
    """Canonical form, equal for PICTURES/ and PICTURES, and for mnist:ROOT and mnist:./ROOT."""
    name, colon, root = source.partition(":")
    if not colon or Path(source).expanduser().exists():
        name, root = "", source
    return name, Path(root).expanduser().resolve()

"""The run directory: locked by one process, and holding one configuration."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import yaml

from acgan.api.earlier import Earlier
from acgan.api.places import PLACES_FILE, SOURCE, KnownPaths
from acgan.atomic import is_temporary, remove_leftovers, write_text
from acgan.config import AnyConfig, diff, is_harmless, load, to_yaml
from acgan.config.recipes import CONFIG_FILE
from acgan.data import place_of
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError
from acgan.file_kinds import read_text

_LOCK = ".lock"
_LEFT_SEC = 3600  # age from which on a temporary file is a killed process's
#: Folder in the run of a classifier with generated images: the same training without them.
WITHOUT_SYNTHETIC = "without_synthetic"
#: All that acgan writes into a run directory, and what systems leave in any folder.
_RUN_FILES = (
    *(
        CONFIG_FILE,
        "*.json",
        "stats.jsonl",
        "tensorboard",
        "samples",
        "checkpoints",
        "evaluations",
        WITHOUT_SYNTHETIC,
    ),
    *(
        "generator.safetensors",
        "generator-best.safetensors",
        "classifier.safetensors",
        "classifier-best.safetensors",
    ),
    *("confusion.png", "memorisation.png", "curves.png", "classes.png", "truncation.png", "report.html"),
    *(".*.tmp", ".DS_Store", "Thumbs.db", "desktop.ini"),
)
_RUN_SECTIONS = {"data", "model", "train"}  # of every configuration
_SHOWN = 5  # names in a message
_BY_FINGERPRINT = ("data.source", "data.root")  # images that moved are the same images


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
    # The lock's holder alone writes checkpoints; other commands write other files here, within moments.
    remove_leftovers(directory / "checkpoints", 0)
    remove_leftovers(directory, _LEFT_SEC)
    try:
        yield
    finally:
        if not (directory / CONFIG_FILE).exists():  # no run began: leave no trace
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


def check_usable(directory: Path, config: AnyConfig, fresh: bool) -> Earlier | None:
    """Check, before anything is written, that a training may use a directory.

    The place of the data may be another one: ``Earlier.check_images`` settles it, once they are decoded.

    Returns:
        The run that it goes on with; None if it begins anew.

    Raises:
        ConfigError: If it holds a run with another configuration, and ``fresh`` is not set.
        RunError: If it holds something else, which ``fresh`` does not move either.
    """
    file = directory / CONFIG_FILE
    if not directory.is_dir():
        return None
    if fresh:
        _check_movable(directory)
        return None
    if file.exists():
        earlier = Earlier(directory, load(type(config), file), KnownPaths.read(directory))
        _check_same_config(earlier, config)
        return earlier
    if _content(directory):
        raise RunError(
            f"{directory}: not empty and not a run (it has no {CONFIG_FILE}). Choose another directory with --run-dir."
        )
    return None


def _check_movable(directory: Path) -> None:
    """Check that a directory holds a run, or nothing.

    Raises:
        RunError: If it holds anything else: --fresh would move what is not its own.
    """
    names = sorted(entry.name for entry in _content(directory))
    foreign = [name for name in names if not any(fnmatch.fnmatchcase(name, own) for own in _RUN_FILES)]
    if not names or (_is_run(directory) and not foreign):
        return
    shown = ", ".join(foreign[:_SHOWN] or names[:_SHOWN]) + (", …" if len(foreign or names) > _SHOWN else "")
    if _is_run(directory):
        raise RunError(
            f"--fresh: {directory} is a run that also holds what is none of its files ({shown}). Nothing was moved. "
            "Move that elsewhere first, or choose another directory with --run-dir."
        )
    raise RunError(
        f"--fresh: there is no run in {directory}, which holds {shown}. It moves runs aside and nothing else, so "
        "nothing was moved. Choose another directory with --run-dir."
    )


def _is_run(directory: Path) -> bool:
    """True if a directory has the configuration of a run, be it a damaged one beside the records of a run."""
    try:
        config = yaml.safe_load(read_text(directory / CONFIG_FILE))
    except (OSError, UnicodeDecodeError):
        return False
    except yaml.YAMLError:
        return (directory / "stats.jsonl").exists() or (directory / PLACES_FILE).exists()
    return isinstance(config, dict) and config.keys() >= _RUN_SECTIONS


def settle(
    directory: Path, config: AnyConfig, places: KnownPaths, fresh: bool, say: Callable[[str], None]
) -> None:
    """Write configuration and places to the directory, after moving its content aside if ``fresh``."""
    if fresh and _content(directory):
        aside = _move_aside(directory)
        say(f"{directory}: the run that was here is now {aside}.")
    write_text(directory / CONFIG_FILE, to_yaml(config))  # first: it makes a run of the directory
    write_text(directory / PLACES_FILE, places.to_json())


def _content(directory: Path) -> list[Path]:
    """Entries of a directory, without the lock and what a kill left."""
    return [entry for entry in directory.iterdir() if entry.name != _LOCK and not is_temporary(entry.name)]


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


def _check_same_config(earlier: Earlier, new: AnyConfig) -> None:
    known = {} if earlier.places is None else earlier.places.paths
    changed = {
        key: values
        for key, values in diff(earlier.config, new).items()
        if not is_harmless(key, new.harmless)
        and not (key in new.paths and _same_path(*values, known.get(key)))
    }
    if changed.keys() - set(_BY_FINGERPRINT):
        if earlier.source == place_of(new.data.source, new.data.root):
            changed.pop(SOURCE, None)
        lines = "\n".join(f"  {key}: {before} -> {after}" for key, (before, after) in changed.items())
        raise ConfigError(
            f"{earlier.directory}: holds a run with another configuration:\n{lines}\n"
            "Go on with the old one by undoing these changes, or start anew: --fresh moves the old run aside, "
            "--run-dir chooses another place."
        )


def _same_path(old: object, new: object, known: str | None) -> bool:
    """True if two texts are one path; ``known`` is where the old one was."""
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return Path(known or old).resolve() == Path(new).resolve()

"""The configuration of a training, and remarks on its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.api.class_table import class_table, left_out_line, reading_line, with_noun
from acgan.api.places import SOURCE, KnownPaths
from acgan.assembly.images import DATASET
from acgan.config import (
    CONFIGS,
    LENGTH_KEYS,
    AnyConfig,
    ClassifierConfig,
    RunConfig,
    changed_keys,
    load,
)
from acgan.config.recipes import CONFIG_FILE, find_recipe, recipes
from acgan.data import data_name
from acgan.data.sources.endings import remedy_for
from acgan.errors import ConfigError
from acgan.reading import user_path
from acgan.showing import shown
from acgan.types import Dataset, SkippedImage

_SKIPPED_SHOWN = 20


@dataclass(frozen=True)
class Resolved:
    """Training that a command asks for, and its place.

    Attributes:
        config: The configuration.
        name: Name of the run.
        directory: The run directory.
        given: The configuration as it can be given again for another directory: a file in place of a run directory.
        places: Places of the paths in the configuration, if it is that of a run.
        recipe: Recipe, file or run that was asked for; None for a configuration object.
        lengths: Those of ``LENGTH_KEYS`` that the command itself gives, by --set or in a configuration object.
    """

    config: Any
    name: str
    directory: Path
    given: Any
    places: KnownPaths | None = None
    recipe: str | None = None
    lengths: frozenset[str] = frozenset(LENGTH_KEYS)


def resolve(
    config: AnyConfig | str | Path | None,
    data: Any = None,
    overrides: Sequence[str] = (),
    task: str = "gan",
    run_dir: str | Path | None = None,
) -> Resolved:
    """Resolve a configuration, the name of its run, and the run directory.

    Args:
        config: A configuration, a recipe's name, a YAML path, or a run directory, which is then gone on with; None is
            ``folder`` if data is given, else ``digits``.
        data: A source in place of the configured one, or a torch Dataset.
        overrides: ``KEY=VALUE`` texts, for a recipe, file or run.
        task: The kind of training.
        run_dir: The run directory; None is the run that ``config`` names, else ``runs/<name>``.

    Raises:
        ConfigError: If there is no such configuration, or ``config`` is another run than ``run_dir``.
    """
    if isinstance(data, os.PathLike):
        data = os.fspath(data)
    places, run, recipe, own_name, lengths = None, None, None, None, frozenset(LENGTH_KEYS)
    if isinstance(config, (RunConfig, ClassifierConfig)):
        if not isinstance(config, CONFIGS[task]):
            raise ConfigError(
                f"config: found a {type(config).__name__}; expected a {CONFIGS[task].__name__}, a recipe or a file."
            )
        if overrides:
            raise ConfigError(
                "overrides go with a recipe or file, not with a configuration object; use model_copy instead."
            )
        resolved, name = config, "run"
    else:
        text = (
            os.path.expanduser(str(config))
            if config is not None
            else "folder"
            if data is not None
            else "digits"
        )
        recipe, lengths = text, lengths & changed_keys(overrides)
        _check_not_both(text, task, run_dir)
        file = find_recipe(text, task)
        resolved, name = load(CONFIGS[task], file, overrides), file.stem
        if file.name == CONFIG_FILE and (places := KnownPaths.read(file.parent)) is not None:
            places = places.kept(load(CONFIGS[task], file), resolved)
        if file == Path(text) / CONFIG_FILE:
            run, config = file.parent, file
        if file.name == CONFIG_FILE and (run is not None or _is_at(run_dir, file.parent)):
            own_name = file.parent.resolve().name
    if data is not None:
        suffix = data_name(data) if isinstance(data, str) else DATASET
        name = name if suffix == name else f"{name}-{suffix}"
        source = {"source": data if isinstance(data, str) else DATASET}
        resolved = resolved.model_copy(update={"data": resolved.data.model_copy(update=source)})
    if places is not None and (data is not None or any(_key(override) == SOURCE for override in overrides)):
        places = places.without_source()
    name = own_name or (name if task == "gan" else f"{task}-{name}")
    return Resolved(resolved, name, _directory(run, run_dir, name), config, places, recipe, lengths)


def resolve_config(
    config: AnyConfig | str | Path | None, data: Any = None, overrides: Sequence[str] = (), task: str = "gan"
) -> tuple[Any, str]:
    """Resolve a configuration and the name of its run; see ``resolve``."""
    resolved = resolve(config, data, overrides, task)
    return resolved.config, resolved.name


def _is_at(run_dir: str | Path | None, directory: Path) -> bool:
    return run_dir is not None and user_path(run_dir).resolve() == directory.resolve()


def _key(override: str) -> str:
    return override.partition("=")[0].strip()


def _check_not_both(text: str, task: str, run_dir: str | Path | None) -> None:
    """Refuse a name that is both a recipe's and a run's, unless the run directory is given."""
    if run_dir is None and text in recipes(task) and (Path(text) / CONFIG_FILE).is_file():
        raise ConfigError(
            f"{text}: is a recipe, and a run in this folder; expected one of them. Write .{os.sep}{text} to go on with "
            "the run, or add --run-dir to train by the recipe."
        )


def _directory(run: Path | None, run_dir: str | Path | None, name: str) -> Path:
    """The run directory."""
    if run is None:
        return user_path(run_dir) if run_dir else Path("runs") / name
    if run_dir is not None and Path(run_dir).resolve() != run.resolve():
        raise ConfigError(
            f"--run-dir {run_dir}: {run} is a run, which is gone on with in its own directory; expected no other one. "
            f"For a new run of its configuration write {run / CONFIG_FILE} in its place, and to start from its weights "
            f"add --init-from {run}."
        )
    return run


def tell_about(dataset: Dataset, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """Tell how the data were read, the images of each class, and all remarks and doubts."""
    if dataset.report is not None:
        say(reading_line(dataset.report.reading))
    say(summary_line(dataset))
    say(class_table(dataset))
    tell_remarks(dataset, say, warn)


def summary_line(dataset: Dataset) -> str:
    """Number of training images and classes, and the form of the images."""
    store = dataset.train
    kind = "training" if dataset.num_real or not len(store) else "generated"
    return (
        f"{dataset.name}: {with_noun(len(store), f'{kind} image', f'{kind} images')}, "
        f"{with_noun(store.num_classes, 'class', 'classes')}, {'gray' if store.channels == 1 else 'RGB'}, "
        f"{store.resolution} px"
    )


def tell_remarks(dataset: Dataset, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """Tell doubts about the data, remarks on them, and the images that were left out or skipped."""
    for warning in dataset.warnings:
        warn(warning)
    unread = any("cannot be read here" in warning for warning in dataset.warnings)
    for left in dataset.report.reading.left_out if dataset.report is not None else ():
        if not (
            unread and left.examples and remedy_for(left.examples[0])
        ):  # a warning tells of such pictures
            say(left_out_line(left))
    for note in dataset.notes:
        say(note)
    tell_skipped(dataset.skipped, say)


def described(skipped: Sequence[SkippedImage]) -> dict[str, Any]:
    """The skipped images as plain values, for the provenance of scores."""
    return {
        "num_skipped": len(skipped),
        "skipped": [{"path": image.path, "reason": image.reason} for image in skipped],
    }


def tell_skipped(skipped: Sequence[SkippedImage], say: Callable[[str], None]) -> None:
    """Tell the images that were skipped, the first ones by name."""
    for image in skipped[:_SKIPPED_SHOWN]:
        say(f"skipped {shown(image.path)}: {image.reason}")
    if (more := len(skipped) - _SKIPPED_SHOWN) > 0:
        say(f"skipped {more:,} more broken {'image' if more == 1 else 'images'}")

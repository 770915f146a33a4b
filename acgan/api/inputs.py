"""The configuration of a training, and remarks on its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acgan.api.class_table import class_table, left_out_line, reading_line, with_noun
from acgan.assembly.images import DATASET
from acgan.config import CONFIGS, AnyConfig, ClassifierConfig, RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.data import data_name
from acgan.errors import ConfigError, RunError
from acgan.types import Dataset, SkippedImage

_SKIPPED_SHOWN = 20


def resolve_config(
    config: AnyConfig | str | Path | None, data: Any = None, overrides: Sequence[str] = (), task: str = "gan"
) -> tuple[Any, str]:
    """Resolve a configuration and the name of its run.

    Args:
        config: A configuration, a recipe's name or a YAML path; None is ``folder`` if data is given, else ``digits``.
        data: A source in place of the configured one, or a torch Dataset.
        overrides: ``KEY=VALUE`` texts, for a recipe or file.
        task: The kind of training.
    """
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
        default = "folder" if data is not None else "digits"
        file = find_recipe(str(config) if config is not None else default, task)
        resolved, name = load(CONFIGS[task], file, overrides), file.stem
    if isinstance(data, os.PathLike):
        data = os.fspath(data)
    if data is not None:
        suffix = data_name(data) if isinstance(data, str) else DATASET
        name = name if suffix == name else f"{name}-{suffix}"
        source = {"source": data if isinstance(data, str) else DATASET}
        resolved = resolved.model_copy(update={"data": resolved.data.model_copy(update=source)})
    return resolved, name if task == "gan" else f"{task}-{name}"


def check_unchanged(meta: Mapping[str, Any], dataset: Dataset, directory: Path) -> None:
    """Check that the images are those of the checkpoint."""
    if meta and meta["data_fingerprint"] != dataset.train.fingerprint:
        raise RunError(
            f"{directory}: the training images are not those of the run so far (fingerprint "
            f"{meta['data_fingerprint'][:8]}, now {dataset.train.fingerprint[:8]}). Restore them, or start anew "
            "with --fresh."
        )


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
    return (
        f"{dataset.name}: {with_noun(len(store), 'training image', 'training images')}, "
        f"{with_noun(store.num_classes, 'class', 'classes')}, {'gray' if store.channels == 1 else 'RGB'}, "
        f"{store.resolution} px"
    )


def tell_remarks(dataset: Dataset, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """Tell doubts about the data, remarks on them, and the images that were left out or skipped."""
    for warning in dataset.warnings:
        warn(warning)
    for left in dataset.report.reading.left_out if dataset.report is not None else ():
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
        say(f"skipped {image.path}: {image.reason}")
    if (more := len(skipped) - _SKIPPED_SHOWN) > 0:
        say(f"skipped {more:,} more broken {'image' if more == 1 else 'images'}")

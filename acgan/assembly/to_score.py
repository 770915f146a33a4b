"""Builds the images that a trained network is scored on, whose classes may be others than the network's."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from acgan.assembly.images import DATASET, data_options
from acgan.assembly.packing_words import Packing
from acgan.config import ClassifierConfig, RunConfig
from acgan.data import ClassSets, dataset_from_torch, load_dataset, match_dataset, match_source
from acgan.types import Dataset

_Config = TypeVar("_Config", RunConfig, ClassifierConfig)


def load_to_score(
    config: _Config,
    data: Any,
    class_names: Sequence[str],
    *,
    whose: str,
    on_error: str | None = None,
    skip_with: str = "--on-error skip",
    warn: Callable[[str], None],
) -> tuple[_Config, Dataset, ClassSets]:
    """Load images of the classes that a network knows; other images are left out.

    Args:
        config: Configuration of the network's training, by which images are decoded.
        data: Another source, a torch Dataset or a ``Dataset`` in place of the training's; None is the training's.
        class_names: The network's classes.
        whose: As for ``ClassSets.remarks``.
        on_error: ``stop`` or ``skip`` broken images; None does as the training did.
        skip_with: As in ``DataOptions``.
        warn: Receives doubts about other data, and about classes that are left out but have nearly the name of one
            that is known.

    Returns:
        The configuration with the source and this choice, the images of the classes that both have, in the network's
        order, and what is scored and what is not.

    Raises:
        DataError: The data cannot be read, or has none of the classes.
    """
    changes: dict[str, Any] = {} if on_error is None else {"on_error": on_error}
    if isinstance(data, (str, os.PathLike)):
        changes["source"] = os.fspath(data)
    config = config.model_copy(update={"data": config.data.model_copy(update=changes)})
    options = replace(data_options(config.data), skip_with=skip_with)
    packing = Packing(config.data.source, config.data)
    if data is None or "source" in changes:
        with packing.told():
            sets, options = match_source(config.data.source, options, class_names, whose=whose)
            dataset = load_dataset(config.data.source, options)
        _, dataset = match_dataset(dataset, class_names, None, whose=whose)
    else:
        if not isinstance(data, Dataset):
            data = dataset_from_torch(data, DATASET, replace(options, classes=None))
        sets, dataset = match_dataset(data, class_names, options.classes, whose=whose)
    if data is not None:  # the training told the doubts about its own images
        for warning in packing.after(dataset.warnings):
            warn(warning)
    for doubt in sets.doubts(whose):
        warn(doubt)
    return config, dataset, sets

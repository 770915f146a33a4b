"""Builds training, test and validation images from a configuration."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from acgan.assembly.synthetic import plan_synthetic
from acgan.config import AnyConfig, ClassifierConfig, RunConfig
from acgan.config.shared import DataConfig
from acgan.data import (
    DataOptions,
    Limits,
    cache_dir,
    dataset_from_torch,
    hold_out,
    limit_per_class,
    load_dataset,
)
from acgan.data.index import shortened
from acgan.errors import ConfigError
from acgan.types import MIN_IMAGES_PER_CLASS, Dataset

DATASET = "dataset"  # the name of a torch Dataset, which has none


def data_options(data: DataConfig) -> DataOptions:
    """Options for decoding the configured source."""
    return DataOptions(
        root=Path(data.root) if data.root is not None else None,
        classes=data.classes,
        resolution=data.resolution,
        channels=data.channels,
        fit=data.fit,
        on_error=data.on_error,
        test_share=data.test_share,
        seed=data.split_seed,
        cache=cache_dir(),
        layout=data.layout,
        columns=data.columns.model_dump(exclude_none=True),
        group=data.group,
        range=data.range,
        frames=data.frames,
        limits=Limits(data.max_file_mb, data.max_ratio),
    )


def load_data(
    config: AnyConfig, data: Any = None, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """The configured data, decoded; or in its place another source, a torch Dataset, or a ``Dataset`` as it is."""
    if data is None or isinstance(data, (str, os.PathLike)):
        source = config.data.source if data is None else os.fspath(data)
        return load_dataset(source, data_options(config.data), progress)
    if config.data.classes is not None:
        raise ConfigError(
            "data.classes picks classes of a data source; a torch Dataset's are chosen before it is given."
        )
    if isinstance(data, Dataset):
        return data
    return dataset_from_torch(data, DATASET, data_options(config.data))


def prepare_dataset(config: AnyConfig, dataset: Dataset, *, rehearsal: bool = False) -> Dataset:
    """Hold out validation images, choose the training images, and add generated ones to a classifier's.

    A rehearsal draws no generated images; a note tells how many there would be.
    """
    data, notes, warnings = config.data, list(dataset.notes), list(dataset.warnings)
    source = dataset.train.fingerprint
    if data.validation_share:
        dataset = hold_out(dataset, data.validation_share, seed=data.split_seed)
        assert dataset.validation is not None
        notes.append(f"{len(dataset.validation):,} training images are held out to evaluate on")
    if data.max_per_class is not None:
        dataset = limit_per_class(dataset, data.max_per_class, seed=data.split_seed)
        notes.append(f"at most {data.max_per_class} images of each class are trained on")
    train, num_real = dataset.train, dataset.num_real
    if isinstance(config, ClassifierConfig) and config.synthetic is not None:
        plan = plan_synthetic(dataset, config.synthetic, source)
        notes += plan.notes
        warnings += plan.warnings
        if not rehearsal:
            train = plan.add_to(train)
    return replace(
        dataset,
        train=train,
        num_generated=len(train) - num_real,
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def with_few_told(config: AnyConfig, dataset: Dataset) -> Dataset:
    """Images with a warning of the classes that have few of them to train a generator on.

    The limit is the collapse monitor's: below it nobody sees whether samples of a class are all alike.
    """
    counts = np.bincount(dataset.train.labels, minlength=dataset.train.num_classes).tolist()
    named = zip(dataset.train.class_names, counts, strict=True)
    few = {name: count for name, count in named if count < MIN_IMAGES_PER_CLASS}
    if not few or not isinstance(config, RunConfig):
        return dataset
    listed = shortened([f"{name} ({count:,})" for name, count in few.items()])
    one = next(iter(few))
    images = "1 training image" if few[one] == 1 else f"{few[one]:,} training images"
    what = (
        f"class {one} has {images}"
        if len(few) == 1
        else f"{len(few):,} classes have few training images: {listed}"
    )
    warning = (
        f"{what}; with fewer than {MIN_IMAGES_PER_CLASS} the collapse monitor cannot judge a class. Expect samples of "
        "it to be near copies of its images. Add images, or leave such a class out with data.classes."
    )
    return replace(dataset, warnings=(*dataset.warnings, warning))

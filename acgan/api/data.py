"""Labelled images without a training: how a source is read, and a zip of its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acgan.api.class_table import ClassCounts, count_classes
from acgan.assembly.images import data_options, load_data, prepare_dataset, with_few_told
from acgan.atomic import write_atomically
from acgan.config import RunConfig, load
from acgan.config.shared import DataConfig
from acgan.data import Cache, cache_dir, damage_of, look_at_classes, take, write_stylegan_zip
from acgan.errors import BrokenPicturesError, ConfigError, DataError
from acgan.reading import to_json
from acgan.showing import shown, warn_shown
from acgan.types import Dataset, LikePair

_SHEET_CLASSES = 64
_SHEET_IMAGES = 8


@dataclass(frozen=True)
class DataSummary:
    """A data source as it was read.

    Attributes:
        source: The source, as it was given.
        dataset: Its images.
        counts: Number of images by class and part.
        broken: The error that a training stops with, if pictures are broken or missing; ``dataset`` is without them.
    """

    source: str
    dataset: Dataset
    counts: ClassCounts
    _config: RunConfig
    _whole: Dataset
    broken: BrokenPicturesError | None = None

    @property
    def alike(self) -> tuple[LikePair, ...]:
        """The nearest pairs of a held-out and a training image that are the same picture, or nearly so."""
        return self.dataset.report.pairs if self.dataset.report is not None else ()

    def to_json(self) -> str:
        """All that is known of the source, for machines."""
        dataset, store = self.dataset, self.dataset.train
        report = {"reading": None, "pictures": ()} if dataset.report is None else asdict(dataset.report)
        pictures = report.pop("pictures") or [{}] * store.num_classes
        classes = [
            {"name": name, "images": dict(zip(self.counts.parts, row, strict=True)), **of_class}
            for name, row, of_class in zip(
                store.class_names, self.counts.counts.tolist(), pictures, strict=True
            )
        ]
        content = {
            "source": self.source,
            "name": dataset.name,
            **report,
            "resolution": store.resolution,
            "channels": store.channels,
            "classes": classes,
            "skipped": [asdict(skipped) for skipped in dataset.skipped],
            "warnings": dataset.warnings,
            "notes": dataset.notes,
            "fingerprints": {"train": store.fingerprint, "test": dataset.test.fingerprint},
        }
        return to_json(content)

    def sheet(self) -> bytes:
        """A contact sheet as a PNG file: one row a class, at most 64 classes.

        A row has a picture as it is stored, with the frame that is used of it, then up to 8 as the networks see them.
        Up to 8 pairs of held-out and training images that are alike follow.
        """
        return contact_sheet(self._config.data, self.dataset, self._pairs_of_images())

    def _pairs_of_images(self) -> tuple[np.ndarray, np.ndarray] | None:
        pairs = self.alike[:_SHEET_IMAGES]
        if not pairs:
            return None
        held_out, train = [pair.held_out for pair in pairs], [pair.train for pair in pairs]
        return self._whole.test.images[held_out], self._whole.train.images[train]


def contact_sheet(
    data: DataConfig, dataset: Dataset, alike: tuple[np.ndarray, np.ndarray] | None = None
) -> bytes:
    """A contact sheet of a data source that is at hand, as a PNG file: see ``DataSummary.sheet``.

    Args:
        data: How the source is read.
        dataset: Its images.
        alike: Pairs of held-out and training images that are alike, to follow.
    """
    from acgan.plots.sheet import sheet_picture
    from acgan.plots.style import to_png

    store, report = dataset.train, dataset.report
    looks = look_at_classes(
        data.source,
        data_options(data),
        store,
        black_white=None if report is None else report.black_white,
        max_classes=_SHEET_CLASSES,
        per_class=_SHEET_IMAGES,
    )
    remark = f"the first {len(looks)} of {store.num_classes:,} classes"
    figure = sheet_picture(
        [shown(look.name) for look in looks],
        [look.original for look in looks],
        [look.size for look in looks],
        [look.frame for look in looks],
        [look.images for look in looks],
        remark if len(looks) < store.num_classes else "",
        alike,
    )
    return to_png(figure)


def show_data(
    source: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> DataSummary:
    """Read a source as a training would, and tell how; pictures that would stop a training are passed over.

    Args:
        source: A source as ``acgan train --data`` takes it.
        overrides: ``data.KEY=VALUE`` texts, as ``--set`` takes them.
        progress: Called with (done, total) while images are decoded.

    Raises:
        UserError: The source cannot be read, or it could be read in several ways.
    """
    config = _configured(os.fspath(source), overrides)
    whole, broken = _load_unbroken(config, progress)
    dataset = with_few_told(config, prepare_dataset(config, whole))
    return DataSummary(config.data.source, dataset, count_classes(dataset), config, whole, broken)


def _load_unbroken(
    config: RunConfig, progress: Callable[[int, int], None] | None
) -> tuple[Dataset, BrokenPicturesError | None]:
    """The data without their broken pictures, and the error that they are."""
    try:
        return load_data(config, None, progress), None
    except BrokenPicturesError as error:
        broken = error
    skipping = config.model_copy(update={"data": config.data.model_copy(update={"on_error": "skip"})})
    try:
        return load_data(skipping, None, progress), broken
    except DataError:  # nothing is left to show of a class, or of all
        raise broken from None


def pack_data(
    data: Any,
    file: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    *,
    force: bool = False,
    on_data: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] = warn_shown,
) -> Dataset:
    """Write a source's images, square as the networks see them, as a zip that StyleGAN and acgan read.

    Args:
        data: A source as ``acgan train --data`` takes it, a map-style torch Dataset, or a ``Dataset``.
        file: The zip to write.
        overrides: ``data.KEY=VALUE`` texts, as ``--set`` takes them.
        force: Replace a file that is there.
        on_data: Called with (done, total) while images are decoded.
        progress: Called with (done, total) while they are written.
        warn: Receives doubts about the data.

    Returns:
        The images that were written.

    Raises:
        UserError: The source cannot be read, or the file cannot be written.
    """
    file = Path(file)
    _check_writable(file, force)
    is_source = isinstance(data, (str, os.PathLike))
    config = _configured(os.fspath(data) if is_source else None, overrides)
    dataset = load_data(config, None if is_source else data, on_data)
    if dataset.num_generated:
        warn(
            f"{dataset.num_generated:,} generated images are left out: in such a zip nothing would tell them from real "
            "ones"
        )
        if not dataset.num_real:
            raise DataError(
                f"{data if is_source else 'data'}: all {dataset.num_generated:,} training images were made by a "
                "generator, and are left out; expected real ones. A folder or npz of samples is read as it is, without "
                "packing."
            )
        real = take(dataset.train, np.arange(dataset.num_real))
        dataset = replace(dataset, train=real, num_generated=0)
    dataset = prepare_dataset(config, dataset)
    for warning in dataset.warnings:
        warn(warning)
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    stores = {part: store for part, store in parts.items() if store is not None and len(store)}
    write_atomically(file, partial(write_stylegan_zip, parts=stores, progress=progress))
    return dataset


def verify_cache(
    cache: str | os.PathLike[str] | None = None, progress: Callable[[int, int], None] | None = None
) -> tuple[Path, int]:
    """Read all that is kept of decoded sources, pixels too, and check it.

    Trainings check what they read: images of 2 GiB and more, which stay on the disk, as far as they touch them.

    Args:
        cache: The cache folder; None is that of trainings.
        progress: Called with (done, total) after each entry.

    Returns:
        The folder of the entries, and their number.

    Raises:
        DataError: If one is damaged.
    """
    folder = (cache_dir() if cache is None else Path(cache)) / "datasets"
    entries, damaged = Cache(folder).entries(), []
    for number, entry in enumerate(entries, start=1):
        found = damage_of(entry)
        if found is not None:
            damaged.append(f"{entry}: {found}")
        if progress is not None:
            progress(number, len(entries))
    if damaged:
        raise DataError(
            f"{len(damaged)} of {len(entries)} decoded sources are damaged. Delete their folders: the next training "
            f"decodes the images again. {'; '.join(damaged)}"
        )
    return folder, len(entries)


def _configured(source: str | None, overrides: Sequence[str]) -> RunConfig:
    """The defaults, with changes to ``data`` alone."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key.partition(".")[0] != "data":
            raise ConfigError(
                f"--set {override}: is no key of the data; expected data.KEY=VALUE, as in --set data.resolution=64."
            )
    config = load(RunConfig, None, overrides)
    given = {} if source is None else {"source": source}
    return config.model_copy(update={"data": config.data.model_copy(update=given)})


def _check_writable(file: Path, force: bool) -> None:
    if file.suffix.lower() != ".zip":
        raise DataError(f"{file}: expected a name that ends in .zip, by which it is read again.")
    if not file.parent.is_dir():
        raise DataError(f"{file}: there is no such folder. Make it, or choose another place.")
    if file.is_dir():
        raise DataError(f"{file}: is a folder; expected a file to write. Choose another name.")
    if file.exists() and not force:
        raise DataError(f"{file}: is there already. Choose another name, or replace it with --force.")

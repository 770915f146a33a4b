"""Generated images among a classifier's training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acgan.config.classifier import SyntheticConfig
from acgan.data import extend
from acgan.errors import ConfigError
from acgan.sampling import ClassSampler, load_generator
from acgan.types import Dataset, ImageStore


@dataclass(frozen=True)
class SyntheticPlan:
    """Generated images that are to be added to training images.

    Attributes:
        wanted: Number of images by label.
        notes: Remarks for the user.
        warnings: Doubts for the user.
    """

    sampler: ClassSampler
    seed: int
    wanted: dict[int, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of generated images."""
        return sum(self.wanted.values())

    def add_to(self, store: ImageStore) -> ImageStore:
        """Draw the images, and append them to the training images."""
        if not self.total:
            return store
        own = {label: self.sampler.class_names.index(store.class_names[label]) for label in self.wanted}
        drawn = self.sampler.stream_classes(
            {own[label]: number for label, number in self.wanted.items()}, seed=self.seed
        )
        images = np.concatenate([part.numpy() for _, _, part in drawn])
        return extend(store, images, np.repeat(list(self.wanted), list(self.wanted.values())))


def plan_synthetic(dataset: Dataset, settings: SyntheticConfig, held_out: str) -> SyntheticPlan:
    """Count the generated images for training images, without drawing any.

    ``held_out`` is the fingerprint of the source's training images: a generator that was trained on other images may
    have seen the test images.

    Raises:
        ConfigError: If the generator makes images of another shape, or none of the classes.
    """
    store, num_real = dataset.train, dataset.num_real
    sampler = load_generator(settings.run)
    _check_fits(sampler, store, settings.run)
    notes, warnings = [], []
    provenance = sampler.info.provenance
    seen = provenance.get("source_fingerprint", provenance.get("data_fingerprint"))
    if seen != held_out:
        warnings.append(
            f"{settings.run} was trained on other images than these: if the test images were among them, the scores "
            "here will be too good"
        )
    counts = np.bincount(store.labels, minlength=store.num_classes)
    wanted = {
        label: _wanted(settings, counts, label)
        for label, name in enumerate(store.class_names)
        if name in sampler.class_names
    }
    unknown = [name for label, name in enumerate(store.class_names) if label not in wanted]
    if unknown:
        notes.append(f"{settings.run} makes none of {', '.join(unknown)}: these get no generated images")
    total = sum(wanted.values())
    notes.append(
        f"{total:,} generated images of {settings.run} are added to {num_real:,} real ones"
        if total
        else "no generated images are added: the classes that it makes are the largest already"
    )
    return SyntheticPlan(sampler, settings.seed, wanted, tuple(notes), tuple(warnings))


def _wanted(settings: SyntheticConfig, counts: np.ndarray, label: int) -> int:
    if settings.num_per_class == "balance":
        return int(counts.max() - counts[label])
    return int(settings.num_per_class or counts.max())


def _check_fits(sampler: ClassSampler, store: ImageStore, run: str) -> None:
    made = (sampler.info.architecture["image_channels"], *[sampler.info.architecture["resolution"]] * 2)
    if made != store.images.shape[1:]:
        raise ConfigError(
            f"synthetic.run {run}: makes images of {' x '.join(map(str, made))}, and the training images are "
            f"{' x '.join(map(str, store.images.shape[1:]))}; set data.resolution and data.channels."
        )
    if not set(store.class_names) & set(sampler.class_names):
        raise ConfigError(
            f"synthetic.run {run}: makes none of the classes; found {', '.join(sampler.class_names)}, expected some "
            f"of {', '.join(store.class_names)}."
        )

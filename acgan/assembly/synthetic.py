"""Generated images among a classifier's training images."""

from __future__ import annotations

import numpy as np

from acgan.config.classifier import SyntheticConfig
from acgan.data import extend
from acgan.errors import ConfigError
from acgan.sampling import ClassSampler, load_generator
from acgan.types import Dataset, ImageStore


def with_synthetic(
    dataset: Dataset, settings: SyntheticConfig, held_out: str
) -> tuple[ImageStore, list[str]]:
    """Training images with generated ones added, and remarks for the user.

    ``held_out`` is the fingerprint of the source's training images: a generator that was trained on other images may
    have seen the test images.

    Raises:
        ConfigError: If the generator makes images of another shape, or none of the classes.
    """
    store, num_real = dataset.train, dataset.num_real
    sampler = load_generator(settings.run)
    _check_fits(sampler, store, settings.run)
    notes = []
    provenance = sampler.info.provenance
    seen = provenance.get("source_fingerprint", provenance.get("data_fingerprint"))
    if seen != held_out:
        notes.append(
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
    images, labels = [], []
    for label, number in wanted.items():
        own_label = sampler.class_names.index(store.class_names[label])
        images += [part.numpy() for _, part in sampler.stream(own_label, number, seed=settings.seed)]
        labels += [label] * number
    if not labels:
        return store, [
            *notes,
            "no generated images are added: the classes that it makes are the largest already",
        ]
    notes.append(f"{len(labels):,} generated images of {settings.run} are added to {num_real:,} real ones")
    return extend(store, np.concatenate(images), np.array(labels)), notes


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

"""Validation images, limits and generated images of a configuration, on one data set."""

import numpy as np

from acgan.assembly import images
from acgan.assembly.images import prepare_dataset, with_few_told
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.data import extend, fingerprint, take
from acgan.types import Dataset, ImageStore

NAMES = ("cat", "dog")
REAL, MADE = 80, 12


def dataset() -> Dataset:
    """80 real training images in groups of four, then 12 generated ones; the first pixel is the place."""
    count = REAL + MADE
    pixels = np.random.default_rng(0).integers(0, 256, (count, 1, 16, 16), dtype=np.uint8)
    pixels[:, 0, 0, 0] = np.arange(count)
    labels = np.arange(count) % 2
    store = ImageStore(pixels, labels, NAMES, fingerprint(pixels, labels, NAMES))
    nothing = take(store, np.empty(0, dtype=np.int64))
    return Dataset("set", store, nothing, num_generated=MADE, groups=np.arange(REAL) // 4)


def places(store: ImageStore) -> np.ndarray:
    return store.images[:, 0, 0, 0].astype(np.int64)


def test_generated_images_are_never_validation_images_and_groups_stay_together() -> None:
    config = load(
        RunConfig, find_recipe("digits", "gan"), ["data.validation_share=0.3", "data.max_per_class=30"]
    )
    prepared = prepare_dataset(config, dataset())
    assert prepared.validation is not None
    held, trained = places(prepared.validation), places(prepared.train)
    assert len(held) > 15
    assert held.max() < REAL
    real = trained[trained < REAL]
    assert not set(held // 4) & set(real // 4)
    assert np.bincount(prepared.train.labels).tolist() == [30, 30]
    assert prepared.num_generated == (trained >= REAL).sum()
    assert prepared.num_real == len(real)
    assert prepared.groups is not None
    assert prepared.groups.tolist() == (real // 4).tolist()


def test_generated_images_of_a_run_come_on_top_of_those_of_the_source(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    class FiveMore:
        notes, warnings = (), ()

        def add_to(self, store: ImageStore) -> ImageStore:
            more = np.zeros((5, 1, 16, 16), dtype=np.uint8)
            return extend(store, more, np.zeros(5, dtype=np.int64))

    monkeypatch.setattr(images, "plan_synthetic", lambda *_: FiveMore())
    config = load(ClassifierConfig, find_recipe("digits", "classify"), ["synthetic.run=anything"])
    prepared = prepare_dataset(config, dataset())
    assert prepared.num_generated == MADE + 5
    assert prepared.num_real == REAL


def of_counts(*counts: int) -> Dataset:
    names = tuple("abc"[: len(counts)])
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.zeros((len(labels), 1, 16, 16), dtype=np.uint8)
    store = ImageStore(pixels, labels, names, fingerprint(pixels, labels, names))
    return Dataset("set", store, take(store, np.empty(0, dtype=np.int64)), warnings=("first",))


def test_classes_of_few_training_images_are_a_doubt() -> None:
    config = load(RunConfig, None)
    told = with_few_told(config, of_counts(20, 6, 50)).warnings
    assert told[0] == "first"
    assert told[1].startswith(
        "class b has 6 training images; with fewer than 20 the collapse monitor cannot judge"
    )
    assert "near copies" in told[1]
    assert "data.classes" in told[1]
    told = with_few_told(config, of_counts(1, 19)).warnings
    assert told[1].startswith("2 classes have few training images: a (1), b (19); with fewer than 20")
    assert "class a has 1 training image;" in with_few_told(config, of_counts(1, 20)).warnings[1]
    assert with_few_told(config, of_counts(20, 20)).warnings == ("first",)
    assert with_few_told(load(ClassifierConfig, None), of_counts(1, 2)).warnings == ("first",)

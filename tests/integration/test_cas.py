"""Whether generated images help a classifier: three trainings a seed, which differ in their images alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from cas_helpers import (
    SEEDS,
    STEPS,
    TEST,
    TRAIN,
    USUAL,
    Watched,
    digits,
    judges,
    make_sampler,
    run,
    unbalanced_digits,
)

from acgan.api import cas
from acgan.data import extend, take
from acgan.types import Dataset, ImageStore


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return unbalanced_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def good(dataset: Dataset) -> Watched:
    """A generator that is better than the real training images, which are noise."""
    torch.set_num_threads(1)
    noise = np.random.default_rng(0).integers(0, 256, dataset.train.images.shape, dtype=np.uint8)
    poor = extend(take(dataset.train, np.empty(0, np.int64)), noise, dataset.train.labels)
    watched = Watched()
    sampler = make_sampler({digit: digits(digit) for digit in TRAIN}, watched)
    return run(sampler, replace(dataset, train=poor), watched)


@pytest.fixture(scope="module")
def bad(dataset: Dataset) -> Watched:
    """A generator that knows one class, and makes noise of the others."""
    torch.set_num_threads(1)
    watched = Watched()
    provenance = {"data_fingerprint": dataset.train.fingerprint}
    return run(make_sampler({"0": digits("0")}, watched, provenance=provenance), dataset, watched)


def test_images_that_real_ones_lack_help(good: Watched) -> None:
    scores = good.scores
    assert "helps: " in scores.verdict
    assert scores.synthetic.mean > 0.8
    assert scores.real.mean < 0.6
    assert scores.gan_test.mean < 0.6  # digits, to classifiers that know noise
    assert scores.gain.low > 0.1
    assert scores.gap.low > 0.1


def test_noise_does_not_help(bad: Watched) -> None:
    scores = bad.scores
    assert "helps" not in scores.verdict
    assert "worse than real ones alone" in scores.verdict
    assert scores.real.mean > 0.8
    assert scores.synthetic.mean < 0.5  # a third is chance
    assert scores.gap.high < -0.3
    digit, *noise = scores.gan_test.per_class
    assert digit > 0.8
    assert min(noise) < 0.5


def counts(store: ImageStore) -> dict[str, int]:
    return dict(zip(store.class_names, np.bincount(store.labels, minlength=3).tolist(), strict=True))


def test_trainings_differ_in_their_images_alone(bad: Watched, dataset: Dataset) -> None:
    assert len(bad.trainings) == 10, "the last one is longer"
    longer, _, _, result = bad.trainings[-1]
    assert (longer.seed, result.nimg) == (SEEDS[0], USUAL * longer.train.batch_size)
    configs = [config for config, *_ in bad.trainings[:9]]
    assert [config.seed for config in configs] == [seed for seed in SEEDS for _ in cas.ARMS]
    assert len({config.model_copy(update={"seed": 0}).model_dump_json() for config in configs}) == 1
    assert {result.nimg for *_, result in bad.trainings[:9]} == {STEPS * configs[0].train.batch_size}
    assert configs[0].model.backbone.kind == "small"
    assert configs[0].model.aux == {}
    assert configs[0].augment.rotate_deg == 10  # the recipe's
    seen = []
    for first in range(0, 9, 3):
        real, synthetic, both = (data.train for _, data, *_ in bad.trainings[first : first + 3])
        assert real.fingerprint == dataset.train.fingerprint
        assert counts(synthetic) == TRAIN
        assert counts(both) == {digit: 2 * number for digit, number in TRAIN.items()}
        assert both.fingerprint == extend(real, synthetic.images, synthetic.labels).fingerprint
        seen.append(synthetic.fingerprint)
    assert len(set(seen)) == 3


def test_nothing_of_a_training_sees_test_images_or_stays(bad: Watched) -> None:
    assert not any(len(data.test) for _, data, *_ in bad.trainings)
    directories = [directory for _, _, directory, _ in bad.trainings]
    assert len(set(directories)) == 10
    assert not any(directory.parent.exists() for directory in directories)


def test_gan_test_is_of_images_that_were_not_trained_on(bad: Watched) -> None:
    by_seed: dict[int, dict[str, int]] = {}
    for name, number, seed in bad.asked:
        by_seed.setdefault(seed, {})[name] = number
    assert sorted(by_seed) == sorted([2 * seed for seed in SEEDS] + [2 * seed + 1 for seed in SEEDS])
    for seed, numbers in by_seed.items():
        assert numbers == (TEST if seed % 2 else TRAIN)


def test_what_was_measured_is_told(bad: Watched, good: Watched, dataset: Dataset) -> None:
    found = json.loads(json.dumps(bad.scores.to_dict(), allow_nan=False))
    assert list(found["per_class"]) == ["0", "4", "7"]
    provenance = found["provenance"]
    assert (provenance["recipe"], provenance["steps"], provenance["seeds"]) == ("digits", STEPS, list(SEEDS))
    assert provenance["test_fingerprint"] == dataset.test.fingerprint
    assert provenance["generator_data_fingerprint"] == provenance["data_fingerprint"]
    assert f"9 trainings of the small classifier (digits), {STEPS} steps each" in bad.said
    assert not any("other images" in remark for remark in bad.said)
    assert any("warning: the generator was trained on other images than digits's" in one for one in good.said)


def test_every_image_is_drawn_with_the_truncation_asked_for(dataset: Dataset) -> None:
    watched = Watched()
    found = run(make_sampler({"0": digits("0")}, watched), dataset, watched, truncation=0.5, steps=1)
    assert watched.truncations == {0.5}
    assert found.scores is not None
    assert found.scores.provenance["truncation"] == 0.5


def test_scores_are_a_function_of_the_seed(bad: Watched, dataset: Dataset) -> None:
    sampler = make_sampler({"0": digits("0")}, Watched())
    again = cas._answers(sampler, dataset, judges(dataset, STEPS), SEEDS[1], 1.0, None)
    overall = bad.scores.to_dict()["overall"]
    for name in cas.ARMS:
        assert again[name].mean() == overall[f"cas_{name}"]["values"][1]
    assert again["gan_test"].mean() == overall["gan_test"]["values"][1]
    assert len(set(bad.scores.gan_test.values)) > 1


def test_a_training_that_was_too_short_says_so(good: Watched, bad: Watched) -> None:
    for watched in (good, bad):
        scores = watched.scores
        assert scores is not None
        assert (
            scores.full_of == "one trained for 100 steps"
        )  # as long as usual: 4 times as long would be less
        assert scores.undertrained == (scores.real.mean < scores.full - 0.03)
    short = replace(good.scores, full=good.scores.real.mean + 0.031)
    assert short.verdict.startswith("undertrained, since one trained for 100 steps reaches ")
    assert "so far helps: " in short.verdict
    assert short.to_dict()["undertrained"] is True
    assert not replace(short, full=short.real.mean + 0.029).undertrained

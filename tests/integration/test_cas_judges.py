"""Classifiers that judge whether samples help: which are trained, what is kept of them, and what is refused."""

from __future__ import annotations

import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cas_helpers import SEEDS, Watched, digits, judges, make_sampler, run, unbalanced_digits
from run_helpers import signal_after

from acgan.api import cas_judges
from acgan.data import take
from acgan.errors import DataError, Interrupted, UserError
from acgan.types import Dataset, ImageStore


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return unbalanced_digits(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize(
    ("name", "num_train", "recipe", "steps"),
    [
        ("digits", 5000, "digits", 469),
        ("mine", 10, "folder", 400),
        ("mine", 9_999, "folder", 938),
        ("mine", 10_000, "mnist", 469),
        ("fashion_mnist", 60_000, "mnist", 1000),
    ],
)
def test_recipe_and_length_are_those_of_the_data(
    name: str, num_train: int, recipe: str, steps: int, dataset: Dataset
) -> None:
    store = take(dataset.train, np.arange(num_train) % len(dataset.train))
    found = judges(replace(dataset, name=name, train=store))
    assert found.recipe == recipe
    batch_size = found.config.train.batch_size
    assert found.steps == min(max(-(-6 * num_train // batch_size), 400), 1000)
    assert found.steps == steps
    assert found.config.train.total_nimg == steps * batch_size


CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.mark.parametrize("name", ["cifar10", "cifar10_jpg", "train.zip"])
def test_cifar10_has_its_recipe_whatever_its_files_are(name: str, dataset: Dataset) -> None:
    labels = np.arange(10_000) % 10
    store = ImageStore(np.zeros((10_000, 3, 32, 32), np.uint8), labels, CIFAR, "0" * 32)
    assert judges(Dataset(name, store, take(store, np.arange(10)))).recipe == "cifar10"


def test_what_the_generators_training_mirrored_is_mirrored_for_every_judge(dataset: Dataset) -> None:
    provenance = {"config": {"data": {"mirror": True}}}
    watched = Watched()
    found = run(make_sampler({"0": digits("0")}, watched, provenance=provenance), dataset, watched, steps=1)
    assert {config.data.mirror for config, *_ in found.trainings} == {True}
    assert found.scores is not None
    assert found.scores.provenance["config"]["data"]["mirror"] is True


@pytest.mark.slow
def test_answers_are_kept_and_real_ones_serve_every_generator(dataset: Dataset, tmp_path: Path) -> None:
    def measured(generator: str, shown: str) -> tuple[Watched, dict[str, Any]]:
        watched = Watched()
        sampler = make_sampler({shown: digits(shown)}, watched)
        found = run(sampler, dataset, watched, steps=1, generator=generator, kept=tmp_path / "cas")
        assert found.scores is not None
        return found, found.scores.to_dict()

    first, scores = measured("a", "0")
    assert len(first.trainings) == 10
    again, same = measured("a", "0")
    assert not again.trainings
    assert same == scores
    other, of_other = measured("b", "4")
    assert len(other.trainings) == 6, "samples alone, and both"
    assert of_other["overall"]["cas_real"] == scores["overall"]["cas_real"]
    assert len({seed for *_, seed in other.asked}) == 6, "its own samples, to train on and to be judged"
    for damage in (lambda whole: whole[:40], lambda whole: whole[:170] + b"?" + whole[171:]):
        files = sorted((tmp_path / "cas").glob("*.npz"))
        for file in files:
            file.write_bytes(damage(file.read_bytes()))
        assert not any(cas_judges.kept_answers(file) is not None for file in files)
        assert measured("a", "0")[1] == scores, "what is cut short or changed is made again"


def test_what_was_interrupted_goes_on(dataset: Dataset, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def say(message: str) -> None:
        if message.startswith(f"seed {SEEDS[0]}"):
            raise Stop

    watched, options = Watched(), {"steps": 1, "generator": "a", "kept": tmp_path}
    with pytest.raises(Stop):
        run(make_sampler({"0": digits("0")}, watched), dataset, watched, say=say, **options)
    assert len(watched.trainings) == 3
    rest = run(make_sampler({"0": digits("0")}, Watched()), dataset, Watched(), **options)
    assert len(rest.trainings) == 7
    assert any(remark.startswith(f"seed {SEEDS[2]} (3 of 3): real ") for remark in rest.said)


def test_another_network_judges(dataset: Dataset) -> None:
    found = judges(dataset, 1, network="resnet18")
    assert (found.config.model.backbone.kind, found.config.model.backbone.name) == ("torchvision", "resnet18")
    assert cas_judges.trained(found, dataset, 0).network.num_classes == 3


def without(store: ImageStore, digit: str) -> ImageStore:
    return take(store, np.flatnonzero(store.labels != store.class_names.index(digit)))


@pytest.mark.parametrize(
    ("info", "options", "kind", "message"),
    [
        (
            {"class_names": ("0", "4", "9")},
            {},
            DataError,
            r"has the classes 0, 4, 7, and the generator makes 0, 4, 9",
        ),
        (
            {"architecture": {"image_channels": 3, "resolution": 32}},
            {},
            DataError,
            r"has images of 1 x 16 x 16, and the generator makes 3 x 32 x 32.*data\.resolution",
        ),
        ({}, {"seeds": (0, 1)}, UserError, r"seeds: found \[0, 1\]; expected 3 or more"),
        ({}, {"seeds": (0, 1, 1)}, UserError, r"each once"),
        ({}, {"seeds": (0, 1, -1)}, UserError, r"from 0 on"),
        ({}, {"steps": 0}, UserError, r"steps: found 0; expected at least 1"),
        ({}, {"network": "vgg"}, UserError, r"network: found 'vgg'; expected one of small, resnet18"),
    ],
)
def test_what_does_not_fit_is_refused(
    info: dict[str, Any], options: dict[str, Any], kind: type, message: str, dataset: Dataset
) -> None:
    watched = Watched()
    with pytest.raises(kind, match=message):
        run(make_sampler({}, watched, **info), dataset, watched, **options)
    assert not watched.asked


def test_data_that_cannot_judge_is_refused(dataset: Dataset) -> None:
    watched = Watched()
    one_image = take(dataset.test, np.arange(1))
    for changed, message in (
        (
            {"train": without(dataset.train, "4")},
            "digits: has no training images of 4; expected some of every",
        ),
        ({"test": one_image}, r"test images: found 1; expected two or more.*data\.test_share"),
    ):
        with pytest.raises(DataError, match=message):
            run(make_sampler({}, watched), replace(dataset, **changed), watched)
    assert not watched.asked


def test_an_interruption_leaves_nothing(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    watched = Watched()
    with (
        signal_after(2, signal.SIGTERM),
        pytest.raises(Interrupted, match="nothing is kept, and the same") as caught,
    ):
        run(make_sampler({"0": digits("0")}, watched), dataset, watched)
    assert caught.value.exit_code == 75
    assert not list(tmp_path.iterdir())

"""Whether generated images help a classifier: three trainings a seed, which differ in their images alone."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from run_helpers import digits_npz, signal_after
from torch import Tensor, nn

from acgan.api import cas, cas_judges, load_data
from acgan.api.opening import TrainResult
from acgan.config import ClassifierConfig, load
from acgan.data import extend, take
from acgan.errors import DataError, Interrupted, UserError
from acgan.metrics.cas import CasScores
from acgan.sampling import ClassSampler
from acgan.types import Dataset, ImageStore
from acgan.weights import GeneratorInfo

TRAIN, TEST = {"0": 30, "4": 20, "7": 24}, {"0": 20, "4": 25, "7": 20}
STEPS = 24
USUAL = 100  # steps, in place of 400
SEEDS = (0, 1, 5)


class Album(nn.Module):
    """In place of a generator: the latent chooses one of a class's stored images; a class without any is noise."""

    latent_dim = 16 * 16

    def __init__(self, images: dict[int, np.ndarray]):
        super().__init__()
        for label, own in images.items():
            self.register_parameter(str(label), nn.Parameter(torch.from_numpy(own / 127.5 - 1).float()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        own = dict(self.named_parameters()).get(str(int(y[0])))
        if own is None:
            return z.view(-1, 1, 16, 16)
        return own[(torch.special.ndtr(z[:, 0]) * len(own)).long()]


@dataclass
class Watched:
    """What was asked of the generator, and what was trained."""

    asked: list[tuple[str, int, int]] = field(default_factory=list)  # class, number, seed
    trainings: list[tuple[ClassifierConfig, Dataset, Path, TrainResult]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    truncations: set[float] = field(default_factory=set)
    scores: CasScores | None = None


def make_sampler(images: dict[str, np.ndarray], watched: Watched, **changed: Any) -> ClassSampler:
    """A sampler whose classes are in another order than the data's."""
    names = ("7", "0", "4")
    architecture = {"image_channels": 1, "resolution": 16}
    info = GeneratorInfo(**{"architecture": architecture, "class_names": names, **changed})

    class Sampler(ClassSampler):
        def stream_classes(
            self, counts: Mapping[int, int], **options: Any
        ) -> Iterator[tuple[int, int, Tensor]]:
            for label, count in counts.items():
                watched.asked.append((self.class_names[label], count, options["seed"]))
            watched.truncations.add(options["truncation"])
            return super().stream_classes(counts, **options)

    return Sampler(Album({names.index(name): own for name, own in images.items()}), info)


def digits(digit: str) -> np.ndarray:
    """Other images of a digit than those of the data: (50, 1, 16, 16)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images[bunch.target == int(digit)] * (255 / 16)).astype(np.uint8)
    return pixels[80:130, None].repeat(2, axis=2).repeat(2, axis=3)


def run(sampler: ClassSampler, dataset: Dataset, watched: Watched, **options: Any) -> Watched:
    """Measure, watching."""
    train_classifier = cas_judges.train_classifier

    def train(config: ClassifierConfig, data: Dataset, run_dir: Path, device: str) -> TrainResult:
        result = train_classifier(config, data, run_dir=run_dir, device=device)
        assert (run_dir / "classifier.safetensors").is_file()
        watched.trainings.append((config, data, run_dir, result))
        return result

    told = {"say": watched.said.append, "warn": lambda message: watched.said.append(f"warning: {message}")}
    options = {"seeds": SEEDS, "steps": STEPS, "device": "cpu", **told, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cas_judges, "train_classifier", train)
        patch.setattr(cas_judges, "MIN_STEPS", USUAL)
        watched.scores = cas.classification_accuracy_score(sampler, dataset, **options)
    return watched


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Unbalanced digits, under the name of the built-in set and so with its recipe."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACGAN_CACHE", str(folder / "cache"))
        file = digits_npz(folder / "digits.npz", TRAIN, TEST)
        return load_data(load(ClassifierConfig, None, [f"data.source={file}"]))


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


def judges(dataset: Dataset, steps: int | None = None, **options: Any) -> cas_judges.Judges:
    known = {"mirror": False, "network": "small", "device": "cpu", "kept": None}
    return cas_judges.judges_for(dataset, steps=steps, **{**known, **options})


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

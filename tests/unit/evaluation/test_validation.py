"""The score of a training: the Fréchet distance of its samples to validation images, by hand in NumPy."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.evaluation.validation import ValidationScore
from acgan.extracting import ClassifierExtractor, Extracted, fitted, target_of
from acgan.models import GENERATORS
from acgan.runtime import Draws
from acgan.sampling import ClassSampler
from acgan.signals import StopSignal
from acgan.types import ImageStore
from acgan.weights import GeneratorInfo


class Blocks:
    """Features: the means of the quarters of a gray image, exactly."""

    name, frechet, inception_score, dims, size = "blocks@0", "fcd", "score", 4, (1, 16)
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def describe(self) -> dict[str, Any]:
        return {}

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        x = torch.as_tensor(images)
        assert x.shape[1:] == (1, 16, 16)
        self.seen.append(x)
        features = torch.nn.functional.avg_pool2d(x.double(), 8).flatten(1)
        return Extracted(features, torch.zeros(len(x), 3))


def _store(counts: tuple[int, ...] = (30, 60, 10), channels: int = 1, side: int = 16) -> ImageStore:
    draws = np.random.default_rng(5)
    labels = np.repeat(np.arange(len(counts)), counts)
    images = draws.integers(0, 256, (len(labels), channels, side, side), np.uint8)
    images[labels == 1] //= 3
    return ImageStore(images, labels, tuple("abc"[: len(counts)]), "0" * 32)


def _sampler(channels: int = 1, side: int = 16) -> ClassSampler:
    """A generator whose images differ visibly, although nothing trained it."""
    keywords = {"latent_dim": 8, "num_classes": 3, "resolution": side, "image_channels": channels}
    keywords |= {"channels": 4, "max_channels": 8, "class_dim": 4}
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        generator = GENERATORS["resnet"](
            **keywords, patch=1, modulation="norm", mapping_layers=0, attention=()
        )
        for parameter in generator.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    return ClassSampler(generator, GeneratorInfo({}, ("a", "b", "c")))


@pytest.fixture
def sampler() -> ClassSampler:
    return _sampler()


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    """By eigenvalues of the product, which are real and positive."""
    product = np.linalg.eigvals(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    traces = np.cov(a, rowvar=False).trace() + np.cov(b, rowvar=False).trace()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + traces - 2 * np.sqrt(product.real).sum())


def test_it_is_the_frechet_distance_of_samples_in_classes_as_in_the_validation_images(
    sampler: ClassSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Tensor, Tensor]] = []
    draw = ClassSampler.draw

    def watched(self: ClassSampler, z: Tensor, y: Tensor) -> Tensor:
        drawn.append((z, y))
        return draw(self, z, y)

    monkeypatch.setattr(ClassSampler, "draw", watched)
    store, seen = _store(), Blocks()
    found = ValidationScore(seen, store, store, num_images=205, seed=3).of(sampler, StopSignal())
    y, z = torch.cat([part for _, part in drawn]), torch.cat([part for part, _ in drawn])
    # 61.5, 123, 20.5: the first of two equal remainders is rounded up.
    assert torch.bincount(y).tolist() == [62, 123, 20]
    assert len(torch.unique(z, dim=0)) == 205
    assert max(len(part) for part, _ in drawn) <= 64
    images = torch.cat([draw(sampler, *part) for part in drawn])
    expected = _frechet(Blocks()(images).features.numpy(), Blocks()(store.images).features.numpy())
    assert expected > 100
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.name == "fcd205_val[blocks@0]"


def test_the_same_samples_every_time_and_real_images_once(sampler: ClassSampler) -> None:
    extractor = Blocks()
    score = ValidationScore(extractor, _store(), _store(), num_images=70, seed=0)
    first = score.of(sampler, StopSignal())
    looked = sum(map(len, extractor.seen))
    torch.manual_seed(99)
    assert score.of(sampler, StopSignal()) == first
    assert looked == 170
    assert sum(map(len, extractor.seen)) == looked + 70
    other = ValidationScore(Blocks(), _store(), _store(), num_images=70, seed=1).of(sampler, StopSignal())
    assert other.value != first.value


def test_it_scores_the_generator_of_the_moment(sampler: ClassSampler) -> None:
    sampler = copy.deepcopy(sampler)
    score = ValidationScore(Blocks(), _store(), _store(), num_images=64, seed=0)
    before = score.of(sampler, StopSignal())
    with torch.no_grad():
        for parameter in sampler.generator.parameters():
            parameter.mul_(0.5)
    after = score.of(sampler, StopSignal())
    assert before.value != after.value
    assert (
        after.value
        == ValidationScore(Blocks(), _store(), _store(), num_images=64, seed=0)
        .of(sampler, StopSignal())
        .value
    )


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (2, "fcd2_val[blocks@0]"),
        (999, "fcd999_val[blocks@0]"),
        (1000, "fcd1k_val[blocks@0]"),
        (1050, "fcd1050_val[blocks@0]"),
        (2500, "fcd2.5k_val[blocks@0]"),
        (2000, "fcd2k_val[blocks@0]"),
        (50_000, "fcd50k_val[blocks@0]"),
        (1_000_100, "fcd1000.1k_val[blocks@0]"),
    ],
)
def test_the_name_says_how_many(number: int, name: str) -> None:
    assert ValidationScore(Blocks(), _store(), _store(), num_images=number, seed=0).name == name


def test_inception_s_own_goes_without_brackets(sampler: ClassSampler) -> None:
    class Own(Blocks):
        name, frechet = "", "fid"

    assert (
        ValidationScore(Own(), _store(), _store(), num_images=100, seed=0).of(sampler, StopSignal()).name
        == "fid100_val"
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("whose", ["samples", "validation images"])
def test_features_that_are_not_finite_make_no_finite_score(
    bad: float, whose: str, sampler: ClassSampler
) -> None:
    class Broken(Blocks):
        def __call__(self, images: Tensor | np.ndarray) -> Extracted:
            found = super().__call__(images)
            if (len(self.seen) == 1) == (whose == "samples"):
                found.features[0, 0] = bad
            return found

    score = ValidationScore(Broken(), _store((30, 20, 10)), _store(), num_images=60, seed=0).of(
        sampler, StopSignal()
    )
    assert not math.isfinite(score.value)


def test_images_of_another_size_are_brought_to_the_extractor_s() -> None:
    """RGB images of 32 px through the shipped extractor of gray 16 px ones."""
    extractor = ClassifierExtractor("digits")
    sampler, store = _sampler(channels=3, side=32), _store(channels=3, side=32)
    found = ValidationScore(extractor, store, store, num_images=150, seed=0).of(sampler, StopSignal())
    y = torch.tensor([0] * 45 + [1] * 90 + [2] * 15)
    z = Draws(0).normal((150, 8), "validation")
    pair = [sampler.draw(z, y), torch.from_numpy(store.images)]
    a, b = (extractor(fitted(images, target_of(extractor))).features.double().numpy() for images in pair)
    assert found.value == pytest.approx(_frechet_of_few(a, b), rel=1e-4)
    assert found.name == f"fcd150_val[{extractor.name}]"


def _frechet_of_few(a: np.ndarray, b: np.ndarray) -> float:
    """With singular covariances: the trace of the root is the sum of singular values of the product of roots."""
    a0, b0 = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    cross = np.linalg.svd(a0 @ b0.T, compute_uv=False).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + (a0**2).sum() + (b0**2).sum() - 2 * cross)


def test_the_floor_is_of_training_images_in_the_same_classes_and_as_many(sampler: ClassSampler) -> None:
    store, train = _store(), _store((60, 120, 20))
    score = ValidationScore(Blocks(), store, train, num_images=200, seed=0)
    found = score.of(sampler, StopSignal())
    features = [
        torch.nn.functional.avg_pool2d(torch.from_numpy(side.images).double(), 8).flatten(1).numpy()
        for side in (train, store)
    ]
    floor = _frechet(*features)
    assert (
        score.in_words(found, StopSignal())
        == f"{found.name} {found.value:.4g}, as many training images {floor:.4g}"
    )


def test_without_as_many_training_images_of_a_class_there_is_no_floor(sampler: ClassSampler) -> None:
    score = ValidationScore(Blocks(), _store(), _store((60, 120, 19)), num_images=200, seed=0)
    found = score.of(sampler, StopSignal())
    assert score.in_words(found, StopSignal()) == f"{found.name} {found.value:.4g}"


def test_few_validation_images_are_called_rough(sampler: ClassSampler) -> None:
    words = [
        score.in_words(score.of(sampler, StopSignal()), StopSignal())
        for counts in ((3, 3, 1), (3, 3, 2))
        for score in [ValidationScore(Blocks(), _store(counts), _store(), num_images=20, seed=0)]
    ]
    assert words[0].endswith("; of 7 validation images: rough")  # of 4 features
    assert "rough" not in words[1]

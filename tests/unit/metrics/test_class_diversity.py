"""The collapse monitor on real images and on collapses, a few draws of each.

Thresholds are the configuration's defaults. How often it errs is measured by benchmarks/monitor_rates.py: of twenty
real images about one draw in 1,000 is called a collapse.
"""

import io
import itertools
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

from acgan.config.schema import MonitorConfig
from acgan.metrics.collapse import ClassDiversity, class_diversity
from acgan.types import MIN_IMAGES_PER_CLASS

THRESHOLDS = MonitorConfig()
CIFAR_CLASSES = ("airplane", "deer", "truck")


def _is_flagged(diversity: ClassDiversity | None) -> bool:
    assert diversity is not None
    return diversity.duplicates > THRESHOLDS.max_duplicates or diversity.coverage < THRESHOLDS.min_coverage


@cache
def _digits() -> dict[str, Tensor]:
    digits = load_digits()
    images = torch.tensor(digits.images)[:, None] / 16 * 255
    images = F.interpolate(images, size=16, mode="bilinear").round().to(torch.uint8)
    return {str(label): images[digits.target == label] for label in range(10)}


@cache
def _mnist(root: Path) -> dict[str, Tensor]:
    mnist = torchvision.datasets.MNIST(str(root), train=False)
    images = F.pad(mnist.data[:, None], (2, 2, 2, 2))
    return {str(label): images[mnist.targets == label] for label in range(10)}


@cache
def _cifar(root: Path) -> dict[str, Tensor]:
    found = {}
    with zipfile.ZipFile(root / "cifar10_jpg.zip") as archive:
        names = sorted(archive.namelist())
        for class_name in CIFAR_CLASSES:
            chosen = [name for name in names if f"train/{class_name}/" in name and name.endswith(".jpg")][
                :300
            ]
            images = [np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in chosen]
            found[class_name] = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return found


@pytest.fixture(params=["digits", "mnist", "cifar"])
def images(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    """Real images by class."""
    if request.param == "digits":
        return _digits()
    root = request.getfixturevalue("shared_data")
    part = "MNIST" if request.param == "mnist" else "cifar10_jpg.zip"
    if not (root / part).exists():
        pytest.skip(f"no {part} in {root}")
    return {"mnist": _mnist, "cifar": _cifar}[request.param](root)


def _noisy(images: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    noise = sigma * torch.randn(images.shape, generator=generator)
    return (images.float() + noise).round().clamp(0, 255).to(torch.uint8)


Case = tuple[str, Tensor, torch.Generator]


def _cases(images: dict[str, Tensor], seeds: int) -> Iterator[Case]:
    """Each class's images, in another order for each seed."""
    for seed in range(seeds):
        for name, own in images.items():
            generator = torch.Generator().manual_seed(seed)
            yield f"{name}, seed {seed}", own[torch.randperm(len(own), generator=generator)], generator


@pytest.mark.parametrize("number", [MIN_IMAGES_PER_CLASS, 60, 100, 150])
def test_real_images_are_not_flagged(images: dict[str, Tensor], number: int) -> None:
    found = {}
    for name, own, _ in _cases(images, 3):
        n = min(number, len(own) // 2)  # halves, where there are no more
        found[name] = class_diversity(own[:n], own[n : 2 * n])
    assert not {name: diversity for name, diversity in found.items() if _is_flagged(diversity)}


@pytest.mark.parametrize("templates", [1, 2, 5, 10])
@pytest.mark.parametrize("number", [60, 100, 150])
def test_few_pictures_with_noise_are_flagged(images: dict[str, Tensor], number: int, templates: int) -> None:
    found = {}
    strengths = itertools.chain([20] * len(images), itertools.cycle([2, 5, 10, 0]))
    for (name, own, generator), sigma in zip(_cases(images, 2), strengths, strict=False):
        copies = own[-templates:][torch.randint(templates, (number,), generator=generator)]
        found[name, sigma] = class_diversity(_noisy(copies, sigma, generator), own[:number])
    assert not {case: diversity for case, diversity in found.items() if not _is_flagged(diversity)}


def test_a_data_set_that_repeats_some_images_does_not_blind_it(images: dict[str, Tensor]) -> None:
    # Photographs are often there twice: the smallest real distance is zero then.
    for name, own, generator in _cases(images, 1):
        real = own[:100].clone()
        real[-2:] = real[:2]
        copies = own[-5:][torch.randint(5, (100,), generator=generator)]
        assert _is_flagged(class_diversity(_noisy(copies, 5, generator), real)), name


def test_a_partial_collapse_shows_as_the_share_of_copies() -> None:
    own = _digits()["3"]
    samples = own[:80].clone()
    samples[:60] = own[100]
    diversity = class_diversity(samples, own[100:180])
    assert diversity.duplicates == pytest.approx(0.75, abs=0.1)


def test_samples_that_leave_the_real_images_out_do_not_cover_them() -> None:
    ones, eights = _digits()["1"], _digits()["8"]
    diversity = class_diversity(ones[:80], eights[:80])
    assert diversity.coverage < THRESHOLDS.min_coverage
    assert diversity.duplicates < THRESHOLDS.max_duplicates


def test_closed_form_of_coverage_and_duplicates() -> None:
    # Flat pictures: distances are differences of gray values, times 16 pixels a side.
    real = torch.arange(40, dtype=torch.uint8).mul(5).view(40, 1, 1, 1).expand(40, 1, 16, 16)
    same = class_diversity(real, real)
    assert (same.duplicates, same.coverage) == (0.0, 1.0)
    # The lower half twice: everyone has a copy. An inner image's 5th neighbour is 3 steps of 5 away, so the first
    # two images (19 + 1, 19 + 2 ...) above the lower half are covered, and the rest is not.
    lower = real[:20].repeat(2, 1, 1, 1)
    half = class_diversity(lower, real)
    assert half.duplicates == 1.0
    assert half.coverage == pytest.approx((20 + 2) / 40)


@pytest.mark.parametrize("number", [0, 1, MIN_IMAGES_PER_CLASS - 1])
def test_too_few_images_say_nothing(number: int) -> None:
    few = _digits()["0"][:number]
    assert class_diversity(few, few) is None


def test_unequal_numbers_are_refused() -> None:
    own = _digits()["0"]
    with pytest.raises(ValueError, match="as many samples as real images, got 30 and 40"):
        class_diversity(own[:30], own[:40])


@pytest.mark.parametrize("resolution", [16, 64, 256])
def test_it_serves_every_resolution(resolution: int) -> None:
    own = F.interpolate(_digits()["5"][:120], size=resolution)
    assert not _is_flagged(class_diversity(own[:60], own[60:]))
    assert _is_flagged(class_diversity(own[:2].repeat(30, 1, 1, 1), own[60:]))


def test_images_that_are_all_alike_do_not_fail() -> None:
    flat = torch.zeros(30, 3, 16, 16, dtype=torch.uint8)
    diversity = class_diversity(flat, flat)
    assert 0 <= diversity.duplicates <= 1
    assert 0 <= diversity.coverage <= 1


def test_neither_order_nor_repetition_changes_the_result() -> None:
    own = _digits()["2"]
    one = class_diversity(own[:80], own[80:160])
    assert class_diversity(own[:80], own[80:160]) == one
    assert class_diversity(own[:80].flip(0), own[80:160].flip(0)) == one

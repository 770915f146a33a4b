"""MS-SSIM against closed forms, a plain float64 reference and torchmetrics; the similarity within a class."""

import itertools
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from acgan.metrics.ms_ssim import intra_class_similarity, ms_ssim, num_scales

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
C1, C2 = 6.5025, 58.5225

SHAPES = [
    (1, 16, 16),
    (3, 16, 16),
    (1, 28, 28),
    (3, 32, 32),
    (1, 23, 40),
    (3, 45, 51),
    (1, 100, 104),
    (1, 176, 180),
]


def _pairs(shape: tuple[int, ...], number: int = 3) -> tuple[Tensor, Tensor]:
    """Smooth images with structure at every scale, and the same with the more noise the later they are."""
    generator = torch.Generator().manual_seed(0)
    size = shape[1:]
    coarse = [torch.randn(number, shape[0], side, side, generator=generator) for side in (2, 4, 8, 16)]
    smooth = 40 * sum(F.interpolate(x, size, mode="bilinear") for x in coarse) + 120
    noise = torch.randn(smooth.shape, generator=generator) * torch.linspace(4, 70, number).view(-1, 1, 1, 1)
    return _image(smooth), _image(smooth + noise)


def _image(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)


def _reference(a: np.ndarray, b: np.ndarray, scales: int) -> float:
    """One pair (C, H, W): every window cut out, moments about its own mean."""
    weights = WEIGHTS[:scales] / WEIGHTS[:scales].sum()
    y, x = np.mgrid[-5:6, -5:6]
    window = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    window /= window.sum()
    a, b, value = a.astype(np.float64), b.astype(np.float64), 1.0
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halved(a), _halved(b)
        p, q = (np.lib.stride_tricks.sliding_window_view(image, (11, 11), axis=(1, 2)) for image in (a, b))
        mean_p, mean_q = ((window * part).sum(axis=(-2, -1)) for part in (p, q))
        dp, dq = p - mean_p[..., None, None], q - mean_q[..., None, None]
        var_p, var_q, cov = ((window * part).sum(axis=(-2, -1)) for part in (dp * dp, dq * dq, dp * dq))
        term = (2 * cov + C2) / (var_p + var_q + C2)
        if scale == scales - 1:
            term = term * (2 * mean_p * mean_q + C1) / (mean_p**2 + mean_q**2 + C1)
        value *= max(term.mean(), 0.0) ** weight
    return value


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in image.shape[1:])
    image = image[:, :height, :width]
    return (image[:, ::2, ::2] + image[:, 1::2, ::2] + image[:, ::2, 1::2] + image[:, 1::2, 1::2]) / 4


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_reference_at_every_number_of_scales(shape: tuple[int, ...]) -> None:
    a, b = _pairs(shape)
    for scales in {1, num_scales(min(shape[1:]))}:
        expected = [_reference(x.numpy(), y.numpy(), scales) for x, y in zip(a, b, strict=True)]
        assert min(expected) < 0.8 < 0.9 < max(expected)
        torch.testing.assert_close(
            ms_ssim(a, b, scales), torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=0
        )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if num_scales(min(shape[1:])) > 1])
def test_parity_with_torchmetrics(shape: tuple[int, ...]) -> None:
    # normalize="relu" is the same as ours. Its last scale has windows beyond the edge, on mirrored pixels, though:
    # here that scale gets power 0, and is put in from its map of SSIM without the edge.
    pair = _pairs(shape)
    a, b = (images.double() for images in pair)
    scales = num_scales(min(shape[1:]))
    weights = WEIGHTS[:scales] / WEIGHTS[:scales].sum()
    options = {"data_range": 255.0, "reduction": "none"}
    contrasts = multiscale_structural_similarity_index_measure(
        a, b, betas=(*weights[:-1].tolist(), 0.0), normalize="relu", **options
    )
    for _ in range(scales - 1):
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    _, of_pixels = structural_similarity_index_measure(a, b, return_full_image=True, **options)
    last = of_pixels[..., 5:-5, 5:-5].mean(dim=(1, 2, 3)).relu() ** weights[-1]
    torch.testing.assert_close(ms_ssim(*pair), contrasts * last, rtol=1e-6, atol=0)  # its weights are float32


ROOM = {11: 1, 16: 1, 21: 1, 22: 2, 32: 2, 43: 2, 44: 3, 64: 3, 87: 3, 88: 4, 175: 4, 176: 5, 256: 5, 1024: 5}


@pytest.mark.parametrize(("side", "scales"), ROOM.items())
def test_there_are_as_many_scales_as_there_is_room_for(side: int, scales: int) -> None:
    assert num_scales(side) == scales
    assert side / 2 ** (scales - 1) >= 11
    assert scales == 5 or side / 2**scales < 11


@pytest.mark.parametrize("shape", SHAPES)
def test_all_scales_are_taken_unless_told(shape: tuple[int, ...]) -> None:
    a, b = _pairs(shape)
    assert torch.equal(ms_ssim(a, b), ms_ssim(a, b, num_scales(min(shape[1:]))))


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_images_are_wholly_similar(shape: tuple[int, ...]) -> None:
    a, b = _pairs(shape)
    assert torch.equal(ms_ssim(a, a), torch.ones(3, dtype=torch.float64))
    assert (ms_ssim(a, b) < 1).all()


@pytest.mark.parametrize("side", [16, 32, 64])
def test_flat_images_differ_in_luminance_alone(side: int) -> None:
    values = torch.tensor([[0, 255], [0, 0], [100, 120], [7, 200]])
    a, b = (column.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, side, side) for column in values.T)
    x, y = values.double().T
    weights = WEIGHTS[: num_scales(side)]
    expected = ((2 * x * y + C1) / (x**2 + y**2 + C1)) ** float(weights[-1] / weights.sum())
    torch.testing.assert_close(ms_ssim(a, b), expected, rtol=1e-9, atol=0)


def test_contrast_alone_counts_below_the_last_scale() -> None:
    # Noise of 2 x 2 pixels is gone after the first mean; what is left are two flat images of one gray.
    pattern = torch.tensor([[1, -1], [-1, 1]]).repeat(16, 16)[None, None]
    a, b = _image(128.0 + 60 * pattern), _image(128.0 + 0 * pattern)
    contrast = ms_ssim(a, b, 1)  # equal means within rounding, and so luminance 1
    weight = WEIGHTS[0] / WEIGHTS[:2].sum()
    torch.testing.assert_close(ms_ssim(a, b, 2), contrast**weight, rtol=1e-3, atol=0)
    assert contrast < 0.1


@pytest.mark.parametrize("side", [16, 32, 64])
def test_negatives_are_not_similar_at_all(side: int) -> None:
    a, _ = _pairs((1, side, side))
    for scales in range(1, num_scales(side) + 1):
        assert torch.equal(ms_ssim(a, 255 - a, scales), torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_symmetric_and_a_share(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = torch.randint(256, (2, 6, *shape), dtype=torch.uint8, generator=generator)
    a[:2], b[1] = 0, 255
    found = ms_ssim(a, b)
    assert torch.equal(ms_ssim(b, a), found)
    assert found.dtype == torch.float64
    assert found.shape == (6,)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_more_noise_the_less_similar(shape: tuple[int, ...]) -> None:
    image = _pairs(shape)[0][:1]
    noise = torch.randn(1, *shape, generator=torch.Generator().manual_seed(2))
    noisy = torch.cat([_image(image + sigma * noise) for sigma in (0, 3, 10, 25, 60)])
    assert (ms_ssim(image.expand(5, -1, -1, -1), noisy).diff() < 0).all()


def test_gray_images_are_their_own_in_rgb() -> None:
    a, b = _pairs((1, 32, 32))
    torch.testing.assert_close(ms_ssim(a.expand(-1, 3, -1, -1), b.expand(-1, 3, -1, -1)), ms_ssim(a, b))


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 256, 256)])
def test_many_pairs_are_each_as_if_alone(shape: tuple[int, ...]) -> None:
    a, b = _pairs(shape, number=101 if shape[1] == 32 else 3)
    together = ms_ssim(a, b)
    assert len(together) == len(a)
    for index in (0, 1, len(a) // 2, len(a) - 1):
        torch.testing.assert_close(together[index : index + 1], ms_ssim(a[[index]], b[[index]]))


def test_no_pairs_have_no_similarities() -> None:
    assert ms_ssim(*torch.zeros(2, 0, 1, 16, 16, dtype=torch.uint8)).shape == (0,)


def test_images_that_do_not_fit_are_refused() -> None:
    images = torch.zeros(2, 1, 32, 32, dtype=torch.uint8)
    for a, b in (
        (images, images[:1]),
        (images[0], images[0]),
        (images.float(), images),
        (images, images.float()),
    ):
        with pytest.raises(ValueError, match="expected uint8 images"):
            ms_ssim(a, b)
    for scales in (0, 3):
        with pytest.raises(ValueError, match="expected 1 to 2 scales"):
            ms_ssim(images, images, scales)
    for small in (images[..., :10], images[..., :10, :]):
        with pytest.raises(ValueError, match="at least 11 pixels a side, got 10"):
            ms_ssim(small, small)
    with pytest.raises(ValueError, match="got 10"):
        num_scales(10)


def _digits(label: int) -> Tensor:
    digits = load_digits()
    images = torch.tensor(digits.images[digits.target == label])[:, None] / 16 * 255
    return _image(F.interpolate(images, size=16, mode="bilinear"))


def _of_all_pairs(images: Tensor) -> float:
    first, second = torch.tensor(list(itertools.combinations(range(len(images)), 2))).T
    return ms_ssim(images[first], images[second]).mean().item()


@pytest.mark.parametrize("number", [2, 3, 5, 14])
def test_where_there_are_few_pairs_each_is_compared_once(number: int) -> None:
    images = _digits(3)[:number]
    for seed in range(3):
        assert intra_class_similarity(images, seed=seed) == pytest.approx(_of_all_pairs(images), rel=1e-12)


def test_every_pair_of_many_is_found_once() -> None:
    images = _digits(5)[:60]
    found = intra_class_similarity(images, pairs=60 * 59 // 2, seed=0)
    assert found == pytest.approx(_of_all_pairs(images), rel=1e-12)


def test_a_hundred_pairs_estimate_all() -> None:
    images = _digits(5)
    found = np.array([intra_class_similarity(images, seed=seed) for seed in range(40)])
    assert found.std() > 0  # the seed counts
    assert found.mean() == pytest.approx(_of_all_pairs(images), abs=4 * found.std() / 40**0.5)
    assert found[7] == intra_class_similarity(images, pairs=100, seed=7)


def test_an_image_is_never_compared_with_itself() -> None:
    checks = torch.tensor([[1, -1], [-1, 1]]).repeat(8, 8)[None, None]
    images = torch.cat((_image(128 + 60.0 * checks), _image(128 - 60.0 * checks)))
    for seed in range(20):
        assert intra_class_similarity(images, seed=seed) == 0


def test_diversity_is_told() -> None:
    real = _digits(8)[:150]
    noise = 8 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    copies = _image(real[:3].repeat(50, 1, 1, 1) + noise)
    assert intra_class_similarity(copies, seed=0) > intra_class_similarity(real, seed=0) + 0.05
    assert intra_class_similarity(real[:1].expand(150, -1, -1, -1), seed=0) == 1


@pytest.mark.parametrize("number", [0, 1])
def test_one_image_has_no_diversity(number: int) -> None:
    assert intra_class_similarity(_digits(0)[:number], seed=0) is None


def test_ten_classes_are_quick() -> None:
    images = torch.randint(256, (1000, 3, 32, 32), dtype=torch.uint8)
    start = time.process_time()
    for seed in range(10):
        intra_class_similarity(images, seed=seed)
    assert time.process_time() - start < 4  # well below one, as a rule

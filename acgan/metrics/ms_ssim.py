"""Multi-scale structural similarity of images, and its mean within a class.

Shapes: N pairs of images, C channels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from acgan.parallel import in_order
from acgan.runtime import Draws

_WINDOW = 11  # pixels a side
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_PORTION_VALUES = 2**17  # values of either image that are compared at once, so that they stay in the cache


def num_scales(side: int) -> int:
    """Number of scales if the shorter side is ``side`` pixels: up to 5, with the window inside the image at the last.

    Returns:
        The largest s <= 5 with side / 2^(s - 1) >= 11: 1 at 16 pixels, 2 at 32, 3 at 64, 5 from 176 on.

    Raises:
        ValueError: The side is shorter than the window, 11 pixels.
    """
    if side < _WINDOW:
        raise ValueError(f"expected images of at least {_WINDOW} pixels a side, got {side}")
    return min(len(_WEIGHTS), (side // _WINDOW).bit_length())


def ms_ssim(a: Tensor, b: Tensor, scales: int | None = None) -> Tensor:
    """Multi-scale structural similarity of pairs of images (Wang, Simoncelli, Bovik 2003, eq. 7).

    The window is a Gaussian of 11 x 11 pixels with sigma 1.5, nowhere beyond the image's edge; K1 = 0.01,
    K2 = 0.03; between scales, 2 x 2 pixels are averaged. The paper's weights of the first scales are divided by
    their sum, so numbers from unequal numbers of scales do not compare.

    Contrast and structure of a scale, and the similarity of the last, are averaged over pixels and channels, then
    clamped at 0: they are negative where one image is the other's negative, and a negative number has no
    fractional power.

    Args:
        a: (N, C, H, W) uint8.
        b: (N, C, H, W) uint8.
        scales: Number of scales; None is ``num_scales``, which is also the most.

    Returns:
        (N,) float64 on the CPU, in [0, 1]; 1 where both are equal.

    Raises:
        ValueError: The images are not uint8 of one shape, or too small for the scales.
    """
    if a.shape != b.shape or a.ndim != 4 or {a.dtype, b.dtype} != {torch.uint8}:
        found = f"{tuple(a.shape)} {a.dtype} and {tuple(b.shape)} {b.dtype}"
        raise ValueError(f"expected uint8 images (N, C, H, W) of one shape, got {found}")
    room = num_scales(min(a.shape[2:]))
    scales = room if scales is None else scales
    if not 1 <= scales <= room:
        raise ValueError(f"expected 1 to {room} scales of images {tuple(a.shape)}, got {scales}")
    portion_size = max(1, _PORTION_VALUES // a.shape[1:].numel())

    def compared(pairs: tuple[Tensor, Tensor]) -> Tensor:
        first, second = pairs
        return _ms_ssim(first.cpu().double(), second.cpu().double(), scales)

    return torch.cat(list(in_order(compared, zip(a.split(portion_size), b.split(portion_size), strict=True))))


def intra_class_similarity(images: Tensor, *, pairs: int = 100, seed: int) -> float | None:
    """Mean similarity of the images of a class (Odena et al. 2017, section 4.2); lower is more diverse.

    Args:
        images: (N, C, H, W) uint8 of one class, at least 11 pixels a side.
        pairs: Number of pairs of different images to compare; all pairs if there are fewer.
        seed: Seed of the draw of pairs.

    Returns:
        Their mean MS-SSIM in [0, 1]; None where there are fewer than two images.

    Raises:
        ValueError: The images are not uint8, or too small.
    """
    count = len(images)
    if count < 2:
        return None
    total = count * (count - 1) // 2
    drawn = Draws(seed).generator("ms-ssim pairs").choice(total, min(pairs, total), replace=False)
    # Pairs (second, first) are numbered row by row: (1, 0), (2, 0), (2, 1) ...; row s starts at s (s - 1) / 2.
    second = ((1 + np.sqrt(1 + 8 * drawn)) // 2).astype(np.int64)
    first = drawn - second * (second - 1) // 2
    return ms_ssim(images[torch.from_numpy(first)], images[torch.from_numpy(second)]).mean().item()


def _ms_ssim(a: Tensor, b: Tensor, scales: int) -> Tensor:
    weights = torch.tensor(_WEIGHTS[:scales], dtype=torch.float64)
    terms = []
    for scale in range(scales):
        if scale:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        luminance, contrast_structure = _compare(a, b)
        is_last = scale == scales - 1
        term = luminance * contrast_structure if is_last else contrast_structure
        terms.append(term.mean(dim=(1, 2, 3)).clamp_min(0))
    powers: Tensor = torch.stack(terms, dim=1) ** (weights / weights.sum())
    return powers.prod(dim=1)


def _compare(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, about each pixel (eq. 1 to 3 with C3 = C2 / 2)."""
    mean_a, mean_b, squares, products = _smoothed(torch.stack((a, b, a * a + b * b, a * b)))
    mean_squares, mean_products = mean_a * mean_a + mean_b * mean_b, mean_a * mean_b
    luminance = (2 * mean_products + _C1) / (mean_squares + _C1)
    return luminance, (2 * (products - mean_products) + _C2) / (squares - mean_squares + _C2)


def _smoothed(x: Tensor) -> Tensor:
    """(..., H - 10, W - 10): the window's mean about each pixel that has all of it.

    Sums of shifted images, one direction after the other: on a CPU 5 to 15 times as fast as a convolution of
    one channel in float64.
    """
    offsets = torch.arange(_WINDOW, dtype=torch.float64) - _WINDOW // 2
    taps: list[float] = torch.softmax(-(offsets**2) / (2 * _SIGMA**2), dim=0).tolist()
    for dim in (-2, -1):
        size = x.shape[dim] - _WINDOW + 1
        total = taps[0] * x.narrow(dim, 0, size)
        for shift, tap in enumerate(taps[1:], start=1):
            total.add_(x.narrow(dim, shift, size), alpha=tap)
        x = total
    return x

"""Copies of training images in pixels: the same picture, perhaps mirrored or moved. N images of S x S pixels, gray.

Moving an image changes the phases of its Fourier transform and hardly the magnitudes, and mirroring swaps magnitudes in
pairs. So the magnitudes of low frequencies find the few training images that a picture may be a copy of, in one product
of matrices; these are laid over it at every place. Only that last comparison decides.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from acgan.parallel import in_order

#: Distances below which two pictures are the same, and nearly the same; docs/metrics.md has what meets them.
SAME, NEAR = 0.075, 0.2
#: The distance of a picture without contrast, which may be anything.
NOTHING = 2.0

_SIDE = 64  # pixels; larger images are averaged down
_FREQUENCIES = 8
_EDGE = 0.5  # share of a side over which the window fades out: what moves in or out there counts little
#: Training images that a picture is laid over: 4 of 64 pixels, more of smaller ones, which are alike and cost less.
_CANDIDATES = 256  # over the side
_STRIPE = 64  # training images of which one may be a candidate
_MOVED = 8  # pictures may be moved by this part of a side
_CONTRAST = 4.0  # gray levels
_LEAST_SPREAD = (
    0.3  # of the largest: a frequency that hardly differs between pictures has noise, and little else
)
_QUERIES, _PORTION = 256, 2048


def pictures(images: np.ndarray) -> Tensor:
    """Gray versions (N, S, S) uint8, S at most 64, of (N, C, R, R) uint8."""
    gray = torch.from_numpy(np.ascontiguousarray(images)).float().mean(1)
    factor = math.ceil(gray.shape[-1] / _SIDE)
    if factor > 1:
        gray = torch.nn.functional.adaptive_avg_pool2d(gray[:, None], gray.shape[-1] // factor)[:, 0]
    return gray.round().to(torch.uint8)


class TrainingPictures:
    """Training images, to be searched for the originals of copies.

    Args:
        images: (M, C, R, R) uint8; a file mapped to memory is read in portions.
        rows: (L,) int64, those of the images that are searched.
    """

    def __init__(self, images: np.ndarray, rows: np.ndarray):
        self._images, self._rows = images, rows

        def describe(part: np.ndarray) -> Tensor:
            return _magnitudes(self._gray(part))

        portions = [rows[start : start + _PORTION] for start in range(0, len(rows), _PORTION)]
        found = torch.cat(list(in_order(describe, portions)))  # (L, 2, D)
        self._mean = found[:, 0].mean(0)
        spread = found.var(0, unbiased=False).mean(0).sqrt()
        self._spread = torch.hypot(spread, _LEAST_SPREAD * spread.max()) + 1e-6
        found = self._standard(found)
        # Stripes are even: the last one is filled up with what is like nothing.
        self._descriptors = torch.nn.functional.pad(found, (0, 0, 0, 0, 0, -len(found) % _STRIPE))

    def nearest(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Search for the picture that each query is a copy of.

        Two pictures, the middle of one laid over the other, each of mean 0 and length 1, have a distance from 0 to 2:
        brightness and contrast do not count. It is the least over all places up to an eighth of the side away, and
        over both ways round.

        Args:
            queries: (N, S, S) uint8 ``pictures``.

        Returns:
            (N,) distances, `NOTHING` for a query without contrast, and (N,) int64 rows of training images.
        """
        parts = list(in_order(self._search, queries.split(_QUERIES)))
        return torch.cat([distances for distances, _ in parts]), torch.cat([rows for _, rows in parts])

    def _search(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        gray = queries.float()
        own = self._standard(_magnitudes(gray))
        # e + o for the picture as it is, e - o for its mirror image
        likeness = own[:, 0] @ self._descriptors[:, 0].T
        likeness += (own[:, 1] @ self._descriptors[:, 1].T).abs_()
        best, places = likeness.view(len(gray), -1, _STRIPE).max(2)  # far quicker than the highest of all
        stripes = best.topk(min(_CANDIDATES // gray.shape[-1], best.shape[1]), dim=1).indices
        positions = stripes * _STRIPE + places.gather(1, stripes)
        candidates = torch.from_numpy(self._rows)[positions.clamp_(max=len(self._rows) - 1)]
        distances = torch.stack([_laid_over(gray, self._gray(one.numpy())) for one in candidates.T], dim=1)
        nearest, which = distances.min(1)
        return nearest, candidates.gather(1, which[:, None])[:, 0]

    def _gray(self, rows: np.ndarray) -> Tensor:
        return pictures(self._images[rows]).float()

    def _standard(self, magnitudes: Tensor) -> Tensor:
        """Magnitudes by their deviations from all training images, of length 1."""
        found = torch.stack([magnitudes[:, 0] - self._mean, magnitudes[:, 1]], dim=1) / self._spread
        return found / found.square().sum((1, 2), keepdim=True).sqrt().clamp_min(1e-6)


def _magnitudes(gray: Tensor) -> Tensor:
    """(N, 2, D) square roots of magnitudes of low frequencies: what a mirror image keeps, and what changes sign."""
    side = gray.shape[-1]
    highest = min(_FREQUENCIES, side // 2 - 1)
    from_edge = torch.arange(side) + 0.5
    from_edge = torch.minimum(from_edge, side - from_edge) / (_EDGE * side / 2)
    fade = 0.5 - 0.5 * torch.cos(torch.pi * from_edge.clamp(max=1))
    window = fade[:, None] * fade
    centred = gray - (gray * window).sum((1, 2), keepdim=True) / window.sum()
    centred = centred * window
    centred = centred / centred.square().sum((1, 2), keepdim=True).sqrt().clamp_min(
        _CONTRAST
    )  # whatever the contrast
    found = torch.fft.rfft2(centred).abs().sqrt()[:, :, : highest + 1]
    down = found[:, : highest + 1]
    up = torch.cat([found[:, :1], found[:, -highest:].flip(1)], dim=1)
    return torch.stack([down + up, down - up], dim=1).flatten(2) / math.sqrt(2)


def _laid_over(gray: Tensor, others: Tensor) -> Tensor:
    """(N,) least distances of pairs of (N, S, S) pictures, see ``TrainingPictures.nearest``."""
    side = gray.shape[-1]
    margin = max(1, side // _MOVED)
    inner = side - 2 * margin
    middle = gray[:, margin : side - margin, margin : side - margin]
    middle = middle - middle.mean((1, 2), keepdim=True)
    length = middle.square().sum((1, 2)).sqrt()
    transformed = torch.fft.rfft2(middle, s=(side, side)).conj()
    best = torch.full((len(gray),), -1.0)
    for turned in (others, others.flip(2)):
        centred = turned - turned.mean((1, 2), keepdim=True)
        places = 2 * margin + 1
        products = torch.fft.irfft2(torch.fft.rfft2(centred) * transformed, s=(side, side))
        sums, squares = _sums(centred, inner), _sums(centred.square(), inner)
        lengths = (squares - sums.square() / inner**2).clamp_min(0).sqrt()
        least = _CONTRAST * inner
        likeness = products[:, :places, :places] / (
            length.clamp_min(least)[:, None, None] * lengths.clamp_min(least)
        )
        best = torch.maximum(best, likeness.flatten(1).amax(1))
    distances = (2 - 2 * best).clamp_min(0).sqrt()
    return torch.where(length < _CONTRAST * inner, NOTHING, distances)


def _sums(images: Tensor, inner: int) -> Tensor:
    """Sums of (N, S, S) over the squares of ``inner`` pixels a side, by their places."""
    return torch.nn.functional.avg_pool2d(images[:, None], inner, stride=1)[:, 0] * inner**2

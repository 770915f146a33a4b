"""The test of data-copying C_T of Meehan, Chaudhuri, Dasgupta 2020, and its cells. N samples, M held-out images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from acgan.metrics.distances import nearest_neighbours
from acgan.runtime import Draws

#: Samples that a cell needs to count: the paper's tau, 20 over the number of samples.
LEAST_SAMPLES = 20
_CELLS = 50  # at most
_HELD_OUT = 100  # images a cell, on average
_FITTED = 10_000  # training images that cells are made of, a seeded choice
_ITERATIONS = 20


def num_cells(held_out: int) -> int:
    """Number of cells for so many held-out images: about 100 in a cell, and 50 in a half, but at most 50 cells."""
    return max(1, min(_CELLS, held_out // _HELD_OUT))


class Cells:
    """Division of the feature space by k-means of training images, each of whom lies in the cell of its nearest centre.

    A cell that no training image is in is left out.

    Args:
        training: (L, F) features, at least one.
        count: Number of cells.
        seed: Seed of the choice of images that centres are made of, and of the first centres.
    """

    def __init__(self, training: Tensor, count: int, *, seed: int):
        centres = _means(training, count, Draws(seed))
        found = nearest_neighbours(training, centres)[1]
        used = found.unique()
        self._centres = centres[used]
        self._training = [training[found == cell] for cell in used]

    def nearest(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N,) int64 cells of images, and (N,) float64 distances to the nearest training image in the same cell."""
        cells = nearest_neighbours(features, self._centres)[1]
        distances = torch.zeros(len(features), dtype=torch.float64, device=cells.device)
        for cell, training in enumerate(self._training):
            inside = cells == cell
            if inside.any():
                distances[inside] = nearest_neighbours(features[inside], training)[0]
        return cells, distances


def _means(training: Tensor, count: int, draws: Draws) -> Tensor:
    """(at most count, F) float64 centres, by Lloyd's algorithm from images drawn at random."""
    chosen = torch.from_numpy(draws.generator("cells").permutation(len(training))[:_FITTED])
    images = training[chosen.to(training.device)].double()
    centres = images[:count].clone()
    nearest: Tensor | None = None
    for _ in range(_ITERATIONS):
        found = (centres.square().sum(dim=1) / 2 - images @ centres.T).argmin(dim=1)
        if nearest is not None and torch.equal(found, nearest):
            break
        nearest = found
        sizes = nearest.bincount(minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, images)
        centres = torch.where(sizes > 0, sums / sizes.clamp_min(1), centres)
    return centres


def data_copying(
    samples: Tensor, sample_cells: Tensor, held_out: Tensor, held_out_cells: Tensor
) -> float | None:
    """C_T: the mean over cells of the Mann-Whitney statistic of distances to training images, as a z-score.

    U of a cell counts the pairs of a sample and a held-out image in which the sample is further away, ties one half.
    With m samples and n held-out images, z = (U - m n / 2) / sqrt(m n (m + n + 1) / 12). C_T weighs the cells by their
    held-out images, and leaves out those of fewer than 20 samples.

    Args:
        samples: (N,) distances of samples to the nearest training image of their cell.
        sample_cells: (N,) int64.
        held_out: (M,) the same of real images that were not trained on.
        held_out_cells: (M,) int64.

    Returns:
        C_T: far below 0 where samples lie nearer to training images than held-out ones do, as copies; above 0 where
        they lie further away. Of images never seen, z has mean 0 and variance 1 in each cell. None if no cell has
        samples enough.

    Raises:
        ValueError: The shapes do not match.
    """
    if samples.shape != sample_cells.shape or held_out.shape != held_out_cells.shape or samples.ndim != 1:
        found = [tuple(one.shape) for one in (samples, sample_cells, held_out, held_out_cells)]
        raise ValueError(f"expected (N,), (N,), (M,), (M,), got {found}")
    total, images = 0.0, 0
    for cell in held_out_cells.unique().tolist():
        own, real = samples[sample_cells == cell], held_out[held_out_cells == cell]
        if len(own) >= LEAST_SAMPLES:
            total += len(real) * _z_score(own.double(), real.double())
            images += len(real)
    return total / images if images else None


def _z_score(samples: Tensor, held_out: Tensor) -> float:
    m, n = len(samples), len(held_out)
    ordered = held_out.sort().values
    below = torch.searchsorted(ordered, samples).sum().item()
    up_to = torch.searchsorted(ordered, samples, right=True).sum().item()
    u = (below + up_to) / 2
    return (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)

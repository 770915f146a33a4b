"""Mean and covariance of features, as they come in, in float64. Shapes: N images, F features."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class FeatureStatistics:
    """Count, mean and covariance of feature vectors, without keeping them.

    Batches are merged by the pairwise update of Chan, Golub, LeVeque 1983, eq. 2.1, which does not cancel where the
    mean is large against the deviation, as sums of squares would. Two halves merge to what the whole gives.

    Args:
        dims: F.

    Attributes:
        count: Number of images so far.
        mean: (F,) float64.
    """

    def __init__(self, dims: int):
        self.count = 0
        self.mean = torch.zeros(dims, dtype=torch.float64)
        self._scatter = torch.zeros(dims, dims, dtype=torch.float64)  # sum of (x - mean)(x - mean)^T

    @property
    def dims(self) -> int:
        """F."""
        return len(self.mean)

    @property
    def covariance(self) -> Tensor:
        """(F, F) float64, unbiased (divided by N - 1), as NumPy's ``cov``; needs 2 images.

        Raises:
            ValueError: If there are fewer.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 images, got {self.count}")
        return self._scatter / (self.count - 1)

    def update(self, features: Tensor) -> None:
        """Count images in.

        Args:
            features: (n, F) of any floating-point type, on any device.

        Raises:
            ValueError: The number of features differs.
        """
        if features.ndim != 2 or features.shape[1] != self.dims:
            raise ValueError(f"expected features (n, {self.dims}), got {tuple(features.shape)}")
        if not len(features):
            return
        x = features.detach().cpu().double()
        mean = x.mean(dim=0)
        centred = x - mean
        self._add(len(x), mean, centred.T @ centred)

    def merge(self, other: FeatureStatistics) -> None:
        """Add the images of another one."""
        if other.dims != self.dims:
            raise ValueError(f"expected statistics of {self.dims} features, got {other.dims}")
        self._add(other.count, other.mean, other._scatter)

    def _add(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        total = self.count + count
        if not total:
            return
        shift = mean - self.mean
        self.mean = self.mean + shift * (count / total)
        self._scatter = self._scatter + scatter + torch.outer(shift, shift) * (self.count * count / total)
        self.count = total


def merged(parts: Iterable[FeatureStatistics], dims: int) -> FeatureStatistics:
    """Statistics of all parts together, which may be none."""
    total = FeatureStatistics(dims)
    for part in parts:
        total.merge(part)
    return total

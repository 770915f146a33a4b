"""Memorisation: distances of samples and of held-out real images to the training images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_COPY_QUANTILE = 0.01


@dataclass(frozen=True)
class Memorisation:
    """Nearness of samples to training images, compared with held-out real images; shares in [0, 1].

    Attributes:
        nearer: Probability that a sample lies nearer to its nearest training image than a held-out image to its
            own, ties counting one half. 0.5: as images never seen; towards 1: copies. It tells copies from
            typical images no better than the distances do: a generator that paints only what lies in the middle
            of a class, near to many training images, comes out above 0.5 too and need not have copied any.
        copies: Share of samples that are nearer than the 1st percentile of the held-out distances: about 0.01 for
            images never seen. 0 if that percentile is 0: over 1 % of the held-out images are then among the
            training images.
    """

    nearer: float
    copies: float


def memorisation(samples: Tensor, held_out: Tensor) -> Memorisation:
    """Compare distances to the nearest training image.

    ``nearer`` is the Mann-Whitney U of both sets of distances over N M. It is not the test of Meehan et al. 2020, which
    is made of the same distances by cells of the space, and standardised: see ``data_copying``.

    Args:
        samples: (N,) distances of samples to their nearest training images.
        held_out: (M,) the same of real images that were not trained on.

    Raises:
        ValueError: There are no distances, or one is not finite.
    """
    if samples.ndim != 1 or held_out.ndim != 1 or not len(samples) or not len(held_out):
        raise ValueError(
            f"expected distances (N,) and (M,), got {tuple(samples.shape)}, {tuple(held_out.shape)}"
        )
    samples, ordered = samples.detach().cpu().double(), held_out.detach().cpu().double().sort().values
    if not (samples.isfinite().all() and ordered.isfinite().all()):
        raise ValueError("expected finite distances")
    below = torch.searchsorted(ordered, samples).sum().item()
    up_to = torch.searchsorted(ordered, samples, right=True).sum().item()
    # A sample has M - up_to held-out distances above it and up_to - below beside it, which count one half.
    nearer = 1 - (below + up_to) / (2 * len(samples) * len(ordered))
    copies = (samples < ordered.quantile(_COPY_QUANTILE)).double().mean().item()
    return Memorisation(nearer, copies)

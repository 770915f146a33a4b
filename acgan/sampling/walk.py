"""Walks of a generator: from latent to latent in a class, and from class to class with the same latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from acgan.plots.page import short_name
from acgan.sampling.sampler import CHUNK, ClassSampler, class_latents


@dataclass(frozen=True)
class ImageWalk:
    """Images along a way, all at the same distance from each other in latents or shares of classes.

    Attributes:
        names: Name of each row.
        z: Latents (rows, frames, Z).
        y: Shares of classes (rows, frames, K), which add up to 1.
        legs: Names of the legs from class to class, in place of the first row's; none where classes stay.
    """

    names: tuple[str, ...]
    z: Tensor
    y: Tensor
    legs: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """Images of a row."""
        return self.z.shape[1]

    def names_at(self, frame: int) -> tuple[str, ...]:
        """Names of the rows at an image: that of the leg that it lies on, or ends."""
        if not self.legs:
            return self.names
        of_leg = (self.frames - 1) // len(self.legs)
        return self.legs[max(0, frame - 1) // of_leg], *self.names[1:]

    def draw(self, sampler: ClassSampler) -> Tensor:
        """Images (rows * frames, C, H, W) uint8, row after row."""
        z, y = self.z.flatten(0, 1), self.y.flatten(0, 1)
        return torch.cat(list(sampler.draw_each(zip(z.split(CHUNK), y.split(CHUNK), strict=True))))


def walk_latents(
    sampler: ClassSampler,
    labels: Sequence[int],
    stops: int,
    frames: int,
    *,
    ends: Tensor | None = None,
    seed: int = 0,
    truncation: float = 1.0,
) -> ImageWalk:
    """Walk in each class from its first image to its second, and on; latents turn and keep their length (slerp).

    Args:
        sampler: The generator.
        labels: Classes, a row each.
        stops: Images of a class that are passed, 2 to ``CHUNK``.
        frames: Images from one to the next, the next left out.
        ends: Latents (rows, stops, Z) to pass in place of those of the first images.
        seed: Seed of the latents.
        truncation: Factor on the latents.
    """
    own = (class_latents(sampler.generator, label, 0, seed=seed, truncation=truncation) for label in labels)
    rows = [latents[:stops] for latents in own] if ends is None else list(ends)
    z = torch.stack([_along(latents, frames, _turned) for latents in rows])
    y = F.one_hot(torch.tensor(labels), sampler.generator.num_classes).to(z.dtype)
    names = tuple(sampler.class_names[label] for label in labels)
    return ImageWalk(names, z, y[:, None].expand(-1, z.shape[1], -1))


def walk_classes(
    sampler: ClassSampler,
    labels: Sequence[int],
    rows: int,
    frames: int,
    *,
    seed: int = 0,
    truncation: float = 1.0,
) -> ImageWalk:
    """Walk from the first class to the second, and on, with the same latents: those of the first class's images.

    The shares of two classes go from 1 and 0 to 0 and 1; G takes the mean of their embeddings by shares.

    Args:
        sampler: The generator.
        labels: Classes that are passed, two or more.
        rows: Latents, a row each, at most ``CHUNK``.
        frames: Images from one class to the next, the next left out.
        seed: Seed of the latents.
        truncation: Factor on the latents.
    """
    latents = class_latents(sampler.generator, labels[0], 0, seed=seed, truncation=truncation)[:rows]
    stops = F.one_hot(torch.tensor(labels), sampler.generator.num_classes).to(latents.dtype)
    y = _along(stops, frames, torch.lerp)
    classes = [short_name(sampler.class_names[label]) for label in labels]
    names = (" to ".join(classes), *[""] * (rows - 1))
    legs = tuple(f"{a} to {b}" for a, b in pairwise(classes))
    return ImageWalk(names, latents[:, None].expand(-1, len(y), -1), y.expand(rows, -1, -1), legs)


def _along(stops: Tensor, frames: int, between: object) -> Tensor:
    """Points (…, D) along stops (S, D), the last stop included."""
    assert callable(between)
    shares = torch.arange(frames, dtype=stops.dtype) / frames
    legs = [torch.stack([between(a, b, share) for share in shares]) for a, b in pairwise(stops)]
    return torch.cat([*legs, stops[-1:]])


def _turned(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985, White 2016), with lengths in between."""
    length = torch.lerp(a.norm(), b.norm(), share)
    angle = torch.arccos((F.normalize(a, dim=0) @ F.normalize(b, dim=0)).clamp(-1, 1))
    if angle.sin() < 1e-6:  # nearly the same direction
        return torch.lerp(a, b, share)
    weight_a, weight_b = torch.sin((1 - share) * angle), torch.sin(share * angle)
    turned = weight_a * F.normalize(a, dim=0) + weight_b * F.normalize(b, dim=0)
    return turned / angle.sin() * length

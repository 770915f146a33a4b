"""Images, latents and random changes of a step of a GAN, for each portion of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from acgan.training.gan import Gan
from acgan.training.step import Portion, joined, parameter_dtype
from acgan.types import Batch


@dataclass(frozen=True)
class Material:
    """Images and latents of a portion, as the networks are shown them.

    Attributes:
        step: Step of D that the real images belong to.
        real: Real images as D sees them.
        z: (n, Z) latents for the same labels.
        draws: (n, D) uniform draws, by which generated images are changed as the real ones of their pair; None
            changes nothing.
    """

    portion: Portion
    step: int
    real: Batch
    z: Tensor
    draws: Tensor | None


def material_of(gan: Gan, portions: Sequence[Portion], step: int, phase: str) -> list[Material]:
    """Material of portions, made for all of them at once: small work in many threads waits for Python's lock."""
    whole = joined(portions)
    real = gan.feed.batch(step, whole.part, parameter_dtype(gan.generator))
    z, draws = gan.latents(f"latents/{phase}", whole), None
    if gan.augmenter is not None:
        draws = whole.uniform((gan.augmenter.transform.num_draws,), f"augment/{phase}", real.images)
        real = Batch(augmented(gan, real.images, draws, whole), real.labels)
    found = []
    for portion in portions:
        rows = slice(portion.part.start - whole.part.start, portion.part.stop - whole.part.start)
        batch = Batch(real.images[rows], real.labels[rows])
        found.append(Material(portion, step, batch, z[rows], None if draws is None else draws[rows]))
    return found


def augmented(gan: Gan, images: Tensor, draws: Tensor | None, portion: Portion) -> Tensor:
    """Images as D sees them, changed by their draws."""
    if gan.augmenter is None or draws is None:
        return images
    p = gan.augmenter.p(portion.iteration * gan.batch_size)
    return gan.augmenter.transform(images.to(draws.dtype), draws, p)

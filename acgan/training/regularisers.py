"""Regularisers of D: consistency under small changes of images, and LeCam."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from acgan.augment import Augmentation
from acgan.errors import ConfigError
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, Term

#: A discriminator, or a compiled one: (images, labels) to its output.
Discriminate = Callable[[Tensor, Tensor], DiscriminatorOutput]


@dataclass(frozen=True)
class Surroundings:
    """Facts of a training that a regulariser may need beside its own settings.

    Attributes:
        mirror: Training images are flipped at random.
        resolution: Side of the images in pixels.
        dtype: Dtype of D's logits.
    """

    mirror: bool
    resolution: int
    device: torch.device
    dtype: torch.dtype


@dataclass(frozen=True)
class Judged:
    """A portion of images as D saw them.

    Attributes:
        d: The discriminator, perhaps compiled, under autocast: a term that is differentiated twice is a ``Penalty``.
        real: Real images with labels.
        fake: (N, C, H, W) images generated for the same labels, without gradient; in bfloat16 where G computes so.
        on_real: D's output on the real images.
        on_fake: D's output on the generated images.
    """

    d: Discriminate
    real: Batch
    fake: Tensor
    on_real: DiscriminatorOutput
    on_fake: DiscriminatorOutput
    portion: Portion


class Regulariser(ABC):
    """Terms of D's sum besides the losses, with settings and state.

    It is made as ``cls(around, **section)``, with the ``Surroundings`` and the keys of its section.
    """

    @abstractmethod
    def terms(self, judged: Judged) -> dict[str, Term]:
        """The terms of a portion, under names that no other term has."""

    def observe(self, logit_real: Tensor, logit_fake: Tensor, images: float) -> None:
        """Take note of D's mean logits after a step of D, which stands for so many images; not without such logits."""
        del logit_real, logit_fake, images

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that an exact resume needs."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""
        del state


class Consistency(Regulariser):
    """Consistency regularisation: weight E(D(x) - D(T(x)))^2, with T a small change of an image.

    Of real images it is CR (Zhang et al. 2020), of both real and generated ones bCR (Zhao et al. 2021).

    Args:
        around: Facts of the training; T mirrors if it does.
        weight_real: Strength on real images.
        weight_fake: Strength on generated ones.
        shift: T moves images by up to this share of their side.

    Raises:
        ConfigError: If T changes no image.
    """

    def __init__(self, around: Surroundings, *, weight_real: float, weight_fake: float, shift: float):
        if math.floor(shift * around.resolution + 1e-6) == 0 and not around.mirror:
            raise ConfigError(
                f"loss.consistency.shift {shift:g} is less than a pixel of {around.resolution} and data.mirror is "
                "false, so no image changes; expected a shift of "
                f"{math.ceil(1e4 / around.resolution) / 1e4:g} or more."
            )
        self.weight_real, self.weight_fake = weight_real, weight_fake
        self.change = Augmentation(mirror=around.mirror, shift=shift, rotate_deg=0, zoom=0, erase=0, color=0)

    def terms(self, judged: Judged) -> dict[str, Term]:
        real, fake = judged.real.images, judged.fake.to(judged.real.images.dtype)
        draws = judged.portion.uniform((Augmentation.NUM_DRAWS,), "consistency", real)
        sides = (
            ("consistency_real", self.weight_real, real, judged.on_real.logits),
            ("consistency_fake", self.weight_fake, fake, judged.on_fake.logits),
        )
        return {
            name: Term(
                (adv - judged.d(self.change(images, draws), judged.real.labels).logits).square().mean(),
                weight,
            )
            for name, weight, images, adv in sides
            if weight  # a side without weight costs nothing
        }


class LeCam(Regulariser):
    """weight (E(D(x) - a_F)^2 + E(D(G(z)) - a_R)^2), a_R and a_F the running means of D's logits (Tseng et al. 2021).

    This is eq. 4, without the ReLU around the differences that its authors' code has. With a Wasserstein loss G then
    minimises a LeCam divergence, which is more robust where images are few.

    The running means are exponential, over all images so far: the weight that a mean lacks because it begins at 0 is
    divided out, as Adam does (Kingma & Ba 2015, section 3), and LeCam's authors do for StyleGAN2. Before the first
    step they are 0.

    Args:
        around: Device and dtype of D's logits.
        weight: Strength.
        half_life_nimg: Images after which an old mean counts half.
    """

    def __init__(self, around: Surroundings, *, weight: float, half_life_nimg: float):
        self.weight = weight
        self.half_life_nimg = half_life_nimg
        # Of real images, of generated ones, and the weight of both.
        self._means = torch.zeros(3, device=around.device, dtype=around.dtype)

    @property
    def means(self) -> tuple[Tensor, Tensor]:
        """The running means of D's logits on real and on generated images."""
        weight = self._means[2].clamp(min=torch.finfo(self._means.dtype).tiny)
        return self._means[0] / weight, self._means[1] / weight

    def terms(self, judged: Judged) -> dict[str, Term]:
        mean_real, mean_fake = self.means
        real, fake = judged.on_real.logits, judged.on_fake.logits
        squares = (real - mean_fake).square().mean() + (fake - mean_real).square().mean()
        return {"lecam": Term(squares, self.weight)}

    def observe(self, logit_real: Tensor, logit_fake: Tensor, images: float) -> None:
        new = torch.stack((logit_real, logit_fake, torch.ones_like(logit_real))).to(self._means.dtype)
        self._means = torch.lerp(self._means, new, 1 - 0.5 ** (images / self.half_life_nimg))

    def state_dict(self) -> dict[str, Tensor]:
        return {"means": self._means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._means = state["means"].to(self._means)


#: Regularisers by their section of ``loss`` in the configuration.
REGULARISERS: dict[str, Callable[..., Regulariser]] = {"consistency": Consistency, "lecam": LeCam}

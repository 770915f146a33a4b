"""Sections for random changes of all images that D sees."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from acgan.config.base import BaseConfig, Positive, ScheduledProbability


class DiffAugmentConfig(BaseConfig):
    """DiffAugment: changes of colour, shifts and cutouts on all images that D sees, in the steps of D and of G."""

    #: Keys of ``data`` that the augmentation takes too.
    data_keys: ClassVar[tuple[str, ...]] = ()
    #: DiffAugment has no target: its p is set.
    target: ClassVar[None] = None
    adjust_nimg: ClassVar[int] = 1
    kind: Literal["diff_augment"]
    policy: list[Literal["color", "translation", "cutout"]] = Field(
        ["color", "translation", "cutout"], min_length=1, max_length=3
    )
    """Changes that are switched on."""
    p: ScheduledProbability = 1.0
    """Probability of each change for each image, a number or a schedule; 1 in the paper."""


class ADAConfig(BaseConfig):
    """Adaptive augmentation (ADA): its probability p rises while D overfits, and falls otherwise."""

    data_keys: ClassVar[tuple[str, ...]] = ("mirror",)
    kind: Literal["ada"]
    groups: list[Literal["blit", "geometry", "color"]] = Field(
        ["blit", "geometry", "color"], min_length=1, max_length=3
    )
    """blit: flips (by data.mirror), quarter turns, shifts; geometry: scaling, rotation, stretching; color: colours."""
    target: Annotated[float, Field(gt=0, lt=1)] | None = 0.6
    """p rises while the mean sign of D's logits on real images (of real - generated, if relativistic) is above target,
    else falls; null: p is set by hand."""
    adjust_nimg: Positive = 500_000
    """Images that p needs to rise from 0 to 1; lower adapts faster."""
    p: ScheduledProbability | None = None
    """Probability of each change for each image, a number or a schedule; only if target is null."""

    @model_validator(mode="after")
    def _one_of_two(self) -> ADAConfig:
        if (self.p is None) == (self.target is None):
            raise ValueError(
                f"found p {self.p} and target {self.target}; expected one of them, the other null: a probability that "
                "is set, or one that follows the target"
            )
        return self


DiscriminatorAugmentConfig = Annotated[DiffAugmentConfig | ADAConfig, Field(discriminator="kind")]

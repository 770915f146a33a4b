"""The configuration of what is minimised."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from acgan.config.base import (
    BaseConfig,
    NonNegative,
    Points,
    Positive,
    PositiveFloat,
    ScheduledPositive,
    Share,
)


class AdversarialConfig(BaseConfig):
    """The real/fake loss."""

    kind: Literal["bce", "hinge", "wgan_gp", "relativistic"] = "relativistic"
    """bce: the paper's, non-saturating. wgan_gp: Wasserstein, with the gradient penalty. relativistic: in pairs."""
    #: Kinds that are unbounded without a penalty, each with the kind of that penalty.
    needed_penalties: ClassVar[dict[str, str]] = {"wgan_gp": "gradient_penalty"}


class BaseClassificationConfig(BaseConfig):
    """A classification loss: its section has `kind`, the two weights, and what its class and the head take."""

    #: Keys that the head takes; the loss takes the others, but for the kind and the weights.
    head_keys: ClassVar[tuple[str, ...]] = ("unit_norm",)
    #: Whether it compares the images of a batch with each other, so that they must be in one portion.
    compares_images: ClassVar[bool] = False
    kind: str  # declared here so that it is listed first
    weight_d: NonNegative = 1.0
    """Weight of the class loss in D's sum."""
    weight_g: NonNegative = 0.3
    """Weight of the class loss in G's sum."""


class CrossEntropyConfig(BaseClassificationConfig):
    """AC-GAN: cross-entropy of the auxiliary head's logits."""

    kind: Literal["cross_entropy"]
    on_fake: bool = False
    """Whether D learns the class on generated images too, as in the paper, or on real ones alone."""
    label_smoothing: Share = 0.0
    """Share of the target that is spread evenly over all classes, in D's step."""
    unit_norm: bool = False
    """The head reads features brought to length one, which bounds the gradient of the class loss."""


class TACConfig(BaseClassificationConfig):
    """TAC-GAN: a twin head learns the class of generated images, and G is to leave it guessing."""

    kind: Literal["tac"]
    weight_g: NonNegative = 1.0
    """Weight of the class loss in G's sum."""
    bounded: bool = True
    """What G gains from the twin ends at a guess, log K for each image; false is the paper's, unbounded below."""
    unit_norm: bool = False
    """The heads read features brought to length one, which bounds the gradient of the class loss."""


class ADCConfig(BaseClassificationConfig):
    """ADC-GAN: 2K classes, each real or generated; G is to move its images from one to the other."""

    kind: Literal["adc"] = "adc"
    weight_g: NonNegative = 0.5
    """Weight of the class loss in G's sum."""
    unit_norm: bool = False
    """The head reads features brought to length one, which bounds the gradient of the class loss."""


class DataToDataConfig(BaseClassificationConfig):
    """ReACGAN: data-to-data cross-entropy of unit-norm embeddings and class proxies."""

    head_keys = ("embedding_dim",)
    compares_images = True
    kind: Literal["d2d_ce"]
    weight_d: NonNegative = 0.5
    """Weight of the class loss in D's sum."""
    weight_g: NonNegative = 0.5
    """Weight of the class loss in G's sum."""
    embedding_dim: Positive = 512
    """Size of the embedding."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.98
    """m_p: cosine with the own proxy beyond which nothing is gained. Cosines with other classes count above 1 - m_p."""
    temperature: PositiveFloat = 0.5
    """tau: what cosines are divided by."""


ClassificationConfig = Annotated[
    CrossEntropyConfig | TACConfig | ADCConfig | DataToDataConfig,
    Field(discriminator="kind"),
]


class BasePenaltyConfig(BaseConfig):
    """A penalty of D: its section has `kind`, `of`, `every`, its strength, and what its class takes."""

    #: Of its strength, which a schedule may give.
    strength_key: ClassVar[str]
    kind: str  # declared here so that it is listed first

    @property
    def strength(self) -> float | Points:
        """What the penalty is multiplied by."""
        strength: float | Points = getattr(self, self.strength_key)
        return strength


class ZeroCenteredPenaltyConfig(BasePenaltyConfig):
    """gamma/2 E|grad_x f(x)|^2 on real images (R1), generated ones (R2) or both."""

    strength_key = "gamma"
    kind: Literal["zero_centered"] = "zero_centered"
    on: list[Literal["real", "fake"]] = Field(["real", "fake"], min_length=1, max_length=2)
    """Which images."""
    gamma: ScheduledPositive = 0.5
    """Strength."""
    of: Literal["adversarial", "objective"] = "objective"
    """Of D's adversarial logit alone, or of all that G's loss depends on, class terms too: which keeps that smooth."""
    every: Positive = 4
    """Computed once every this many D steps, and then multiplied by this number."""

    @field_validator("on")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("expected each side once")
        return value


class GradientPenaltyConfig(BasePenaltyConfig):
    """weight E(|grad_x f(x)| - 1)^2 on random mixtures of real and generated images (WGAN-GP)."""

    strength_key = "weight"
    kind: Literal["gradient_penalty"]
    weight: ScheduledPositive = 10.0
    """Strength."""
    of: Literal["adversarial", "objective"] = "adversarial"
    """Of D's adversarial logit alone, or of all that G's loss depends on, class terms too: which keeps that smooth."""
    every: Positive = 1
    """Computed once every this many D steps, and then multiplied by this number."""


PenaltyConfig = Annotated[ZeroCenteredPenaltyConfig | GradientPenaltyConfig, Field(discriminator="kind")]


class ConsistencyConfig(BaseConfig):
    """Balanced consistency: D's logit may not change where an image is shifted (or mirrored, by data.mirror)."""

    weight_real: NonNegative = 10.0
    """Weight of the squared change on real images (CR)."""
    weight_fake: NonNegative = 10.0
    """Weight of it on generated ones; with both it is bCR."""
    shift: Share = 0.125
    """Images are moved by up to this share of their side, either way."""


class LeCamConfig(BaseConfig):
    """LeCam: D's logits stay near the running mean of those on the other side, for few images."""

    weight: PositiveFloat = 0.3
    """Strength: 0.3 is the paper's for BigGAN with the hinge loss; with StyleGAN2 and R1 its authors took 1e-6."""
    half_life_nimg: Positive = 4_000
    """Half-life of the running means."""


class LossConfig(BaseConfig):
    """The terms that are summed."""

    adversarial: AdversarialConfig = AdversarialConfig()
    """Real or fake."""
    classification: ClassificationConfig | None = ADCConfig()
    """Which class; null leaves it to model.discriminator.projection."""
    penalty: PenaltyConfig | None = ZeroCenteredPenaltyConfig()
    """Penalty on D's input gradient."""
    consistency: ConsistencyConfig | None = None
    """Consistency of D's logits under small changes of the images."""
    lecam: LeCamConfig | None = None
    """Regularisation of D's logits towards their running means."""

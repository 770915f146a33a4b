"""The configuration of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import InitErrorDetails

from acgan.config.base import (
    BaseConfig,
    Every,
    Kinds,
    NonNegative,
    Points,
    Positive,
    PositiveFloat,
    ScheduledPositive,
    Share,
    Width,
)


class BaseAdversarialConfig(BaseConfig):
    """An adversarial loss: `kind`, and the keywords of its class."""

    #: Kinds that are unbounded without a penalty, each with the kind of penalty that it needs.
    needed_penalties: ClassVar[Mapping[str, str]] = {}
    kind: str  # declared here so that it is listed first


class AdversarialConfig(BaseAdversarialConfig):
    """The real/fake loss."""

    needed_penalties: ClassVar[Mapping[str, str]] = {"wgan_gp": "gradient_penalty"}
    kind: Literal["bce", "hinge", "wgan_gp", "relativistic"] = "relativistic"
    """bce: cross-entropy as in the paper; hinge; wgan_gp: Wasserstein; relativistic: real and generated in pairs."""


ADVERSARIAL_KINDS = Kinds(AdversarialConfig)


class BaseClassificationConfig(BaseConfig):
    """A classification loss: `kind`, the two weights, and the keywords of the loss and of the head."""

    #: Keys for the head; the others go to the loss, except the kind and the weights.
    head_keys: ClassVar[tuple[str, ...]] = ("unit_norm",)
    #: True if the loss compares the images of a batch with each other, so that micro-batches are impossible.
    compares_images: ClassVar[bool] = False
    #: True if the loss also tells real images from generated ones, so that it can do without an adversarial loss.
    tells_real: ClassVar[bool] = False
    kind: str  # declared here so that it is listed first
    weight_d: NonNegative = 1.0
    """Weight of the class loss in D's sum."""
    weight_g: NonNegative = 0.3
    """Weight of the class loss in G's sum."""

    @property
    def term_weights(self) -> dict[str, tuple[float, float]]:
        """Weights in D's and in G's sum of terms, by name, that have others than ``weight_d`` and ``weight_g``."""
        return {}

    @classmethod
    def part_keys(cls) -> set[str]:
        return super().part_keys() - {"weight_d", "weight_g", *cls.head_keys}


class CrossEntropyConfig(BaseClassificationConfig):
    """AC-GAN: cross-entropy of the auxiliary head's logits."""

    head_keys = ("unit_norm", "bias")
    kind: Literal["cross_entropy"]
    on_fake: bool = False
    """Train D's class head on generated images too, as in the paper; false: on real images only."""
    label_smoothing: Share = 0.0
    """Share of D's target that is spread evenly over all classes; G's target stays sharp."""
    unit_norm: bool = False
    """Scale the features to length one before the class head, which bounds the gradient of the class loss."""
    bias: bool = True
    """Biases of the class head."""


class TACConfig(BaseClassificationConfig):
    """TAC-GAN: a second head, the twin, learns the class of generated images; G is trained to confuse it."""

    head_keys = ("unit_norm", "bias")
    kind: Literal["tac"]
    weight_g: NonNegative = 1.0
    """Weight of the class loss in G's sum."""
    twin_weight_d: NonNegative | None = None
    """Weight of the twin's loss in D's sum; null: weight_d, as in the paper."""
    twin_weight_g: NonNegative | None = None
    """Weight of the twin's term in G's sum; null: weight_g, as in the paper."""
    on_fake: bool = False
    """Train D's class head on generated images too, as in the paper's equation; its authors' code does not."""
    bounded: bool = True
    """Limit G's gain from the twin to log K per image, the loss of a guess; false: the paper's unbounded loss."""
    unit_norm: bool = False
    """Scale the features to length one before the class heads, which bounds the gradient of the class loss."""
    bias: bool = True
    """Biases of the class heads."""

    @property
    def term_weights(self) -> dict[str, tuple[float, float]]:
        return {
            "twin_fake": (
                self.weight_d if self.twin_weight_d is None else self.twin_weight_d,
                self.weight_g if self.twin_weight_g is None else self.twin_weight_g,
            )
        }

    @classmethod
    def part_keys(cls) -> set[str]:
        return super().part_keys() - {"twin_weight_d", "twin_weight_g"}


class ADCConfig(BaseClassificationConfig):
    """ADC-GAN: the head tells 2K classes apart, K real and K generated; G's images should pass as the real ones."""

    head_keys = ("unit_norm", "bias", "joint")
    kind: Literal["adc"] = "adc"
    weight_g: NonNegative = 0.5
    """Weight of the class loss in G's sum."""
    unit_norm: bool = False
    """Scale the features to length one before the class head, which bounds the gradient of the class loss."""
    bias: bool = True
    """Biases of the class head."""
    joint: bool = False
    """One layer for all 2K classes, so that spectral normalisation is of both halves together; false: of each."""


class DataToDataConfig(BaseClassificationConfig):
    """ReACGAN: data-to-data cross-entropy; embeddings go near their class's proxy and away from other classes."""

    head_keys = ("embedding_dim",)
    compares_images = True
    kind: Literal["d2d_ce"]
    weight_d: NonNegative = 0.5
    """Weight of the class loss in D's sum."""
    weight_g: NonNegative = 0.5
    """Weight of the class loss in G's sum."""
    embedding_dim: Width = 512
    """Size of the embedding that is compared with the class proxies."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.98
    """m_p: no gain from a cosine with the own proxy above m_p, or with images of other classes below 1 - m_p."""
    temperature: PositiveFloat = 0.5
    """tau: divisor of the cosines; lower is sharper."""


_Classification = CrossEntropyConfig | TACConfig | ADCConfig | DataToDataConfig
CLASSIFICATION_KINDS = Kinds(_Classification)


class BasePenaltyConfig(BaseConfig):
    """A penalty of D: `kind`, `of`, `every`, its strength, and the keywords of its class."""

    #: Key of the strength, which may follow a schedule.
    strength_key: ClassVar[str]
    #: True if the penalty compares the images of a batch with each other, so that micro-batches are impossible.
    compares_images: ClassVar[bool] = False
    kind: str  # declared here so that it is listed first

    @property
    def strength(self) -> float | Points:
        """Factor of the penalty."""
        strength: float | Points = getattr(self, self.strength_key)
        return strength

    @classmethod
    def part_keys(cls) -> set[str]:
        return super().part_keys() - {"of", "every", cls.strength_key}


class ZeroCenteredPenaltyConfig(BasePenaltyConfig):
    """Zero-centred gradient penalty: gamma/2 E|grad_x f(x)|^2 on real images (R1), generated ones (R2) or both."""

    strength_key = "gamma"
    kind: Literal["zero_centered"] = "zero_centered"
    on: list[Literal["real", "fake"]] = Field(["real", "fake"], min_length=1, max_length=2)
    """Images that the penalty is taken on: real (R1), fake (R2) or both."""
    gamma: ScheduledPositive = 0.5
    """Strength of the penalty, a number or a schedule; higher for few images."""
    of: Literal["adversarial", "objective"] = "objective"
    """adversarial keeps D's adversarial logit smooth; objective all that G's loss uses, class terms too."""
    every: Every = 4
    """Compute the penalty in one of this many D steps, multiplied by this number, to save time."""

    @field_validator("on")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("expected each side once")
        return value


class GradientPenaltyConfig(BasePenaltyConfig):
    """WGAN-GP's gradient penalty: weight E(|grad_x f(x)| - 1)^2 on random mixtures of real and generated images."""

    strength_key = "weight"
    kind: Literal["gradient_penalty"]
    weight: ScheduledPositive = 10.0
    """Strength of the penalty (the paper's lambda), a number or a schedule."""
    of: Literal["adversarial", "objective"] = "adversarial"
    """adversarial keeps D's adversarial logit smooth; objective all that G's loss uses, class terms too."""
    every: Every = 1
    """Compute the penalty in one of this many D steps, multiplied by this number, to save time."""


_Penalty = ZeroCenteredPenaltyConfig | GradientPenaltyConfig
PENALTY_KINDS = Kinds(_Penalty)


class BaseRegulariserConfig(BaseConfig):
    """A regulariser of D: the keywords of its class."""

    #: True if it reads D's adversarial logit, so that it needs an adversarial loss.
    reads_logit: ClassVar[bool] = True


class ConsistencyConfig(BaseRegulariserConfig):
    """Balanced consistency: D's logit should stay the same when an image is shifted (and mirrored, by data.mirror)."""

    weight_real: NonNegative = 10.0
    """Weight of the squared change of D's logit on real images (CR)."""
    weight_fake: NonNegative = 10.0
    """Weight of the squared change on generated images; with both weights it is bCR."""
    shift: Share = 0.125
    """Move images by up to this share of their side, in any direction."""


class LeCamConfig(BaseRegulariserConfig):
    """LeCam: keeps D's logits on real images near the running mean of those on generated ones, and vice versa."""

    weight: PositiveFloat = 0.3
    """Strength. The authors use 0.3 for BigGAN with the hinge loss, and 1e-6 for StyleGAN2 with R1."""
    half_life_nimg: Positive = 4_000
    """Half-life of the running means of the logits, in images."""


class LossConfig(BaseConfig):
    """The losses of D and G, which are summed."""

    model_config = ConfigDict(extra="allow")  # those registered: others are refused below
    #: Keys of regularisers that scripts registered.
    registered: ClassVar[dict[str, FieldInfo]] = {}
    adversarial: Annotated[AdversarialConfig, ADVERSARIAL_KINDS] | None = AdversarialConfig()
    """The real/fake loss; null only where the class loss tells real from generated images too."""
    classification: Annotated[_Classification, CLASSIFICATION_KINDS] | None = ADCConfig()
    """The class loss; null: only model.discriminator.projection tells G the class."""
    penalty: Annotated[_Penalty, PENALTY_KINDS] | None = ZeroCenteredPenaltyConfig()
    """Penalty on D's input gradient."""
    consistency: ConsistencyConfig | None = None
    """Consistency of D's logits when images are shifted a little."""
    lecam: LeCamConfig | None = None
    """Regularisation of D's logits towards their running means."""

    @property
    def regularisers(self) -> dict[str, BaseRegulariserConfig]:
        """The sections of the regularisers that are on, by key."""
        return {key: one for key, one in self if isinstance(one, BaseRegulariserConfig)}

    @model_validator(mode="wrap")
    @classmethod
    def _with_registered(cls, values: Any, handler: ModelWrapValidatorHandler[LossConfig]) -> LossConfig:
        """Validate the sections of registered regularisers, and refuse keys that nobody registered."""
        if not isinstance(values, Mapping):
            return handler(values)
        kept, problems = dict(values), list[InitErrorDetails]()
        for key in values.keys() - cls.model_fields.keys():
            value = kept.pop(key)
            if key not in cls.registered:
                problems.append(InitErrorDetails(type="extra_forbidden", loc=(key,), input=value))
            elif value is not None:
                section: Any = cls.registered[key].annotation
                try:
                    kept[key] = section.model_validate(value)
                except ValidationError as error:
                    problems += _details(error, key)
        try:
            loss = handler(kept)
        except ValidationError as error:
            problems = [*_details(error), *problems]
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return loss


def _details(error: ValidationError, *prefix: str) -> list[InitErrorDetails]:
    """The problems of an error, to raise again with others, below a key."""
    return [
        InitErrorDetails(
            type=one["type"], loc=(*prefix, *one["loc"]), input=one["input"], ctx=one.get("ctx", {})
        )
        for one in error.errors(include_url=False)
    ]

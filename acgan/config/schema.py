"""The configuration of a run: every key with its meaning, default and range, declared here and nowhere else.

Time is counted in images (``_nimg``), ``null`` means off or inferred, unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _class_name(value: object) -> object:
    """YAML reads an unquoted ``0`` as a number, which is clear, and ``no`` as a truth value, which is not."""
    if isinstance(value, bool):
        raise ValueError(f"YAML read a class name as the truth value {value}; put it in quotes")
    return str(value) if isinstance(value, int) else value


ClassName = Annotated[str, BeforeValidator(_class_name)]


class Section(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class DataConfig(Section):
    """The labelled images."""

    source: str = "digits"
    """A folder of class folders, a zip of it, a .csv, an .npz, or a built-in set as NAME[:ROOT]."""
    root: str | None = None
    """Where built-in sets lie or are downloaded to; null is the cache folder."""
    classes: list[ClassName | dict[ClassName, list[ClassName]]] | None = None
    """Picks, orders and merges classes: [dog, {pets: [cat, hamster]}]; null takes all, sorted by code point."""
    resolution: Literal[16, 32, 64, 128, 256] | None = None
    """Side of the square images in pixels; null chooses it from the images."""
    channels: Literal[1, 3] | None = None
    """1 gray, 3 RGB; null takes 1 only where every image is gray."""
    fit: Literal["crop", "pad"] = "crop"
    """How an image becomes square: centre crop, or padding with its border's colour."""
    on_error: Literal["stop", "skip"] = "stop"
    """What to do about a broken image: stop, or skip it and list it."""
    mirror: bool = False
    """Whether images are flipped left to right at random; only for classes that it does not change."""
    balance: bool = False
    """Whether batches hold every class equally often, however many images it has."""
    max_per_class: Positive | None = None
    """Train on at most so many images of each class, a choice seeded by `split_seed`; null takes all."""
    test_share: Share = 0.15
    """Share of each class that is held out where the source has no test split of its own."""
    split_seed: Annotated[int, Field(ge=0)] = 0
    """Of the choice of what is held out; apart from `seed`, so that runs of several seeds train on the same images."""
    validation_share: Share = 0.0
    """Share of each class's training images that is held out to evaluate on while training, and to choose by."""


class PaperGenerator(Section):
    """The AC-GAN paper's: latent and one-hot label concatenated, transposed convolutions, BatchNorm."""

    kind: Literal["paper"]


class DCGANGenerator(Section):
    """DCGAN: latent and label embedding concatenated, 4x4 transposed convolutions, BatchNorm."""

    kind: Literal["dcgan"]
    channels: Positive = 64
    """Feature maps of the last hidden layer; they double with each halving of the side, up to 8 times."""


class ResNetGenerator(Section):
    """Residual blocks; class and latent enter every block through conditional normalisation."""

    kind: Literal["resnet"] = "resnet"
    channels: Positive = 32
    """Feature maps at full resolution; they double with each halving of the side."""
    max_channels: Positive = 128
    """Upper bound of the feature maps of a layer."""
    class_dim: Positive = 64
    """Size of the class embedding."""


class PaperDiscriminator(Section):
    """The AC-GAN paper's: six 3x3 convolutions, BatchNorm, LeakyReLU, dropout."""

    kind: Literal["paper"]
    dropout: Share = 0.5
    """Dropout probability after each convolution."""


class DCGANDiscriminator(Section):
    """DCGAN: 4x4 stride-2 convolutions, BatchNorm, LeakyReLU."""

    kind: Literal["dcgan"]
    channels: Positive = 64
    """Feature maps of the first layer; they double with each halving of the side, up to 8 times."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer, in place of BatchNorm."""


class ResNetDiscriminator(Section):
    """Residual blocks without normalisation over the batch."""

    kind: Literal["resnet"] = "resnet"
    channels: Positive = 32
    """Feature maps at full resolution; they double with each halving of the side."""
    max_channels: Positive = 128
    """Upper bound of the feature maps of a layer."""
    spectral_norm: bool = False
    """Spectral normalisation of every layer."""


Generator = Annotated[
    Union[PaperGenerator, DCGANGenerator, ResNetGenerator], Field(discriminator="kind")  # noqa: UP007
]
Discriminator = Annotated[
    Union[PaperDiscriminator, DCGANDiscriminator, ResNetDiscriminator],  # noqa: UP007
    Field(discriminator="kind"),
]


class ModelConfig(Section):
    """The two networks."""

    latent_dim: Positive = 64
    """Size of the latent vector z."""
    generator: Generator = ResNetGenerator()
    """The class-conditional generator."""
    discriminator: Discriminator = ResNetDiscriminator()
    """Trunk, adversarial head and AuxHead."""


class AdversarialConfig(Section):
    """The real/fake loss."""

    kind: Literal["bce", "hinge", "wgan_gp", "relativistic"] = "relativistic"
    """bce: the paper's, non-saturating. wgan_gp: Wasserstein, with the gradient penalty. relativistic: in pairs."""


class CrossEntropyConfig(Section):
    """Cross-entropy of the auxiliary head's logits."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    on_fake: bool = False
    """Whether D learns the class on generated images too, as in the paper, or on real ones alone."""
    weight_d: NonNegative = 1.0
    """Weight of the class loss in D's sum."""
    weight_g: NonNegative = 0.3
    """Weight of the class loss in G's sum."""
    label_smoothing: Share = 0.0
    """Share of the target that is spread evenly over all classes, in D's step."""


class ZeroCenteredPenalty(Section):
    """gamma/2 E|grad_x adv(x)|^2 on real images (R1), generated ones (R2) or both."""

    kind: Literal["zero_centered"] = "zero_centered"
    on: list[Literal["real", "fake"]] = Field(["real", "fake"], min_length=1, max_length=2)
    """Which images."""
    gamma: PositiveFloat = 0.5
    """Strength."""
    every: Positive = 4
    """Computed every so many D steps, and then multiplied by it."""


class GradientPenalty(Section):
    """weight E(|grad_x adv(x)| - 1)^2 on random mixtures of real and generated images (WGAN-GP)."""

    kind: Literal["gradient_penalty"]
    weight: PositiveFloat = 10.0
    """Strength."""
    every: Positive = 1
    """Computed every so many D steps, and then multiplied by it."""


Penalty = Annotated[Union[ZeroCenteredPenalty, GradientPenalty], Field(discriminator="kind")]  # noqa: UP007


class LossConfig(Section):
    """The terms that are summed."""

    adversarial: AdversarialConfig = AdversarialConfig()
    """Real or fake."""
    classification: CrossEntropyConfig = CrossEntropyConfig()
    """Which class."""
    penalty: Penalty | None = ZeroCenteredPenalty()
    """Penalty on D's input gradient."""


class AdamConfig(Section):
    """Adam for one network."""

    lr: PositiveFloat = 5.0e-4
    """Learning rate."""
    betas: tuple[Share, Share] = (0.0, 0.99)
    """Decay of the running means of the gradient and of its square."""
    eps: PositiveFloat = 1.0e-8
    """Added to the denominator."""


class OptimConfig(Section):
    """The two optimisers."""

    generator: AdamConfig = AdamConfig()
    """G's."""
    discriminator: AdamConfig = AdamConfig()
    """D's."""


class ComputeConfig(Section):
    """In what portions and how it is computed."""

    batch_size: Positive = 64
    """Images a batch, over all processes."""
    micro_batch: Positive | None = None
    """Images at once on one process, gradients accumulating to the batch; null is all. BatchNorm sees them alone."""
    precision: Literal["auto", "float32", "bf16", "float64"] = "auto"
    """Of the networks; auto is bf16 where it is native, else float32. Losses and penalties are float32 or more."""
    compile: bool = False
    """torch.compile of the networks: pays on GPUs."""
    threads: Positive | None = None
    """CPU threads; null is torch's choice. Saved with the run, because bits depend on it."""


class TrainConfig(ComputeConfig):
    """How long and in what portions."""

    total_nimg: Positive = 300_000
    """Length of the training in real images shown: the global batch, counted once an iteration."""
    d_steps: Positive = 1
    """Discriminator steps for each generator step."""
    ema_half_life_nimg: NonNegative = 5_000
    """Half-life of the running mean of G's weights, which is what is sampled; 0 is no mean."""
    ema_ramp_up: PositiveFloat | None = 0.1
    """At the start the half-life is at most this share of the images shown so far; null is no ramp-up."""
    patience_nimg: Positive | None = None
    """Stop after so many images without a better score on the validation images; null never does."""


class IntervalsConfig(Section):
    """How often what happens besides training."""

    log_nimg: Positive = 2_000
    """Losses to the terminal, stats.jsonl and TensorBoard."""
    sample_nimg: Positive = 20_000
    """A grid of samples."""
    evaluate_nimg: Positive = 50_000
    """The collapse monitor, and the score on the validation images."""
    checkpoint_nimg: Positive = 50_000
    """A checkpoint and generator.safetensors."""


class MonitorConfig(Section):
    """The collapse monitor: compares samples of each class with as many real images of it."""

    num_per_class: Annotated[int, Field(ge=0)] = 100
    """Samples a class, at most as many as it has real images; 0 switches the monitor off."""
    max_duplicates: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Warn where a larger share of a class's samples are near-duplicates of each other."""
    min_coverage: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Warn where the samples cover a smaller share of a class's real images."""


class EvaluateConfig(Section):
    """The score on the validation images, every `every.evaluate_nimg`; the best generator is chosen by it."""

    extractor: str | None = "auto"
    """inception, a shipped classifier, a run or file of one; null: none; auto: the shipped, else Inception off CPUs."""
    num_images: Annotated[int, Field(ge=2)] = 2000
    """Samples, in classes as the validation images are; it is part of the score's name."""


class RunConfig(Section):
    """Everything that `acgan train` can be told."""

    #: Keys, and sections as prefixes, that a run may be resumed with although they changed.
    harmless: ClassVar[tuple[str, ...]] = (
        "description",
        "train.total_nimg",
        "train.patience_nimg",
        "every.",
        "evaluate.",
    )

    task: Literal["gan"] = "gan"
    """What is trained."""
    description: str = ""
    """What this is for, in a line; said when a training starts."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of every random draw."""
    data: DataConfig = DataConfig()
    """The labelled images."""
    model: ModelConfig = ModelConfig()
    """The networks."""
    loss: LossConfig = LossConfig()
    """What is minimised."""
    optim: OptimConfig = OptimConfig()
    """Adam's settings."""
    train: TrainConfig = TrainConfig()
    """Length and portions."""
    every: IntervalsConfig = IntervalsConfig()
    """Intervals, in images."""
    monitor: MonitorConfig = MonitorConfig()
    """The collapse monitor."""
    evaluate: EvaluateConfig = EvaluateConfig()
    """The score on the validation images."""

    @model_validator(mode="after")
    def _parts_fit(self) -> RunConfig:
        adversarial, penalty, d = self.loss.adversarial.kind, self.loss.penalty, self.model.discriminator
        if adversarial == "wgan_gp" and not isinstance(penalty, GradientPenalty):
            raise ValueError(
                "loss.adversarial.kind is wgan_gp, whose loss is unbounded without its gradient penalty; "
                "expected loss.penalty: {kind: gradient_penalty}"
            )
        has_batch_norm = d.kind == "paper" or (d.kind == "dcgan" and not d.spectral_norm)
        if penalty is not None and has_batch_norm:
            remedy = "" if d.kind == "paper" else ", or model.discriminator.spectral_norm: true"
            raise ValueError(
                f"loss.penalty needs the gradient of each image by itself, but model.discriminator.kind {d.kind} "
                f"mixes the images of a batch in BatchNorm; expected loss.penalty: null{remedy}, "
                "or model.discriminator.kind: resnet"
            )
        check_portions(self.train)
        if self.train.patience_nimg is not None and not (
            self.evaluate.extractor and self.data.validation_share
        ):
            raise ValueError(
                "train.patience_nimg goes by the score on validation images, and there is none; expected "
                "data.validation_share above 0 and an evaluate.extractor"
            )
        return self


def check_portions(train: ComputeConfig) -> None:
    """Refuse portions that do not make up a batch."""
    micro, batch = train.micro_batch, train.batch_size
    if micro is not None and batch % micro:
        raise ValueError(f"train.micro_batch {micro} does not divide train.batch_size {batch}")

"""The configuration of a run: every key with its meaning, default and range, declared here and nowhere else.

Time is counted in images (``_nimg``), ``null`` means off or inferred, unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Union

from pydantic import Field, model_validator

from acgan.config.base import (
    ClassName,
    Positive,
    PositiveFloat,
    ScheduledNonNegative,
    ScheduledPositive,
    ScheduledProbability,
    Section,
    Share,
)
from acgan.config.fitting import check_parts
from acgan.config.losses import LossConfig
from acgan.config.networks import ModelConfig


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
    """Whether images are flipped left to right at random: only where mirrored images keep their class."""
    balance: bool = False
    """Whether batches hold every class equally often, however many images it has."""
    max_per_class: Positive | None = None
    """Train on at most so many images of each class, a choice seeded by `split_seed`; null takes all."""
    test_share: Share = 0.15
    """Share of each class that is held out where the source has no test split of its own."""
    split_seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the held-out split; apart from `seed`, so that runs of several seeds train on the same images."""
    validation_share: Share = 0.0
    """Share of each class's training images that is held out to evaluate on while training, and to choose by."""


class AdamConfig(Section):
    """Adam for one network."""

    lr: ScheduledPositive = 5.0e-4
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


class DiffAugmentConfig(Section):
    """DiffAugment: colour, translation and cutout on all that D sees, real and generated, in both steps."""

    kind: Literal["diff_augment"]
    policy: list[Literal["color", "translation", "cutout"]] = Field(
        ["color", "translation", "cutout"], min_length=1
    )
    """What is changed."""
    p: ScheduledProbability = 1.0
    """Probability of each change for each image; the paper's is 1."""


class ADAConfig(Section):
    """Adaptive augmentation (ADA): as strong as D's overfitting asks for."""

    kind: Literal["ada"]
    groups: list[Literal["blit", "geometry", "color"]] = Field(["blit", "geometry", "color"], min_length=1)
    """What is changed: flips (by data.mirror), quarter turns and shifts; scaling, rotation and stretching; colours."""
    target: Annotated[float, Field(gt=0, lt=1)] | None = 0.6
    """p rises while the mean sign of D's logits on real images (relativistic: of real less generated) is above it, else
    falls; null leaves p as it is set."""
    adjust_nimg: Positive = 500_000
    """Images in which p can rise from 0 to 1."""
    p: ScheduledProbability | None = None
    """Probability of each change for each image, where target is null."""

    @model_validator(mode="after")
    def _one_of_two(self) -> ADAConfig:
        if (self.p is None) == (self.target is None):
            raise ValueError(
                f"found p {self.p} and target {self.target}; expected one of them, the other null: a probability that "
                "is set, or one that follows the target"
            )
        return self


Augment = Annotated[Union[DiffAugmentConfig, ADAConfig], Field(discriminator="kind")]  # noqa: UP007


class ComputeConfig(Section):
    """In what portions and how it is computed."""

    batch_size: Positive = 64
    """Images a batch, over all processes."""
    micro_batch: Positive | None = None
    """Images at once on one process, gradients accumulating to the batch; null is all. BatchNorm sees them alone."""
    precision: Literal["auto", "float32", "bf16", "float64"] = "auto"
    """Number format of the networks; auto is bf16 where it is native, else float32. Losses are float32 or more."""
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
    ema_half_life_nimg: ScheduledNonNegative = 5_000
    """Half-life of the running mean (EMA) of G's weights, which is what is sampled; 0 is no mean."""
    ema_ramp_up: PositiveFloat | None = 0.1
    """At the start the half-life is at most this share of the images shown so far; null is no ramp-up."""
    standing_nimg: Annotated[int, Field(ge=0)] = 2_000
    """Images over which the BatchNorm statistics of G's averaged weights are taken anew before sampling; 0 keeps the
    running ones of the training."""
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
    """Samples a class, 20 or more, at most as many as it has real images; 0 switches the monitor off."""
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
        "train.standing_nimg",
        "every.",
        "evaluate.",
        "monitor.",
    )

    task: Literal["gan"] = "gan"
    """What is trained."""
    description: str = ""
    """What this is for, in a line; said when a training starts."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Random seed of the training."""
    data: DataConfig = DataConfig()
    """The labelled images."""
    model: ModelConfig = ModelConfig()
    """The networks."""
    loss: LossConfig = LossConfig()
    """What is minimised."""
    augment: Augment | None = None
    """Changes of all images that D sees, against overfitting on few."""
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
        check_parts(self)
        return self

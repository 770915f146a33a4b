"""The configuration of a run: every key with its meaning, default and range, declared here and nowhere else.

Time is counted in images (``_nimg``), ``null`` means off or inferred, unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from acgan.config.augmentation import DiscriminatorAugmentConfig
from acgan.config.base import (
    BaseConfig,
    Every,
    HomePath,
    Positive,
    PositiveFloat,
    ScheduledNonNegative,
    ScheduledPositive,
    Seed,
    Share,
)
from acgan.config.losses import LossConfig
from acgan.config.networks import ModelConfig
from acgan.config.shared import ComputeConfig, DataConfig, check_micro_batch
from acgan.sides import DOUBLED, RESOLUTIONS, nearest
from acgan.types import MIN_IMAGES_PER_CLASS


class AdamConfig(BaseConfig):
    """Adam for one network."""

    lr: ScheduledPositive = 5.0e-4
    """Learning rate, a number or a schedule."""
    betas: tuple[Share, Share] = (0.0, 0.99)
    """Adam's beta1 and beta2: decay of the running means of the gradient and of its square."""
    eps: Annotated[float, Field(gt=0, le=1)] = 1.0e-8
    """Adam's epsilon, added to the denominator."""


class OptimConfig(BaseConfig):
    """The two optimisers."""

    generator: AdamConfig = AdamConfig()
    """Adam for G."""
    discriminator: AdamConfig = AdamConfig()
    """Adam for D."""


class TrainConfig(ComputeConfig):
    """Length of the training, batches, precision, and the averaged generator."""

    total_nimg: Positive = 300_000
    """Length of the training in real images shown to D; each iteration counts one batch."""
    d_steps: Every = 1
    """Discriminator steps for each generator step."""
    ema_half_life_nimg: ScheduledNonNegative = 5_000
    """Half-life in images of the running mean (EMA) of G's weights; samples come from the mean. 0: no averaging."""
    ema_ramp_up: PositiveFloat | None = 0.1
    """Limit the half-life to this share of the images shown so far, for the start of a training; null: no limit."""
    ema_start_nimg: Annotated[int, Field(ge=0, le=10**12)] = 0
    """Images until which the mean is a copy of the weights."""
    standing_nimg: Annotated[int, Field(ge=0, le=10**9)] = 2_000
    """Images from which G's BatchNorm statistics are computed anew before sampling, for the averaged weights; 0 keeps
    the running statistics of the training."""
    patience_nimg: Positive | None = None
    """Stop after this many images without a better score on the validation images; null: never."""


class IntervalsConfig(BaseConfig):
    """Intervals of logs, samples, evaluations and checkpoints, in images."""

    log_nimg: Positive = 2_000
    """Images between two log lines: losses go to the terminal, stats.jsonl and TensorBoard."""
    sample_nimg: Positive = 20_000
    """Images between two grids of samples."""
    evaluate_nimg: Positive = 50_000
    """Images between two evaluations: the collapse monitor and the score on the validation images."""
    checkpoint_nimg: Positive = 50_000
    """Images between two checkpoints; each also writes generator.safetensors."""


class MonitorConfig(BaseConfig):
    """The collapse monitor: compares samples of each class with as many real images of that class."""

    num_per_class: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Samples per class, 20 or more, but no more than its real images; 0 switches the monitor off."""
    max_duplicates: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Warn if a larger share of a class's samples are near-duplicates of each other."""
    min_coverage: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Warn if the samples cover a smaller share of a class's real images."""


class EvaluateConfig(BaseConfig):
    """The score on the validation images, every `every.evaluate_nimg` images; it chooses the best generator."""

    extractor: HomePath | None = "auto"
    """inception, a shipped classifier, a run or file of one; auto: shipped, or Inception if not on CPU; null: none."""
    num_images: Annotated[int, Field(ge=2, le=10**8)] = 2000
    """Samples for the score, with the class frequencies of the validation images; part of the score's name."""
    nearest_k: Annotated[int, Field(ge=1, le=1000)] = 5
    """For `acgan evaluate`: balls of precision, recall, density and coverage reach to this neighbour (papers: 3, 5)."""


#: Keys that end a training: those of a run stay until a command names others.
LENGTH_KEYS = ("train.total_nimg", "train.patience_nimg")


class RunConfig(BaseConfig):
    """All settings of `acgan train`."""

    #: Keys, and prefixes of sections, that may change when a run is resumed.
    harmless: ClassVar[tuple[str, ...]] = (
        "description",
        *LENGTH_KEYS,
        "train.standing_nimg",
        "train.threads",
        "every.",
        "evaluate.",
        "monitor.",
        "report",
    )
    #: Keys, besides ``data.source``, that may hold a path.
    paths: ClassVar[tuple[str, ...]] = ("data.root", "evaluate.extractor")

    task: Literal["gan"] = "gan"
    """Kind of training."""
    description: str = ""
    """Purpose of the run in one line; printed when the training starts."""
    seed: Seed = 0
    """Random seed of the training."""
    data: DataConfig = DataConfig()
    """The labelled images."""
    model: ModelConfig = ModelConfig()
    """The networks."""
    loss: LossConfig = LossConfig()
    """The losses of D and G."""
    augment: DiscriminatorAugmentConfig | None = None
    """Random changes of all images that D sees, against overfitting on few images."""
    optim: OptimConfig = OptimConfig()
    """The two optimisers."""
    train: TrainConfig = TrainConfig()
    """Length of the training, batches, precision, and the averaged generator."""
    every: IntervalsConfig = IntervalsConfig()
    """Intervals of logs, samples, evaluations and checkpoints."""
    monitor: MonitorConfig = MonitorConfig()
    """The collapse monitor."""
    evaluate: EvaluateConfig = EvaluateConfig()
    """The score on the validation images."""
    report: bool = True
    """Write RUN/report.html after the training and after each evaluation, for people."""

    @model_validator(mode="after")
    def _parts_fit(self) -> RunConfig:
        _check_resolution(self.data.resolution)
        _check_adversarial(self)
        _check_penalty(self)
        _check_classes(self)
        _check_consistency(self)
        check_micro_batch(self.train)
        _check_batch(self)
        _check_patience(self)
        _check_monitor(self)
        return self


def _check_resolution(side: int | None) -> None:
    if side is not None and side not in RESOLUTIONS:
        raise ValueError(
            f"data.resolution: found {side}; expected {RESOLUTIONS[0]} to {RESOLUTIONS[-1]}, {DOUBLED}; "
            f"{nearest(side, RESOLUTIONS)}"
        )


def _check_adversarial(config: RunConfig) -> None:
    """Without an adversarial loss there is no adversarial logit, and nothing may need it."""
    if config.loss.adversarial is not None:
        return
    classes, penalty = config.loss.classification, config.loss.penalty
    if classes is None or not classes.tells_real:
        found = "null" if classes is None else f"of kind {classes.kind}"
        raise ValueError(
            f"loss.adversarial is null, and loss.classification, {found}, does not tell real images from generated "
            "ones; expected an adversarial loss, or a class loss that does"
        )
    users = {
        "model.discriminator.projection: false": config.model.discriminator.projection,
        "loss.penalty.of: objective": penalty is not None and penalty.of == "adversarial",
        "augment.target: null, with a p": config.augment is not None and config.augment.target is not None,
        **{f"loss.{key}: null": one.reads_logit for key, one in config.loss.regularisers.items()},
    }
    expected = [remedy for remedy, uses in users.items() if uses]
    if expected:
        raise ValueError(
            "loss.adversarial is null, so that D has no adversarial logit, and some settings need it; expected "
            f"{'; '.join(expected)}"
        )


def _check_penalty(config: RunConfig) -> None:
    penalty, d = config.loss.penalty, config.model.discriminator
    adversarial = config.loss.adversarial
    needed = adversarial.needed_penalties.get(adversarial.kind) if adversarial is not None else None
    if adversarial is not None and needed is not None and (penalty is None or penalty.kind != needed):
        raise ValueError(
            f"loss.adversarial.kind is {adversarial.kind}, whose loss is unbounded without its penalty; "
            f"expected loss.penalty: {{kind: {needed}}}"
        )
    if penalty is not None and d.has_batch_norm:
        has_key = "spectral_norm" in type(d).model_fields
        remedy = ", or model.discriminator.spectral_norm: true" if has_key else ""
        raise ValueError(
            f"loss.penalty needs the gradient of each image by itself, but model.discriminator.kind {d.kind} "
            f"mixes the images of a batch in BatchNorm; expected loss.penalty: null{remedy}, "
            "or model.discriminator.kind: resnet"
        )


def _check_classes(config: RunConfig) -> None:
    """Something must tell G the class."""
    loss, d = config.loss.classification, config.model.discriminator
    if loss is None and not d.projection:
        raise ValueError(
            "loss.classification is null and model.discriminator.projection is false, so nothing tells G the "
            "class; expected one of them"
        )
    if loss is not None and not d.projection and not (loss.weight_d and loss.weight_g):
        raise ValueError(
            f"loss.classification has weight_d {loss.weight_d:g} and weight_g {loss.weight_g:g}, and "
            "model.discriminator.projection is false, so G learns nothing of the class; expected both above 0, or "
            "model.discriminator.projection: true"
        )
    if getattr(loss, "unit_norm", False) and getattr(d, "spectral_norm", False):
        raise ValueError(
            "loss.classification.unit_norm and model.discriminator.spectral_norm together bound the class logits "
            "to [-1, 1], from which no class can be told; expected one of them"
        )


def _check_consistency(config: RunConfig) -> None:
    consistency = config.loss.consistency
    if consistency is None:
        return
    if not (consistency.shift or config.data.mirror):
        raise ValueError(
            "loss.consistency.shift is 0 and data.mirror false, so no image changes; expected a shift above 0"
        )
    if not (consistency.weight_real or consistency.weight_fake):
        raise ValueError(
            "loss.consistency.weight_real and weight_fake are both 0; expected one above 0, or "
            "loss.consistency: null"
        )


def _check_batch(config: RunConfig) -> None:
    whole = (None, config.train.batch_size)
    for key, loss in (("classification", config.loss.classification), ("penalty", config.loss.penalty)):
        if loss is not None and loss.compares_images and config.train.micro_batch not in whole:
            raise ValueError(
                f"loss.{key}.kind {loss.kind} compares the images of a batch with each other; expected "
                "train.micro_batch: null"
            )


def _check_patience(config: RunConfig) -> None:
    if config.train.patience_nimg is not None and not (
        config.evaluate.extractor and config.data.validation_share
    ):
        raise ValueError(
            "train.patience_nimg goes by the score on validation images, and there is none; expected "
            "data.validation_share above 0 and an evaluate.extractor"
        )


def _check_monitor(config: RunConfig) -> None:
    num = config.monitor.num_per_class
    if 0 < num < MIN_IMAGES_PER_CLASS:
        raise ValueError(
            f"monitor.num_per_class: found {num}; expected {MIN_IMAGES_PER_CLASS} or more, for fewer samples of a "
            "class tell nothing of its diversity, or 0 for no monitor"
        )

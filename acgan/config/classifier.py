"""The configuration of a classifier's run: every key with its meaning, default and range.

The sections that GANs have too are in ``acgan.config.shared``.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from acgan.config.base import (
    BaseConfig,
    ClassName,
    HomePath,
    NonNegative,
    Positive,
    PositiveFloat,
    Seed,
    Share,
    Width,
)
from acgan.config.shared import ComputeConfig, DataConfig, check_micro_batch
from acgan.sides import MAX_SIDE, MIN_SIDE


class SmallBackboneConfig(BaseConfig):
    """A small convolutional network, for 16 to 64 px."""

    kind: Literal["small"] = "small"
    channels: Width = 32
    """Feature maps of the first layer; the network ends with 4 times as many features."""


class TorchvisionBackboneConfig(BaseConfig):
    """A classification network from torchvision."""

    kind: Literal["torchvision"]
    name: str = "resnet18"
    """Name of the network, such as inception_v3, resnet18, convnext_tiny, vit_b_16."""
    pretrained: bool = False
    """Start from torchvision's ImageNet weights; images are then normalised as for ImageNet."""
    weights: HomePath | None = None
    """A file with a state dict of that network to start from; a checkpoint of another training is unwrapped."""


class DiscriminatorBackboneConfig(BaseConfig):
    """The trunk of a trained discriminator, with its AuxHead if the classes are the same."""

    kind: Literal["discriminator"]
    run: HomePath
    """Run directory of `acgan train` with the discriminator."""
    trained: bool = True
    """Start from its weights; false takes only the architecture."""


BackboneConfig = Annotated[
    SmallBackboneConfig | TorchvisionBackboneConfig | DiscriminatorBackboneConfig,
    Field(discriminator="kind"),
]


class ClassifierModelConfig(BaseConfig):
    """The network: a backbone, a main AuxHead at its end, and auxiliary AuxHeads at layers inside."""

    backbone: BackboneConfig = SmallBackboneConfig()
    """The network that computes the features."""
    aux: dict[str, NonNegative] | None = None
    """Layers with an auxiliary head, each with its loss weight; null: those of Inception and GoogLeNet, else none."""
    head: Literal["linear", "stem"] = "linear"
    """Auxiliary heads: linear averages the map, then one linear layer; stem is GoogLeNet's, with a hidden layer."""
    dropout: Share = 0.0
    """Dropout probability before the main head's linear layer."""
    freeze: str = "none"
    """Part not trained: none, backbone, or until:LAYER (that layer and all before). Its statistics stay too."""


class AugmentConfig(BaseConfig):
    """Random changes of the training images, besides data.mirror."""

    shift: Share = 0.0
    """Move each image by up to this share of its side, in any direction; the edges are reflected."""
    rotate_deg: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Rotate each image by up to this many degrees, either way."""
    zoom: Share = 0.0
    """Scale each image by a factor between 1 - zoom and 1 + zoom."""
    erase: Share = 0.0
    """Paint a random square gray; its side is this share of the image's side."""
    color: Share = 0.0
    """Change brightness, contrast and saturation by up to this share."""


class SyntheticConfig(BaseConfig):
    """Images of a trained generator, added to the training images by class name."""

    run: HomePath
    """A run directory of `acgan train`, or its generator.safetensors."""
    num_per_class: Positive | Literal["balance"] | None = None
    """Generated images per class; balance fills each class up to the largest; null takes the size of the largest."""
    seed: Seed = 0
    """Random seed of the generated images."""


class ClassifierLossConfig(BaseConfig):
    """Cross-entropy of every head, weighted and summed."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread evenly over all classes, against overconfidence."""
    class_weights: Literal["balanced"] | dict[ClassName, PositiveFloat] | None = None
    """Loss weight of each class; balanced: in inverse proportion to its images; {cat: 2}: cat has twice the others'."""


class AdamWConfig(BaseConfig):
    """AdamW, with a schedule of the learning rate."""

    lr: PositiveFloat = 2.0e-3
    """Highest learning rate."""
    backbone_lr: PositiveFloat = 1.0
    """Factor on the learning rate for the backbone: below 1 for fine-tuning."""
    warmup: Share = 0.2
    """Share of the training at the start in which the learning rate rises from zero to lr."""
    decay: Literal["linear", "cosine", "none"] = "linear"
    """Shape of the fall of the learning rate after the warm-up, to zero at the end; none keeps lr."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Adam's beta1 and beta2: decay of the running means of the gradient and of its square."""
    eps: Annotated[float, Field(gt=0, le=1)] = 1.0e-8
    """Adam's epsilon, added to the denominator."""
    weight_decay: NonNegative = 0.05
    """Weight decay of weight matrices and convolutions; biases and normalisation layers have none."""


class ClassifierTrainConfig(ComputeConfig):
    """Length of the training, batches and precision."""

    epochs: PositiveFloat = 30
    """Length of the training in passes over the real training images; total_nimg replaces it."""
    total_nimg: Positive | None = None
    """Length of the training in images; null uses epochs. Fixed for a run: the learning rate depends on it."""
    half_weights: bool = False
    """Write classifier.safetensors in float16, at half the size; checkpoints keep full precision."""

    def whole_length(self, num_real: int) -> int:
        """Length in images, of whole batches; an epoch has ``num_real`` images, those that are not generated."""
        # The small subtraction corrects rounded products: 1.1 * 80 is 88.00000000000001.
        length = self.total_nimg or max(1, math.ceil(self.epochs * num_real - 1e-6))
        return math.ceil(length / self.batch_size) * self.batch_size


class ClassifierIntervalsConfig(BaseConfig):
    """Intervals of logs, samples, evaluations and checkpoints, in images."""

    log_nimg: Positive = 10_000
    """Images between two log lines: losses go to the terminal, stats.jsonl and TensorBoard."""
    sample_nimg: Positive = 10_000_000
    """Images between two pictures of training images as the network sees them; one more at the end."""
    evaluate_nimg: Positive = 50_000
    """Images between two evaluations: loss and accuracy on held-out images."""
    checkpoint_nimg: Positive = 100_000
    """Images between two checkpoints; each also writes classifier.safetensors."""


class ClassifierConfig(BaseConfig):
    """All settings of `acgan classify train`."""

    #: Keys, and prefixes of sections, that may change when a run is resumed.
    harmless: ClassVar[tuple[str, ...]] = ("description", "train.threads", "every.", "report")
    #: Keys, besides ``data.source``, that may hold a path.
    paths: ClassVar[tuple[str, ...]] = (
        "data.root",
        "synthetic.run",
        "model.backbone.run",
        "model.backbone.weights",
    )

    task: Literal["classify"] = "classify"
    """Kind of training."""
    description: str = ""
    """Purpose of the run in one line; printed when the training starts."""
    seed: Seed = 0
    """Random seed of the training."""
    data: DataConfig = DataConfig()
    """The labelled images."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of the training images."""
    synthetic: SyntheticConfig | None = None
    """Generated images to train on as well."""
    model: ClassifierModelConfig = ClassifierModelConfig()
    """The network."""
    loss: ClassifierLossConfig = ClassifierLossConfig()
    """The loss."""
    optim: AdamWConfig = AdamWConfig()
    """The optimiser."""
    train: ClassifierTrainConfig = ClassifierTrainConfig()
    """Length of the training, batches and precision."""
    every: ClassifierIntervalsConfig = ClassifierIntervalsConfig()
    """Intervals of logs, samples, evaluations and checkpoints."""
    report: bool = True
    """Write RUN/report.html after the training, for people."""

    @model_validator(mode="after")
    def _parts_fit(self) -> ClassifierConfig:
        check_micro_batch(self.train)
        side = self.data.resolution
        if side is not None and not MIN_SIDE <= side <= MAX_SIDE:
            raise ValueError(f"data.resolution: found {side}; expected a side from {MIN_SIDE} to {MAX_SIDE}")
        if self.data.balance and self.loss.class_weights == "balanced":
            raise ValueError(
                "data.balance and loss.class_weights: balanced both make up for unequal classes, and together "
                "too much; expected one of them"
            )
        kind, _, layer = self.model.freeze.partition(":")
        if self.model.freeze not in ("none", "backbone") and not (kind == "until" and layer):
            raise ValueError(
                f"model.freeze: found {self.model.freeze!r}; expected none, backbone or until:LAYER"
            )
        return self

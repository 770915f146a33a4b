"""The configuration of a classifier's run: every key with its meaning, default and range.

Sections that a GAN's run has too are those of ``acgan.config.schema``.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from acgan.config.base import BaseConfig, ClassName, NonNegative, Positive, PositiveFloat, Share
from acgan.config.shared import ComputeConfig, DataConfig, check_portions


class SmallBackboneConfig(BaseConfig):
    """A small convolutional network, for 16 to 64 px."""

    kind: Literal["small"] = "small"
    channels: Positive = 32
    """Feature maps of the stem; the last block has 4 times as many, which is the number of features."""


class TorchvisionBackboneConfig(BaseConfig):
    """A classification network of torchvision's."""

    kind: Literal["torchvision"]
    name: str = "resnet18"
    """Its name, such as inception_v3, resnet18, convnext_tiny, vit_b_16."""
    pretrained: bool = False
    """Start from torchvision's weights; images are then normalised as theirs were."""
    weights: str | None = None
    """Start from a file with a state dict of that network, for where nothing can be downloaded."""


class DiscriminatorBackboneConfig(BaseConfig):
    """The trunk of a discriminator, and where the classes are the same its AuxHead."""

    kind: Literal["discriminator"]
    run: str
    """Run directory of `acgan train`."""
    trained: bool = True
    """Take the weights too, not the architecture alone."""


BackboneConfig = Annotated[
    SmallBackboneConfig | TorchvisionBackboneConfig | DiscriminatorBackboneConfig,
    Field(discriminator="kind"),
]


class ClassifierModelConfig(BaseConfig):
    """The network: a backbone, a main AuxHead, and AuxHeads at layers."""

    backbone: BackboneConfig = SmallBackboneConfig()
    """What the heads read."""
    aux: dict[str, NonNegative] | None = None
    """Layers with an auxiliary head, and the weight of its loss; null: where Inception and GoogLeNet have theirs."""
    head: Literal["linear", "stem"] = "linear"
    """Auxiliary heads: averaged features and a linear layer, or GoogLeNet's with a convolution and a hidden layer."""
    dropout: Share = 0.0
    """Dropout probability before the main head's linear layer."""
    freeze: str = "none"
    """What is not trained: none, backbone, or until:LAYER (it and all below). Frozen BatchNorm keeps its statistics."""


class AugmentConfig(BaseConfig):
    """Random changes of the training images, besides data.mirror."""

    shift: Share = 0.0
    """Moved by up to this share of the side, either way, what comes in being reflected."""
    rotate_deg: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Turned by up to so many degrees either way."""
    zoom: Share = 0.0
    """Scaled by a factor in 1 +- this."""
    erase: Share = 0.0
    """A square of this share of the side is painted gray."""
    color: Share = 0.0
    """Brightness, contrast and saturation changed by up to this share."""


class SyntheticConfig(BaseConfig):
    """Images of a trained generator, added to the training images by class name."""

    run: str
    """A run of `acgan train`, or its generator.safetensors."""
    num_per_class: Positive | Literal["balance"] | None = None
    """So many a class; balance fills each up to the largest; null is as many as the largest has."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the samples."""


class ClassifierLossConfig(BaseConfig):
    """Cross-entropy of every head, weighted and summed."""

    label_smoothing: Share = 0.0
    """Share of the target that is spread evenly over all classes."""
    class_weights: Literal["balanced"] | dict[ClassName, PositiveFloat] | None = None
    """Of the loss by class: balanced is in inverse proportion to images; {cat: 2} is twice as much as other classes."""


class AdamWConfig(BaseConfig):
    """AdamW, with a schedule of the learning rate."""

    lr: PositiveFloat = 2.0e-3
    """Learning rate at its highest."""
    backbone_lr: PositiveFloat = 1.0
    """Factor on it for the backbone: below 1 for fine-tuning."""
    warmup: Share = 0.2
    """Share of the training in which it rises, from zero."""
    decay: Literal["linear", "cosine", "none"] = "linear"
    """How it falls afterwards, to zero at the end."""
    betas: tuple[Share, Share] = (0.9, 0.999)
    """Decay of the running means of the gradient and of its square."""
    eps: PositiveFloat = 1.0e-8
    """Added to the denominator."""
    weight_decay: NonNegative = 0.05
    """Of parameters with two dimensions and more; biases and normalisations have none."""


class ClassifierTrainConfig(ComputeConfig):
    """How long and in what portions."""

    epochs: PositiveFloat = 30
    """Length of the training in passes over the real training images."""
    total_nimg: Positive | None = None
    """Length in images instead; null goes by epochs. It cannot change later: the schedule ends with it."""
    half_weights: bool = False
    """Write classifier.safetensors in float16, half the size; checkpoints keep full precision."""


class ClassifierIntervalsConfig(BaseConfig):
    """How often what happens besides training, in images."""

    log_nimg: Positive = 10_000
    """Losses to the terminal, stats.jsonl and TensorBoard."""
    sample_nimg: Positive = 10_000_000
    """A grid of training images as the network sees them, also at the end."""
    evaluate_nimg: Positive = 50_000
    """Loss and accuracy on images that are not trained on."""
    checkpoint_nimg: Positive = 100_000
    """A checkpoint and classifier.safetensors."""


class ClassifierConfig(BaseConfig):
    """Everything that `acgan classify train` can be told."""

    #: Keys, and sections as prefixes, that a run may be resumed with although they changed.
    harmless: ClassVar[tuple[str, ...]] = ("description", "every.")

    task: Literal["classify"] = "classify"
    """What is trained."""
    description: str = ""
    """What this is for, in a line; said when a training starts."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of every random draw."""
    data: DataConfig = DataConfig()
    """The labelled images."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of the training images."""
    synthetic: SyntheticConfig | None = None
    """Generated images to train on as well."""
    model: ClassifierModelConfig = ClassifierModelConfig()
    """The network."""
    loss: ClassifierLossConfig = ClassifierLossConfig()
    """What is minimised."""
    optim: AdamWConfig = AdamWConfig()
    """AdamW's settings."""
    train: ClassifierTrainConfig = ClassifierTrainConfig()
    """Length and portions."""
    every: ClassifierIntervalsConfig = ClassifierIntervalsConfig()
    """Intervals, in images."""

    @model_validator(mode="after")
    def _parts_fit(self) -> ClassifierConfig:
        check_portions(self.train)
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

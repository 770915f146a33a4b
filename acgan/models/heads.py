"""``AuxHead``: the class predictor, in GAN mode and in classification mode."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.layers import Dropout, widen
from acgan.runtime import outside_autocast
from acgan.types import HeadOutput, HeadOutputs

_STEM_SIDE, _STEM_MAPS, _STEM_FEATURES, _STEM_DROPOUT = 4, 128, 1024, 0.7


class AuxHead(nn.Module):
    """Predicts the class from features: a discriminator's second head, or a classifier on any layer.

    Args:
        in_channels: C of the features.
        num_classes: K.
        kind: ``linear`` averages the features and is one linear layer; ``stem`` is the auxiliary classifier of
            GoogLeNet (Szegedy et al. 2015, section 5), for feature maps in the middle of a network.
        dropout: Probability before the last layer of a linear head. A stem has its own, 0.7.
        outputs: ``logits`` alone; ``twin``: logits of a second classifier too; ``proxies``: embedding and class proxies
            of length one, whose cosines are the logits.
        unit_norm: Whether the features are brought to length one first. A cross-entropy's gradient
            with respect to the weights grows with their length, and an AC-GAN's may explode (Kang et al. 2021).
        embedding_dim: E, of a head with proxies.
    """

    #: Layers whose tensors have a row for each class.
    class_rows: ClassVar[tuple[str, ...]] = ("classify", "twin")

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        kind: Literal["linear", "stem"] = "linear",
        dropout: float = 0.0,
        outputs: HeadOutputs = "logits",
        unit_norm: bool = False,
        embedding_dim: int = 512,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.stem = Stem(in_channels) if kind == "stem" else None
        self.dropout = Dropout(_STEM_DROPOUT if kind == "stem" else dropout)
        self.unit_norm = unit_norm
        width = _STEM_FEATURES if kind == "stem" else in_channels
        self.project = nn.Linear(width, embedding_dim) if outputs == "proxies" else None
        # A row of its weight is a class's proxy, where there are proxies.
        self.classify = (
            nn.Linear(width, num_classes)
            if self.project is None
            else nn.Linear(embedding_dim, num_classes, bias=False)
        )
        self.twin = nn.Linear(width, num_classes) if outputs == "twin" else None

    def initialise(self, std: float) -> None:
        """Draw weights from N(0, std), and from N(0, 1) where they read features of length one; biases are 0."""
        for layer in (self.project, self.classify, self.twin):
            if layer is not None:
                nn.init.normal_(layer.weight, std=1.0 if self.unit_norm else std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> HeadOutput:
        """Class logits, in float32 or wider, whatever the precision of the network below.

        Args:
            features: A feature map (N, C, H, W), averaged over its pixels; tokens (N, T, C), averaged over
                the tokens; or a vector (N, C). A stem takes a feature map.

        Returns:
            Logits (N, K): what ``cross_entropy`` wants, not probabilities; and what else ``outputs`` asks for.

        Raises:
            ValueError: If the features have another number of dimensions or of channels.
        """
        channels = features.shape[-1 if features.ndim in (1, 3) else 1]
        if channels != self.in_channels:
            raise ValueError(
                f"AuxHead expects {self.in_channels} channels, got features {tuple(features.shape)}"
            )
        with outside_autocast(features.device):
            pooled = pool(features) if self.stem is None else self.stem(widen(features))
            pooled = widen(pooled)  # (N, C)
            x = self.dropout(F.normalize(pooled, dim=1) if self.unit_norm else pooled)
            if self.project is not None:
                embedding = F.normalize(self.project(x), dim=1)  # (N, E)
                proxies = F.normalize(self.classify.weight, dim=1)  # (K, E)
                return HeadOutput(logits=embedding @ proxies.T, embedding=embedding, proxies=proxies)
            return HeadOutput(logits=self.classify(x), twin=None if self.twin is None else self.twin(x))


class Stem(nn.Module):
    """What GoogLeNet's auxiliary classifiers have before their last layer: 4x4 pooling, 1x1 convolution, hidden layer.

    Pooling is adaptive, so that any size of feature map will do.

    Args:
        in_channels: C of the feature map.
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.reduce = nn.Conv2d(in_channels, _STEM_MAPS, 1)
        self.hidden = nn.Linear(_STEM_MAPS * _STEM_SIDE**2, _STEM_FEATURES)

    def forward(self, features: Tensor) -> Tensor:
        if features.ndim != 4:
            raise ValueError(f"a stem expects a feature map (N, C, H, W), got {tuple(features.shape)}")
        # Of a copy: pooling keeps its input for the backward pass, and a layer after it may work in place.
        h = F.adaptive_avg_pool2d(features.clone(), _STEM_SIDE)  # (N, C, 4, 4)
        h = F.relu(self.reduce(h))  # (N, 128, 4, 4)
        return F.relu(self.hidden(h.flatten(1)))  # (N, 1024)


def pool(features: Tensor) -> Tensor:
    """Average a feature map (N, C, H, W) or tokens (N, T, C) to (N, C); a vector (N, C) stays."""
    if features.ndim == 4:
        return features.mean(dim=(2, 3))
    if features.ndim == 3:
        return features.mean(dim=1)
    if features.ndim == 2:
        return features
    raise ValueError(f"expected features (N, C, H, W), (N, T, C) or (N, C), got {tuple(features.shape)}")

"""Class predictors for discriminators and classifiers: ``AuxHead`` and its subclasses."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from acgan.models.layers import Dropout, widen
from acgan.runtime import outside_autocast
from acgan.types import HeadOutput

_STEM_SIDE, _STEM_MAPS, _STEM_FEATURES, _STEM_DROPOUT = 4, 128, 1024, 0.7


class AuxHead(nn.Module):
    """Predicts the class from features: a discriminator's second head, or a classifier on any layer.

    Its output has only class logits. A class loss that needs more names a subclass by its key in ``AUX_HEADS``.

    Args:
        in_channels: C of the features.
        num_classes: K.
        kind: ``linear`` is one linear layer on averaged features. ``stem`` is the auxiliary classifier of
            GoogLeNet (Szegedy et al. 2015, section 5), for feature maps in the middle of a network.
        dropout: Dropout probability before the last layer of a linear head; a stem always has 0.7.
        unit_norm: Scale the features to length one first. The gradient of cross-entropy grows with the length of the
            features, and may explode in an AC-GAN (Kang et al. 2021).
        bias: The last layers have biases.
    """

    #: Layers whose tensors have a row for each class.
    class_rows: ClassVar[tuple[str, ...]] = ("classify",)

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        kind: Literal["linear", "stem"] = "linear",
        dropout: float = 0.0,
        unit_norm: bool = False,
        bias: bool = True,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.bias = bias
        self.stem = Stem(in_channels) if kind == "stem" else None
        self.dropout = Dropout(_STEM_DROPOUT if kind == "stem" else dropout)
        self.unit_norm = unit_norm
        self._add_layers(_STEM_FEATURES if kind == "stem" else in_channels)

    def initialise(self, std: float) -> None:
        """Draw weights from N(0, std), or from N(0, 1) if ``unit_norm``; biases are 0."""
        for layer in self.children():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=1.0 if self.unit_norm else std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> HeadOutput:
        """Compute the output, in float32 or wider, whatever the precision of the backbone.

        Args:
            features: A feature map (N, C, H, W), averaged over its pixels; tokens (N, T, C), averaged over
                the tokens; or a vector (N, C). A stem takes a feature map.

        Returns:
            Logits (N, K), not probabilities, and the other parts of a subclass.

        Raises:
            ValueError: If the features have a wrong number of dimensions or channels.
        """
        channels = features.shape[-1 if features.ndim in (1, 3) else 1]
        if channels != self.in_channels:
            raise ValueError(
                f"AuxHead expects {self.in_channels} channels, got features {tuple(features.shape)}"
            )
        with outside_autocast(features.device):
            pooled = pool(features) if self.stem is None else self.stem(widen(features))
            pooled = widen(pooled)  # (N, C)
            return self._output(self.dropout(F.normalize(pooled, dim=1) if self.unit_norm else pooled))

    def as_classifier(self) -> AuxHead | None:
        """A linear head with the same class logits; None if there is no such head."""
        if self.stem is not None or self.unit_norm:
            return None
        head, own = AuxHead(self.in_channels, self.num_classes), self.classify
        bias = own.weight.new_zeros(len(own.weight)) if own.bias is None else own.bias
        state = {"weight": own.weight[: self.num_classes], "bias": bias[: self.num_classes]}
        head.classify.load_state_dict(state)
        return head

    def _add_layers(self, width: int) -> None:
        """Make the last layers, which read vectors (N, width)."""
        self.classify = nn.Linear(width, self.num_classes, bias=self.bias)

    def _output(self, x: Tensor) -> HeadOutput:
        """The output for vectors (N, width)."""
        return HeadOutput(logits=self.classify(x))


class TwinHead(AuxHead):
    """A head with a second classifier, ``twin``, on the same features.

    ``joint``: one layer of 2K outputs has both, the class logits first. It is the same function, but spectral
    normalisation is of all 2K rows, and so are orthogonal first weights.
    """

    class_rows = ("classify", "twin")

    def __init__(self, in_channels: int, num_classes: int, *, joint: bool = False, **options: Any):
        self.joint = joint
        super().__init__(in_channels, num_classes, **options)

    def _add_layers(self, width: int) -> None:
        if self.joint:
            self.classify = nn.Linear(width, 2 * self.num_classes, bias=self.bias)
            return
        super()._add_layers(width)
        self.twin = nn.Linear(width, self.num_classes, bias=self.bias)

    def _output(self, x: Tensor) -> HeadOutput:
        if not self.joint:
            return HeadOutput(logits=self.classify(x), twin=self.twin(x))
        logits, twin = self.classify(x).chunk(2, dim=1)  # (N, K) each
        return HeadOutput(logits=logits, twin=twin)


class ProxyHead(AuxHead):
    """A head with an embedding of size E and class proxies, all of length one; their cosines are the logits."""

    def __init__(self, in_channels: int, num_classes: int, *, embedding_dim: int, **options: Any):
        self.embedding_dim = embedding_dim
        super().__init__(in_channels, num_classes, **options)

    def as_classifier(self) -> None:
        """None, because the logits are cosines."""

    def _add_layers(self, width: int) -> None:
        self.project = nn.Linear(width, self.embedding_dim)
        # Each row of the weight is a class's proxy.
        self.classify = nn.Linear(self.embedding_dim, self.num_classes, bias=False)

    def _output(self, x: Tensor) -> HeadOutput:
        embedding = F.normalize(self.project(x), dim=1)  # (N, E)
        proxies = F.normalize(self.classify.weight, dim=1)  # (K, E)
        return HeadOutput(logits=embedding @ proxies.T, embedding=embedding, proxies=proxies)


class Stem(nn.Module):
    """GoogLeNet's auxiliary classifier without its last layer: 4x4 pooling, 1x1 convolution, hidden layer.

    Pooling is adaptive, so the feature map may have any size.
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self.reduce = nn.Conv2d(in_channels, _STEM_MAPS, 1)
        self.hidden = nn.Linear(_STEM_MAPS * _STEM_SIDE**2, _STEM_FEATURES)

    def forward(self, features: Tensor) -> Tensor:
        if features.ndim != 4:
            raise ValueError(f"a stem expects a feature map (N, C, H, W), got {tuple(features.shape)}")
        # A copy: pooling keeps its input for the backward pass, and a later layer may change that in place.
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


#: Heads by the name of their output; class losses name it in ``head_outputs``.
AUX_HEADS: dict[str, type[AuxHead]] = {"logits": AuxHead, "twin": TwinHead, "proxies": ProxyHead}

"""Base classes of generators, and of trunks of discriminators."""

from __future__ import annotations

from typing import ClassVar

from torch import nn


class Generator(nn.Module):
    """Maps latents z (N, Z) and labels y (N,) in [0, K) to images (N, C, R, R) in [-1, 1], R one of ``resolutions``.

    In place of labels, y may be shares of the classes (N, K), float, which mix them.
    """

    resolutions: ClassVar[tuple[int, ...]]
    #: Reason why there are no others, for the error; empty for none.
    only_these: ClassVar[str] = ""
    #: Layers whose tensors have a row for each class.
    class_rows: ClassVar[tuple[str, ...]] = ()
    #: Tensors whose last K columns belong to the classes.
    class_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.resolution = resolution
        self.image_channels = image_channels


class Trunk(nn.Module):
    """Maps images (N, C, R, R) in [-1, 1], R one of ``resolutions``, to features (N, F), which both heads read."""

    resolutions: ClassVar[tuple[int, ...]]
    #: Reason why there are no others, for the error; empty for none.
    only_these: ClassVar[str] = ""
    #: Standard deviation of the heads' first weights; None keeps the variance of the features.
    head_std: ClassVar[float | None] = None
    #: The heads' first weights are orthogonal instead.
    orthogonal_heads: ClassVar[bool] = False
    feature_dim: int

    def __init__(self, *, resolution: int, image_channels: int):
        super().__init__()
        self.resolution = resolution
        self.image_channels = image_channels

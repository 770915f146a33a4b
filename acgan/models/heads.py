"""``AuxHead``: the class predictor, in GAN mode and in classification mode."""

from __future__ import annotations

from torch import Tensor, nn

from acgan.types import HeadOutput


class AuxHead(nn.Module):
    """Predicts the class from features: a discriminator's second head, or an auxiliary classifier.

    Args:
        in_channels: C of the features.
        num_classes: K.
    """

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__()
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.classify = nn.Linear(in_channels, num_classes)

    def forward(self, features: Tensor) -> HeadOutput:
        """Class logits.

        Args:
            features: A feature map (N, C, H, W), averaged over its pixels; tokens (N, T, C), averaged over
                the tokens; or a vector (N, C).

        Returns:
            Logits (N, K): what ``cross_entropy`` wants, not probabilities.

        Raises:
            ValueError: If the features have another number of dimensions or of channels.
        """
        pooled = pool(features)  # (N, C)
        if pooled.shape[1] != self.in_channels:
            raise ValueError(
                f"AuxHead expects {self.in_channels} channels, got features {tuple(features.shape)}"
            )
        return HeadOutput(logits=self.classify(pooled))


def pool(features: Tensor) -> Tensor:
    """Average a feature map (N, C, H, W) or tokens (N, T, C) to (N, C); a vector (N, C) stays."""
    if features.ndim == 4:
        return features.mean(dim=(2, 3))
    if features.ndim == 3:
        return features.mean(dim=1)
    if features.ndim == 2:
        return features
    raise ValueError(f"expected features (N, C, H, W), (N, T, C) or (N, C), got {tuple(features.shape)}")

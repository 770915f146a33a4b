"""Random layers whose draws belong to images, so that parts of a batch drop what the whole batch would."""

from __future__ import annotations

from torch import Tensor, nn

from acgan.runtime import stateless_dropout


def draw_by_image(network: nn.Module) -> None:
    """Let torch's dropout and torchvision's stochastic depth draw as ``stateless_dropout`` does, layer by layer.

    torch's own layers draw from one generator, which threads cannot share. Layers change their class and nothing else.
    The first axis of what they are given counts images, and each part must call them in the same order. Outside of
    ``acgan.runtime.layer_draws`` they draw from torch's generator as before.

    These two layers are all that draw in the networks of a configuration; a test holds that against them.
    """
    for layer in network.modules():
        if type(layer) is nn.Dropout:
            layer.__class__ = _DropoutByImage
        elif type(layer).__name__ == "StochasticDepth" and layer.mode == "row":  # importing it takes a moment
            layer.__class__ = _StochasticDepthByImage


class _DropoutByImage(nn.Dropout):
    def forward(self, input: Tensor) -> Tensor:
        return _dropped(input, self.p) if self.training and self.p else input


class _StochasticDepthByImage(nn.Module):
    """Stochastic depth (Huang et al. 2016) of torchvision, mode ``row``: some images skip a block."""

    p: float

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        factors = _dropped(x.new_ones(len(x)), self.p)  # (N,)
        return x * factors.view(-1, *[1] * (x.ndim - 1))


def _dropped(x: Tensor, probability: float) -> Tensor:
    """Zero with that probability, and divided by 1 - probability elsewhere."""
    if probability == 1:  # nothing is kept
        return x * 0
    dropped: Tensor = stateless_dropout(x, probability)
    return dropped

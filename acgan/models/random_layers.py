"""Random layers whose draws belong to images, so that parts of a batch drop what the whole batch would."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from acgan.runtime import stateless_dropout


def draw_by_image(network: nn.Module) -> tuple[str, ...]:
    """Let torch's dropout and torchvision's stochastic depth draw as ``stateless_dropout`` does, layer by layer.

    torch's own layers draw from one generator, which threads cannot share. Layers change their class and nothing else.
    The first axis of what they are given counts images, and each part must call them in the same order. Outside of
    ``acgan.runtime.dropout_draws`` they draw from torch's generator as before.

    Returns:
        Names of layers that draw from torch's generator all the same, in training mode: those that drop whole batches,
        other kinds of dropout, attention and recurrent layers with a dropout of their own. What a network draws by a
        function, without a layer, is not seen.
    """
    for layer in network.modules():
        drawn = _by_image(layer)
        if drawn is not None:
            layer.__class__ = drawn
    return tuple(name for name, layer in network.named_modules() if _draws_from_torch(layer))


class _DrawnByImage(nn.Module):
    """A layer that drops with probability ``p`` in training mode, and divides what it keeps by 1 - p."""

    p: float
    #: Number of first axes that draws are made for, the same along the others; None is all axes.
    axes: ClassVar[int | None] = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if self.p == 1:  # nothing is kept
            return x * 0
        if self.axes is None:
            dropped: Tensor = stateless_dropout(x, self.p)
            return dropped
        factors: Tensor = stateless_dropout(x.new_ones(x.shape[: self.axes]), self.p)
        return x * factors.view(*factors.shape, *[1] * (x.ndim - self.axes))


class _DropoutByImage(_DrawnByImage, nn.Dropout):
    pass


class _Dropout1dByImage(_DrawnByImage, nn.Dropout1d):
    axes = 2


class _Dropout2dByImage(_DrawnByImage, nn.Dropout2d):
    axes = 2


class _Dropout3dByImage(_DrawnByImage, nn.Dropout3d):
    axes = 2


class _StochasticDepthByImage(_DrawnByImage):
    """Stochastic depth (Huang et al. 2016) of torchvision, mode ``row``: some images skip a block."""

    axes = 1


_DROPOUT: dict[type[nn.Module], type[_DrawnByImage]] = {
    nn.Dropout: _DropoutByImage,
    nn.Dropout1d: _Dropout1dByImage,
    nn.Dropout2d: _Dropout2dByImage,
    nn.Dropout3d: _Dropout3dByImage,
}


def _is_stochastic_depth(layer: nn.Module) -> bool:
    return type(layer).__name__ == "StochasticDepth"  # importing torchvision takes a moment


def _by_image(layer: nn.Module) -> type[_DrawnByImage] | None:
    if _is_stochastic_depth(layer) and layer.mode == "row":
        return _StochasticDepthByImage
    return _DROPOUT.get(type(layer))


def _draws_from_torch(layer: nn.Module) -> bool:
    if isinstance(layer, _DrawnByImage):
        return False
    if isinstance(layer, _DropoutNd) or _is_stochastic_depth(layer):
        return bool(layer.p)
    if isinstance(layer, (nn.MultiheadAttention, nn.RNNBase)):
        return bool(layer.dropout)
    return isinstance(layer, (nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d))

"""``AuxClassifier``, for classification: any network with an ``AuxHead`` at its end and at chosen layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from acgan.errors import UserError, did_you_mean
from acgan.losses.summed import MAIN, SummedLoss
from acgan.models.at_once import Overlapping, Taps
from acgan.models.backbones import OWN_AUX, build_torchvision, cut_last_layer
from acgan.models.heads import AuxHead, pool
from acgan.models.inspecting import parameters_below, part_below, run_once, unchanged, with_buffers
from acgan.models.layers import widen
from acgan.models.reach import Reach
from acgan.models.small import SmallNet

_SMALL_CHANNELS = 32
_LAYERS_NAMED = 60
_SWIN_CHANNELS_FIRST = ("features.0.0", "permute", "avgpool")


class AuxClassifier(nn.Module):
    """A classifier with auxiliary classifiers on intermediate layers (Szegedy et al. 2015; Lee et al. 2015).

    In training mode it returns the logits of all heads, for the sum of their losses (``summed_loss``). In eval mode it
    returns only the main logits, and the other heads cost nothing.

    Args:
        backbone: A torchvision classification network by name, ``small``, or any network with named layers. If it
            ends with a linear layer, that layer is removed.
        num_classes: K.
        aux: Names of the backbone's layers that get an auxiliary head, each with the weight of its loss. None takes the
            places of a network's own auxiliary classifiers (Inception v3, GoogLeNet), else none.
        head: Kind of the auxiliary heads, as for ``AuxHead``.
        dropout: Dropout probability before the main head's linear layer.
        main: A trained main head, such as a discriminator's; None makes a new one.
        freeze: Part that is not trained, as for the method ``freeze``.
        pretrained: Start from torchvision's weights.
        weights: Start from a state dict of that network in a file, as for ``build_torchvision``.
        in_channels: Channels of the backbone's input. Gray images are repeated if it is 3.
        image_size: Side of the images in pixels; None is 299 for Inception v3, 32 for ``small``, else 224. Networks
            with adaptive pooling take other sizes too.
        warn: Called with a message if an auxiliary loss trains nothing but its own head, or weights were wrapped.

    Raises:
        UserError: If the network or a layer does not exist, or the network does not take such images.
    """

    def __init__(
        self,
        backbone: str | nn.Module,
        num_classes: int,
        aux: Mapping[str, float] | None = None,
        *,
        head: Literal["linear", "stem"] = "linear",
        dropout: float = 0.0,
        main: AuxHead | None = None,
        freeze: str = "none",
        pretrained: bool = False,
        weights: str | Path | None = None,
        in_channels: int = 3,
        image_size: int | None = None,
        warn: Callable[[str], None] = warnings.warn,
    ):
        super().__init__()
        self.num_classes = num_classes
        self.in_channels = in_channels
        size = image_size or {"inception_v3": 299, "small": 32}.get(str(backbone), 224)
        if isinstance(backbone, str):
            aux = OWN_AUX.get(backbone, {}) if aux is None else aux
            backbone = _named(backbone, size if image_size else None, in_channels, pretrained, weights, warn)
        elif pretrained or weights is not None:
            raise UserError("pretrained and weights go with a backbone's name; load a network's own before.")
        self.backbone = backbone
        # Swin's layers return (N, H, W, C), except its first and its last ones.
        self._maps_are_channels_last = type(backbone).__name__ == "SwinTransformer"
        self.aux = {layer: float(weight) for layer, weight in (aux or {}).items()}
        for layer in self.aux:
            self._check_layer(layer, "aux")
        reference = next(backbone.parameters())
        example = torch.zeros(1, in_channels, size, size, device=reference.device, dtype=reference.dtype)
        self._taps, self._unchanged = Taps(), Overlapping()
        #: (1, C, H, W) of its images.
        self.example_shape = tuple(example.shape)
        #: The layer at the network's end that the main head replaces; None if there was none.
        self.replaced = cut_last_layer(backbone, example)
        features, taps = run_once(backbone, example, self.aux)
        self._add_heads(features, taps, main, head, dropout)
        self.heads.to(reference.device, reference.dtype)
        names = {id(parameter): name for name, parameter in backbone.named_parameters()}
        self._below = {
            head_name: frozenset(names[found] for found in parameters_below(output) & names.keys())
            for head_name, output in {MAIN: features, **taps}.items()
        }
        self.freeze(freeze, warn)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        """Class logits.

        Args:
            x: Images (N, C, H, W), normalised for the backbone.

        Returns:
            In training mode logits (N, K) by head, ``main`` and each layer's name; in eval mode the main logits.
        """
        return self.all_logits(x) if self.training else self._logits(MAIN, self._run(x))

    def all_logits(self, x: Tensor) -> dict[str, Tensor]:
        """Logits (N, K) by head, in either mode."""
        outputs: dict[str, Tensor] = {}

        def take(layer: str, output: Any) -> None:
            # At once: an in-place layer may change the output afterwards.
            outputs[layer] = self._logits(layer, self._as_features(layer, output))

        with self._taps.open({layer: self.backbone.get_submodule(layer) for layer in self.aux}, take):
            features = self._run(x)
        return {MAIN: self._logits(MAIN, features), **{layer: outputs[layer] for layer in self.aux}}

    def features(self, x: Tensor) -> Tensor:
        """Pooled features (N, F), which the main head reads, in float32 or wider."""
        return self.features_and_logits(x)[0]

    def features_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """``features`` (N, F) and the main logits (N, K), in one pass."""
        features = self._run(x)
        return widen(pool(features)), self._logits(MAIN, features)

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the losses in the sum, by head."""
        return {MAIN: 1.0, **self.aux}

    def summed_loss(self, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None) -> SummedLoss:
        """This model's loss: main loss + weight * auxiliary loss, for each layer (see ``SummedLoss``)."""
        return SummedLoss(self.weights, label_smoothing=label_smoothing, class_weights=class_weights)

    def freeze(self, what: str, warn: Callable[[str], None] = warnings.warn) -> None:
        """Choose the part of the backbone that is not trained; heads are always trained.

        No byte of that part changes: its modules with buffers, such as the statistics of BatchNorm, stay in eval mode,
        and what changes its buffers even there is put back after each forward pass. A module that reaches from below
        ``LAYER`` to above it, such as the network itself, keeps its own buffers free.

        Args:
            what: ``none``, ``backbone`` (only heads are trained), or ``until:LAYER``: that layer and all before it.
            warn: Called with a message if an auxiliary loss then trains nothing but its own head.

        Raises:
            UserError: If ``what`` is none of these.
        """
        kind, _, layer = what.partition(":")
        if what == "none":
            frozen, still = set(), set()
        elif what == "backbone":
            frozen = {name for name, _ in self.backbone.named_parameters()}
            still = set(with_buffers(self.backbone))
        elif kind == "until" and layer:
            frozen, still = self._until(layer)
        else:
            raise UserError(f"freeze: found {what!r}; expected none, backbone or until:LAYER.")
        self.frozen, self._still = what, frozenset(still)
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad_(name not in frozen)
        self.train(self.training)
        without_effect = [reach.head for reach in self.reach() if reach.head != MAIN and not reach.reached]
        if without_effect:
            warn(
                f"everything below {', '.join(without_effect)} is frozen: the auxiliary loss there trains its own head "
                "and nothing else. Freeze less, or leave the head out."
            )

    def train(self, mode: bool = True) -> AuxClassifier:
        """Switch to training mode, or to eval mode; frozen modules with buffers stay in eval mode."""
        super().train(mode)
        for name in self._still:
            # Not train(False): layers inside without buffers, such as dropout, are as in the rest.
            self.backbone.get_submodule(name).training = False
        return self

    def reach(self) -> tuple[Reach, ...]:
        """The reach of each head's loss: numbers of backbone parameters that its gradient reaches and trains."""
        parameters = dict(self.backbone.named_parameters())
        total = sum(parameter.numel() for parameter in parameters.values())
        return tuple(
            Reach(
                head=name,
                weight=weight,
                own=sum(parameter.numel() for parameter in self.heads[_key(name)].parameters()),
                reached=sum(
                    parameters[below].numel()
                    for below in self._below[name]
                    if parameters[below].requires_grad
                ),
                backbone=total,
            )
            for name, weight in self.weights.items()
        )

    def _add_heads(
        self,
        features: Any,
        taps: Mapping[str, Any],
        main: AuxHead | None,
        kind: Literal["linear", "stem"],
        dropout: float,
    ) -> None:
        if main is None:
            main = AuxHead(_channels(features, MAIN), self.num_classes, dropout=dropout)
        self.heads = nn.ModuleDict({MAIN: main})
        for layer in self.aux:
            if layer not in taps:
                raise UserError(f"aux: the layer {layer!r} takes no part in the network's forward pass.")
            channels = _channels(self._as_features(layer, taps[layer]), layer)
            self.heads[_key(layer)] = AuxHead(channels, self.num_classes, kind=kind)

    def _run(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1 and self.in_channels == 3:
            x = x.expand(-1, 3, -1, -1)
        # BatchNorm and InstanceNorm change nothing in eval mode; of other modules one cannot know.
        restless = [
            name for name in self._still if not isinstance(self.backbone.get_submodule(name), _NormBase)
        ]
        with (
            self._unchanged.entered(lambda: unchanged(self.backbone, restless)) if restless else nullcontext()
        ):
            features: Tensor = self.backbone(x)
        return features

    def _logits(self, name: str, features: Tensor) -> Tensor:
        logits: Tensor = self.heads[_key(name)](features).logits
        return logits

    def _as_features(self, layer: str, output: Any) -> Any:
        is_last = self._maps_are_channels_last and layer not in _SWIN_CHANNELS_FIRST
        if is_last and isinstance(output, Tensor) and output.ndim == 4:
            return output.permute(0, 3, 1, 2)
        return output

    def _until(self, layer: str) -> tuple[set[str], set[str]]:
        """Names of the backbone's parameters, and of its modules with buffers, up to a layer."""
        self._check_layer(layer, "freeze: until")
        reference = next(self.backbone.parameters())
        example = torch.zeros(self.example_shape, device=reference.device, dtype=reference.dtype)
        return part_below(self.backbone, example, layer)

    def _check_layer(self, layer: str, where: str) -> None:
        if layer == MAIN and where == "aux":
            raise UserError(f"aux: {MAIN!r} is the head at the network's end; name a layer inside {MAIN!r}.")
        layers = [name for name, _ in self.backbone.named_modules() if name]
        if layer not in layers:
            raise UserError(
                f"{where}: no layer {layer!r} in the backbone.{did_you_mean(layer, layers)} "
                f"There are: {_outline(layers)}."
            )


def _named(
    name: str,
    image_size: int | None,
    in_channels: int,
    pretrained: bool,
    weights: str | Path | None,
    warn: Callable[[str], None],
) -> nn.Module:
    if name != "small":
        return build_torchvision(
            name, image_size=image_size, pretrained=pretrained, weights=weights, say=warn
        )
    if pretrained or weights is not None:
        raise UserError("pretrained and weights go with torchvision's networks; small has none.")
    return SmallNet(image_channels=in_channels, resolution=image_size or 32, channels=_SMALL_CHANNELS)


def _key(layer: str) -> str:
    """The key of a head in ``heads``: names of modules have no dots, and some names are methods of the container."""
    key = layer.replace(".", "/")
    return f"{key}/" if hasattr(nn.ModuleDict, key) else key


def _channels(features: Any, where: str) -> int:
    if not isinstance(features, Tensor) or features.ndim not in (2, 3, 4):
        found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise UserError(
            f"a head at {where!r} needs features (N, C, H, W), (N, T, C) or (N, C), and found {found}; "
            "choose another layer."
        )
    return int(features.shape[-1 if features.ndim == 3 else 1])


def _outline(layers: list[str]) -> str:
    """Names of layers, to a depth at which they are few enough to read."""
    for depth in range(max(name.count(".") for name in layers), -1, -1):
        upper = [name for name in layers if name.count(".") <= depth]
        if len(upper) <= _LAYERS_NAMED:
            return ", ".join(upper)
    return ", ".join(upper[:_LAYERS_NAMED]) + ", …"

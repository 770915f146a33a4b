"""Backbones of classifiers: torchvision's networks by name, with weights from files."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

from torch import Tensor, nn

from acgan.errors import UserError, did_you_mean, first_line
from acgan.models.inspecting import run_once
from acgan.models.one_pixel import crop_kernels_on_one_pixel
from acgan.models.state_files import WantedWeights, describe, find_weights, read_state_file

#: Places of the auxiliary classifiers that a network brings along, with the weights of their losses
#: (Inception v3: as trained by its authors, in TF-Slim; GoogLeNet: Szegedy et al. 2015, section 5).
OWN_AUX: dict[str, dict[str, float]] = {
    "inception_v3": {"Mixed_6e": 0.4},
    "googlenet": {"inception4a": 0.3, "inception4d": 0.3},
}
_OWN_AUX_MODULES = ("AuxLogits", "aux1", "aux2")
#: Mean and standard deviation of the images that torchvision's weights were trained on, per channel, of [0, 1].
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_names() -> list[str]:
    """Names of torchvision's classification networks."""
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def build_torchvision(
    name: str,
    *,
    image_size: int | None = None,
    pretrained: bool = False,
    weights: str | Path | None = None,
    transform_input: bool | None = None,
    say: Callable[[str], None] = warnings.warn,
) -> nn.Module:
    """A classification network from torchvision, without its own auxiliary classifiers.

    Args:
        name: A name in ``torchvision.models.list_models``.
        image_size: Side of the images in pixels, for networks that are built for one size.
        pretrained: Load torchvision's best weights; they are downloaded if they are not in torch's hub cache.
        weights: A file with a state dict (``.pt``, ``.pth``, ``.safetensors``) of that network to load instead, also
            as trainings wrap it; the last layer in it may have any number of classes.
        transform_input: Inception v3 and GoogLeNet, whose weights expect images in [-1, 1], convert images that are
            normalised as for torchvision's other networks; None converts if weights are loaded.
        say: Called with a remark if the weights were wrapped.

    Raises:
        UserError: If there is no such network, or its weights cannot be loaded or do not fit.
    """
    import torchvision

    if name not in torchvision_names():
        raise UserError(
            f"no backbone {name!r}; expected small, discriminator:RUN, or a classification network of torchvision's "
            f"(torchvision.models.list_models).{did_you_mean(name, torchvision_names())}"
        )
    loads = pretrained or weights is not None
    keywords: dict[str, Any] = {}
    if name in OWN_AUX:
        keywords = {
            "aux_logits": False,
            "init_weights": not loads,
            "transform_input": loads if transform_input is None else transform_input,
        }
    if image_size is not None and name.startswith("vit_"):
        keywords["image_size"] = image_size
    if image_size is not None and name.startswith("maxvit_"):
        keywords["input_size"] = (image_size, image_size)
    try:
        network: nn.Module = torchvision.models.get_model(name, weights=None, **keywords)
    except (ValueError, RuntimeError, AssertionError) as error:
        raise UserError(
            f"{name} cannot be built for images of {image_size} px: {first_line(error)}"
        ) from None
    if loads:
        state = _download(name) if weights is None else read_state_file(weights)
        where = str(weights or "torchvision's weights")
        load_weights(network, state, where, name=name, last=_last_parametrised(network), say=say)
    crop_kernels_on_one_pixel(network)
    return network


def _download(name: str) -> Mapping[str, Tensor]:
    import torchvision

    best = torchvision.models.get_model_weights(name).DEFAULT
    try:
        state: Mapping[str, Tensor] = best.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, HTTPException, RuntimeError, UnpicklingError, EOFError) as error:
        # The last three: a download with another hash, or a damaged file in torch's hub cache.
        raise UserError(
            f"the weights of {name} cannot be downloaded ({first_line(error)}). Fetch {best.url} elsewhere and "
            "name the file with model.backbone.weights."
        ) from None
    return state


def load_weights(
    network: nn.Module,
    content: Any,
    where: str,
    *,
    name: str,
    last: str | None,
    say: Callable[[str], None],
) -> None:
    """Load what a file holds into a network, but for its last layer, which is replaced, and auxiliary classifiers.

    Args:
        network: The network, with its last layer or without.
        content: A state dict, or what trainings wrap one in (``acgan.models.state_files``).
        where: The file, for messages.
        name: The network's name, for messages.
        last: Name of its last layer; None if it has none.
        say: Called with a remark on how the weights were wrapped.

    Raises:
        UserError: If they do not fit.
    """
    unused = (*_OWN_AUX_MODULES, *([last] if last is not None else []))
    own = network.state_dict()
    wanted = WantedWeights(
        name,
        {key: value for key, value in own.items() if last is None or not key.startswith(f"{last}.")},
        unused,
        lambda tensors: _resize_positions(network, tensors),
    )
    found = find_weights(content, wanted, where)
    versioned = OrderedDict(found.tensors)
    # MNASNets load nothing that does not tell its version.
    versions = getattr(content, "_metadata", None) if not found.path else None
    versioned._metadata = versions or own._metadata  # type: ignore[attr-defined]
    network.load_state_dict(versioned, strict=False)
    if remark := describe(found, name):
        say(f"{where}: {remark}.")


def _resize_positions(network: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Fit a vision transformer's position embedding to another size of image."""
    if type(network).__name__ != "VisionTransformer" or "encoder.pos_embedding" not in state:
        return state
    from torchvision.models.vision_transformer import interpolate_embeddings

    try:
        resized: Mapping[str, Tensor] = interpolate_embeddings(
            network.image_size, network.patch_size, dict(state)
        )
    except ValueError:  # the positions form no square: the check of shapes reports it
        return state
    return resized


def _last_parametrised(network: nn.Module) -> str:
    names = [name for name, module in network.named_modules() if list(module.parameters(recurse=False))]
    return str(names[-1])


def cut_last_layer(network: nn.Module, example: Tensor) -> str | None:
    """Remove the last linear layer of a classification network, in place, so that it returns features.

    A network without a last linear layer returns features already and stays as it is. Only SqueezeNet classifies by a
    convolution, which is removed. ``example`` is a valid input (1, C, H, W).

    Returns:
        Name of the layer that was removed; None if there was none.
    """
    if type(network).__name__ == "SqueezeNet":
        dropout = network.get_submodule("classifier.0")
        network.classifier = nn.Sequential(dropout, nn.AdaptiveAvgPool2d(1))
        return "classifier.1"
    linear: list[str] = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    output, outputs = run_once(network, example, linear)
    last = [name for name in linear if name in outputs and _is_copy_of(outputs[name], output)]
    if last and last[0]:
        parent, _, child = last[0].rpartition(".")
        setattr(network.get_submodule(parent), child, nn.Identity())
        return last[0]
    return None


def _is_copy_of(copy: Tensor, output: Any) -> bool:
    """True if ``run_once`` copied this output and no in-place layer has changed it since."""
    if not isinstance(output, Tensor) or copy.grad_fn is None or output.grad_fn is None:
        return False
    return copy.grad_fn.next_functions[0][0] is output.grad_fn

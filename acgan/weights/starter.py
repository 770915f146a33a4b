"""The starter: a trained generator and its discriminator, shipped for other trainings to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from acgan.errors import RunError
from acgan.sealed import read_description
from acgan.weights.tensors import read_tensors, write_tensors

#: What ``--init-from`` and provenance call it.
STARTER = "starter"
STARTER_FILE = Path(__file__).parents[1] / "starter" / "photos.safetensors"
_REMEDY = "Install acgan again."


@dataclass(frozen=True)
class Starter:
    """State dicts of two networks that were trained together.

    Attributes:
        class_names: Classes that they were trained on.
        generator: State of the averaged generator.
        discriminator: State of the last discriminator.
        provenance: Origin of the weights: data, images shown, config, seed, versions, machine.
    """

    class_names: tuple[str, ...]
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]
    provenance: Mapping[str, Any]


def save_starter(file: Path, starter: Starter) -> None:
    """Write both networks to one file, floating-point tensors as float16."""
    networks = {"generator": starter.generator, "discriminator": starter.discriminator}
    tensors = {
        f"{network}.{name}": tensor.cpu()
        .to(torch.float16 if tensor.is_floating_point() else None)
        .contiguous()
        for network, state in networks.items()
        for name, tensor in state.items()
    }
    about = {"class_names": starter.class_names, "provenance": starter.provenance}
    write_tensors(file, tensors, about)


def read_starter(file: Path = STARTER_FILE) -> Starter:
    """Read the shipped starter.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        text, tensors = read_tensors(file, _REMEDY)
        about = read_description(text or "")
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(f"{file}: the shipped starter cannot be read ({error}). {_REMEDY}") from None
    generator, discriminator = (
        {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        for prefix in ("generator.", "discriminator.")
    )
    return Starter(tuple(about["class_names"]), generator, discriminator, about["provenance"])

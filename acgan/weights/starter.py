"""The starter: a trained generator and its discriminator, shipped for other trainings to start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from acgan.errors import RunError
from acgan.reading import parse_json

#: What ``--init-from`` and provenance call it.
STARTER = "starter"
STARTER_FILE = Path(__file__).parents[1] / "starter" / "photos.safetensors"
_METADATA_KEY = "acgan"


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
    save_file(tensors, file, metadata={_METADATA_KEY: json.dumps(about)})


def read_starter(file: Path = STARTER_FILE) -> Starter:
    """Read the shipped starter.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            about = parse_json(opened.metadata()[_METADATA_KEY])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{file}: the shipped starter cannot be read ({error}). Install acgan again."
        ) from None
    generator, discriminator = (
        {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        for prefix in ("generator.", "discriminator.")
    )
    return Starter(tuple(about["class_names"]), generator, discriminator, about["provenance"])

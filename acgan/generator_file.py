"""The file that holds a generator.

``generator.safetensors`` holds weights, and in its metadata (one JSON text) the architecture, class names, value
range and provenance: the file alone is enough to sample.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from acgan.errors import RunError, did_you_mean
from acgan.models import GENERATORS, Generator

FORMAT = 1
_METADATA_KEY = "acgan"
_FILE_NAME = "generator.safetensors"


@dataclass(frozen=True)
class GeneratorInfo:
    """What a generator file says about itself.

    Attributes:
        architecture: ``kind`` and every keyword of its constructor.
        class_names: K names.
        provenance: Where the weights come from: data, images shown, config, seed, versions, machine.
        normalisation: Of the network's images.
        format: Of this file.
    """

    architecture: dict[str, Any]
    class_names: tuple[str, ...]
    provenance: dict[str, Any] = field(default_factory=dict)
    normalisation: str = "float [-1, 1]; uint8 = round((x + 1) * 127.5)"
    format: int = FORMAT


def save_generator(file: Path, generator: Generator, info: GeneratorInfo) -> None:
    """Write a generator file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    save_file(tensors, file, metadata={_METADATA_KEY: json.dumps(asdict(info))})


def read_generator(file: Path) -> tuple[Generator, GeneratorInfo]:
    """Build the generator of a file.

    Args:
        file: A generator file.

    Raises:
        RunError: If it is not one.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RunError(
            f"{file}: not a safetensors file, or not a whole one ({error}); expected a {_FILE_NAME} of "
            "`acgan train`. If it is one, copy it again."
        ) from None
    info = _read_info(metadata, file)
    return _build_generator(info, tensors, file), info


def find_generator(path: Path) -> Path:
    """The generator file that a run directory or file path names.

    Raises:
        RunError: If there is none.
    """
    if path.is_file():
        return path
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise RunError(
            f"{path}: no such run or file; expected a run directory of `acgan train` or a .safetensors file."
            f"{did_you_mean(path.name, siblings)}"
        )
    file = path / _FILE_NAME
    if not file.exists():
        runs = sorted(str(found.parent) for found in path.glob(f"*/{_FILE_NAME}"))
        remedy = (
            f"Name one of the runs in it: {', '.join(runs[:5])}."
            if runs
            else "A run has one from its first checkpoint on (every.checkpoint_nimg), or once it is stopped."
        )
        raise RunError(f"{path}: no {_FILE_NAME} in it. {remedy}")
    return file


def _read_info(metadata: Mapping[str, str], file: Path) -> GeneratorInfo:
    if _METADATA_KEY not in metadata:
        raise RunError(f"{file}: has no acgan metadata; expected a {_FILE_NAME} of `acgan train`.")
    try:
        values = json.loads(metadata[_METADATA_KEY])
        found = values["format"]
        if found == FORMAT:
            return GeneratorInfo(**{**values, "class_names": tuple(values["class_names"])})
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(
            f"{file}: its acgan metadata is damaged ({error!r}). Copy or train it again."
        ) from None
    raise RunError(
        f"{file}: format {found!r}; this version of acgan reads format {FORMAT}. Use the version that wrote it."
    )


def _build_generator(info: GeneratorInfo, tensors: Mapping[str, Tensor], file: Path) -> Generator:
    """The network that the metadata describes, holding the tensors; the global random state stays as it is."""
    remedy = "The file was changed, or another version of acgan wrote it: use that one, or train again."
    try:
        keywords = dict(info.architecture)
        with torch.random.fork_rng(devices=[]):  # initial weights draw from it, only to be overwritten
            generator = GENERATORS[keywords.pop("kind")](**keywords)
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise RunError(f"{file}: its architecture cannot be built ({error!r}). {remedy}") from None
    expected = {name: tuple(tensor.shape) for name, tensor in generator.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    expected["class_names"], found["class_names"] = (generator.num_classes,), (len(info.class_names),)
    for name in sorted(expected | found):
        if expected.get(name) != found.get(name):
            shapes = f"found {found.get(name, 'none')}, expected {expected.get(name, 'none')}"
            raise RunError(f"{file}: does not fit its architecture: {name}: {shapes}. {remedy}")
    generator.load_state_dict(tensors)
    return generator

"""``generator.safetensors``: the file that holds a generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acgan.errors import UnknownKindError
from acgan.models import GENERATORS, Generator
from acgan.weights.file import WeightsFile


@dataclass(frozen=True)
class GeneratorInfo:
    """Metadata of a generator file.

    Attributes:
        architecture: ``kind`` and every keyword of its constructor.
        class_names: K names.
        provenance: Origin of the weights: data, images shown, config, seed, versions, machine.
        normalisation: Range of the network's images.
    """

    architecture: dict[str, Any]
    class_names: tuple[str, ...]
    provenance: dict[str, Any] = field(default_factory=dict)
    normalisation: str = "float [-1, 1]; uint8 = round((x + 1) * 127.5)"


def _build(architecture: Mapping[str, Any]) -> Generator:
    keywords = dict(architecture)
    kind = keywords.pop("kind")
    if kind not in GENERATORS:
        raise UnknownKindError(kind, GENERATORS)
    return GENERATORS[kind](**keywords)


GENERATOR_FILE: WeightsFile[GeneratorInfo, Generator] = WeightsFile(
    product="generator",
    name="generator.safetensors",
    command="acgan train",
    info=GeneratorInfo,
    build=_build,
)
save_generator, read_generator, find_generator = (
    GENERATOR_FILE.save,
    GENERATOR_FILE.read,
    GENERATOR_FILE.find,
)

"""Images of chosen classes from a generator, and the file that holds one.

``generator.safetensors`` holds weights, and in its metadata (one JSON text) the architecture, class names, value
range and provenance: the file alone is enough to sample. A sample is a function of (seed, class, index): image 7
of a class has the same bytes whatever else is drawn with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from acgan.errors import RunError, UserError, did_you_mean, nearest
from acgan.models import GENERATORS, Generator
from acgan.runtime import Draws

#: Latents are drawn and images computed in portions of so many indices of a class, the last one padded: a
#: convolution's rounding may depend on how many images it is given.
CHUNK = 64

FORMAT = 1
_METADATA_KEY = "acgan"


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


class ClassSampler(nn.Module):
    """A generator that knows its classes by name.

    Args:
        generator: (z, y) -> images; switched to eval mode.
        info: What its file says.
    """

    def __init__(self, generator: Generator, info: GeneratorInfo):
        super().__init__()
        self.generator = generator.eval()
        self.info = info

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label's index is its class."""
        return self.info.class_names

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] for latents (N, Z) and labels (N,)."""
        images: Tensor = self.generator(z, y)
        return images

    def sample(
        self,
        num: int,
        classes: str | int | Sequence[str | int] | None = None,
        seed: int = 0,
        truncation: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Draw images, the chosen classes taking turns.

        Args:
            num: Number of images in all.
            classes: A class or several, by name or label; None for all.
            seed: Of the latents.
            truncation: Factor on the latents, above 0 and at most 1: smaller is more typical and less diverse.

        Returns:
            Images (num, C, H, W) uint8 and labels (num,) int64, on the CPU.

        Raises:
            UserError: If a class or the truncation does not exist.
        """
        if num < 1:
            raise UserError(f"num: found {num}; expected at least 1 image.")
        labels = self.labels_of(classes)
        per_class = [len(range(turn, num, len(labels))) for turn in range(len(labels))]
        images: Tensor | None = None
        for turn, (label, count) in enumerate(zip(labels, per_class, strict=True)):
            for start, portion in self.stream(label, count, seed=seed, truncation=truncation):
                if images is None:
                    images = torch.empty(num, *portion.shape[1:], dtype=torch.uint8)
                first = turn + start * len(labels)
                images[first : first + len(portion) * len(labels) : len(labels)] = portion
        assert images is not None
        return images, torch.tensor(labels).repeat(num // len(labels) + 1)[:num]

    def stream(
        self, label: int, count: int, *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, Tensor]]:
        """Draw images 0 to ``count`` of one class in portions: (first index, images (n, C, H, W) uint8)."""
        for start in range(0, count, CHUNK):
            z = class_latents(self.generator, label, start // CHUNK, seed=seed, truncation=truncation)
            images = self.draw(z, torch.full((CHUNK,), label))
            yield start, images[: min(CHUNK, count - start)]

    @torch.no_grad()
    def draw(self, z: Tensor, y: Tensor) -> Tensor:
        """Images (N, C, H, W) uint8, on the CPU, for latents and labels on the CPU."""
        parameter = next(self.generator.parameters())
        x = self.generator(z.to(parameter.device, parameter.dtype), y.to(parameter.device))
        return to_uint8(x).cpu()

    def labels_of(self, classes: str | int | Sequence[str | int] | None) -> list[int]:
        """Labels of classes given by name or label; a name wins where both would do."""
        if classes is None:
            return list(range(len(self.class_names)))
        given = [classes] if isinstance(classes, (str, int)) else list(classes)
        return [self._label_of(name) for name in given]

    def _label_of(self, name: str | int) -> int:
        if isinstance(name, str) and name in self.class_names:
            return self.class_names.index(name)
        if (isinstance(name, int) or name.isdecimal()) and 0 <= int(name) < len(self.class_names):
            return int(name)
        names = list(self.class_names)
        near = nearest(str(name), names)
        listed = ", ".join(repr(known) for known in [*near, *(known for known in names if known not in near)])
        raise UserError(f"unknown class {name!r}; expected one of {listed}, or its index from 0.")


def class_latents(generator: Generator, label: int, chunk: int, *, seed: int, truncation: float) -> Tensor:
    """Latents (CHUNK, Z) of the indices of a class from ``chunk * CHUNK`` on."""
    if not 0 < truncation <= 1:
        raise UserError(f"truncation: found {truncation}; expected a factor above 0 and at most 1.")
    return Draws(seed).normal((CHUNK, generator.latent_dim), "sample", label, chunk) * truncation


def to_uint8(x: Tensor) -> Tensor:
    """Images in [-1, 1] to uint8 in [0, 255], rounded; values outside are clamped."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def grid(sampler: ClassSampler, columns: int, *, seed: int = 0, max_rows: int = 32) -> Tensor:
    """A grid (C, H, W) uint8: one row a class, the same latents every time.

    Args:
        sampler: The generator.
        columns: Images a class, at most ``CHUNK``.
        seed: Of the latents.
        max_rows: Of more classes than this, the first ones.
    """
    labels = range(min(len(sampler.class_names), max_rows))
    latents = [
        class_latents(sampler.generator, label, 0, seed=seed, truncation=1.0)[:columns] for label in labels
    ]
    z, y = torch.cat(latents), torch.arange(len(labels)).repeat_interleave(columns)
    images = torch.cat([sampler.draw(*part) for part in zip(z.split(CHUNK), y.split(CHUNK), strict=True)])
    return tile(images, columns)


def tile(images: Tensor, columns: int, border: int = 2) -> Tensor:
    """Put images (N, C, H, W) side by side into one (C, H', W'), white between them."""
    from acgan._torchvision import torchvision

    tiled: Tensor = torchvision.utils.make_grid(images, nrow=columns, padding=border, pad_value=255)
    return tiled[:1] if images.shape[1] == 1 else tiled


def save_generator(file: Path, generator: Generator, info: GeneratorInfo) -> None:
    """Write a generator file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    save_file(tensors, file, metadata={_METADATA_KEY: json.dumps(asdict(info), ensure_ascii=False)})


def load_generator(path: str | Path, which: str = "last", device: str | torch.device = "cpu") -> ClassSampler:
    """Load a generator.

    Args:
        path: A ``.safetensors`` file, or a run directory.
        which: ``last`` of the run.
        device: Where to compute.

    Raises:
        RunError: If there is no generator, or the file is not one.
    """
    file = find_generator(Path(path), which)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = (opened.metadata() or {}).get(_METADATA_KEY)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RunError(f"{file}: not a whole safetensors file ({error}). Copy or train it again.") from None
    if metadata is None:
        raise RunError(f"{file}: has no acgan metadata; expected a generator.safetensors of `acgan train`.")
    values = json.loads(metadata)
    if values["format"] != FORMAT:
        raise RunError(f"{file}: format {values['format']}; this version of acgan reads format {FORMAT}.")
    info = GeneratorInfo(**{**values, "class_names": tuple(values["class_names"])})
    keywords = dict(info.architecture)
    generator = GENERATORS[keywords.pop("kind")](**keywords)
    generator.load_state_dict(tensors)
    return ClassSampler(generator.requires_grad_(False), info).to(device)


def find_generator(path: Path, which: str = "last") -> Path:
    """The generator file that a run directory or file path names."""
    if path.is_file():
        return path
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise RunError(
            f"{path}: no such run or file; expected a run directory of `acgan train` or a .safetensors file."
            f"{did_you_mean(path.name, siblings)}"
        )
    file = path / "generator.safetensors"
    if not file.exists():
        raise RunError(
            f"{path}: no generator.safetensors in it yet; it appears at the first checkpoint "
            "(every.checkpoint_nimg) or when the training is stopped."
        )
    return file

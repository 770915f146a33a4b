"""Sampling of chosen classes from a generator.

A sample is a function of (seed, class, index): image 7 of a class has the same bytes whatever else is drawn with
it (on the same device and build of torch).
"""

from __future__ import annotations

import contextlib
import operator
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from acgan.atomic import sha256
from acgan.errors import UserError, nearest_names, suggested
from acgan.models import Generator
from acgan.parallel import in_order_on
from acgan.plots.grid import to_uint8
from acgan.plots.page import ClassPage
from acgan.runtime import Draws, choose_device, full_precision
from acgan.weights import GeneratorInfo, find_generator, read_generator, state_in_words

#: Latents are drawn and images computed in portions of so many indices of a class, the last one padded: a
#: convolution's rounding may depend on how many images it is given. On a CPU each portion is computed by one core, on
#: whose number the rounding may depend, too.
CHUNK = 64
#: Names or labels, one or several; None is all.
Classes: TypeAlias = str | int | Sequence[str | int] | np.ndarray | Tensor | None


class ClassSampler(nn.Module):
    """A generator that knows its classes by name.

    Args:
        generator: (z, y) -> images; switched to eval mode; ``train()`` of this module or a parent does not
            change that.
        info: Metadata of its file.
        sha256: Digest of the file; empty if it comes from none.
    """

    def __init__(self, generator: Generator, info: GeneratorInfo, sha256: str = ""):
        super().__init__()
        self.generator = generator.eval()
        self.info = info
        self.sha256 = sha256

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names; a label's index is its class."""
        return self.info.class_names

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        side = self.info.architecture["resolution"]
        return self.info.architecture["image_channels"], side, side

    @property
    def origin(self) -> Mapping[str, Any]:
        """Provenance of the weights, from their file."""
        return self.info.provenance

    @property
    def state(self) -> str:
        """The state of the training that made the generator, in words."""
        return state_in_words(self.info)

    def available(self, label: int) -> None:
        """Nothing: there is no end of images of a class."""

    def train(self, mode: bool = True) -> ClassSampler:
        """Stay in eval mode: in training mode BatchNorm would let images depend on their neighbours."""
        return super().train(False)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] for latents (N, Z) and labels (N,)."""
        images: Tensor = self.generator(z, y)
        return images

    def sample(
        self,
        num: int,
        classes: Classes = None,
        seed: int = 0,
        truncation: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Draw images, the chosen classes taking turns.

        Args:
            num: Number of images in all.
            classes: A class or several, by name or label, each counted once; None for all.
            seed: Seed of the latents.
            truncation: Factor on the latents, above 0 and at most 1: smaller is more typical and less diverse.

        Returns:
            Images (num, C, H, W) uint8 and labels (num,) int64, on the CPU.

        Raises:
            UserError: If there is no such class, or a number is out of its range.
        """
        if num < 1:
            raise UserError(f"num: found {num}; expected at least 1 image.")
        labels = self.labels_of(classes)
        counts = {label: len(range(turn, num, len(labels))) for turn, label in enumerate(labels)}
        images: Tensor | None = None
        for label, start, portion in self.stream_classes(counts, seed=seed, truncation=truncation):
            if images is None:
                images = torch.empty(num, *portion.shape[1:], dtype=torch.uint8)
            first = labels.index(label) + start * len(labels)
            images[first : first + len(portion) * len(labels) : len(labels)] = portion
        assert images is not None
        return images, torch.tensor(labels).repeat(num // len(labels) + 1)[:num]

    def stream(
        self, label: int, count: int, *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, Tensor]]:
        """Draw the first ``count`` images of one class, in portions of at most ``CHUNK``.

        Args:
            label: The class.
            count: Number of images.
            seed: Seed of the latents.
            truncation: As for ``sample``.

        Yields:
            The index of the portion's first image, and images (n, C, H, W) uint8 on the CPU.
        """
        for _, start, images in self.stream_classes({label: count}, seed=seed, truncation=truncation):
            yield start, images

    def stream_classes(
        self, counts: Mapping[int, int], *, seed: int = 0, truncation: float = 1.0
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Draw the first images of several classes, class after class, as ``stream`` draws those of one.

        Args:
            counts: Number of images by class.
            seed: Seed of the latents.
            truncation: As for ``sample``.

        Yields:
            The class, the index of the portion's first image, and images (n, C, H, W) uint8 on the CPU.
        """

        def drawn(portion: tuple[int, int]) -> tuple[int, int, Tensor]:
            label, start = portion
            images = self.chunk(label, start // CHUNK, seed=seed, truncation=truncation)
            return label, start, images[: counts[label] - start]

        portions = ((label, start) for label, count in counts.items() for start in range(0, count, CHUNK))
        return in_order_on(self.device, drawn, portions)

    def chunk(self, label: int, number: int, *, seed: int = 0, truncation: float = 1.0) -> Tensor:
        """Images (CHUNK, C, H, W) uint8, on the CPU, of the indices of a class from ``number * CHUNK`` on."""
        z = class_latents(self.generator, label, number, seed=seed, truncation=truncation)
        return self._draw((z, torch.full((CHUNK,), label)))

    def image(self, label: int, index: int, *, seed: int = 0, truncation: float = 1.0) -> Tensor:
        """One image (C, H, W) uint8 of a class: the one that ``stream`` gives that index."""
        chunk, place = divmod(index, CHUNK)
        z = class_latents(self.generator, label, chunk, seed=seed, truncation=truncation)
        return self.draw(z, torch.full((CHUNK,), label))[place]

    def draw(self, z: Tensor, y: Tensor) -> Tensor:
        """Images (N, C, H, W) uint8, on the CPU, for latents and labels on the CPU."""
        (images,) = self.draw_each([(z, y)])
        return images

    def draw_each(self, portions: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Tensor]:
        """``draw`` for each pair of latents and labels, in order; a CPU computes several at the same time."""
        return in_order_on(self.device, self._draw, portions)

    @torch.no_grad()
    def _draw(self, portion: tuple[Tensor, Tensor]) -> Tensor:
        z, y = portion
        parameter = next(self.generator.parameters())
        with _reproducible(parameter.device):
            x = self.generator(z.to(parameter.device, parameter.dtype), y.to(parameter.device))
        return to_uint8(x).cpu()

    @property
    def device(self) -> torch.device:
        """The device that it draws on."""
        return next(self.generator.parameters()).device

    def labels_of(self, classes: Classes) -> list[int]:
        """Different labels of classes given by name or label; a name wins where both would do.

        Raises:
            UserError: If there is no such class, or none is given.
        """
        if classes is None:
            return list(range(len(self.class_names)))
        if isinstance(classes, (np.generic, np.ndarray, Tensor)):
            classes = classes.tolist()
        given = [classes] if isinstance(classes, (str, int)) else list(classes)
        if not given:
            raise UserError("classes: found none; expected at least one, or None for all.")
        return list(dict.fromkeys(self._label_of(name) for name in given))

    def _label_of(self, name: str | int) -> int:
        if isinstance(name, str):
            composed = unicodedata.normalize("NFC", name)  # macOS names folders otherwise
            known = next((one for one in (name, composed) if one in self.class_names), None)
            if known is not None:
                return self.class_names.index(known)
            label = int(name) if name.isdecimal() else -1
        else:
            label = operator.index(name)  # of NumPy's integers too
        if 0 <= label < len(self.class_names):
            return label
        names = list(self.class_names)
        near = nearest_names(str(name), names)
        listed = ", ".join(repr(known) for known in [*near, *(known for known in names if known not in near)])
        raise UserError(
            f"unknown class {name!r}; expected one of {listed}, or its index from 0.{suggested(near)}"
        )


def class_latents(generator: Generator, label: int, chunk: int, *, seed: int, truncation: float) -> Tensor:
    """Latents (CHUNK, Z) of the indices of a class from ``chunk * CHUNK`` on."""
    if not 0 < truncation <= 1:
        raise UserError(f"truncation: found {truncation}; expected a factor above 0 and at most 1.")
    return Draws(seed).normal((CHUNK, generator.latent_dim), "sample", label, chunk) * truncation


@contextlib.contextmanager
def _reproducible(device: torch.device) -> Iterator[None]:
    """On a GPU, keep from TF32, and from algorithms of cuDNN that add in any order or are chosen by timing them.

    On a CPU nothing is set: it would change nothing there, and settings of the process are not for its threads.
    """
    if device.type == "cpu":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        with full_precision():
            yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def grid(sampler: ClassSampler, count: int, *, seed: int = 0, max_classes: int = 32) -> Tensor:
    """A page (C, H, W) uint8 to follow a training by: images of each class, the same latents every time.

    Classes share portions here, which is quick; so a pixel may differ by 1 from the same index of ``sample``.

    Args:
        sampler: The generator.
        count: Images a class, at most ``CHUNK``.
        seed: Seed of the latents.
        max_classes: Largest number of classes; of more, the first ones are drawn.
    """
    labels = range(min(len(sampler.class_names), max_classes))
    latents = [
        class_latents(sampler.generator, label, 0, seed=seed, truncation=1.0)[:count] for label in labels
    ]
    z, y = torch.cat(latents), torch.arange(len(labels)).repeat_interleave(count)
    images = torch.cat(list(sampler.draw_each(zip(z.split(CHUNK), y.split(CHUNK), strict=True))))
    names = sampler.class_names[: len(labels)]
    return ClassPage.planned(names, count, images.shape[-1]).draw(images)


def load_generator(
    path: str | Path, device: str | torch.device = "cpu", which: str | None = None
) -> ClassSampler:
    """Load a generator.

    Args:
        path: A ``.safetensors`` file, or a run directory.
        device: Device to compute on.
        which: ``best`` or ``last`` of a run; None is the best if one was scored, else the last.

    Raises:
        RunError: If there is no generator, or the file is not one.
    """
    file = find_generator(Path(path), which)
    digest = sha256(file)  # before it is read: a training may replace it
    generator, info = read_generator(file)
    return ClassSampler(generator.requires_grad_(False), info, digest).to(choose_device(device))

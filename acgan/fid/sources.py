"""Sides of a comparison: stored images, a generator, or statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor

import acgan
from acgan.atomic import best_name, sha256
from acgan.data import BUILTIN_NAMES, RAW_FILES, RawImages, ReadOptions, cache_dir, open_raw
from acgan.data.decoding.decode import Target, measure_images, trained_target
from acgan.data.index import Unlabelled
from acgan.data.sources.arrays import ArrayReader, array_names
from acgan.data.sources.endings import is_image
from acgan.data.sources.huggingface import HUB
from acgan.data.sources.npz import find_convention
from acgan.data.sources.tree import is_run
from acgan.data.store import CACHE_FORMAT
from acgan.errors import DataError, did_you_mean
from acgan.extracting import Extractor, fitted, prepared, target_of
from acgan.fid.forms import Forms
from acgan.fid.statistics_file import KEYS, Saved, read_statistics
from acgan.fid.stream import stored_batches
from acgan.reading import user_path
from acgan.runtime import Draws
from acgan.sampling import ClassSampler, load_generator
from acgan.types import ImageStore, SkippedImage
from acgan.weights import GENERATOR_FILE, find_generator, holds

EXPECTED = (
    f"expected a folder of images, a file of images ({', '.join(RAW_FILES)}), an .npz of statistics (mu and sigma), "
    f"a built-in NAME or NAME:FOLDER ({', '.join(BUILTIN_NAMES)}), hf:NAME, or a run directory or generator.safetensors"
)

_GENERATORS = (GENERATOR_FILE.name, best_name(GENERATOR_FILE.name))


@dataclass(frozen=True)
class Stored:
    """Images of a data source.

    Attributes:
        raw: All its images.
        rows: (N,) rows of the chosen ones.
        split: Their part of the source: ``train``, ``test`` or ``all``.
        fitted: Form that they are brought to first; None leaves them as they are stored.
        drawn: True for a random choice.
        skipped: Images that were left out before, as they cannot be decoded.
    """

    given: str
    raw: RawImages
    rows: np.ndarray
    split: str = "all"
    fitted: Target | None = None
    drawn: bool = False
    skipped: tuple[SkippedImage, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def has_split(self) -> bool:
        """True if the source has a split of its own."""
        return bool((self.raw.images.parts != "").any())

    def part(self, split: str) -> Stored:
        """The images of the source's own ``train`` or ``test`` part."""
        return replace(self, rows=self.raw.images.rows(split), split=split)

    def limited(self, num: int | None, seed: int) -> Stored:
        """At most ``num`` of the images, drawn at random."""
        if num is None or num >= len(self):
            return self
        chosen = Draws(seed).generator("fid subset").permutation(len(self))[:num]
        return replace(self, rows=self.rows[np.sort(chosen)], drawn=True)

    def at(self, form: Target) -> Stored:
        """The images in the form in which training sees them; ``pad_28`` is found from the images."""
        _, pad_28, _ = measure_images(self.raw.images.reader, self.raw.images.rows("all"), form.resolution)
        return replace(self, fitted=replace(form, pad_28=pad_28))

    def is_as_stored(self, extractor: Extractor) -> bool:
        """True if the extractor sees the images as pytorch-fid reads them."""
        return self.fitted is None and target_of(extractor) is None

    def batches(
        self,
        extractor: Extractor,
        forms: Forms | None = None,
        on_skip: Callable[[SkippedImage], None] | None = None,
    ) -> Iterator[np.ndarray]:
        """Images (n, C, H, W) uint8 as the extractor takes them.

        Args:
            extractor: The extractor.
            forms: Counts the images' forms.
            on_skip: Receives images that cannot be decoded, which are left out; None makes them an error.
        """
        own = target_of(extractor)
        targets = [target for target in (self.fitted, own) if target is not None]

        def prepare(image: Image.Image) -> np.ndarray:
            pixels = _prepared(image, targets)
            if forms is not None:
                forms.look(image)
            # A network that takes any size wants RGB, as of a generator of gray images.
            return np.broadcast_to(pixels, (3, *pixels.shape[1:])) if own is None else pixels

        return stored_batches(self.raw.images.reader, self.rows, prepare, extractor.portion_size, on_skip)

    def key(self, extractor: Extractor) -> dict[str, Any]:
        """Everything that statistics of the images depend on."""
        return {
            "images": self.raw.identity,
            "rows": blake2b(self.rows.astype("<i8").tobytes(), digest_size=16).hexdigest(),
            "fitted": self.fitted and asdict(self.fitted),
            "extractor": extractor.describe(),
            "versions": [acgan.__version__, PIL.__version__, CACHE_FORMAT],
        }

    def describe(self) -> dict[str, Any]:
        """The origin of the images."""
        return {
            "kind": "images",
            "source": self.given,
            "num_images": len(self),
            "split": self.split,
            "resolution": self.fitted and self.fitted.resolution,
            "channels": self.fitted and self.fitted.channels,
            "fit": self.fitted and self.fitted.fit,
            "fingerprint": self.raw.identity,
            "left_out": [asdict(left) for left in self.raw.images.left_out],
        }


@dataclass(frozen=True)
class Generated:
    """Images that a generator draws, the classes in equal numbers.

    Attributes:
        digest: SHA-256 of the file.
        of_run: True if it was chosen from a run directory.
        num: Number of images. If the classes do not divide it, the first ones get one more.
        seed: Seed of the latents.
    """

    given: str
    file: Path
    sampler: ClassSampler
    digest: str = ""
    of_run: bool = False
    num: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return self.num

    @property
    def form(self) -> Target:
        """Form of its images, and of those that it was trained on."""
        made, provenance = self.sampler.generator, self.sampler.info.provenance
        return trained_target(made.resolution, made.image_channels, provenance, pad_28=False)

    def batches(self, extractor: Extractor) -> Iterator[Tensor]:
        """Draw images (n, C, H, W) uint8 as the extractor takes them."""
        target, num_classes = target_of(extractor), len(self.sampler.class_names)
        counts = {label: len(range(label, self.num, num_classes)) for label in range(num_classes)}
        for _, _, images in self.sampler.stream_classes(counts, seed=self.seed):
            yield fitted(images if target else images.expand(-1, 3, -1, -1), target)

    def describe(self) -> dict[str, Any]:
        """The origin of the images."""
        trained = self.sampler.info.provenance
        return {
            "kind": "generator",
            "source": self.given,
            "file": self.file.name,
            "num_images": self.num,
            "seed": self.seed,
            "label_prior": "uniform",
            "sha256": self.digest,
            "nimg": trained.get("nimg"),
            "trained_on": trained.get("data_fingerprint"),
        }


Side = Stored | Generated | Saved


def open_side(given: str, device: str | torch.device = "cpu", which: str | None = None) -> Side:
    """Open a side by its name or path; the content decides its kind.

    Args:
        given: Name or path, as the user wrote it.
        device: Device of a generator.
        which: ``best`` or ``last`` of the generators of a run directory, or None; see ``WeightsFile.find``.

    Raises:
        DataError: If it cannot be compared.
        RunError: If it is a run without a generator, or a broken generator file.
    """
    path = user_path(given)
    if _is_run(path) or (path.is_file() and (path.suffix == ".safetensors" or holds(GENERATOR_FILE, path))):
        file = find_generator(path, which if path.is_dir() else None)
        digest = sha256(file)  # before it is read: a training may replace it
        return Generated(given, file, load_generator(file, device), digest, path.is_dir())
    if path.is_file() and path.suffix.lower() == ".npz":
        names = array_names(path)
        if names & set(KEYS):
            return read_statistics(path)
        try:
            find_convention(path, names)
        except DataError as error:
            raise DataError(f"{error} Labels are not needed; statistics are mu and sigma.") from None
    elif not path.exists() and given.partition(":")[0] not in (*BUILTIN_NAMES, HUB.rstrip(":")):
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = did_you_mean(path.name, [*siblings, *BUILTIN_NAMES])
        raise DataError(f"{given}: there is no such path or data set; {EXPECTED}.{near}")
    elif path.is_file() and path.suffix.lower() not in RAW_FILES:
        raise DataError(f"{given} is a file of another kind; {EXPECTED}.")
    raw = open_raw(given, ReadOptions(cache_dir()))
    return Stored(given, raw, raw.images.rows("all"))


def stored_of(
    given: str, name: str, store: ImageStore, split: str, skipped: tuple[SkippedImage, ...] = ()
) -> Stored:
    """Decoded images as a side; ``skipped`` could not be decoded."""
    images = store.images[:, 0] if store.channels == 1 else store.images.transpose(0, 2, 3, 1)
    everything = Unlabelled(ArrayReader([images], [given]), np.full(len(store), ""))
    raw = RawImages(name, store.fingerprint, everything)
    return Stored(given, raw, everything.rows("all"), split, skipped=skipped)


def _is_run(path: Path) -> bool:
    """True for a run or a folder of runs: their pictures are grids, which are not scored."""
    if not path.is_dir():
        return False
    names = {entry.name for entry in path.iterdir()}
    return is_run(names) or bool(names & set(_GENERATORS)) or _is_of_runs(path)


def _is_of_runs(path: Path) -> bool:
    """True for a folder of runs without other images."""
    runs = {file.parent for name in _GENERATORS for file in path.glob(f"*/{name}")}
    others = [entry for entry in path.iterdir() if entry not in runs] if runs else []
    return bool(runs) and not any(
        is_image(file.name) for entry in others for file in (entry, *entry.rglob("*"))
    )


def _prepared(image: Image.Image, targets: list[Target]) -> np.ndarray:
    """(C, H, W) uint8."""
    if targets:
        return prepared(image, targets)
    # As pytorch-fid does, whatever the mode: no turning upright, transparency dropped.
    return np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)

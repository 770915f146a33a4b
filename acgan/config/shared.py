"""Sections that GANs and classifiers share."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from acgan.config.base import BaseConfig, BatchSize, ClassName, HomePath, Positive, Seed, Share


def _value_range(value: object) -> object:
    """Refuse what is neither a word nor two rising numbers, in one message."""
    if value in ("full", "auto"):
        return value
    pair = value if isinstance(value, (list, tuple)) and len(value) == 2 else ()
    numbers = [one for one in pair if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise ValueError(
            "expected one of full, auto. Two numbers [black, white] are fine too, such as [0, 4095]"
        )
    if numbers[0] >= numbers[1]:
        raise ValueError("expected black below white, as in [0, 4095]")
    return tuple(numbers)


def _expression(value: str) -> str:
    """Accept ``folder`` and whatever compiles: what does not would end a run after its source was read."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected folder or a regular expression; {error}") from None
    if not value:
        raise ValueError(
            "expected folder or a regular expression; an empty one makes a single group of all images"
        )
    return value


#: A number of threads.
_Threads = Annotated[int, Field(gt=0, le=1024)]


class ColumnsConfig(BaseConfig):
    """Names of a list's columns; null finds the usual names."""

    path: str | None = None
    """File name of the picture."""
    label: str | None = None
    """Class of the picture."""
    split: str | None = None
    """Part that the picture belongs to: train, test or val."""
    group: str | None = None
    """Patient, video or other group that stays on one side of a split."""


class DataConfig(BaseConfig):
    """The labelled images."""

    source: str = "digits"
    """A folder of class folders, .zip, a list (.csv, …), .npz, .parquet, .tar, hf:NAME[:CONFIG], or NAME[:ROOT]."""
    root: HomePath | None = None
    """Folder of built-in sets (downloaded if missing) or of a list's pictures; null: the cache, or the list's own."""
    layout: Literal["auto", "classes", "splits", "leaves", "list"] = "auto"
    """Way of reading labels; classes, splits and leaves read folders, list reads a list; auto finds out."""
    columns: ColumnsConfig = ColumnsConfig()
    """Columns of a list of pictures."""
    group: Annotated[str, AfterValidator(_expression)] | None = None
    """Keep images together in splits: `folder` is the one they lie in, else a regular expression for their paths."""
    classes: list[ClassName | dict[ClassName, list[ClassName]]] | None = None
    """Classes to use, in order: [dog, {pets: [cat, hamster]}] merges two as pets; null: all, sorted by code point."""
    resolution: Positive | None = None
    """Side of the square images in pixels; null chooses a power of two. GAN: 4, 5, 6 or 7 times a power of two, from 16
    to 512 (28, 48, 96, …). Classifier: any side from 8 to 1024 that its backbone takes."""
    channels: Literal[1, 3] | None = None
    """1 for gray, 3 for RGB; null takes 1 if every image is gray, else 3."""
    fit: Literal["crop", "pad"] = "crop"
    """Way to make images square: crop the centre, or pad with the colour of the border."""
    range: Annotated[Literal["full", "auto"] | tuple[float, float], BeforeValidator(_value_range)] = "full"
    """Values that become black and white, of images above 8 bits: full format, auto (of the whole set), or [lo, hi]."""
    frames: Literal["first", "all"] = "first"
    """Frames of a file with several: the first one, or all, each an image."""
    on_error: Literal["stop", "skip"] = "stop"
    """Reaction to a broken image: stop, or skip it and list it."""
    max_file_mb: Positive = 512
    """Largest size in MB of a list, and of a picture in a .zip or .tar; one that is larger is a broken image."""
    max_ratio: Positive = 200
    """Most times that what unpacks to more than 64 MB may be larger than packed: files in .zip or .npz, or .parquet."""
    mirror: bool = False
    """Flip images left to right at random; only for data whose mirrored images keep their class."""
    balance: bool = False
    """Show every class equally often, whatever its number of images."""
    max_per_class: Positive | None = None
    """Train on at most this many images of each class, chosen at random by `split_seed`; null takes all."""
    test_share: Share = 0.15
    """Share of each class that is held out as test images, if the source has no test split of its own."""
    split_seed: Seed = 0
    """Seed of the held-out split, separate from `seed`, so that runs with other seeds train on the same images."""
    validation_share: Share = 0.0
    """Share of each class's training images held out as validation images, to score the training on."""

    @property
    def names_form(self) -> bool:
        """True if the size or the colours of the images are named, and not chosen by looking at them."""
        return self.resolution is not None or self.channels is not None


class ComputeConfig(BaseConfig):
    """Batches, precision and threads."""

    batch_size: BatchSize = 64
    """Images per batch, over all processes."""
    micro_batch: BatchSize | None = None
    """Images at once per process; gradients add up to the batch, BatchNorm sees only these. null: all at once."""
    portions: _Threads | None = None
    """Portions of the whole batch, each computed by one core of a CPU. null: one for 32 images, at least 2. The last
    bits of results depend on it, and not on the number of cores. Each takes memory for the gradients of all weights."""
    precision: Literal["auto", "float32", "bf16", "float64"] = "auto"
    """Number format of the networks; auto: bf16 if native on the device, else float32. Losses: float32 or more."""
    compile: bool = False
    """Speed up the networks with torch.compile; worth it on GPUs."""
    threads: _Threads | None = None
    """CPU cores to use; null is all that torch would use. Results do not depend on it, unless `compile` is true."""


def check_micro_batch(train: ComputeConfig) -> None:
    """Refuse a micro-batch that does not divide the batch."""
    micro, batch = train.micro_batch, train.batch_size
    if micro is not None and batch % micro:
        raise ValueError(f"train.micro_batch {micro} does not divide train.batch_size {batch}")

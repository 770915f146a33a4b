"""Sections that trainings of GANs and of classifiers both have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from acgan.config.base import BaseConfig, ClassName, Positive, Share


class DataConfig(BaseConfig):
    """The labelled images."""

    source: str = "digits"
    """A folder of class folders, a zip of it, a .csv, an .npz, or a built-in set as NAME[:ROOT]."""
    root: str | None = None
    """Where built-in sets lie or are downloaded to; null is the cache folder."""
    classes: list[ClassName | dict[ClassName, list[ClassName]]] | None = None
    """Picks, orders and merges classes: [dog, {pets: [cat, hamster]}]; null takes all, sorted by code point."""
    resolution: Literal[16, 32, 64, 128, 256] | None = None
    """Side of the square images in pixels; null chooses it from the images."""
    channels: Literal[1, 3] | None = None
    """1 gray, 3 RGB; null takes 1 only where every image is gray."""
    fit: Literal["crop", "pad"] = "crop"
    """How an image becomes square: centre crop, or padding with its border's colour."""
    on_error: Literal["stop", "skip"] = "stop"
    """What to do about a broken image: stop, or skip it and list it."""
    mirror: bool = False
    """Whether images are flipped left to right at random: only where mirrored images keep their class."""
    balance: bool = False
    """Whether batches hold every class equally often, however many images it has."""
    max_per_class: Positive | None = None
    """Train on at most so many images of each class, a choice seeded by `split_seed`; null takes all."""
    test_share: Share = 0.15
    """Share of each class that is held out where the source has no test split of its own."""
    split_seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the held-out split; apart from `seed`, so that runs of several seeds train on the same images."""
    validation_share: Share = 0.0
    """Share of each class's training images that is held out to evaluate on while training, and to choose by."""


class ComputeConfig(BaseConfig):
    """In what portions and how it is computed."""

    batch_size: Positive = 64
    """Images a batch, over all processes."""
    micro_batch: Positive | None = None
    """Images at once on one process, gradients accumulating to the batch; null is all. BatchNorm sees them alone."""
    precision: Literal["auto", "float32", "bf16", "float64"] = "auto"
    """Number format of the networks; auto is bf16 where it is native, else float32. Losses are float32 or more."""
    compile: bool = False
    """torch.compile of the networks: pays on GPUs."""
    threads: Positive | None = None
    """CPU threads; null is torch's choice. Saved with the run, because bits depend on it."""


def check_portions(train: ComputeConfig) -> None:
    """Refuse portions that do not make up a batch."""
    micro, batch = train.micro_batch, train.batch_size
    if micro is not None and batch % micro:
        raise ValueError(f"train.micro_batch {micro} does not divide train.batch_size {batch}")

"""Sampling of a trained generator into files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acgan.api.inputs import tell_skipped
from acgan.assembly.images import data_options
from acgan.assembly.packing_words import Packing
from acgan.atomic import sha256, write_atomically
from acgan.config import restore
from acgan.config.shared import DataConfig
from acgan.data import load_dataset, match_source
from acgan.data.index import shortened
from acgan.errors import ConfigError, UserError
from acgan.extracting import fitted
from acgan.plots.grid import write_animation, write_png
from acgan.predicting import find_classifier, load_classifier
from acgan.sampling import ClassSampler
from acgan.sampling.files import page_of
from acgan.sampling.selection import Confidence
from acgan.sampling.walk import ImageWalk, walk_classes, walk_latents
from acgan.showing import warn_shown
from acgan.types import MIN_IMAGES_PER_CLASS, Dataset

#: Images of a walk from one stop to the next.
FRAMES = 16
_STOPS, _ROWS = 4, 4  # of an animation: images of a class, latents
_MILLISECONDS = 60  # a frame


def missing_by_class(
    sampler: ClassSampler,
    source: str,
    labels: Sequence[int],
    *,
    on_error: str | None = None,
    say: Callable[[str], None],
    warn: Callable[[str], None] = warn_shown,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, int]:
    """Count the images that classes of a data source lack to be as many as its largest one.

    Args:
        sampler: The generator.
        source: The source, as ``acgan train --data`` takes it; its training images count.
        labels: Classes of the generator to fill up.
        on_error: ``stop`` or ``skip`` broken images; None does as the generator's training did.
        say: Told which classes are left out.
        warn: Told which classes have so few images that what is drawn of them is hardly new.
        progress: Called with (done, total) while images are decoded.

    Raises:
        UserError: If the source cannot be read, has none of the classes, or lacks nothing.
    """
    dataset = _read_as_trained(sampler, source, on_error, progress)
    tell_skipped(dataset.skipped, say)
    store = dataset.train
    images = dict(zip(store.class_names, np.bincount(store.labels, minlength=store.num_classes), strict=True))
    names = {label: sampler.class_names[label] for label in labels}
    known = {label: int(images[name]) for label, name in names.items() if name in images}
    if not known:
        raise ConfigError(
            f"--balance {source}: has {', '.join(store.class_names)}; expected classes that the generator draws: "
            f"{', '.join(names.values())}."
        )
    largest = max(map(int, images.values()))
    absent = [name for label, name in names.items() if label not in known]
    if absent:
        say(f"{source} has no class {', '.join(absent)}: nothing is drawn of it")
    missing = {label: largest - count for label, count in known.items() if count < largest}
    if not missing:
        raise ConfigError(
            f"--balance {source}: lacks nothing: each of these classes has {largest:,} images. Leave --balance "
            "out, and say with -n how many to draw."
        )
    few = [label for label in missing if known[label] < MIN_IMAGES_PER_CLASS]
    if few:
        listed = shortened([f"{names[label]} ({missing[label]:,} of {known[label]:,})" for label in few])
        warn(
            f"more is drawn of classes with fewer than {MIN_IMAGES_PER_CLASS} training images: {listed}. A generator "
            "hardly learns more of a class than so few images show: expect near copies of them, which balance numbers "
            "and add little"
        )
    return missing


def _read_as_trained(
    sampler: ClassSampler,
    source: str,
    on_error: str | None,
    progress: Callable[[int, int], None] | None,
) -> Dataset:
    """A data source, read as the training of a generator read its own, in the form of its images."""
    channels, side, _ = sampler.image_shape
    origin = sampler.origin
    # The data's section alone: parts that a script registers are not needed.
    data = restore(DataConfig, origin.get("config", {}).get("data", {}), "the generator's file")
    form: dict[str, Any] = {
        "resolution": side,
        "channels": channels,
        "root": origin.get("paths", {}).get("data.root", data.root),
    }
    if on_error is not None:
        form["on_error"] = on_error
    data = data.model_copy(update=form)
    options = replace(data_options(data), skip_with="--on-error skip")
    with Packing(source, data).told():
        sets, options = match_source(source, options, sampler.class_names, whose="generator")
        if data.classes is None and options.classes is not None:
            # The largest class counts, also if the generator does not know it.
            options = replace(options, classes=[*options.classes, *sets.left_out])
        return load_dataset(source, options, progress)


def confidence_of(sampler: ClassSampler, classifier: Path, least: float) -> Confidence:
    """The choice of images that a classifier is sure of.

    Args:
        sampler: The generator.
        classifier: A run or file of ``acgan classify train``, or a shipped classifier's name.
        least: Least probability of the class that was asked for.

    Raises:
        UserError: If there is no classifier, or it does not know all classes.
    """
    file = find_classifier(classifier)
    judge = load_classifier(file, sampler.device)
    unknown = [name for name in sampler.class_names if name not in judge.class_names]
    if unknown:
        raise ConfigError(
            f"--classifier {classifier}: knows {', '.join(judge.class_names)}, and not {', '.join(unknown)}; expected "
            "the generator's classes. Train one on the same images with `acgan classify train`."
        )
    columns = torch.tensor([judge.class_names.index(name) for name in sampler.class_names])

    def probabilities(images: Tensor) -> Tensor:
        logits = judge.logits(fitted(images, judge.target))
        return logits.float().softmax(dim=1)[:, columns]

    return Confidence(probabilities, least, sha256(file))


@dataclass(frozen=True)
class PlannedWalk:
    """A walk and the page that shows it.

    Attributes:
        sampler: The generator.
        labels: Classes.
        between: ``latents`` or ``classes``.
        seed: Seed of the latents.
        truncation: Factor on the latents.
        scale: Whole factor that enlarges images; None makes the page fit a screen.
    """

    sampler: ClassSampler
    labels: Sequence[int]
    between: str
    seed: int = 0
    truncation: float = 1.0
    scale: int | None = None

    def page(self, num_frames: int) -> Tensor:
        """A page (C, H, W) uint8 with a row of so many images for each class, or pair of classes, from end to end."""
        if self.between == "latents":
            walks = [self._between_latents(2, num_frames - 1)]
        else:
            walks = [self._between_classes(pair, 1, num_frames - 1) for pair in pairwise(self._two())]
        names = [name for walk in walks for name in walk.names]
        page = page_of(names, num_frames, self.sampler.image_shape[1], self.scale, is_walk=True)
        return page.draw(torch.cat([walk.draw(self.sampler) for walk in walks]))

    def frames(self) -> list[Tensor]:
        """Pages (C, H, W) uint8 of an animation, which walks there and back."""
        if self.between == "latents":
            walk = self._between_latents(_STOPS, FRAMES)
        else:
            walk = self._between_classes(self._two(), _ROWS, FRAMES)
        side = self.sampler.image_shape[1]
        page = page_of(walk.names_at(0), 1, side, self.scale, is_walk=True, room=walk.legs)
        images = walk.draw(self.sampler).unflatten(0, (len(walk.names), walk.frames))
        there = [page.named(walk.names_at(frame)).draw(images[:, frame]) for frame in range(walk.frames)]
        return [*there, *reversed(there[1:-1])]

    @property
    def mark(self) -> dict[str, Any]:
        """The origin of the pictures, for their files."""
        how = {"seed": self.seed, "truncation": self.truncation}
        return {"generator": self.sampler.sha256, "walk": self.between, **how}

    def _between_latents(self, stops: int, frames: int) -> ImageWalk:
        return walk_latents(
            self.sampler, self.labels, stops, frames, seed=self.seed, truncation=self.truncation
        )

    def _between_classes(self, labels: Sequence[int], rows: int, frames: int) -> ImageWalk:
        return walk_classes(self.sampler, labels, rows, frames, seed=self.seed, truncation=self.truncation)

    def _two(self) -> list[int]:
        if len(self.labels) < 2:
            raise ConfigError(
                "--interpolate classes: found one class; expected two or more, as in --class cat --class dog."
            )
        return list(self.labels)


def write_walk(
    walk: PlannedWalk, page_file: str | None, animation: Path | None, num_frames: int, *, write: bool = True
) -> list[str]:
    """Write a walk as a page, an animation or both.

    Args:
        walk: The walk.
        page_file: Where to write the page; None for none.
        animation: Where to write the animation; None for none.
        num_frames: Images of a row of the page.
        write: False draws alone, as one of several processes.

    Returns:
        A line on each file.

    Raises:
        UserError: If a file cannot be written; none is half-written then.
    """
    said = []
    try:
        if page_file is not None:
            page = walk.page(num_frames)
            if write:
                write_atomically(Path(page_file), lambda path: write_png(page, path, walk.mark))
            said.append(f"walk between {walk.between}: {page_file}")
        if animation is not None:
            frames = walk.frames()
            if write:
                write_atomically(animation, partial(write_animation, frames, _MILLISECONDS, walk.mark))
            said.append(f"animation of {len(frames)} frames: {animation}")
    except OSError as error:
        raise UserError(
            f"{error.filename or animation or page_file}: cannot be written ({error.strerror or error}). Make room or "
            "choose another place."
        ) from error
    return said

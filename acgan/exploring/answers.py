"""Answers to what a person asks on the page of ``acgan explore``: values of Gradio's components."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from acgan.errors import UserError
from acgan.exploring.explorer import DrawnSample, Explorer, pixels
from acgan.exploring.fields import MOST_IMAGES, MOST_SEED, mixed_shares, whole_number
from acgan.showing import shown

PATH_IMAGES = 10
_SIDE = 128  # to which images are enlarged
_AROUND, _NEIGHBOURS = 8, 8
_ENTITIES = {ord(letter): f"&#{ord(letter)};" for letter in string.punctuation}

_Answer = Callable[..., Any]


def _warned(answer: _Answer) -> _Answer:
    """An answer that changes nothing on the page, and tells why, if what is asked cannot be done."""

    @functools.wraps(answer)
    def warned(*arguments: Any) -> Any:
        try:
            return answer(*arguments)
        except UserError as error:
            gr.Warning(_text(str(error)))
            return gr.skip()

    return warned


class Answers:
    """Answers about a generator.

    Args:
        explorer: The generator.
        folder: Of the downloads; those of the last drawing are replaced.
    """

    def __init__(self, explorer: Explorer, folder: Path):
        self.explorer = explorer
        self._names = explorer.sampler.class_names
        self._folder = folder

    @_warned
    def draw(
        self, labels: list[int], count: int, least: float, seed: float | None, truncation: float
    ) -> list[Any]:
        """Samples of classes."""
        if not labels:
            raise UserError("Choose a class.")
        number = whole_number("Seed", seed, MOST_SEED)
        samples = self.explorer.draw(labels, int(count), seed=number, truncation=truncation, least=least)
        missing = int(count) * len(labels) - len(samples)
        remark = f"The classifier is sure of too few: {missing} are missing." if missing else ""
        title = f"Samples of {_text(', '.join(self._names[label] for label in labels))}, seed {number}"
        return self._shown(samples, title, remark)

    @_warned
    def mix(self, seed: float | None, truncation: float, count: int, *chosen_and_shares: Any) -> list[Any]:
        """Samples of several classes at once; first their labels, then their shares."""
        number = whole_number("Seed", seed, MOST_SEED)
        half = len(chosen_and_shares) // 2
        shares = mixed_shares(chosen_and_shares[:half], chosen_and_shares[half:])
        samples = self.explorer.mix(shares, int(count), seed=number, truncation=truncation)
        return self._shown(samples, f"Mix of {_text(samples[0].name)}, seed {number}")

    @_warned
    def path(
        self,
        label: int | None,
        first: float | None,
        second: float | None,
        seed: float | None,
        truncation: float,
    ) -> list[Any]:
        """Images on the way from one image of a class to another."""
        if label is None:
            raise UserError("Choose a class.")
        start = whole_number("From image number", first, MOST_IMAGES - 1)
        end = whole_number("To image number", second, MOST_IMAGES - 1)
        number = whole_number("Seed", seed, MOST_SEED)
        samples = self.explorer.path(label, start, end, PATH_IMAGES, seed=number, truncation=truncation)
        title = f"Path of {_text(self._names[label])} from image {start} to image {end}, seed {number}"
        return self._shown(samples, title, columns=PATH_IMAGES)

    def pick(self, samples: list[DrawnSample], clicked: gr.SelectData) -> DrawnSample:
        """The sample that was clicked."""
        return samples[int(clicked.index)]

    @_warned
    def look(self, sample: DrawnSample, distance: float, seed: float | None) -> list[Any]:
        """Samples around one, and its nearest training images."""
        number = whole_number("Seed", seed, MOST_SEED)
        others = self.explorer.around(sample, _AROUND, distance, seed=number)
        found = self.explorer.neighbours(sample, _NEIGHBOURS)
        near = [(_enlarged(one.image), f"{one.distance:.1f} of 255 away") for one in found]
        return [
            f"### Samples around the clicked one, {_text(sample.name)}",
            [_labelled(one) for one in others],
            self._told_of_training_images(sample, len(near)),
            near,
            gr.Column(visible=True),
        ]

    def _told_of_training_images(self, sample: DrawnSample, count: int) -> str:
        if not self.explorer.compares:
            return "The training images are not at hand, so none are shown beside samples."
        name = _text(self._names[int(sample.y.argmax())])
        if not count:
            return f"There are no training images of {name}."
        return (
            f"### Training images of {name} nearest to the clicked sample\nNearest in pixels: the number is the root "
            "of the mean squared difference, 0 for the same image."
        )

    def _shown(
        self, samples: list[DrawnSample], title: str, remark: str = "", *, columns: int = 8
    ) -> list[Any]:
        """Values of the samples, their heading, the gallery, three downloads and what stands beside a clicked one."""
        seen = (
            "Below each: what was asked for, and what the classifier sees. " if self.explorer.judges else ""
        )
        click = "Click one to see samples around it and its nearest training images."
        told = f"### {title}\n{remark or seen + click}"
        pictures = gr.Gallery([_labelled(one) for one in samples], columns=columns, selected_index=None)
        beside = gr.Column(visible=False)
        if not samples:
            return [samples, told, pictures, *[gr.DownloadButton(interactive=False)] * 3, beside]
        files = _write(self.explorer, samples, self._folder)
        downloads = [gr.DownloadButton(value=str(file), interactive=True) for file in files]
        return [samples, told, pictures, *downloads, beside]


def _text(name: str) -> str:
    """Text for Markdown and HTML, in which no letter has a meaning of its own."""
    return shown(name).translate(_ENTITIES)


def _labelled(sample: DrawnSample) -> tuple[Image.Image, str]:
    lines = [line for line in (sample.name, sample.verdict) if line]
    return _enlarged(sample.image), "\n".join(map(shown, lines))


def _enlarged(image: Any) -> Image.Image:
    array = pixels(image)
    factor = max(1, _SIDE // len(array))
    return Image.fromarray(np.repeat(np.repeat(array, factor, axis=0), factor, axis=1))


def _write(explorer: Explorer, samples: Sequence[DrawnSample], folder: Path) -> list[Path]:
    """The files to download; those of the last drawing are replaced."""
    files = [folder / name for name in ("samples.png", "samples.npz", "samples.zip")]
    Image.fromarray(pixels(explorer.page(samples))).save(files[0])
    files[1].write_bytes(explorer.as_npz(samples))
    files[2].write_bytes(explorer.as_zip(samples))
    return files

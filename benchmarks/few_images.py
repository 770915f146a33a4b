"""Make a small folder with unequal classes, as users have them: 60, 150 and 400 images, and 200 test images of each.

    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/
    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/ --side 32
    python benchmarks/few_images.py mnist:ROOT PICTURES/
    python benchmarks/few_images.py mnist:ROOT OTHERS/ --others 2000

CIFAR-10's zip, which holds class folders in train/ and test/, gives automobiles, horses and ships. MNIST gives threes,
fives and eights, each in a colour on a ground of another one: pictures that are nothing like photographs. No shipped
classifier knows such digits; --others makes the folder to train one with: other training images, so many of each
class, and the same test images. The seed is fixed: everyone gets the same images.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageOps

_COUNTS = (60, 150, 400)
_PHOTOGRAPHS, _DIGITS = ("automobile", "horse", "ship"), ("3", "5", "8")
_TEST = 200


@click.command()
@click.argument("source")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--side", metavar="PIXELS", type=click.IntRange(8), default=64, show_default=True)
@click.option("--others", metavar="N", type=click.IntRange(1), help="N other training images of each digit.")
def main(source: str, folder: Path, side: int, others: int | None) -> None:
    """Make FOLDER from SOURCE, a zip of CIFAR-10 or mnist:ROOT."""
    if folder.exists():
        raise click.ClickException(f"{folder}: there is something already; expected a new folder.")
    chosen: Iterable[tuple[str, Image.Image]]
    if source.startswith("mnist:"):
        chosen = _digits(source, others)
    elif others is None:
        chosen = _photographs(Path(source))
    else:
        raise click.UsageError("--others is for mnist:ROOT: the shipped cifar10_jpg knows the photographs.")
    for place, image in chosen:
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        image.resize((side, side), Image.Resampling.BICUBIC).save(file)


def _photographs(source: Path) -> Iterator[tuple[str, Image.Image]]:
    if not source.is_file():
        raise click.ClickException(f"{source}: no such file; expected a zip of CIFAR-10, or mnist:ROOT.")
    draws = random.Random(0)
    chosen: dict[str, str] = {}
    with zipfile.ZipFile(source) as archive:
        for name, count in zip(_PHOTOGRAPHS, _COUNTS, strict=True):
            for split, number in (("train", count), ("test", _TEST)):
                found = sorted(file for file in archive.namelist() if f"{split}/{name}/" in file)
                if len(found) < number:
                    raise click.ClickException(
                        f"{source}: found {len(found)} images in {split}/{name}/; expected {number} or more."
                    )
                files = enumerate(draws.sample(found, number))
                chosen |= {f"{split}/{name}/{index:04d}.png": file for index, file in files}
        for place, file in chosen.items():
            yield place, Image.open(io.BytesIO(archive.read(file))).convert("RGB")


def _digits(source: str, others: int | None) -> list[tuple[str, Image.Image]]:
    import acgan  # noqa: F401, I001  (before torchvision, which it mends beside a CPU build of torch)
    import torchvision

    chosen: list[tuple[str, Image.Image]] = []
    draws, more_draws = np.random.default_rng(0), np.random.default_rng(1)
    for split, counts in (("train", _COUNTS), ("test", (_TEST,) * len(_COUNTS))):
        data = torchvision.datasets.MNIST(source.removeprefix("mnist:"), train=split == "train")
        for name, count in zip(_DIGITS, counts, strict=True):
            found = np.flatnonzero(data.targets.numpy() == int(name))
            rows = draws.choice(found, count, replace=False)
            images = [_coloured(data.data[row].numpy(), draws) for row in rows]
            if others is not None and split == "train":
                rest = np.setdiff1d(found, rows)
                if len(rest) < others:
                    raise click.ClickException(f"--others {others}: there are {len(rest)} of {name}.")
                rows = more_draws.choice(rest, others, replace=False)
                images = [_coloured(data.data[row].numpy(), more_draws) for row in rows]
            chosen += [(f"{split}/{name}/{index:04d}.png", image) for index, image in enumerate(images)]
    return chosen


def _coloured(digit: np.ndarray, draws: np.random.Generator) -> Image.Image:
    """A digit (28, 28) uint8 in a light colour on a dark one."""
    ground, ink = (
        f"hsl({hue}, 60%, {light}%)" for hue, light in zip(draws.integers(0, 360, 2), (25, 75), strict=True)
    )
    return ImageOps.colorize(Image.fromarray(digit), ground, ink)


if __name__ == "__main__":
    main()

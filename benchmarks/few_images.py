"""Make a small folder with unequal classes, as users have them: 60, 150 and 400 images, and 200 test images of each.

    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/
    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/ --side 32
    python benchmarks/few_images.py mnist:ROOT PICTURES/

CIFAR-10's zip, which holds class folders in train/ and test/, gives automobiles, horses and ships. MNIST gives threes,
fives and eights, each in a colour on a ground of another one: pictures that are nothing like photographs. The seed is
fixed: everyone gets the same images.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
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
def main(source: str, folder: Path, side: int) -> None:
    """Make FOLDER from SOURCE, a zip of CIFAR-10 or mnist:ROOT."""
    if folder.exists():
        raise click.ClickException(f"{folder}: there is something already; expected a new folder.")
    chosen = _digits(source) if source.startswith("mnist:") else _photographs(Path(source))
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


def _digits(source: str) -> Iterator[tuple[str, Image.Image]]:
    import torchvision

    import acgan  # noqa: F401  (mends torchvision beside a CPU build of torch)

    draws = np.random.default_rng(0)
    for split, counts in (("train", _COUNTS), ("test", (_TEST,) * len(_COUNTS))):
        data = torchvision.datasets.MNIST(source.removeprefix("mnist:"), train=split == "train")
        for name, count in zip(_DIGITS, counts, strict=True):
            found = np.flatnonzero(data.targets.numpy() == int(name))
            for index, row in enumerate(draws.choice(found, count, replace=False)):
                ground, ink = (
                    f"hsl({hue}, 60%, {light}%)"
                    for hue, light in zip(draws.integers(0, 360, 2), (25, 75), strict=True)
                )
                gray = Image.fromarray(data.data[row].numpy())
                yield f"{split}/{name}/{index:04d}.png", ImageOps.colorize(gray, ground, ink)


if __name__ == "__main__":
    main()

"""Make a small folder with unequal classes, as users have them: three classes of CIFAR-10, scaled up to 64 px.

    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/
    python benchmarks/few_images.py cifar10_jpg.zip PICTURES/ --side 32

It takes 60 automobiles, 150 horses and 400 ships, and 200 test images of each class. The zip holds class folders in
train/ and test/. The seed is fixed: everyone gets the same images.
"""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import click
from PIL import Image

_TRAIN = {"automobile": 60, "horse": 150, "ship": 400}
_TEST = 200


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--side", metavar="PIXELS", type=click.IntRange(8), default=64, show_default=True)
def main(source: Path, folder: Path, side: int) -> None:
    """Make FOLDER from SOURCE, a zip of CIFAR-10."""
    if folder.exists():
        raise click.ClickException(f"{folder}: there is something already; expected a new folder.")
    draws = random.Random(0)
    with zipfile.ZipFile(source) as archive:
        chosen: dict[Path, str] = {}
        for name, count in _TRAIN.items():
            for split, number in (("train", count), ("test", _TEST)):
                found = sorted(file for file in archive.namelist() if f"{split}/{name}/" in file)
                if len(found) < number:
                    raise click.ClickException(
                        f"{source}: found {len(found)} images in {split}/{name}/; expected {number} or more."
                    )
                files = enumerate(draws.sample(found, number))
                chosen |= {folder / split / name / f"{index:04d}.png": file for index, file in files}
        for place, file in chosen.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            image = Image.open(io.BytesIO(archive.read(file))).convert("RGB")
            image.resize((side, side), Image.Resampling.BICUBIC).save(place)


if __name__ == "__main__":
    main()

"""Near-duplicates across a split: how many are found in sets of data, and how many of those made on purpose.

    python benchmarks/near_duplicates.py digits mnist:ROOT cifar10_jpg.zip

For each source it prints the held-out images with a near-duplicate among the training images, every held-out image
searched for. Then, for training sets of several sizes drawn from the source's own: the share of 200 altered copies
that are found, by alteration, and the false alarms among other training images. Images of a set that has
near-duplicates within itself (CIFAR-10) count as false alarms too, so read these against the first number.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from PIL import Image

from acgan.assembly.images import load_data
from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.data.splitting import near_duplicates

COPIES = 200


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def brighter(image: Image.Image, by: int) -> Image.Image:
    return image.point(lambda value: value + by)


def cropped(image: Image.Image, left_top: int, right_bottom: int) -> Image.Image:
    """Cut pixels off, and stretch the rest to the old size."""
    side = image.width
    box = (left_top, left_top, side - right_bottom, side - right_bottom)
    return image.resize((side, side), Image.Resampling.BICUBIC, box=box)


def resized(image: Image.Image, share: float) -> Image.Image:
    side = round(image.width * share)
    return image.resize((side, side), Image.Resampling.BICUBIC).resize(image.size, Image.Resampling.BICUBIC)


ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg 75": lambda image: jpeg(image, 75),
    "jpeg 40": lambda image: jpeg(image, 40),
    "+5": lambda image: brighter(image, 5),
    "-5": lambda image: brighter(image, -5),
    "crop 1": lambda image: cropped(image, 1, 1),
    "crop 2": lambda image: cropped(image, 2, 2),
    "corner 2": lambda image: cropped(image, 2, 0),
    "resize 3/4": lambda image: resized(image, 0.75),
    "mirror": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def altered(images: np.ndarray, alteration: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """Altered copies of (N, C, R, R) uint8."""
    out = np.empty_like(images)
    for place, image in enumerate(images):
        picture = Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, 2))
        out[place] = np.moveaxis(np.atleast_3d(np.asarray(alteration(picture))), 2, 0)
    return out


def draw(
    train: np.ndarray, held_out: np.ndarray, matches: tuple[near_duplicates.Match, ...], file: Path
) -> None:
    """A picture of pairs, held-out image left, nearest first, 12 pairs a row."""
    pairs = [np.concatenate([held_out[one.held_out], train[one.train]], axis=2) for one in matches]
    pairs += [np.full_like(pairs[0], 255)] * (-len(pairs) % 12)
    rows = [np.concatenate(pairs[start : start + 12], axis=2) for start in range(0, len(pairs), 12)]
    picture = np.moveaxis(np.concatenate(rows, axis=1), 0, 2)
    Image.fromarray(picture.squeeze()).save(file)


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Folder for a PNG of the pairs of each source."
)
def main(sources: tuple[str, ...], picture: Path | None) -> None:
    near_duplicates.COMPARISONS = sys.maxsize
    for source in sources:
        config = load(
            RunConfig, find_recipe("digits", "gan"), [f"data.source={source}", "data.resolution=null"]
        )
        dataset = load_data(config)
        train, held_out = dataset.train.images, dataset.test.images
        start = time.perf_counter()
        found = near_duplicates.find_near_duplicates(train, held_out)
        click.echo(
            f"{dataset.name}: {len(found.matches):,} of {len(held_out):,} held-out images have a near-duplicate among"
            f" {len(train):,} training images ({time.perf_counter() - start:.1f} s)"
        )
        if picture is not None and found.matches:
            picture.mkdir(parents=True, exist_ok=True)
            draw(train, held_out, found.matches, picture / f"{dataset.name}.png")
        for size in (60, 200, 1500, 5000):
            if size * 5 // 4 > len(train):
                break
            order = np.random.default_rng(size).permutation(len(train))
            part, others = train[order[:size]], train[order[size : size * 5 // 4]]
            shares = []
            for name, alteration in ALTERATIONS.items():
                copies = altered(part[:COPIES], alteration)
                search = near_duplicates.find_near_duplicates(part, copies)
                right = sum(match.train == match.held_out for match in search.matches)
                shares.append(f"{name} {right / len(copies):.0%}")
            alarms = len(near_duplicates.find_near_duplicates(part, others).matches)
            click.echo(f"  {size:,}: {', '.join(shares)}; false alarms {alarms} of {len(others):,}")


if __name__ == "__main__":
    main()

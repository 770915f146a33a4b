"""An extractor that anybody can check by hand, folders of noise, a small generator, and the images of a side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from acgan.extracting import Extracted
from acgan.fid import Generated, Stored, Wanted, select
from acgan.models import GENERATORS
from acgan.sampling import ClassSampler
from acgan.weights import GeneratorInfo

ALL = Wanted(num=None, seed=0, split="all", resolution=None, fit="crop")


class Means:
    """Mean and mean square of each channel: 6 features of RGB images of any size. Counts the images it sees."""

    name = "means@00000000"
    frechet = "fcd"
    inception_score = "classifier_score"
    dims = 6
    size = None
    device = torch.device("cpu")
    portion_size = 64

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    @property
    def seen(self) -> int:
        return sum(shape[0] for shape in self.batches)

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "sha256": "0" * 64, "dims": 6, "resize": "none", "precision": "float64"}

    def __call__(self, images: Tensor | np.ndarray) -> Extracted:
        x = torch.as_tensor(images)
        assert x.dtype == torch.uint8
        assert x.shape[1] == 3
        self.batches.append(tuple(x.shape))
        x = x.double() / 255
        features = torch.cat([x.mean(dim=(2, 3)), x.square().mean(dim=(2, 3))], dim=1)
        return Extracted(features, features)


def means_of(pictures: list[np.ndarray]) -> np.ndarray:
    """The same features (N, 6) of images (H, W, 3), one by one."""
    scaled = [picture.astype(np.float64) / 255 for picture in pictures]
    return np.array([np.concatenate([x.mean((0, 1)), (x**2).mean((0, 1))]) for x in scaled])


def noise_pictures(
    count: int, seed: int = 0, low: int = 0, sides: tuple[int, ...] = (8,)
) -> list[np.ndarray]:
    """RGB noise (H, W, 3), each picture with a mean of its own, the sizes taking turns."""
    draws = np.random.default_rng(seed)
    return [
        draws.integers(low, draws.integers(low + 20, 256), (sides[i % len(sides)], 8, 3), dtype=np.uint8)
        for i in range(count)
    ]


def write_pictures(folder: Path, pictures: list[np.ndarray], name: str = "{}.png") -> Path:
    for number, picture in enumerate(pictures):
        file = folder / name.format(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(file)
    return folder


def small_generator(channels: int = 3) -> ClassSampler:
    """Of 16 px images of three classes, which differ visibly although nothing trained it."""
    keywords = {"latent_dim": 8, "num_classes": 3, "resolution": 16, "image_channels": channels}
    keywords |= {"channels": 4, "max_channels": 8, "class_dim": 4}
    keywords |= {"patch": 1, "modulation": "norm", "mapping_layers": 0, "attention": []}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = GENERATORS["resnet"](**keywords)
        for parameter in generator.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    info = GeneratorInfo({"kind": "resnet", **keywords}, ("cat", "dog", "1"), {"nimg": 7, "data": "pets"})
    return ClassSampler(generator, info)


def pixels(side: Stored | Generated, extractor: Any = None) -> np.ndarray:
    """All images of a side, as an extractor sees them."""
    return np.concatenate([np.asarray(batch) for batch in side.batches(extractor or Means())])


def no_hold_out(*_: object) -> Stored:
    """What no test that hands it over lets happen: test images held out of a source without any."""
    raise AssertionError


def chosen(*sides: Any, **changes: Any) -> list[Any]:
    """The sides with the images that are taken of them."""
    names = [getattr(side, "given", "statistics") for side in sides]
    return select(names, sides, replace(ALL, **changes), no_hold_out, lambda message: None)

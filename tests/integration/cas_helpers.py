"""Small trainings of classifiers on real and generated digits, and what was asked of their generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from run_helpers import digits_npz
from torch import Tensor, nn

from acgan.api import cas, cas_judges, load_data
from acgan.api.opening import TrainResult
from acgan.config import ClassifierConfig, load
from acgan.metrics.cas import CasScores
from acgan.sampling import ClassSampler
from acgan.types import Dataset
from acgan.weights import GeneratorInfo

TRAIN, TEST = {"0": 30, "4": 20, "7": 24}, {"0": 20, "4": 25, "7": 20}
STEPS = 24
USUAL = 100  # steps, in place of 400
SEEDS = (0, 1, 5)


class Album(nn.Module):
    """In place of a generator: the latent chooses one of a class's stored images; a class without any is noise."""

    latent_dim = 16 * 16

    def __init__(self, images: dict[int, np.ndarray]):
        super().__init__()
        for label, own in images.items():
            self.register_parameter(str(label), nn.Parameter(torch.from_numpy(own / 127.5 - 1).float()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        own = dict(self.named_parameters()).get(str(int(y[0])))
        if own is None:
            return z.view(-1, 1, 16, 16)
        return own[(torch.special.ndtr(z[:, 0]) * len(own)).long()]


@dataclass
class Watched:
    """Requests to the generator, and trainings of classifiers."""

    asked: list[tuple[str, int, int]] = field(default_factory=list)  # class, number, seed
    trainings: list[tuple[ClassifierConfig, Dataset, Path, TrainResult]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    truncations: set[float] = field(default_factory=set)
    scores: CasScores | None = None


def make_sampler(images: dict[str, np.ndarray], watched: Watched, **changed: Any) -> ClassSampler:
    """A sampler whose classes are in another order than the data's."""
    names = ("7", "0", "4")
    architecture = {"image_channels": 1, "resolution": 16}
    info = GeneratorInfo(**{"architecture": architecture, "class_names": names, **changed})

    class Sampler(ClassSampler):
        def stream_classes(
            self, counts: Mapping[int, int], **options: Any
        ) -> Iterator[tuple[int, int, Tensor]]:
            for label, count in counts.items():
                watched.asked.append((self.class_names[label], count, options["seed"]))
            watched.truncations.add(options["truncation"])
            return super().stream_classes(counts, **options)

    return Sampler(Album({names.index(name): own for name, own in images.items()}), info)


def digits(digit: str) -> np.ndarray:
    """Other images of a digit than those of the data: (50, 1, 16, 16)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images[bunch.target == int(digit)] * (255 / 16)).astype(np.uint8)
    return pixels[80:130, None].repeat(2, axis=2).repeat(2, axis=3)


def run(sampler: ClassSampler, dataset: Dataset, watched: Watched, **options: Any) -> Watched:
    """Measure, watching."""
    train_classifier = cas_judges.train_classifier

    def train(config: ClassifierConfig, data: Dataset, run_dir: Path, device: str) -> TrainResult:
        result = train_classifier(config, data, run_dir=run_dir, device=device)
        assert (run_dir / "classifier.safetensors").is_file()
        watched.trainings.append((config, data, run_dir, result))
        return result

    told = {"say": watched.said.append, "warn": lambda message: watched.said.append(f"warning: {message}")}
    options = {"seeds": SEEDS, "steps": STEPS, "device": "cpu", **told, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cas_judges, "train_classifier", train)
        patch.setattr(cas_judges, "MIN_STEPS", USUAL)
        watched.scores = cas.classification_accuracy_score(sampler, dataset, **options)
    return watched


def unbalanced_digits(folder: Path) -> Dataset:
    """Unbalanced digits, under the name of the built-in set and so with its recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACGAN_CACHE", str(folder / "cache"))
        file = digits_npz(folder / "digits.npz", TRAIN, TEST)
        return load_data(load(ClassifierConfig, None, [f"data.source={file}"]))


def judges(dataset: Dataset, steps: int | None = None, **options: Any) -> cas_judges.Judges:
    known = {"mirror": False, "network": "small", "device": "cpu", "kept": None}
    return cas_judges.judges_for(dataset, steps=steps, **{**known, **options})

"""Quick scores of generators by an independent classifier, until acgan has an evaluation of its own.

    python benchmarks/quick_scores.py digits RUN_OR_FILE...
    python benchmarks/quick_scores.py mnist:ROOT RUN_OR_FILE...

A small convolutional network is trained on the source's training images (once; its weights are kept in acgan's cache
folder), then for each generator a line: accuracy of that classifier on the samples, overall and of the worst class;
coverage (Naeem et al. 2020, k = 5) of held-out images; and the Frechet distance to them, on the classifier's 128
penultimate features, as a multiple of that between training and held-out images. As many samples as there are
held-out images, at most 5,000, classes in equal numbers.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import acgan
from acgan.api import load_data, resolve_config
from acgan.data import cache_dir
from acgan.runtime import autocast, machine, resolve_precision
from acgan.types import Dataset, ImageStore

_MAX_IMAGES = 5_000
_CPU = torch.device("cpu")


class Classifier(nn.Module):
    """Five 3x3 convolutions, 128 features by a global maximum, one linear layer."""

    def __init__(self, channels: int, num_classes: int, width: int = 32):
        super().__init__()

        def block(n_in: int, n_out: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()
            )

        self.features = nn.Sequential(
            block(channels, width), block(width, width), nn.MaxPool2d(2),
            block(width, 2 * width), block(2 * width, 2 * width), nn.MaxPool2d(2),
            block(2 * width, 4 * width), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.classify = nn.Linear(4 * width, num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        return self.classify(F.dropout(features, 0.3, self.training)), features


def images_of(store: ImageStore) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(store.images))


def normalised(images: Tensor) -> Tensor:
    return images.float() / 127.5 - 1


def train_classifier(train: ImageStore) -> Classifier:
    torch.manual_seed(1)
    network = Classifier(train.channels, train.num_classes)
    images, labels = normalised(images_of(train)), torch.from_numpy(train.labels)
    batches = len(images) // 128
    epochs = max(6, min(40, 60_000 * 6 // len(images)))
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=epochs * batches + 1)
    precision = resolve_precision("auto", _CPU)
    for _ in range(epochs):
        order = torch.randperm(len(images))
        for index in range(batches):
            chosen = order[index * 128 : (index + 1) * 128]
            shift = tuple(torch.randint(-2, 3, (2,)).tolist())
            with autocast(precision, _CPU):
                logits, _ = network(torch.roll(images[chosen], shift, (2, 3)))
            optimiser.zero_grad()
            F.cross_entropy(logits.float(), labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    return network


def classifier_for(data: Dataset) -> Classifier:
    file = cache_dir() / "quick_scores" / f"{data.train.fingerprint}.pt"
    network = Classifier(data.train.channels, data.train.num_classes)
    if file.exists():
        network.load_state_dict(torch.load(file, weights_only=True))
    else:
        network = train_classifier(data.train)
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), file)
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in network.state_dict().values()))
    network.eval()
    logits, _ = apply(network, images_of(data.test))
    accuracy = (logits.argmax(1) == torch.from_numpy(data.test.labels)).float().mean().item()
    print(
        f"classifier {digest.hexdigest()[:8]}: accuracy {accuracy:.4f} on {len(data.test):,} held-out images"
    )
    return network


@torch.no_grad()
def apply(network: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    parts = [network(normalised(part)) for part in images.split(500)]
    return torch.cat([logits for logits, _ in parts]), torch.cat([features for _, features in parts])


def frechet(a: Tensor, b: Tensor) -> float:
    (mean_a, cov_a), (mean_b, cov_b) = (
        (x.mean(0), np.cov(x.T)) for x in (a.double().numpy(), b.double().numpy())
    )
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def coverage_of(reference: Tensor) -> Callable[[Tensor], float]:
    radius = torch.cdist(reference, reference).kthvalue(6, dim=1).values  # the nearest is the image itself
    return lambda samples: (torch.cdist(reference, samples).min(1).values < radius).float().mean().item()


def chosen(images: Tensor, count: int, seed: int) -> Tensor:
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]]


def main(source: str, runs: list[str]) -> None:
    config, _ = resolve_config("digits" if source == "digits" else "folder", source)
    data = load_data(config)
    print(f"{source.partition(':')[0]}; {machine()}; torch {torch.__version__}; {date.today()}")
    network = classifier_for(data)
    count = min(len(data.test), _MAX_IMAGES)
    _, reference = apply(network, chosen(images_of(data.test), count, seed=0))
    _, train = apply(network, chosen(images_of(data.train), count, seed=1))
    coverage, floor = coverage_of(reference), frechet(train, reference)
    print(
        f"training images: coverage {coverage(train):.3f}, Frechet distance {floor:.3f}, from {count:,} images"
    )
    for run in runs:
        sampler = acgan.load_generator(run)
        images, labels = sampler.sample(count, seed=5)
        logits, features = apply(network, images)
        right = (logits.argmax(1) == labels).float()
        worst = min(right[labels == label].mean().item() for label in range(data.train.num_classes))
        distance = frechet(features, reference)
        print(
            f"{Path(run)}: {sampler.info.provenance['nimg']:,} images shown, accuracy {right.mean():.4f}, worst class "
            f"{worst:.3f}, coverage {coverage(features):.3f}, "
            f"Frechet distance {distance:.3f} = {distance / floor:.1f} x"
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])

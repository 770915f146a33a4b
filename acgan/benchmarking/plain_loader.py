"""The loader that everyone writes: a DataLoader that decodes each picture with Pillow and transforms it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler


class PictureDataset(Dataset[tuple[Tensor, int]]):
    """Picture files with labels, decoded and normalised one by one; ``mirror`` flips half of them."""

    def __init__(self, files: Sequence[tuple[Path, int]], *, mirror: bool):
        ours = torchvision.transforms
        flip = [ours.RandomHorizontalFlip()] if mirror else []
        self.files = files
        self.transform = ours.Compose([*flip, ours.ToTensor(), ours.Normalize(0.5, 0.5)])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        file, label = self.files[index]
        with Image.open(file) as image:
            return self.transform(image), label


def endless_batches(
    files: Sequence[tuple[Path, int]], batch_size: int, *, mirror: bool, balance: bool, workers: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of images and labels, in a new order each epoch; with ``balance``, all classes are equally frequent."""
    files = list(files) * -(-batch_size // len(files))  # at least a batch
    sampler = None
    if balance:
        labels = torch.tensor([label for _, label in files])
        sampler = WeightedRandomSampler((1 / labels.bincount()[labels]).tolist(), len(files))
    dataset = PictureDataset(files, mirror=mirror)
    loader = DataLoader(
        dataset,
        batch_size,
        shuffle=sampler is None,
        sampler=sampler,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
    while True:
        yield from loader

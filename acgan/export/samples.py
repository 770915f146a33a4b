"""The picture of samples that an exported folder has."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from acgan.plots.grid import write_png
from acgan.plots.page import ClassPage
from acgan.sampling import ClassSampler

#: Largest number of classes on the picture; of more, the first ones are shown.
CLASSES_ON_PICTURE = 32
_OF_EACH = 8


def samples_picture(sampler: ClassSampler) -> bytes:
    """A page of the first samples of each class, or of the first classes, seed 0, as PNG."""
    labels = range(min(len(sampler.class_names), CLASSES_ON_PICTURE))
    images = torch.cat(
        [portion for _, _, portion in sampler.stream_classes(dict.fromkeys(labels, _OF_EACH), seed=0)]
    )
    page = ClassPage.planned(sampler.class_names[: len(labels)], _OF_EACH, images.shape[-1])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.png"
        write_png(page.draw(images), file, {"generated_by": "acgan export", "seed": 0})
        return file.read_bytes()

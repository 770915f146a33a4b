"""Questions to a generator at play, without a page."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from acgan.marks import as_png_text
from acgan.plots.page import ClassPage
from acgan.predicting import ImageClassifier
from acgan.sampling import CHUNK, ClassSampler, class_latents
from acgan.sampling.folder import file_name, folder_names
from acgan.sampling.walk import walk_latents
from acgan.sealed import sealed_json
from acgan.types import SAMPLER_FILE, ImageStore

#: Images drawn for each that is wanted of those that a classifier is sure of.
_MOST_TRIED = 20


@dataclass(frozen=True)
class DrawnSample:
    """An image, and what drew it.

    Attributes:
        z: Latent (Z,).
        y: Shares of the classes (K,), which add up to 1.
        image: (C, H, W) uint8.
        name: Its class and number, or its shares.
        verdict: What a classifier sees, and how sure it is; empty without one.
        sure: The classifier's probability of the class that was asked for; None without one.
    """

    z: Tensor
    y: Tensor
    image: Tensor
    name: str
    verdict: str = ""
    sure: float | None = None


@dataclass(frozen=True)
class Neighbour:
    """A training image near a sample.

    Attributes:
        image: (C, H, W) uint8.
        class_name: Its class.
        distance: Root of the mean squared difference of pixels, of 255.
    """

    image: Tensor
    class_name: str
    distance: float


class Explorer:
    """A generator, with a classifier that judges and training images to compare with, where they are at hand.

    Args:
        name: Name of the run.
        sampler: The generator.
        judge: The classifier; None if none knows the classes.
        training: The images that it was trained on; None if they are not at hand.
    """

    def __init__(
        self, name: str, sampler: ClassSampler, judge: ImageClassifier | None, training: ImageStore | None
    ):
        self.name, self.sampler = name, sampler
        self._judge, self._training = judge, training
        known = {} if judge is None else {one: place for place, one in enumerate(judge.class_names)}
        self._columns = [known.get(one) for one in sampler.class_names]

    @property
    def judges(self) -> bool:
        """True if a classifier judges samples."""
        return self._judge is not None

    @property
    def compares(self) -> bool:
        """True if training images are at hand."""
        return self._training is not None

    def draw(
        self, labels: Sequence[int], count: int, *, seed: int, truncation: float, least: float = 0.0
    ) -> list[DrawnSample]:
        """The first images of classes, as ``acgan sample`` draws them; with ``least`` those a classifier is sure of.

        Fewer than ``count`` of a class come if the classifier is sure of too few of ``20 * count``.
        """
        found = []
        for label in labels:
            kept: list[DrawnSample] = []
            tries = _MOST_TRIED * count if least > 0 and self.judges else count
            for start in range(0, tries, CHUNK):
                z = class_latents(
                    self.sampler.generator, label, start // CHUNK, seed=seed, truncation=truncation
                )
                z = z[: tries - start]
                names = [
                    f"{self.sampler.class_names[label]}, image {start + place}" for place in range(len(z))
                ]
                drawn = self._samples(z, self._shares({label: 1.0}).expand(len(z), -1), names)
                kept += [one for one in drawn if one.sure is None or one.sure >= least]
                if len(kept) >= count:
                    break
            found += kept[:count]
        return found

    def mix(
        self, shares: Mapping[int, float], count: int, *, seed: int, truncation: float
    ) -> list[DrawnSample]:
        """Images of several classes at once: G takes the mean of their embeddings by shares.

        Raises:
            ValueError: If no share is above 0.
        """
        y = self._shares(shares)
        first = min(label for label, share in shares.items() if share > 0)
        z = class_latents(self.sampler.generator, first, 0, seed=seed, truncation=truncation)[:count]
        named = [f"{y[label]:.0%} {self.sampler.class_names[label]}" for label in shares if shares[label] > 0]
        return self._samples(z, y.expand(len(z), -1), [", ".join(named)] * len(z))

    def path(
        self, label: int, first: int, second: int, frames: int, *, seed: int, truncation: float
    ) -> list[DrawnSample]:
        """Images of a class on the way from one of its images to another, both below 64."""
        z = class_latents(self.sampler.generator, label, 0, seed=seed, truncation=truncation)[[first, second]]
        walk = walk_latents(self.sampler, [label], 2, frames - 1, ends=z[None])
        name = self.sampler.class_names[label]
        names = [f"{name}, {place / (frames - 1):.0%} from {first} to {second}" for place in range(frames)]
        return self._samples(walk.z[0], walk.y[0], names)

    def around(self, sample: DrawnSample, count: int, distance: float, *, seed: int) -> list[DrawnSample]:
        """Images whose latents lie around that of a sample.

        Args:
            sample: The sample.
            count: Number of images.
            distance: Share of the new latent that is random, from 0 to 1; the length stays about the same.
            seed: Seed of the random part.
        """
        draws = torch.Generator().manual_seed(seed)
        noise = torch.randn(count, len(sample.z), generator=draws)
        z = (1 - distance**2) ** 0.5 * sample.z + distance * noise
        return self._samples(z, sample.y.expand(count, -1), [f"around {sample.name}"] * count)

    def neighbours(self, sample: DrawnSample, count: int) -> list[Neighbour]:
        """The training images of the sample's class that are nearest to it in pixels, mirrored ones too."""
        if self._training is None:
            return []
        label = int(sample.y.argmax())
        name = self.sampler.class_names[label]
        if name not in self._training.class_names:
            return []
        rows = np.flatnonzero(self._training.labels == self._training.class_names.index(name))
        target = sample.image.float()
        found = []
        for row in rows:
            image = torch.from_numpy(np.array(self._training.images[int(row)]))
            distance = min(
                float((candidate.float() - target).square().mean().sqrt())
                for candidate in (image, image.flip(-1))
            )
            found.append(Neighbour(image, name, distance))
        return sorted(found, key=lambda one: one.distance)[:count]

    def page(self, samples: Sequence[DrawnSample]) -> Tensor:
        """All samples on a page (C, H, W) uint8."""
        images = torch.stack([sample.image for sample in samples])
        return ClassPage.planned([self.name], len(samples), images.shape[-1]).draw(images)

    def as_npz(self, samples: Sequence[DrawnSample]) -> bytes:
        """An ``.npz`` file: images (N, H, W, C) uint8, shares (N, K), latents (N, Z), class_names, generated_by."""
        with io.BytesIO() as file:
            np.savez(
                file,
                images=torch.stack([one.image for one in samples]).permute(0, 2, 3, 1).numpy(),
                shares=torch.stack([one.y for one in samples]).numpy(),
                latents=torch.stack([one.z for one in samples]).numpy(),
                class_names=np.array(self.sampler.class_names, dtype=np.str_),
                generated_by=np.array(json.dumps(self._mark())),
            )
            return file.getvalue()

    def as_zip(self, samples: Sequence[DrawnSample]) -> bytes:
        """A zip with a folder for each class, of PNGs; a mixed sample lies in that of its largest share.

        Images are numbered within their class. As in a folder of ``acgan sample``, a file tells which folder is which
        class: file systems do not take every name.
        """
        folders = folder_names(self.sampler.class_names)
        written: Counter[int] = Counter()
        with io.BytesIO() as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for sample in samples:
                    label = int(sample.y.argmax())
                    archive.writestr(
                        f"{folders[label]}/{file_name(written[label], 'png')}", self._png(sample)
                    )
                    written[label] += 1
                told = {folders[label]: self.sampler.class_names[label] for label in written}
                archive.writestr(SAMPLER_FILE, json.dumps(sealed_json({"folders": told, **self._mark()})))
            return file.getvalue()

    def _png(self, sample: DrawnSample) -> bytes:
        with io.BytesIO() as file:
            mark = as_png_text({**self._mark(), "of": sample.name})
            Image.fromarray(pixels(sample.image)).save(file, format="PNG", pnginfo=mark)
            return file.getvalue()

    def _mark(self) -> dict[str, str]:
        return {"generator": self.sampler.sha256, "run": self.name}

    def _shares(self, shares: Mapping[int, float]) -> Tensor:
        """Shares (K,) that add up to 1."""
        y = torch.zeros(len(self.sampler.class_names))
        for label, share in shares.items():
            y[label] = share
        if y.min() < 0 or y.sum() <= 0:
            raise ValueError("expected shares from 0 up, and one above 0")
        return y / y.sum()

    def _samples(self, z: Tensor, y: Tensor, names: Sequence[str]) -> list[DrawnSample]:
        images = torch.cat(list(self.sampler.draw_each(zip(z.split(CHUNK), y.split(CHUNK), strict=True))))
        verdicts = self._verdicts(images, y)
        return [
            DrawnSample(one_z, one_y, image, name, verdict, sure)
            for one_z, one_y, image, name, (verdict, sure) in zip(z, y, images, names, verdicts, strict=True)
        ]

    def _verdicts(self, images: Tensor, y: Tensor) -> list[tuple[str, float | None]]:
        """The classifier's word on each image; on a mixed one, of its largest share."""
        if self._judge is None:
            return [("", None)] * len(images)
        probabilities = self._judge(images)
        found: list[tuple[str, float | None]] = []
        for row, asked in zip(probabilities, y.argmax(dim=1).tolist(), strict=True):
            seen = int(row.argmax())
            column = self._columns[asked]
            sure = None if column is None else float(row[column])
            found.append((f"seen as {self._judge.class_names[seen]}, {float(row[seen]):.0%}", sure))
        return found


def pixels(image: Tensor) -> np.ndarray:
    """(C, H, W) as Pillow takes it: (H, W) or (H, W, 3)."""
    return np.asarray(image[0] if len(image) == 1 else image.permute(1, 2, 0))

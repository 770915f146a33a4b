"""The images to draw: classes, numbers, and which of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import acgan
from acgan.errors import UserError
from acgan.parallel import in_order_on, present_share
from acgan.sampling.sampler import CHUNK, ClassSampler

_DIGEST_DIGITS = 16  # of a file's SHA-256 in hex: enough to tell files apart
#: Images drawn for each that is wanted, before a class is given up: one in a hundred is no class that G can draw.
_MOST_TRIED = 100


@dataclass(frozen=True)
class Confidence:
    """A classifier's least probability of the class that was asked for.

    Attributes:
        probabilities: Of images (N, C, H, W) uint8, by class of the generator: (N, K).
        least: Images below it are not kept.
        classifier: Digest of the classifier's file.
    """

    probabilities: Callable[[Tensor], Tensor]
    least: float
    classifier: str


@dataclass(frozen=True)
class DrawnPortion:
    """Images of a class that were drawn at once.

    Attributes:
        label: Their class.
        start: Number of the first one that was drawn; ``CHUNK`` were, or fewer at the end.
        indices: Numbers of those that are kept.
        images: Those (n, C, H, W) uint8, on the CPU; None of a portion that an earlier call drew.
    """

    label: int
    start: int
    indices: tuple[int, ...]
    images: Tensor | None = None


@dataclass(frozen=True)
class Selection:
    """The images to draw.

    Attributes:
        sampler: The generator.
        counts: Number of images by class, each above 0.
        seed: Seed of the latents.
        truncation: Factor on the latents, above 0 and at most 1.
        confidence: Keeps the images that a classifier is sure of; None keeps all.
    """

    sampler: ClassSampler
    counts: Mapping[int, int]
    seed: int = 0
    truncation: float = 1.0
    confidence: Confidence | None = None

    @property
    def total(self) -> int:
        """Images in all."""
        return sum(self.counts.values())

    @property
    def class_names(self) -> list[str]:
        """The names of the classes to draw."""
        return [self.sampler.class_names[label] for label in self.counts]

    def mark(self, **more: Any) -> dict[str, Any]:
        """The origin of generated images, for their files: plain values."""
        return {
            "generator": self.sampler.sha256[:_DIGEST_DIGITS],
            **more,
            "seed": self.seed,
            "truncation": self.truncation,
            **self._choice(),
            "version": acgan.__version__,
        }

    def mark_of_all(self) -> dict[str, Any]:
        """The origin of a file with images of all the classes."""
        return self.mark(classes=self.class_names)

    def _choice(self) -> dict[str, Any]:
        if self.confidence is None:
            return {}
        chosen_by = self.confidence.classifier[:_DIGEST_DIGITS]
        return {"min_confidence": self.confidence.least, "classifier": chosen_by}

    def plan(self) -> dict[str, Any]:
        """All that the images depend on: equal plans draw equal images."""
        return {**self.mark_of_all(), "counts": list(self.counts.values())}

    def portions(self, done: Sequence[DrawnPortion] = ()) -> Iterator[DrawnPortion]:
        """Draw, class by class.

        Args:
            done: Portions that an earlier call drew, in order: they are not drawn again. Processes that share their
                work take those of the first.

        Raises:
            UserError: If a classifier is sure of too few images of a class.
        """
        share = present_share()
        if share is not None:
            done = share.exchange(done)[0]
        for label, count in self.counts.items():
            earlier = [portion for portion in done if portion.label == label]
            if self.confidence is None:
                yield from self._all(label, range(len(earlier) * CHUNK, count, CHUNK))
            else:
                yield from self._sure(label, count, earlier, self.confidence)

    def _all(self, label: int, starts: range) -> Iterator[DrawnPortion]:
        for start, images in zip(starts, self._drawn(label, starts), strict=True):
            kept = range(start, min(start + CHUNK, starts.stop))
            yield DrawnPortion(label, start, tuple(kept), images[: len(kept)])

    def _sure(
        self, label: int, count: int, earlier: Sequence[DrawnPortion], confidence: Confidence
    ) -> Iterator[DrawnPortion]:
        missing = count - sum(len(portion.indices) for portion in earlier)
        starts = range(len(earlier) * CHUNK, max(_MOST_TRIED * count, CHUNK), CHUNK)
        for start, (images, sure) in zip(starts, self._judged(label, starts, confidence), strict=True):
            places = sure.nonzero().flatten().tolist()[:missing]
            missing -= len(places)
            yield DrawnPortion(label, start, tuple(start + place for place in places), images[places])
            if not missing:
                return
        if missing:
            name = self.sampler.class_names[label]
            raise UserError(
                f"--min-confidence {confidence.least:g}: of {starts.stop:,} images drawn of {name!r} the classifier is "
                f"as sure of {count - missing:,}; expected {count:,}. Lower it, draw fewer (-n), or train the "
                "generator longer."
            )

    def _drawn(self, label: int, starts: range) -> Iterator[Tensor]:
        draw = self.sampler.chunk
        return in_order_on(
            self.sampler.device,
            lambda start: draw(label, start // CHUNK, seed=self.seed, truncation=self.truncation),
            starts,
        )

    def _judged(self, label: int, starts: range, confidence: Confidence) -> Iterator[tuple[Tensor, Tensor]]:
        """Images, and which of them the classifier is sure of."""
        for images in self._drawn(label, starts):
            yield images, confidence.probabilities(images)[:, label] >= confidence.least


def as_grid(portions: Sequence[DrawnPortion]) -> Tensor:
    """All images (N, C, H, W) of portions, in their order."""
    return torch.cat([portion.images for portion in portions if portion.images is not None])

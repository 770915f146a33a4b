"""What the modules hand each other. Shapes: N images, C channels, H x W pixels, K classes, F features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


#: Fewer images of a class say nothing about its diversity, or its distance from real images.
MIN_IMAGES_PER_CLASS = 20


@dataclass(frozen=True)
class ImageStore:
    """Decoded images of one split, in memory or memory-mapped.

    Attributes:
        images: (N, C, H, W) uint8 in [0, 255].
        labels: (N,) int64 in [0, K).
        class_names: K names; ``class_names[label]`` names a label.
        fingerprint: Hex digest of images, labels and class names: equal where and only where they are.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def channels(self) -> int:
        return int(self.images.shape[1])

    @property
    def resolution(self) -> int:
        return int(self.images.shape[2])


@dataclass(frozen=True)
class SkippedImage:
    """An image that could not be decoded and was passed over (``data.on_error: skip``)."""

    path: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """A data source, decoded: what it trains on and what it holds out.

    Attributes:
        name: Short name, fit for a directory (``mnist``, or the folder's own name).
        train: Images to train on.
        test: Held-out images: the source's own test split, else a stratified, seeded share.
        skipped: Images passed over because they could not be decoded.
        notes: Remarks worth a line to the user (what was inferred, what was held out).
        validation: A part of the source's training images that is not in ``train``: to choose by; None where none is.
    """

    name: str
    train: ImageStore
    test: ImageStore
    skipped: tuple[SkippedImage, ...] = ()
    notes: tuple[str, ...] = ()
    validation: ImageStore | None = None


#: What an ``AuxHead`` returns besides class logits: nothing, ``twin``, or embedding and ``proxies``.
HeadOutputs = Literal["logits", "twin", "proxies"]


@dataclass(frozen=True)
class HeadOutput:
    """What an ``AuxHead`` returns. Part of it is empty where the head's loss does not ask for it.

    Attributes:
        logits: (N, K) class logits (never softmax outputs).
        twin: (N, K) logits of a second classifier on the same features, for losses that have a class once for real
            and once for generated images.
        embedding: (N, E) features of length one, in the space of the proxies.
        proxies: (K, E) of length one, a point a class.
    """

    logits: Tensor
    twin: Tensor | None = None
    embedding: Tensor | None = None
    proxies: Tensor | None = None

    def rows(self, part: slice) -> HeadOutput:
        """The output for a part of the images."""
        return HeadOutput(
            self.logits[part],
            twin=None if self.twin is None else self.twin[part],
            embedding=None if self.embedding is None else self.embedding[part],
            proxies=self.proxies,
        )


@dataclass(frozen=True)
class DiscriminatorOutput:
    """What a discriminator returns for N images.

    Attributes:
        adv: (N,) adversarial logits; large is real.
        aux: The auxiliary head's output; None where the discriminator has no such head.
        features: (N, F) pooled features of the trunk, which both heads read.
    """

    adv: Tensor
    aux: HeadOutput | None
    features: Tensor


@dataclass(frozen=True)
class Batch:
    """Real images as the networks take them.

    Attributes:
        images: (N, C, H, W) float in [-1, 1].
        labels: (N,) int64.
    """

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Terms:
    """A summed loss and what it is made of.

    Attributes:
        total: Scalar, the weighted sum: what is minimised.
        parts: Its terms by name; class terms without the weight that they have in the sum, and penalties of
            one step, without the number of steps that they stand for; the others with theirs.
        stats: Scalars worth logging that are not part of it, without gradient.
    """

    total: Tensor
    parts: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """What the states of a training are compared by.

    Attributes:
        name: The metric's full name; scores are compared where it is the same.
        value: Lower is better.
    """

    name: str
    value: float


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation in the middle of a training found.

    Attributes:
        stats: Scalars by name.
        messages: Remarks for people, such as a collapse.
        score: What the best state is chosen by; None where nothing is chosen.
    """

    stats: dict[str, float]
    messages: tuple[str, ...] = ()
    score: Score | None = None

"""Types that modules share. Shapes: N images, C channels, H x W pixels, K classes, F features."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

#: Sides of the square images that data and networks have, in pixels.
RESOLUTIONS = (16, 32, 64, 128, 256)
#: Parts of a data source: held-out images and training images.
SPLITS = ("test", "train")
WHOLE_AND_SPLITS = (*SPLITS, "all")
#: Generators of a run that ``which`` chooses from.
WHICH = ("best", "last")
#: Class frequencies of samples: those of the reference, or equal ones.
LABEL_PRIORS = ("reference", "uniform")
#: Largest number of samples that are drawn by default.
MAX_SAMPLES = 50_000
#: Numbers of Inception's features, by pooling layer; the last is FID's.
INCEPTION_DIMS = (64, 192, 768, 2048)
FID_DIMS = INCEPTION_DIMS[-1]
#: Key of the text in a PNG that says that a generator drew it, and how: JSON.
GENERATED_MARK = "acgan"
#: Fewer images of a class say nothing about its diversity, or its distance from real images.
MIN_IMAGES_PER_CLASS = 20


@dataclass(frozen=True)
class ImageStore:
    """Decoded images of one split, in memory or memory-mapped.

    Attributes:
        images: (N, C, H, W) uint8 in [0, 255].
        labels: (N,) int64 in [0, K).
        class_names: K names; ``class_names[label]`` names a label.
        fingerprint: Hex digest of images, labels and class names.
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
    """An image that could not be decoded and was skipped (``data.on_error: skip``)."""

    path: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """A decoded data source: images to train on (``train``) and held-out images."""

    name: str  # short, also for directories: ``mnist``, or the folder's own name
    train: ImageStore
    test: ImageStore  # the source's own test split, else a stratified, seeded share
    skipped: tuple[SkippedImage, ...] = ()
    notes: tuple[str, ...] = ()  # for the user, such as inferred settings and held-out images
    validation: ImageStore | None = None  # not in ``train``, to choose the best state by
    num_generated: int = 0  # images at the end of ``train`` that a generator made

    @property
    def num_real(self) -> int:
        """Training images that are not generated."""
        return len(self.train) - self.num_generated


@dataclass(frozen=True)
class HeadOutput:
    """Output of an ``AuxHead``; its parts depend on the head's class.

    Attributes:
        logits: (N, K) class logits, never softmax outputs.
        twin: (N, K) logits of a second classifier on the same features.
        embedding: (N, E) features of length one, in the space of the proxies.
        proxies: (K, E) a point of length one for each class.
    """

    #: Parts with a row for each class; the others have one for each image.
    PER_CLASS: ClassVar[tuple[str, ...]] = ("proxies",)

    logits: Tensor
    twin: Tensor | None = None
    embedding: Tensor | None = None
    proxies: Tensor | None = None

    def rows(self, part: slice) -> HeadOutput:
        """The output for a part of the images."""
        per_image: dict[str, Any] = {
            name: value[part]
            for name, value in vars(self).items()
            if value is not None and name not in self.PER_CLASS
        }
        return replace(self, **per_image)


@dataclass(frozen=True)
class DiscriminatorOutput:
    """Output of a discriminator for N images.

    Attributes:
        adv: (N,) adversarial logits; large is real.
        aux: The auxiliary head's output; None without such a head.
        features: (N, F) pooled features of the trunk, which both heads read.
    """

    adv: Tensor
    aux: HeadOutput | None
    features: Tensor


@dataclass(frozen=True)
class Batch:
    """Real images, ready for the networks.

    Attributes:
        images: (N, C, H, W) float in [-1, 1].
        labels: (N,) int64.
    """

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Term:
    """One term of a summed loss; ``value`` is a scalar without its weight."""

    value: Tensor
    weight: float = 1.0

    @property
    def weighted(self) -> Tensor:
        return self.value * self.weight


@dataclass(frozen=True)
class Terms:
    """A summed loss."""

    terms: dict[str, Term]
    stats: dict[str, Tensor] = field(default_factory=dict)  # scalars for the log, without gradient
    times: int = 1  # factor of the loss; above 1 for a lazy penalty, which stands for several steps

    @property
    def total(self) -> Tensor:
        """The weighted sum, a scalar, which is minimised."""
        total: Tensor = sum(term.weighted for term in self.terms.values())  # type: ignore[assignment]
        return total * self.times


@dataclass(frozen=True)
class Score:
    """A score that compares states of a training; lower is better.

    Only scores with the same ``name``, the metric's full name, can be compared.
    """

    name: str
    value: float


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation during training."""

    stats: dict[str, float]
    messages: tuple[str, ...] = ()  # for the user, such as a collapse
    score: Score | None = None  # chooses the best state

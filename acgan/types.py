"""Types that modules share. Shapes: N images, C channels, H x W pixels, K classes, F features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

#: Parts of a data source: held-out images and training images.
SPLITS = ("test", "train")
#: References of an evaluation: a part, or all training images, with those that are held out for validation.
REFERENCES = (*SPLITS, "train-all")
WHOLE_AND_SPLITS = (*SPLITS, "all")
#: Generators of a run that ``which`` chooses from.
WHICH = ("best", "last")
#: Reactions to an image that cannot be decoded.
ON_ERROR = ("stop", "skip")
#: Class frequencies of samples: those of the reference, or equal ones.
LABEL_PRIORS = ("reference", "uniform")
JUDGES = ("small", "resnet18")
#: Ways to bring images to the size of a network of one size.
RESIZES = ("bilinear", "clean")
#: Largest number of samples that are drawn by default.
MAX_SAMPLES = 50_000
#: Numbers of Inception's features, by pooling layer; the last is FID's.
INCEPTION_DIMS = (64, 192, 768, 2048)
FID_DIMS = INCEPTION_DIMS[-1]
#: Formats of sampled pictures, by the endings of their files. PNG and WebP keep every pixel.
PICTURE_FORMATS = ("png", "webp", "jpg")
#: Parts of `acgan benchmark`, before them the machine.
BENCHMARK_PARTS = ("train", "sample", "fid", "startup")
#: File of a folder of samples: which folder holds which class, and how the images were drawn.
SAMPLER_FILE = "sampler.json"
#: Characters of class names that folders cannot have on every system; `acgan sample` writes _ in their place.
NOT_IN_FOLDERS = '<>:"/\\|?*'
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
class LeftOut:
    """Files or rows of a source that are not used.

    Attributes:
        reason: What they are and why they are left out, such as "hidden files".
        count: Number of them.
        examples: A few of their names.
    """

    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The way in which a source was read, for people.

    Attributes:
        layout: Key of ``data.layout``, or the format of a file.
        why: Reason for this layout, a sentence.
        labels: Origin of the labels, such as "the top folders" or "column 'dx' of HAM10000_metadata.csv".
        parts: Origin of training and test images, such as "train/ and test/".
        left_out: Files that are not used.
        unused: Labelled images of parts that are not used: part -> class name -> number.
    """

    layout: str
    why: str
    labels: str
    parts: str
    left_out: tuple[LeftOut, ...] = ()
    unused: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassPictures:
    """The pictures of a class as they are stored, before they are fitted.

    Attributes:
        widths: Smallest and largest width in pixels; 0 and 0 of a class without pictures.
        heights: Smallest and largest height in pixels, likewise.
        modes: Number of pictures by Pillow's mode.
    """

    widths: tuple[int, int]
    heights: tuple[int, int]
    modes: Mapping[str, int]


@dataclass(frozen=True)
class LikePair:
    """A held-out image and a training image that are the same picture, or nearly so.

    Attributes:
        held_out: Position in ``Dataset.test``.
        train: Position in ``Dataset.train``.
        distance: 0 for the same pixels; up to 1.42, see ``data.near_duplicates``.
        held_out_name: File or array element of the held-out image.
        train_name: That of the training image.
    """

    held_out: int
    train: int
    distance: float
    held_out_name: str
    train_name: str


@dataclass(frozen=True)
class DataReport:
    """The way in which a source was read, and what its pictures were like.

    Attributes:
        reading: The source's layout, labels and parts.
        pictures: Its pictures by class, in the order of the classes.
        black_white: Values that became black and white, of images above 8 bits a channel; None is full 16 bits.
        pairs: The nearest of the pairs across the split, each held-out image once.
        num_pairs: Number of held-out images with such a pair.
        num_searched: Number of held-out images that were searched for; fewer than all where there are many.
    """

    reading: Reading
    pictures: tuple[ClassPictures, ...]
    black_white: tuple[float, float] | None = None
    pairs: tuple[LikePair, ...] = ()
    num_pairs: int = 0
    num_searched: int = 0


@dataclass(frozen=True)
class Dataset:
    """A decoded data source: images to train on (``train``) and held-out images.

    Attributes:
        name: Short name, also for directories: ``mnist``, or the folder's own name.
        test: The source's own test part, else a stratified, seeded share.
        notes: Remarks for the user, such as inferred settings and held-out images.
        warnings: Doubts about the data, which the user should look into.
        validation: Images that are not in ``train``, to choose the best state by.
        num_generated: Number of images at the end of ``train`` that a generator made.
        groups: (num_real,) int64 numbers of the training images that no generator made; images with one number stay
            on one side of a split.
        report: The way in which the source was read; None for data that were handed over decoded.
    """

    name: str
    train: ImageStore
    test: ImageStore
    skipped: tuple[SkippedImage, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    validation: ImageStore | None = None
    num_generated: int = 0
    groups: np.ndarray | None = None
    report: DataReport | None = None

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
        adv: (N,) adversarial logits; large is real. None without an adversarial loss.
        aux: The auxiliary head's output; None without such a head.
        features: (N, F) pooled features of the trunk, which both heads read.
    """

    adv: Tensor | None
    aux: HeadOutput | None
    features: Tensor

    def rows(self, part: slice) -> DiscriminatorOutput:
        """The output for a part of the images."""
        aux = self.aux.rows(part) if self.aux is not None else None
        adv = self.adv[part] if self.adv is not None else None
        return DiscriminatorOutput(adv, aux, self.features[part])

    @property
    def logits(self) -> Tensor:
        """(N,) adversarial logits, for whoever needs them."""
        assert self.adv is not None, "the discriminator was built without an adversarial head"
        return self.adv

    @property
    def classes(self) -> HeadOutput:
        """The auxiliary head's output, for whoever needs it."""
        assert self.aux is not None, "the discriminator was built without an auxiliary head"
        return self.aux


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
    messages: tuple[str, ...] = ()  # warnings for the user, such as of a collapse
    remarks: tuple[str, ...] = ()  # what else to tell the user
    score: Score | None = None  # chooses the best state

"""Catalogue of the metrics: the scores that each one yields, how they are printed, and which direction is better.

It loads without torch, so that a command line can offer the metrics. ``acgan.evaluation.measures.METRICS`` maps the
same keys to functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Need = Literal["features", "logits", "classifier", "training images", "trained classifiers"]
Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class ClassColumn:
    """Column of a score in the table of classes.

    Attributes:
        heading: Text above the column.
        digits: Format of the numbers.
        first: Places the column before those of the other metrics.
    """

    heading: str
    digits: str = ".3f"
    first: bool = False


@dataclass(frozen=True)
class PrintedScore:
    """A score of a metric.

    Attributes:
        name: Key in the JSON file, without the extractor's brackets.
        title: Text in the table of all classes together; None for a score that exists only by class.
        digits: Format of the number in that table.
        better: Direction in which the score improves; None if noise can score beyond real images.
        column: Column in the table of classes; None if that table leaves the score out.
        detail: Name in the sentence on the worst class; None if the sentence leaves the score out.
    """

    name: str
    title: str | None = None
    digits: str = ".3f"
    better: Better | None = None
    column: ClassColumn | None = None
    detail: str | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """A metric that ``--metrics`` can choose.

    Attributes:
        scores: Its scores, in the order of the tables.
        needs: Inputs that it cannot do without, besides images.
        by_default: True if it is measured where no metrics are chosen; what takes long, or few ask for, is not.
    """

    scores: tuple[PrintedScore, ...]
    needs: frozenset[Need]
    by_default: bool = True


def _frechet(kind: str) -> tuple[PrintedScore, ...]:
    return (
        PrintedScore(kind, kind.upper(), better="lower", column=ClassColumn(kind.upper(), ".2f")),
        PrintedScore(f"intra_{kind}_mean", "  within classes, mean", better="lower"),
        PrintedScore(f"intra_{kind}_worst", "  within classes, worst", better="lower"),
    )


def _infinity(kind: str) -> tuple[PrintedScore, ...]:
    return (
        PrintedScore(f"{kind}_infinity", f"{kind.upper()}, N to infinity", better="lower"),
        PrintedScore(f"{kind}_infinity_error", "  standard error"),
    )


def _neighbours(name: str, heading: str) -> PrintedScore:
    return PrintedScore(name, name, better="higher", column=ClassColumn(heading), detail=name)


_FEATURES: frozenset[Need] = frozenset({"features"})
_CLASSIFIER: frozenset[Need] = frozenset({"classifier"})

#: Metrics by the key that ``--metrics`` takes, in the order of the tables.
CATALOGUE: dict[str, CatalogueEntry] = {
    "frechet": CatalogueEntry((*_frechet("fid"), *_frechet("fcd"), *_frechet("fd")), _FEATURES),
    "frechet_infinity": CatalogueEntry(
        (*_infinity("fid"), *_infinity("fcd"), *_infinity("fd")), _FEATURES, by_default=False
    ),
    "kid": CatalogueEntry(
        (
            PrintedScore("kid", "KID", ".4g", better="lower", column=ClassColumn("KID", ".3g")),
            PrintedScore("kid_published", "KID as published", ".4g", better="lower"),
            PrintedScore("kid_published_std", "  its deviation", ".4g"),
        ),
        _FEATURES,
    ),
    "mind": CatalogueEntry((PrintedScore("mind", "MIND", better="lower"),), _FEATURES, by_default=False),
    "inception_score": CatalogueEntry(
        (
            PrintedScore("inception_score", "Inception score", ".2f", better="higher"),
            PrintedScore("classifier_score", "classifier score", ".2f", better="higher"),
        ),
        frozenset({"logits"}),
    ),
    "prdc": CatalogueEntry(
        (
            _neighbours("precision", "prec."),
            _neighbours("recall", "recall"),
            PrintedScore("density", "density"),
            _neighbours("coverage", "cover."),
            PrintedScore("clipped_density", "clipped density", better="higher"),
            PrintedScore("clipped_coverage", "clipped coverage", better="higher"),
        ),
        _FEATURES,
    ),
    "accuracy": CatalogueEntry(
        (
            PrintedScore(
                "class_accuracy",
                "class accuracy",
                ".4f",
                better="higher",
                column=ClassColumn("acc.", first=True),
                detail="accuracy",
            ),
        ),
        _CLASSIFIER,
    ),
    "diversity": CatalogueEntry(
        (
            PrintedScore("ms_ssim", "MS-SSIM in classes", column=ClassColumn("MS-SSIM")),
            PrintedScore("ms_ssim_real", column=ClassColumn("real's")),
            PrintedScore("diverse_classes", "classes as diverse", ".2f"),
        ),
        frozenset(),
    ),
    "vendi": CatalogueEntry((PrintedScore("vendi", "Vendi score", ".2f"),), _FEATURES),
    "memorisation": CatalogueEntry(
        (
            PrintedScore("memorisation_nearer", "nearer to training"),
            PrintedScore("memorisation_copies", "  than 99 % of real", better="lower"),
        ),
        frozenset({"features", "training images"}),
    ),
    "data_copying": CatalogueEntry(
        (PrintedScore("c_t", "C_T, below 0: copying", ".2f"),), frozenset({"features", "training images"})
    ),
    "authenticity": CatalogueEntry(
        (PrintedScore("authenticity", "authentic samples"),),
        frozenset({"features", "training images"}),
        by_default=False,
    ),
    "copies": CatalogueEntry(
        (
            PrintedScore("copies_same", "copies, same picture", ".4f", better="lower"),
            PrintedScore("copies_same_real", "  held-out images", ".4f"),
            PrintedScore("copies_near", "copies, nearly the same", ".4f", better="lower"),
            PrintedScore("copies_near_real", "  held-out images", ".4f"),
        ),
        frozenset({"training images"}),
    ),
    "cas": CatalogueEntry(
        (
            PrintedScore("cas_real", "accuracy, trained on real", ".4f"),
            PrintedScore("cas_synthetic", "  on samples (CAS)", ".4f", column=ClassColumn("CAS")),
            PrintedScore("cas_both", "  on both", ".4f"),
            PrintedScore("gan_test", "GAN-test", ".4f"),
            PrintedScore("cas_gain", column=ClassColumn("CAS gain", "+.3f")),
        ),
        frozenset({"trained classifiers"}),
        by_default=False,
    ),
}


def default_metrics() -> tuple[str, ...]:
    """Keys of the metrics that are measured unless others are chosen."""
    return tuple(key for key, entry in CATALOGUE.items() if entry.by_default)


def plain_name(score: str) -> str:
    """A score's name without its extractor: ``kid`` of ``kid[digits@738debee]``."""
    return score.partition("[")[0]


def printed_scores() -> Mapping[str, PrintedScore]:
    """Scores of all metrics by plain name, in the order of the tables."""
    return {score.name: score for entry in CATALOGUE.values() for score in entry.scores}


def full_title(metric: str) -> str:
    """Title of a score that stands by itself: that of a row below another one has the other's before it."""
    heading = ""
    for score in printed_scores().values():
        title = score.title
        if title is not None and not title.startswith(" "):
            heading = title
        if score.name == plain_name(metric):
            return metric if title is None else title if title == heading else f"{heading}: {title.strip()}"
    return metric


def better(score: str) -> Better | None:
    """Direction in which a score improves; None if it has none, or the catalogue does not know it."""
    found = printed_scores().get(plain_name(score))
    return None if found is None else found.better


#: Scores that are shares, of images or of classes, and the similarity of images.
_WITHIN = frozenset(
    {
        *("precision", "recall", "coverage", "class_accuracy", "ms_ssim", "diverse_classes"),
        *("clipped_density", "clipped_coverage", "authenticity"),
        *("memorisation_nearer", "memorisation_copies", "copies_same", "copies_near"),
        *("cas_real", "cas_synthetic", "cas_both", "gan_test"),
    }
)


def lies_in_0_to_1(score: str) -> bool:
    """True for a score that is never below 0 nor above 1, and whose interval ends there."""
    return plain_name(score) in _WITHIN

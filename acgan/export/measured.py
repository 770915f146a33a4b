"""Scores of a network that is exported, from the files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from acgan.errors import RunError
from acgan.evaluation import EVALUATION_FILE, KEPT_FOLDER, Scores, read_evaluation, read_scores
from acgan.evaluation.trained_run import RUN_STATS, read_stats
from acgan.export.about import ExportSource
from acgan.file_kinds import read_text
from acgan.own_parts import PROVENANCE_FILE
from acgan.sampling import ClassSampler
from acgan.sealed import ChangedError, read_json
from acgan.weights import CLASSIFIER_FILE

_HELD_OUT = ("test", "validation")


@dataclass(frozen=True)
class HeldOutAccuracy:
    """Accuracy of a classifier, as its training measured it.

    Attributes:
        split: ``test`` or ``validation``.
        value: Share of the images that it gives the right class.
    """

    split: str
    value: float


def measured_by(source: ExportSource, warn: Callable[[str], None]) -> Scores | HeldOutAccuracy | None:
    """The scores of this very state; None if nothing beside its file has any.

    Args:
        source: The network.
        warn: Told of files that are damaged, which count as none.
    """
    if isinstance(source.trained, ClassSampler):
        return _scores(source, warn)
    return _accuracy(source, warn)


def trained_images(source: ExportSource, warn: Callable[[str], None]) -> dict[str, int]:
    """Training images of each class, as the run beside the file recorded them; empty if none did of these images.

    Args:
        source: The network.
        warn: Told if the record is damaged, which then counts as none.
    """
    file = source.file.parent / PROVENANCE_FILE
    try:
        data = read_json(read_text(file))["data"]
        counts = {str(name): int(number) for name, number in data["images"]["train"].items()}
        same = data["fingerprint"] == source.provenance.get("data_fingerprint")
    except FileNotFoundError:
        return {}
    except (ChangedError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        warn(f"{file}: the images of each class are left out ({type(error).__name__}: {error})")
        return {}
    return counts if same else {}


def _scores(source: ExportSource, warn: Callable[[str], None]) -> Scores | None:
    """The evaluation of most samples, the newest file of as many first."""
    found: list[Scores] = []
    for file in _evaluations(source.file.parent):
        try:
            generators = read_evaluation(file).provenance.generators
            if len(generators) == 1 and generators[0].sha256 == source.sha256:
                found.append(read_scores(file))
        except (RunError, OSError) as error:
            warn(f"its scores are left out: {error}")
    untruncated = [one for one in found if one.provenance.get("truncation") == 1.0]
    return max(untruncated or found, key=lambda one: int(one.provenance["num_images"]), default=None)


def _evaluations(folder: Path) -> Iterator[Path]:
    if (folder / EVALUATION_FILE).is_file():
        yield folder / EVALUATION_FILE
    yield from sorted((folder / KEPT_FOLDER).glob("*.json"))


def _accuracy(source: ExportSource, warn: Callable[[str], None]) -> HeldOutAccuracy | None:
    """The accuracy that the training recorded at the images shown of the state."""
    if source.file.name != CLASSIFIER_FILE.name:
        return None
    try:
        rows = [
            row
            for row in read_stats(source.file.parent / RUN_STATS)
            if row["nimg"] == source.provenance.get("nimg")
        ]
    except (RunError, OSError) as error:
        warn(f"its scores are left out: {error}")
        return None
    for split in _HELD_OUT:
        values = [row[f"{split}/accuracy"] for row in rows if row.get(f"{split}/accuracy") is not None]
        if values:
            return HeldOutAccuracy(split, float(values[-1]))
    return None

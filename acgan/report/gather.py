"""Reader of run directories: plain values, and sentences on what is damaged or missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from acgan.errors import UserError
from acgan.evaluation import EVALUATION_FILE, Scores, is_validation_score, read_scores
from acgan.evaluation.trained_run import (
    RUN_CONFIG,
    RUN_STATS,
    images_shown_to,
    is_best_file,
    read_stats,
)
from acgan.report.known import known_records, known_settings, read_picture

_Found = TypeVar("_Found")
_NEAREST = "memorisation.png"
#: Values of a curve by images shown.
StatCurve = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ChangedKey:
    """A key of the configuration that is not as in the recipe."""

    key: str
    recipe: str
    run: str


@dataclass(frozen=True)
class RunSettings:
    """Configuration of a run.

    Attributes:
        recipe: Name of what it is compared with.
        changed: Keys that differ from that.
        text: All of it, as YAML.
    """

    recipe: str
    changed: tuple[ChangedKey, ...]
    text: str


@dataclass(frozen=True)
class DataRead:
    """Data of a run as they were read.

    Attributes:
        name: Their name.
        parts: Names of the parts.
        rows: Numbers of images by class and part, with the sum of all.
        remarks: What else is to be told.
        sheet: A contact sheet as a PNG file; None where it could not be drawn.
        sheet_left_out: True if it was not drawn because that takes long.
    """

    name: str
    parts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    remarks: tuple[str, ...]
    sheet: bytes | None
    sheet_left_out: bool = False


@dataclass(frozen=True)
class BestScored:
    """The best score of a training on validation images."""

    name: str
    value: float
    nimg: int


@dataclass(frozen=True)
class KnownRun:
    """All that a run directory tells without any network or image.

    Attributes:
        directory: The run directory.
        config: Content of ``config.yaml``; what pages look at has its type, or is not there.
        records: Records of the training: finite numbers, or null.
        provenance: Content of ``provenance.json``; empty if there is none.
        scores: Scores of ``acgan evaluate``; None if it was never evaluated.
        nearest: Picture of ``acgan evaluate`` with the samples nearest to training images; None if there is none.
        missing: What could not be read or shown, in sentences.
        data_settings: Settings of its data that are not the defaults, besides the source, as ``--set`` takes them.
        extractor_at_hand: True if ``acgan evaluate`` finds an extractor by itself.
        judge_at_hand: True if the classifier that its commands train to judge it is there already, trained to its end.
        imports: Words of a command that import the scripts of its parts.
        source: Source of its data as one types it in this folder; "" where that is not known.
        length: Images that the training of a classifier shows, where that is known.
        generators: Images shown to its generators, by the names of their files.
        started_from: Networks whose weights its training began with, in words; None if there are none.
    """

    directory: Path
    config: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any]
    scores: Scores | None
    nearest: bytes | None = None
    missing: list[str] = field(default_factory=list)
    data_settings: tuple[str, ...] = ()
    extractor_at_hand: bool = True
    judge_at_hand: bool = False
    imports: tuple[str, ...] = ()
    source: str = ""
    length: int | None = None
    generators: Mapping[str, int] = field(default_factory=dict)
    started_from: str | None = None

    @property
    def is_classifier(self) -> bool:
        """True for a run of ``acgan classify train``."""
        return self.config.get("task") == "classify"

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.directory.resolve().name

    @property
    def nimg(self) -> int:
        """Images shown so far."""
        ended = [one["nimg"][1] for one in self.invocations if one.get("nimg")]
        last = int(self.records[-1]["nimg"]) if self.records else 0
        return max([last, *map(int, ended)])

    @property
    def total_nimg(self) -> int | None:
        """Images that the configuration asks for; None if it is given in epochs of an unknown number of images."""
        total: int | None = self.config["train"].get("total_nimg")
        return total if self.length is None else self.length

    @property
    def training_images(self) -> Mapping[str, int]:
        """Training images of each class; empty if that is not known."""
        found: Mapping[str, int] = self.provenance.get("data", {}).get("images", {}).get("train", {})
        return found

    @property
    def invocations(self) -> Sequence[Mapping[str, Any]]:
        """The trainings that made the run."""
        found: Sequence[Mapping[str, Any]] = self.provenance.get("invocations", ())
        return found

    @property
    def resumes(self) -> tuple[int, ...]:
        """Images shown where the training was gone on with."""
        starts = (one["nimg"][0] for one in self.invocations if one.get("nimg"))
        return tuple(sorted({start for start in starts if start > 0}))

    def curve(self, key: str) -> StatCurve:
        """A number of the records, by images shown."""
        return tuple(
            (int(record["nimg"]), float(record[key]))
            for record in self.records
            if record.get(key) is not None
        )

    def keys(self, prefix: str) -> list[str]:
        """Names of numbers in the records that begin so, in their order."""
        return list(dict.fromkeys(key for one in self.records for key in one if key.startswith(prefix)))

    @property
    def score_name(self) -> str | None:
        """Name of the score on validation images; None if there is none."""
        names = [key for key in self.keys("evaluate/") if is_validation_score(key)]
        return names[-1] if names else None

    @property
    def best(self) -> BestScored | None:
        """The best score on validation images; None if nothing was scored."""
        name = self.score_name
        values = self.curve(name) if name is not None else ()
        if name is None or not values:
            return None
        nimg, value = min(values, key=lambda point: point[1])
        return BestScored(name.removeprefix("evaluate/"), value, nimg)

    def monitored(self, what: str) -> dict[str, StatCurve]:
        """A number of the collapse monitor, by class."""
        prefix = f"monitor/{what}/"
        return {key.removeprefix(prefix): self.curve(key) for key in self.keys(prefix)}

    @property
    def evaluated_nimg(self) -> int | None:
        """Images shown to the generator that was evaluated, the first of several; None where that is not known."""
        generators = () if self.scores is None else self.scores.provenance["generators"]
        return next((one["nimg"] for one in generators if one.get("nimg") is not None), None)

    @property
    def stale(self) -> str | None:
        """A sentence where the scores are of an earlier state than the generator is in now; else None."""
        for one in () if self.scores is None else self.scores.provenance["generators"]:
            evaluated, now = one.get("nimg"), self.generators.get(one.get("file", ""))
            if evaluated is None or now is None or evaluated == now:
                continue
            best = "best " if is_best_file(one["file"]) else ""
            return (
                f"This is of the {best}generator at {evaluated:,} images; the run's {best}generator has {now:,} now. "
                f"Scores of {now:,} images are not known yet."
            )
        return None

    @property
    def warned_at(self) -> tuple[int, ...]:
        """Images shown where the collapse monitor warned."""
        return tuple(nimg for nimg, number in self.curve("monitor/collapsed_classes") if number > 0)


def gather_run(
    directory: Path, config: Mapping[str, Any], provenance: Mapping[str, Any], missing: Sequence[str] = ()
) -> KnownRun:
    """Read a run directory.

    Args:
        directory: The run directory.
        config: Content of its ``config.yaml``.
        provenance: Content of its ``provenance.json`` as a training writes it, or nothing.
        missing: What could not be read so far.

    Raises:
        RunError: It is no run of a training.
    """
    missing = list(missing)
    settings = known_settings(directory / RUN_CONFIG, config, missing)
    nothing: tuple[Mapping[str, Any], ...] = ()
    records = or_told(lambda: tuple(read_stats(directory / RUN_STATS)), nothing, missing)
    records = known_records(directory / RUN_STATS, records, missing)
    scores = None
    if (directory / EVALUATION_FILE).exists():
        scores = or_told(lambda: read_scores(directory), None, missing)
    picture, nearest = directory / _NEAREST, None
    if scores is not None and picture.is_file():  # without scores it is of nobody knows what
        nearest = or_told(lambda: read_picture(picture), None, missing)
    return KnownRun(
        directory,
        settings,
        records,
        provenance,
        scores,
        nearest,
        missing,
        generators=images_shown_to(directory),
    )


def or_told(read: Callable[[], _Found], otherwise: _Found, missing: list[str]) -> _Found:
    """Result of ``read``; where a user's error or the disk's stands against it, ``otherwise``, and a sentence more."""
    try:
        return read()
    except (UserError, OSError) as error:
        missing.append(f"{error}")
        return otherwise

"""Several trainings that were evaluated together: one verdict for all, and what each of them had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acgan.evaluation import Scores
from acgan.evaluation.findings import named
from acgan.metrics.catalogue import plain_name
from acgan.report.gan import classes_section, confusion_section
from acgan.report.gather import KnownRun
from acgan.report.section import Cell, Section
from acgan.report.words import judge_gan


@dataclass(frozen=True)
class Together:
    """Trainings of one method, and the evaluation of all of them.

    Attributes:
        directory: The directory of ``acgan train --seeds``.
        scores: Its scores.
    """

    directory: Path
    scores: Scores

    def place_of(self, run: KnownRun) -> int | None:
        """Place of a run among those that were evaluated; None if it is not among them."""
        for place, one in enumerate(self.scores.provenance["generators"]):
            same = Path(one.get("path", "")).name == run.directory.name
            if same and one.get("training_seed") == run.config.get("seed", 0):
                return place
        return None

    def distance_of(self, run: KnownRun) -> Cell | None:
        """A run's own distance, of all its samples; None if the evaluation does not have it."""
        place, score = self.place_of(run), named(self.scores.overall, "fid", "fcd", "fd")
        if place is None or score is None or place >= len(score.values):
            return None
        kind = next(plain_name(name).upper() for name, one in self.scores.overall.items() if one is score)
        return Cell(f"{kind} {score.values[place]:.3f}, of all samples", score.values[place])

    def sections(self, runs: Sequence[KnownRun]) -> list[Section]:
        """The verdict, the classes and the confusions of all trainings together."""
        whole = self._as_run(runs)
        judged = judge_gan(whole)
        # Other advice is of a single run.
        judged = replace(judged, advice=judged.advice[:1] if whole.stale else ())
        return [
            Section("together", "All these trainings together", {"judged": judged}, "verdict"),
            classes_section(whole),
            confusion_section(whole),
        ]

    def _as_run(self, runs: Sequence[KnownRun]) -> KnownRun:
        """A run in whose place the directory stands; of its generators, one that went on after the evaluation."""
        changed = {}
        for run in runs:
            place = self.place_of(run)
            one = {} if place is None else self.scores.provenance["generators"][place]
            now = run.generators.get(one.get("file", ""))
            if now is not None and now != one.get("nimg"):
                changed[one["file"]] = now
        return replace(
            runs[0],
            directory=self.directory,
            scores=self.scores,
            records=(),
            nearest=None,
            generators=changed,
        )

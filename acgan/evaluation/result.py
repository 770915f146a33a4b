"""Scores of an evaluation, and their JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from acgan.evaluation.measures import NEAREST_K, Found, Value
from acgan.evaluation.one_pass import Pass
from acgan.metrics.catalogue import lies_in_0_to_1, plain_name, printed_scores
from acgan.metrics.intervals import T_OF_THREE, half_interval

#: Version of the JSON text, raised when a key changes its meaning.
EVALUATION_FORMAT = 1


@dataclass(frozen=True)
class Summary:
    """A number measured once or several times.

    Attributes:
        value: The mean; None where it could not be measured.
        std: Standard deviation (divided by n - 1); None for fewer than two.
        values: The single measurements.
    """

    value: Value
    std: Value
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scores:
    """Result of ``acgan evaluate``.

    Attributes:
        provenance: Generators, reference and networks; scores are comparable if it is equal.
        overall: By metric; ``values`` has one a training seed of several runs, else one a generation seed.
        floor: By metric, real images against real images: the score of a perfect generator at this count.
        at_floor_count: By metric, with as many samples as the floor has images; comparable with the floor.
        per_class: Mean by class and metric.
        floor_per_class: ``floor``, by class and metric.
        at_floor_count_per_class: ``at_floor_count``, by class and metric.
        confusion: (K, K) counts over all samples; row: class asked for, column: class seen; None without classifier.
            Its classes are all those of the generator; rows of classes that are not scored are zero.
        help: Use of samples to a classifier, if asked for: verdict, gain and provenance.
    """

    provenance: dict[str, Any]
    overall: Mapping[str, Summary]
    floor: Mapping[str, Summary]
    at_floor_count: Mapping[str, Summary]
    per_class: Mapping[str, Mapping[str, Value]]
    floor_per_class: Mapping[str, Mapping[str, Value]]
    at_floor_count_per_class: Mapping[str, Mapping[str, Value]]
    confusion: np.ndarray | None
    help: Mapping[str, Any] | None = None

    @property
    def is_of_samples(self) -> bool:
        """True if samples were given, so that no more can be drawn."""
        return any(one.get("kind") == "samples" for one in self.provenance.get("generators", ()))

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes of the generator: those that were scored, and those without real images to score them by."""
        classes = self.provenance.get("classes") or {}
        return tuple(classes.get("known") or self.per_class)

    @property
    def not_scored(self) -> tuple[str, ...]:
        """Classes of the generator of which there are no real images in the part that it was scored by."""
        return tuple(name for name in self.class_names if name not in self.per_class)

    @property
    def nearest_k(self) -> int:
        """The neighbour that the balls of precision, recall, density and coverage reached to."""
        return int(self.provenance.get("nearest_k", NEAREST_K))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Scores:
        """The scores of the values of a file that ``read_evaluation`` took."""
        overall, floor, at_floor_count = (
            {
                name: Summary(one.get("value"), one.get("std"), tuple(one.get("values", ())))
                for name, one in values.get(part, {}).items()
            }
            for part in ("overall", "floor", "at_floor_count")
        )
        confusion = values.get("confusion")
        return cls(
            values["provenance"],
            overall,
            floor,
            at_floor_count,
            values.get("per_class", {}),
            values.get("floor_per_class", {}),
            values.get("at_floor_count_per_class", {}),
            None if confusion is None else np.array(confusion, dtype=np.int64),
            values.get("cas"),
        )

    def to_json(self) -> str:
        """JSON text of everything; docs/metrics.md explains the keys."""
        values: dict[str, Any] = {
            "format": EVALUATION_FORMAT,
            "provenance": self.provenance,
            "overall": {
                name: {"value": one.value, "std": one.std, "values": list(one.values)}
                for name, one in self.overall.items()
            },
            "floor": _plain(self.floor),
            "at_floor_count": _plain(self.at_floor_count),
            "per_class": self.per_class,
            "floor_per_class": self.floor_per_class,
            "at_floor_count_per_class": self.at_floor_count_per_class,
        }
        if self.confusion is not None:
            values["confusion"] = self.confusion.tolist()
        if self.help is not None:
            values["cas"] = self.help
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)


def _plain(summaries: Mapping[str, Summary]) -> dict[str, dict[str, Value]]:
    return {name: {"value": one.value, "std": one.std} for name, one in summaries.items()}


def summarise(values: Sequence[Value]) -> Summary:
    """Mean and deviation; None if a value is missing."""
    known = tuple(float(value) for value in values if value is not None)
    if not known or len(known) < len(values):
        return Summary(None, None)
    std = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Summary(float(np.mean(known)), std, known)


def summarise_all(found: Sequence[Mapping[str, Value]]) -> dict[str, Summary]:
    """Summary of each metric over any number of measurements."""
    metrics = found[0] if found else ()
    return {name: summarise([one[name] for one in found]) for name in metrics}


def summarise_passes(passes: Sequence[Sequence[Pass]]) -> dict[str, Summary]:
    """Summary of passes by training seed and generation seed; several training seeds are the units."""
    if len(passes) == 1:
        return summarise_all([one.found.overall for one in passes[0]])
    means = [{k: v.value for k, v in summarise_all([p.found.overall for p in run]).items()} for run in passes]
    return summarise_all(means)


def summarise_halves(passes: Sequence[Pass]) -> dict[str, Summary]:
    """Summary over the halvings of what all passes have on average: the deviation is of the same as the floor's."""
    halvings = [] if not passes else list(zip(*(one.at_floor_count for one in passes), strict=True))
    means = [summarise_all([found.overall for found in of_halving]) for of_halving in halvings]
    return summarise_all([{name: one.value for name, one in mean.items()} for mean in means])


def mean_per_class(
    found: Sequence[Found], class_names: Sequence[str], labels: Sequence[int] | None = None
) -> dict[str, dict[str, Value]]:
    """Mean values of each class, or of those of some labels, over any number of measurements."""
    metrics = found[0].per_class if found else ()
    return {
        class_names[label]: {
            metric: summarise([one.per_class[metric][label] for one in found]).value for metric in metrics
        }
        for label in (range(len(class_names)) if labels is None else labels)
    }


def interval(summary: Summary, *, of_halvings: bool) -> Value:
    """Half of a value's 95 % interval: what ± means wherever it is printed.

    Over seeds it is Student's t times the standard error of their mean. The three halvings are balanced half-samples,
    whose deviation is the standard error itself (McCarthy 1969).
    """
    if summary.std is None:
        return None
    return T_OF_THREE * summary.std if of_halvings else half_interval(summary.std, len(summary.values))


#: What stands behind numbers that ``with_interval`` wrote.
INTERVAL_NOTE = "±: half of a 95 % interval. [a, b]: the whole interval, where it ends at 0 or 1."


def with_interval(metric: str, summary: Summary, *, of_halvings: bool) -> str:
    """A score with its interval, as it is printed wherever it is."""
    assert summary.value is not None, metric
    known = printed_scores().get(plain_name(metric))
    digits = ".4g" if known is None else known.digits
    text = f"{summary.value:{digits}}"
    # Accuracies of classifiers have a deviation over trainings, and no values: it is not printed, but in the JSON file.
    spread = interval(summary, of_halvings=of_halvings) if of_halvings or len(summary.values) > 1 else None
    if spread is None:
        return text
    low, high = summary.value - spread, summary.value + spread
    if not lies_in_0_to_1(metric) or (low >= 0 and high <= 1):
        return f"{text} ±{spread:{digits}}"
    ends = ("0" if low < 0 else f"{low:{digits}}", "1" if high > 1 else f"{high:{digits}}")
    return f"{text} [{', '.join(ends)}]"


def with_help(scores: Scores, found: Mapping[str, Any]) -> Scores:
    """Scores extended by ``CasScores.to_dict``.

    Its accuracies become metrics without ``values``, which belong to classifiers and are no units of the generator.
    """
    accuracies = {name: one for name, one in found["overall"].items() if "std" in one}
    rest = {name: one for name, one in found["overall"].items() if name not in accuracies}
    return replace(
        scores,
        overall={
            **scores.overall,
            **{name: Summary(one["value"], one["std"]) for name, one in accuracies.items()},
        },
        per_class={name: {**values, **found["per_class"][name]} for name, values in scores.per_class.items()},
        help={**rest, "verdict": found["verdict"], "provenance": found["provenance"]},
    )

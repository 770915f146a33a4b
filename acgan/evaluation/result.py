"""What an evaluation found, in numbers that can be written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from acgan.evaluation.measures import Found, Value
from acgan.evaluation.one_pass import Pass

#: Of the JSON text; raised whenever what is in it changes its meaning.
EVALUATION_FORMAT = 1


@dataclass(frozen=True)
class Summary:
    """A number measured once or several times.

    Attributes:
        value: The mean; None where it could not be measured.
        std: Standard deviation (divided by n - 1); None for fewer than two.
        values: What it is the mean of.
    """

    value: Value
    std: Value
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scores:
    """What ``acgan evaluate`` finds.

    Attributes:
        provenance: What was measured, against what, by what; scores compare where it is equal.
        overall: By metric; ``values`` are one a training seed where several runs were given, else one a generation
            seed.
        floor: By metric, real images against real images: what a perfect generator would score at this count.
        at_floor_count: By metric, samples as many as the floor has images; compare this with the floor.
        per_class: By class and metric, the mean.
        floor_per_class: ``floor``, by class and metric.
        at_floor_count_per_class: ``at_floor_count``, by class and metric.
        confusion: (K, K) counts over all samples; row: class asked for, column: class seen; None without classifier.
        help: Whether samples help a classifier, where that was asked: the verdict, the gain, and how it was measured.
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

    def to_json(self) -> str:
        """Everything, as JSON text; keys and meanings are told in docs/evaluation.md."""
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
    """Mean and deviation; nothing where one is missing."""
    known = tuple(float(value) for value in values if value is not None)
    if not known or len(known) < len(values):
        return Summary(None, None)
    std = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return Summary(float(np.mean(known)), std, known)


def summarise_all(found: Sequence[Mapping[str, Value]]) -> dict[str, Summary]:
    """Each metric over several measurements, of which there may be none."""
    metrics = found[0] if found else ()
    return {name: summarise([one[name] for one in found]) for name in metrics}


def summarise_passes(passes: Sequence[Sequence[Pass]]) -> dict[str, Summary]:
    """The scores of each training seed's passes, one a generation seed; the units are training seeds if several."""
    if len(passes) == 1:
        return summarise_all([one.found.overall for one in passes[0]])
    means = [{k: v.value for k, v in summarise_all([p.found.overall for p in run]).items()} for run in passes]
    return summarise_all(means)


def mean_per_class(found: Sequence[Found], class_names: Sequence[str]) -> dict[str, dict[str, Value]]:
    """The mean of each class's values over several measurements, of which there may be none."""
    metrics = found[0].per_class if found else ()
    return {
        name: {metric: summarise([one.per_class[metric][label] for one in found]).value for metric in metrics}
        for label, name in enumerate(class_names)
    }


def with_help(scores: Scores, found: Mapping[str, Any]) -> Scores:
    """Scores, and what ``CasScores.to_dict`` says.

    Its accuracies become metrics, without ``values``: those are of classifiers, and no units of the generator.
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

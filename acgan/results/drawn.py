"""Values that pictures of several runs show: curves of trainings, scores by class, scores by truncation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from acgan.errors import RunError
from acgan.evaluation import (
    EVALUATION_FILE,
    KEPT_FOLDER,
    ChangedScoresError,
    EvaluationFile,
    TrainedRun,
    different_conditions,
    is_validation_score,
    read_evaluation,
)
from acgan.metrics.catalogue import better, full_title, plain_name, printed_scores
from acgan.results.variants import Variant

Lines = dict[str, dict[str, list[dict[float, float]]]]
_ARROWS = {"lower": "lower is better", "higher": "higher is better", None: ""}
#: Records of a training that are drawn beside its scores, with their titles.
_RECORDS = {
    "D/class_accuracy_real": "class accuracy of D on real images",
    "D/class_accuracy_fake": "class accuracy of D on generated images",
    "monitor/collapsed_classes": "collapsed classes",
}


def training_curves(variants: Sequence[Variant]) -> Lines:
    """Scores during the trainings, by title, variant and seed: value by images shown."""
    panels: Lines = {}
    for variant in variants:
        for run in variant.runs:
            for key, line in _records(run).items():
                panels.setdefault(_record_title(key), {}).setdefault(variant.name, []).append(line)
    return panels


def class_values(
    variants: Sequence[Variant], metrics: Collection[str] | None
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Scores by class that have a column in the table of classes, by title, variant and class: one a seed."""
    shown = printed_scores()
    panels: dict[str, dict[str, dict[str, list[float]]]] = {}
    for variant in variants:
        for one in variant.scored:
            for class_name, scores in one.per_class.items():
                for metric, value in scores.items():
                    plain = plain_name(metric)
                    wanted = shown[plain].column is not None if plain in shown else False
                    if wanted and value is not None and (metrics is None or plain in metrics):
                        of_variant = panels.setdefault(score_title(metric), {}).setdefault(variant.name, {})
                        of_variant.setdefault(class_name, []).append(value)
    return panels


def truncation_curves(variants: Sequence[Variant], metrics: Collection[str] | None) -> Lines:
    """Scores by truncation of the runs that were evaluated at several, by title, variant and seed."""
    panels: Lines = {}
    for variant in variants:
        for one in variant.scored:
            lines = _by_truncation(one.directory, metrics)
            for metric, line in lines.items():
                if len(line) > 1:
                    panels.setdefault(score_title(metric), {}).setdefault(variant.name, []).append(line)
    return panels


def class_order(panels: Mapping[str, Mapping[str, Mapping[str, object]]]) -> list[str]:
    """All classes of the panels, in the order of the files."""
    return list(
        dict.fromkeys(
            name for variants in panels.values() for classes in variants.values() for name in classes
        )
    )


def score_title(metric: str) -> str:
    """A score's title with its extractor and direction."""
    title = full_title(metric)
    if title != metric:
        title += metric.removeprefix(plain_name(metric))
    arrow = _ARROWS[better(metric)]
    return f"{title}, {arrow}" if arrow else title


def _records(run: TrainedRun) -> dict[str, dict[float, float]]:
    lines: dict[str, dict[float, float]] = {}
    for record in run.stats:
        for key, value in record.items():
            if (key in _RECORDS or is_validation_score(key)) and isinstance(value, (int, float)):
                lines.setdefault(key, {})[float(record["nimg"])] = float(value)
    return lines


def _record_title(key: str) -> str:
    if key in _RECORDS:
        return _RECORDS[key]
    name = key.removeprefix("evaluate/")
    return f"{name} during training, lower is better"


def _by_truncation(directory: Path, metrics: Collection[str] | None) -> dict[str, dict[float, float]]:
    """By metric, the score at each truncation: of all evaluations in a run's directory that differ in nothing else."""
    lines: dict[str, dict[float, float]] = {}
    if not (directory / EVALUATION_FILE).is_file():
        return lines
    own = read_evaluation(directory)
    for file in sorted((*directory.glob("*.json"), *(directory / KEPT_FOLDER).glob("*.json"))):
        try:
            found = read_evaluation(file)
        except ChangedScoresError:
            raise
        except RunError:  # another file of the run
            continue
        others = [line for line in different_conditions(own, found) if not line.startswith("  truncation: ")]
        if others or _hashes(found) != _hashes(own):
            continue
        for metric, score in found.overall.items():
            values = [value for value in score.values if value is not None]
            if values and (metrics is None or plain_name(metric) in metrics):
                lines.setdefault(metric, {})[found.provenance.truncation] = sum(values) / len(values)
    return lines


def _hashes(scores: EvaluationFile) -> list[str]:
    return [generator.sha256 for generator in scores.provenance.generators]

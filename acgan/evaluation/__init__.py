"""Scores of generators and classifiers: the checks during a training, and one pass for all metrics."""

from acgan.evaluation.classifier import ClassifierScores, score_classifier
from acgan.evaluation.comparison import (
    CLASSES_NAMED,
    CONFIDENCE,
    ClassChange,
    Comparison,
    MetricComparison,
    compare,
)
from acgan.evaluation.judge import MAX_TRAINING, Judge
from acgan.evaluation.measures import METRICS, Context
from acgan.evaluation.monitor import CollapseMonitor
from acgan.evaluation.one_pass import (
    Pass,
    Reference,
    class_counts,
    look_at_reference,
    look_at_samples,
    share_out,
)
from acgan.evaluation.reading import EVALUATION_FILE, EvaluationFile, evaluation_file, read_evaluation
from acgan.evaluation.result import (
    EVALUATION_FORMAT,
    Scores,
    Summary,
    interval,
    mean_per_class,
    summarise_all,
    summarise_halves,
    summarise_passes,
    with_help,
)
from acgan.evaluation.validation import ValidationScore
from acgan.evaluation.verdict import verdict

__all__ = [
    "CLASSES_NAMED",
    "CONFIDENCE",
    "EVALUATION_FILE",
    "EVALUATION_FORMAT",
    "MAX_TRAINING",
    "METRICS",
    "ClassChange",
    "ClassifierScores",
    "CollapseMonitor",
    "Comparison",
    "Context",
    "EvaluationFile",
    "Judge",
    "MetricComparison",
    "Pass",
    "Reference",
    "Scores",
    "Summary",
    "ValidationScore",
    "class_counts",
    "compare",
    "evaluation_file",
    "interval",
    "look_at_reference",
    "look_at_samples",
    "mean_per_class",
    "read_evaluation",
    "score_classifier",
    "share_out",
    "summarise_all",
    "summarise_halves",
    "summarise_passes",
    "verdict",
    "with_help",
]

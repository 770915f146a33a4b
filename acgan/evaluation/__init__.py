"""Scores of generators and classifiers: the checks during a training, and one pass for all metrics."""

from acgan.evaluation.classifier import ClassifierScores, score_classifier
from acgan.evaluation.comparison import (
    CLASSES_NAMED,
    ClassChange,
    Comparison,
    EqualCounts,
    MetricComparison,
    compare,
)
from acgan.evaluation.differing import (
    Differing,
    EvaluatedSide,
    differences,
    in_range,
    same_budget,
    settings,
    with_runs,
)
from acgan.evaluation.equal_time import equal_minutes
from acgan.evaluation.judge import MAX_TRAINING, Judge
from acgan.evaluation.judge_findings import Skill, doubt_of_judge
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
from acgan.evaluation.reading import (
    EVALUATION_FILE,
    KEPT_FOLDER,
    ChangedScoresError,
    EvaluationFile,
    HelpRecord,
    ScoreRecord,
    different_conditions,
    evaluation_file,
    read_evaluation,
)
from acgan.evaluation.result import (
    EVALUATION_FORMAT,
    INTERVAL_NOTE,
    Scores,
    Summary,
    mean_per_class,
    summarise_all,
    summarise_halves,
    summarise_passes,
    with_help,
    with_interval,
)
from acgan.evaluation.scores_file import read_scores
from acgan.evaluation.tested_difference import CONFIDENCE, TestedDifference, judge_together, limits
from acgan.evaluation.trained_run import (
    TrainedRun,
    accuracy_in,
    is_run_directory,
    is_validation_score,
    read_run,
    runs_of_seeds,
)
from acgan.evaluation.validation import ValidationScore
from acgan.evaluation.verdict import verdict

__all__ = [
    "CLASSES_NAMED",
    "CONFIDENCE",
    "EVALUATION_FILE",
    "EVALUATION_FORMAT",
    "INTERVAL_NOTE",
    "KEPT_FOLDER",
    "MAX_TRAINING",
    "METRICS",
    "ChangedScoresError",
    "ClassChange",
    "ClassifierScores",
    "CollapseMonitor",
    "Comparison",
    "Context",
    "Differing",
    "EqualCounts",
    "EvaluatedSide",
    "EvaluationFile",
    "HelpRecord",
    "Judge",
    "MetricComparison",
    "Pass",
    "Reference",
    "ScoreRecord",
    "Scores",
    "Skill",
    "Summary",
    "TestedDifference",
    "TrainedRun",
    "ValidationScore",
    "accuracy_in",
    "class_counts",
    "compare",
    "differences",
    "different_conditions",
    "doubt_of_judge",
    "equal_minutes",
    "evaluation_file",
    "in_range",
    "is_run_directory",
    "is_validation_score",
    "judge_together",
    "limits",
    "look_at_reference",
    "look_at_samples",
    "mean_per_class",
    "read_evaluation",
    "read_run",
    "read_scores",
    "runs_of_seeds",
    "same_budget",
    "score_classifier",
    "settings",
    "share_out",
    "summarise_all",
    "summarise_halves",
    "summarise_passes",
    "verdict",
    "with_help",
    "with_interval",
    "with_runs",
]

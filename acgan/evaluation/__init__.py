"""Generators scored: a quick look during training, and one pass for every metric."""

from acgan.evaluation.judge import MAX_TRAINING, Judge
from acgan.evaluation.measures import METRICS, Context
from acgan.evaluation.monitor import collapse_monitor
from acgan.evaluation.one_pass import (
    Pass,
    Reference,
    class_counts,
    look_at_reference,
    look_at_samples,
    share_out,
)
from acgan.evaluation.result import (
    FORMAT,
    Scores,
    Summary,
    mean_per_class,
    summarise_all,
    summarise_passes,
    with_help,
)
from acgan.evaluation.validation import validation_score
from acgan.evaluation.verdict import plain_name, verdict

__all__ = [
    "FORMAT",
    "MAX_TRAINING",
    "METRICS",
    "Context",
    "Judge",
    "Pass",
    "Reference",
    "Scores",
    "Summary",
    "class_counts",
    "collapse_monitor",
    "look_at_reference",
    "look_at_samples",
    "mean_per_class",
    "plain_name",
    "share_out",
    "summarise_all",
    "summarise_passes",
    "validation_score",
    "verdict",
    "with_help",
]

"""Whether two evaluations differ: what ``acgan evaluate`` wrote, read, checked, and compared metric by metric."""

from acgan.comparing.comparison import (
    CLASSES_NAMED,
    CONFIDENCE,
    ClassChange,
    Comparison,
    MetricComparison,
    compare,
)
from acgan.comparing.reading import FILE_NAME, EvaluationFile, evaluation_file, read_evaluation

__all__ = [
    "CLASSES_NAMED",
    "CONFIDENCE",
    "FILE_NAME",
    "ClassChange",
    "Comparison",
    "EvaluationFile",
    "MetricComparison",
    "compare",
    "evaluation_file",
    "read_evaluation",
]

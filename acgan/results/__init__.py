"""Runs and their evaluations as tables: means, intervals, tests against a baseline, and cost."""

from acgan.results.drawn import class_order, class_values, training_curves, truncation_curves
from acgan.results.summary import ResultRow, ResultTable, result_table
from acgan.results.text import (
    HELPED_HEADINGS,
    as_csv,
    as_latex,
    as_markdown,
    cells,
    columns,
    cost_cells,
    explained,
    helped_cells,
    write_parquet,
)
from acgan.results.variants import RunScores, Variant, find_variants, long_rows

__all__ = [
    "HELPED_HEADINGS",
    "ResultRow",
    "ResultTable",
    "RunScores",
    "Variant",
    "as_csv",
    "as_latex",
    "as_markdown",
    "cells",
    "class_order",
    "class_values",
    "columns",
    "cost_cells",
    "explained",
    "find_variants",
    "helped_cells",
    "long_rows",
    "result_table",
    "training_curves",
    "truncation_curves",
    "write_parquet",
]

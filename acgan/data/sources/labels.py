"""Labels and names of a source: what is one label, and how values are shown in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from acgan.data.index import shortened
from acgan.data.layouts.label_values import single_labels
from acgan.data.layouts.table import Table
from acgan.errors import DataError, bounded

MANY = 20  # names that a message lists
_INT64 = np.iinfo(np.int64)


def checked_labels(labels: Sequence[str], where: str) -> Sequence[str]:
    """Labels by the rule for lists: whole numbers without ``.0``.

    Raises:
        DataError: Some are several labels, such as ``cat|dog`` beside ``cat``.
    """
    table = Table(("path", "label"), [("", label) for label in labels], range(len(labels)), "row")
    return single_labels(table, "label", where)


def check_whole(labels: Iterable[int | float], where: str) -> None:
    """Check that whole numbers are of at most 64 bits.

    Raises:
        DataError: One is larger.
    """
    large = next((label for label in labels if not _INT64.min <= label <= _INT64.max), None)
    if large is not None:
        raise DataError(
            f"{where} has the label {bounded(large)}; expected a whole number of at most 64 bits, or the name of a"
            " class."
        )


def in_quotes(names: Iterable[object]) -> str:
    """Names in quotes for a message, shortened."""
    return shortened([repr(bounded(name)) for name in names], MANY)

"""The table of confusions: the most frequent ones by the share of their row, of many classes too."""

import numpy as np
from fuzzing import in_time

from acgan.report.gan import confusions_table


def test_the_most_frequent_come_first() -> None:
    table = confusions_table(
        np.array([[90, 10, 0], [3, 6, 1], [0, 0, 0]]), ["cat", "dog", "none"], "asked for"
    )
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["dog", "cat", "3 of 10", "30.0%"],
        ["cat", "dog", "10 of 100", "10.0%"],
        ["dog", "none", "1 of 10", "10.0%"],
    ]


def test_no_confusions() -> None:
    assert confusions_table(np.diag([3, 0, 5]), ["cat", "dog", "none"], "asked for") is None


def test_thousands_of_classes_are_soon_done() -> None:
    """Takes a minute where each row is summed anew for each of its cells."""
    with in_time():
        table = confusions_table(np.ones((2000, 2000), np.int64), [f"{n}" for n in range(2000)], "asked for")
    assert table is not None
    assert len(table.rows) == 10

"""Intervals are the same in a report, on a terminal and in a model card."""

from __future__ import annotations

import re

import pytest

from acgan.cli import evaluation_table
from acgan.evaluation import Scores, Summary
from acgan.export import card
from acgan.report.section import scores_table


@pytest.mark.parametrize(
    ("value", "std", "told"),
    [(0.948, 0.03, "0.948 [0.819, 1]"), (0.5, 0.01, "0.500 ±0.043"), (0.01, 0.01, "0.010 [0, 0.053]")],
)
def test_an_interval_ends_where_a_share_does(value: float, std: float, told: str) -> None:
    """Fails where one place prints ± beyond 1, and another one the ends of the interval."""
    metric, summary = "precision[x@1]", Summary(value, std)
    provenance = {"floor_images": 70, "num_images": 140, "generators": []}
    by_name = {metric: summary}
    table = scores_table(Scores(provenance, by_name, by_name, by_name, {}, {}, {}, None))
    assert table.rows[0][1].text == told
    assert re.search(r"\[a, b\]: the whole interval", table.caption)
    for module in (evaluation_table, card):
        assert module._figure(metric, summary, of_halvings=True) == told

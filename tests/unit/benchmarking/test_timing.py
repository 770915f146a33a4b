"""Turns, medians and ratios."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest

from acgan.benchmarking import timing
from acgan.benchmarking.findings import Findings, Ratio
from acgan.benchmarking.timing import Spent, in_turns, median_sec, ratios_of, spent


def test_works_take_turns_in_an_order_that_turns_around() -> None:
    order: list[str] = []
    numbers = itertools.count()
    works = {name: lambda name=name: (order.append(name), next(numbers))[1] for name in "abc"}
    found = in_turns(works, 3)
    assert order == list("abccbaabc")
    assert found == {"a": [0, 5, 6], "b": [1, 4, 7], "c": [2, 3, 8]}


def test_no_round_begins_after_the_budget_but_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count(step=4)
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(now))
    assert in_turns({"a": int}, 10, budget_sec=9) == {"a": [0, 0, 0]}, "at 0, 4 and 8 seconds"
    assert in_turns({"a": int}, 10, budget_sec=0) == {"a": [0]}


def test_time_by_the_clock_and_by_processor_with_that_of_processes() -> None:
    asleep = spent(lambda: time.sleep(0.05))
    assert asleep.wall >= 0.05
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    assert spent(lambda: subprocess.run([sys.executable, "-c", busy], check=True)).processor >= 0.25


def test_ratios_are_of_the_rounds() -> None:
    slow, fast = [Spent(6, 3), Spent(1, 1), Spent(8, 2)], [Spent(2, 3), Spent(2, 2), Spent(1, 1)]
    by_clock, by_processor = ratios_of("x", slow, fast)
    assert (by_clock.name, by_clock.rounds, by_clock.median) == ("x", (3, 0.5, 8), 3)
    assert (by_processor.name, by_processor.rounds) == ("x, by processor time", (1, 0.5, 2))
    assert median_sec(slow) == 6


def test_findings_as_plain_values() -> None:
    findings = Findings(
        "train", "a with b", (Ratio("r", (1.0, 3.0)),), {"speed": {"a": {"images/s": 5.0}}}, ("so",)
    )
    assert findings.to_dict() == {
        "compared": "a with b",
        "ratios": {"r": {"median": 2.0, "rounds": [1.0, 3.0]}},
        "figures": {"speed": {"a": {"images/s": 5.0}}},
        "remarks": ["so"],
    }

"""Files of a sweep with values changed at random: it goes on, or refuses them plainly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fuzzing import answers, counted, instead_of, json_texts, refused

from acgan.config.sweep import SweepConfig
from acgan.errors import ConfigError
from acgan.sweep import lengths as lengths_module
from acgan.sweep.lengths import lengths
from acgan.sweep.plan import SweepPlan, SweepRun


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepPlan:
    """A sweep of equal minutes whose speeds are known; a rehearsal takes no time."""
    monkeypatch.setattr(lengths_module, "_rehearse", lambda *_: 2.0)
    sweep = SweepConfig(variants={"a": {}, "b": {"train.batch_size": 32}}, budget={"minutes": 1})
    plan = SweepPlan(sweep, tmp_path / "out", "cpu", ())
    assert lengths(plan, 1, str) == {"a": 120, "b": 120}
    return plan


def speeds(plan: SweepPlan) -> Any:
    return json.loads((plan.folder / "speeds.json").read_text(encoding="utf-8"))["variants"]


@counted
def test_odd_speeds_are_answered(count: int, plan: SweepPlan) -> None:
    def read() -> None:
        found: dict[str, int] = {}
        if not refused(lambda: found.update(lengths(plan, 1, str))):
            assert found.keys() == {"a", "b"}
            assert all(type(number) is int and 1 <= number <= 10**12 for number in found.values())

    answers(json_texts(speeds(plan)), instead_of(plan.folder / "speeds.json", read), count)


@counted
def test_odd_notes_of_what_is_done_are_answered(count: int, tmp_path: Path) -> None:
    run = SweepRun("a, seed 0", tmp_path, ("train", "digits", "--quiet"), ("evaluate", str(tmp_path)))
    run.note_done()
    assert run.is_done()
    note = tmp_path / "sweep.json"
    whole = json.loads(note.read_bytes())

    def read() -> None:
        done = run.is_done()
        assert done == (_value(note) == whole)

    answers(json_texts(whole), instead_of(note, read), count)
    note.unlink()
    assert not run.is_done()


def _value(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None


@pytest.mark.parametrize(
    "change",
    [
        "",
        "[]",
        '{"a": 1}',
        '{"a": {"of": 1}}',
        '{"a": {"images_per_sec": "2"}}',
        '{"a": {"images_per_sec": NaN}}',
        '{"a": {"images_per_sec": 0}}',
        '{"a": {"images_per_sec": 1e300}}',
        '{"a": {"images_per_sec": true}}',
        '{"a": {"images_per_sec": -2.0}}',
        "\udcff",
    ],
)
def test_damaged_speeds_are_refused(change: str, plan: SweepPlan) -> None:
    file = plan.folder / "speeds.json"
    file.write_bytes(change.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=re.escape(f"{file}: cannot be read") + ".*Restore or delete it"):
        lengths(plan, 1, str)


def test_speeds_of_other_variants_stay(plan: SweepPlan) -> None:
    file = plan.folder / "speeds.json"
    more = {**speeds(plan), "c": {"images_per_sec": 3.5, "of": {}}}
    del more["a"]
    file.write_text(json.dumps(more))
    lengths(plan, 1, str)
    assert speeds(plan).keys() == {"a", "b", "c"}
    assert speeds(plan)["c"] == more["c"]

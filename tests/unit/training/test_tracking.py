"""Records of a run that goes on: TensorBoard shows its steps in order, whatever the clock says."""

import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from acgan.training.tracking import Tracker, record_scores, truncate_records

NOW = 1_800_000_000


def _write(directory: Path, nimg: int, values: dict[int, float]) -> None:
    """A part of a run that begins after ``nimg`` images."""
    tracker = Tracker(directory, nimg=nimg, active=True)
    for step, value in values.items():
        tracker.scalars(step, {"loss": value}, {})
    tracker.close()


def _shown(directory: Path) -> list[tuple[int, float]]:
    events = EventAccumulator(str(directory / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


@pytest.mark.parametrize(
    "clock", [(0, -1000, -5000), (0, -1, -2), (0, 0, 0), (0, 1000, -1000), (0, -1000, 1000)]
)
def test_a_clock_that_was_set_back_loses_no_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: tuple[int, ...]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    parts = [(0, {10: 1.0, 20: 2.0, 30: 3.0}), (20, {30: 4.0, 40: 5.0}), (40, {50: 6.0})]
    for (nimg, values), offset in zip(parts, clock, strict=True):
        now[0] = NOW + offset
        _write(tmp_path, nimg, values)
    assert _shown(tmp_path) == [(10, 1.0), (20, 2.0), (30, 4.0), (40, 5.0), (50, 6.0)]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 3


def test_files_of_others_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "events.out.tfevents.copy").write_bytes(b"")
    _write(tmp_path, 0, {10: 1.0})
    assert _shown(tmp_path) == [(10, 1.0)]


def test_names_in_tags_and_texts_are_shown_and_no_markdown(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, nimg=0, active=True)
    tracker.scalars(10, {"monitor/coverage/\x1b[31m\u202e": 1.0}, {})
    tracker.text("warnings", "class ![](http://a.b/c)\u202e\n# has collapsed", 10)
    tracker.close()
    record_scores(tmp_path, 10, {"recall/a\x07": 0.5}, settings={}, measured={})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Tags()["scalars"] == [r"monitor/coverage/\x1b[31m\u202e"]
    (text,) = events.Tensors("warnings/text_summary")
    expected = "    class ![](http://a.b/c)\\u202e\n    # has collapsed\n"
    assert text.tensor_proto.string_val[0].decode() == expected
    scores = EventAccumulator(str(tmp_path / "tensorboard" / "evaluate"))
    scores.Reload()
    assert scores.Tags()["scalars"] == [r"recall/a\x07"]


@pytest.mark.parametrize(
    "damaged", ['{"nimg": null}', '{"nimg": "7"}', "[]", '"nimg"', "7", "[" * 100_000, "\udcff"]
)
def test_a_line_that_is_no_record_is_left_out_and_told(tmp_path: Path, damaged: str) -> None:
    file = tmp_path / "stats.jsonl"
    file.write_text('{"nimg": 5}\n' + damaged + '\n{"nimg": 6}\n', encoding="utf-8", errors="surrogateescape")
    (message,) = truncate_records(file, 100)
    assert "line 2 is damaged" in message
    assert file.read_text(encoding="utf-8") == '{"nimg": 5}\n{"nimg": 6}\n'


def test_records_are_json_for_any_program(tmp_path: Path) -> None:
    tracker = Tracker(tmp_path, nimg=0, active=True)
    tracker.scalars(1, {"a": float("nan")}, {"b": float("inf")})
    tracker.close()
    text = (tmp_path / "stats.jsonl").read_text(encoding="utf-8")
    assert text.startswith('{"nimg": 1, "a": null, "b": null, "check": "')
    assert truncate_records(tmp_path / "stats.jsonl", 1) == []

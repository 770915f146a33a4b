"""A training's progress: its line in a pipe, and what is said beside a bar."""

import sys

import pytest

from acgan.cli.progress import Reporter
from acgan.training.tracking import Tick


@pytest.mark.parametrize("stats", [{}, {"D/augment_p": 0.1254}])
def test_the_probability_of_augmentation_is_told_where_there_is_one(
    stats: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    Reporter(quiet=False).tick(Tick(10, 20, {"D/adversarial": 0.5, **stats}, 2.0))
    expected = "  augment p 0.125" if stats else ""
    line = f"       10 / 20 images  D 0.500{expected}  2 images/s  ETA 0:05\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize("terminal", [False, True])
def test_names_in_remarks_and_warnings_steer_no_terminal(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reporter = Reporter(quiet=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    with reporter.showing():
        reporter.say("skipped \x1b]0;bad\x07.png\nnext")
        reporter.tick(Tick(10, 20, messages=("class a\u202eb has collapsed",)))
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert "skipped \\x1b]0;bad\\x07.png\nnext" in printed
    assert "class a\\u202eb has collapsed" in printed
    assert "\x07" not in printed
    assert "\u202e" not in printed

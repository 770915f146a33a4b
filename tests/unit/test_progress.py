"""A training's progress: its line in a pipe, and what is said beside a bar."""

import io
import re
import sys

import pytest
from rich.console import Console

from acgan.cli.board import Board
from acgan.cli.progress import Reporter, told
from acgan.training.tracking import Tick


@pytest.mark.parametrize("stats", [{}, {"D/augment_p": 0.1254}])
def test_the_probability_of_augmentation_is_told_where_there_is_one(
    stats: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    Reporter(quiet=False).tick(Tick(10, 20, {"D/adversarial": 0.5, **stats}, 2.0))
    expected = "  augmentation probability 0.125" if stats else ""
    line = f"       10 / 20 images  0:05 left  2 images/s  loss D 0.500{expected}\n"
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


SCALARS = {
    "D/adversarial": 0.5,
    "G/adversarial": 1.1,
    "D/class_real": 0.2,
    "G/class_fake": 0.3,
    "D/class_accuracy_real": 0.98,
    "D/class_accuracy_fake": 0.95,
    "D/augment_p": 0.1,
}


@pytest.mark.parametrize("width", [40, 60, 80, 133])
@pytest.mark.parametrize("total", [70_000, 1_200_000, 25_000_000])
def test_bar_number_and_time_come_first_at_any_width(width: int, total: int) -> None:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None)
    tick = Tick(total // 2, total, SCALARS, 500.0)
    with Board("training, 500 images/s", console=console) as bar:
        bar.count(tick.nimg, tick.total_nimg)
        bar.tell("training, 500 images/s", told(tick))
    lines = re.sub(r"\x1b\[[?0-9]*[A-Za-z]|\r", "", written.getvalue().split("\x1b[2K")[-1]).splitlines()
    number = f"{total // 2:,}/{total:,}" if total < 10_000_000 else "12.5M/25.0M"
    assert lines[0].startswith("━━━")
    assert f" {number} " in lines[0]
    assert lines[0].rstrip().endswith("left")
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith("training, 500 images/s")
    assert [line.rstrip() for line in lines[2:] if line] == list(told(tick))

"""A training's progress: its line in a pipe, and what is said beside a bar."""

import io
import re
import sys

import pytest
from rich.console import Console

from acgan.cli.board import Board
from acgan.cli.options import time_in_words
from acgan.cli.progress import Reporter, counting, told
from acgan.training.tracking import Tick


@pytest.mark.parametrize("stats", [{}, {"D/augment_p": 0.1254}])
def test_the_probability_of_augmentation_is_told_where_there_is_one(
    stats: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    Reporter(quiet=False).tick(Tick(10, 20, {"D/adversarial": 0.5, **stats}, 2.0))
    expected = "  augmentation probability 0.125" if stats else ""
    line = f"       10 / 20 images  5 s left  2 images/s  loss D 0.500{expected}\n"
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


class Clock:
    """A clock for bars that a test turns on."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr("acgan.cli.board.time.monotonic", lambda: turned.now)
    return turned


def last_lines(written: io.StringIO) -> list[str]:
    """What a terminal shows in the end."""
    return re.sub(r"\x1b\[[?0-9]*[A-Za-z]|\r", "", written.getvalue().split("\x1b[2K")[-1]).splitlines()


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
def test_bar_number_and_time_come_first_at_any_width(width: int, total: int, clock: Clock) -> None:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None)
    tick = Tick(total // 2, total, SCALARS, 500.0)
    with Board("training, 500 images/s", console=console) as bar:
        bar.count(0, tick.total_nimg)
        clock.now += tick.nimg / 500
        bar.count(tick.nimg, tick.total_nimg)
        bar.tell("training, 500 images/s", told(tick))
    lines = last_lines(written)
    number = f"{total // 2:,}/{total:,}" if total < 10_000_000 else "12.5M/25.0M"
    assert lines[0].startswith("━━━")
    assert f" {number} " in lines[0]
    assert lines[0].rstrip().endswith("left")
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith("training, 500 images/s")
    assert [line.rstrip() for line in lines[2:] if line] == list(told(tick))


def test_the_time_left_is_told_as_soon_as_it_can_be(clock: Clock) -> None:
    """Nothing dangles while nothing is known; a training that goes on has what it shows now to go by."""
    written = io.StringIO()
    with Board("reading images", console=Console(file=written, width=80, force_terminal=True)) as bar:
        bar.refresh()
        assert "left" not in written.getvalue()
        bar.count(100, 200)
        bar.refresh()
        assert "left" not in written.getvalue()
        clock.now += 5
        bar.count(200, 200)
        clock.now += 60
        bar.count(11_000, 12_000)  # of the training, which begins here
        clock.now += 41
        bar.count(11_100, 12_000)
    assert last_lines(written)[0].rstrip().endswith("11,100/12,000 6 min 9 s left")


def test_the_bar_moves_between_two_ticks_and_not_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter, shown = Reporter(quiet=False), list[int]()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(Board, "count", lambda bar, done, total, most_sec: shown.append(done))
    now = 1000.0
    monkeypatch.setattr("acgan.cli.progress.time.monotonic", lambda: now)
    with reporter.showing():
        for nimg in range(32, 32 * 11, 32):
            reporter.images(nimg, 1_000)
            now += 0.1
    assert shown == [32, 128, 224, 320]


def test_the_time_left_is_no_longer_than_the_training_may_take(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(quiet=False, most_sec=lambda: 3.0).tick(Tick(10, 20, {}, 2.0))
    assert "3 s left" in capsys.readouterr().out
    Reporter(quiet=False, most_sec=lambda: 30.0).tick(Tick(10, 20, {}, 2.0))
    assert "5 s left" in capsys.readouterr().out


def test_the_bar_says_training_from_the_first_image_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    told: list[str] = []
    monkeypatch.setattr(Board, "tell", lambda bar, doing, lines: told.append(doing))
    reporter = Reporter(quiet=False)
    with reporter.showing():
        reporter.images(32, 1_000)
        reporter.tick(Tick(64, 1_000, {}, 2.0))
        reporter.images(96, 1_000)
    assert told == ["training", "training, 2 images/s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (571, "9 min 31 s"), (2631, "44 min"), (3570, "1 h"),
        (11_100, "3 h 5 min"), (200_000, "2 days 8 h"),
    ],
)  # fmt: skip
def test_times_are_told_in_words(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words


def test_sentences_break_between_words_on_a_terminal_and_commands_not_at_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    reporter, command = Reporter(quiet=False), "More: acgan sample runs/folder-photos --out samples.png"
    reporter.say("runs/folder-photos: 12,000 images shown (done), 5 min of training.")
    reporter.say(command)
    assert capsys.readouterr().out.splitlines() == [
        "runs/folder-photos: 12,000 images shown",
        "(done), 5 min of training.",
        command,
    ]


def test_without_a_terminal_a_count_is_told_once_a_minute(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with counting("sampling", False) as count:
        for done in range(100, 1000, 100):  # 100 were done before
            count(done, 1000)
            clock.now += 25
    out, err = capsys.readouterr()
    assert out == "", "which may be data"
    assert err.splitlines() == [
        "sampling: 400 of 1,000, 2 min 30 s left",
        "sampling: 700 of 1,000, 1 min 15 s left",
    ]
    with counting("sampling", True) as count:
        clock.now += 100
        count(1, 2)
    assert capsys.readouterr() == ("", "")

"""Tables in a terminal: words stay whole, wide tables come in blocks, a pipe is not bound."""

from __future__ import annotations

import re

import pytest
from rich.box import ASCII
from rich.table import Table

from acgan.cli.tables import print_table

HEADINGS = ("class", "images shown", "FCD", "precision", "recall", "class accuracy", "MS-SSIM", "copies")


def scores(names: tuple[str, ...] = ("airplane", "grey tabby cat")) -> Table:
    table = Table(*HEADINGS, box=ASCII)
    for row, name in enumerate(names):
        table.add_row(name, *(f"{row}.{column}23 ±0.12" for column in range(1, len(HEADINGS))))
    return table


def printed(table: Table, capsys: pytest.CaptureFixture[str]) -> str:
    print_table(table)
    return capsys.readouterr().out


def words(text: str) -> list[str]:
    return re.findall(r"[^\s|+-]+", text)


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 133])
def test_words_stay_whole_within_the_width(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = printed(scores(), capsys)
    assert max(map(len, text.splitlines())) <= columns
    assert set(words(text)) == set(words(" ".join(HEADINGS) + " airplane grey tabby cat")) | {
        word for row in (0, 1) for column in range(1, 8) for word in (f"{row}.{column}23", "±0.12")
    }


def test_each_block_has_the_first_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = printed(scores(), capsys)
    assert words(text).count("airplane") == words(text).count("cat") > 1
    for heading in ("FCD", "precision", "recall", "copies"):
        assert words(text).count(heading) == 1


def test_what_fits_is_one_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "133")
    assert words(printed(scores(), capsys)).count("airplane") == 1


def test_a_pipe_is_as_wide_as_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = printed(scores(("x" * 300, "y")), capsys).splitlines()
    assert max(map(len, lines)) > 300
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 6, "borders, headings, and a line a class"


def test_a_word_longer_than_the_terminal_is_broken_rather_than_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = Table("what", "A", box=ASCII)
    table.add_row("path", "0123456789" * 12)
    text = printed(table, capsys)
    assert max(map(len, text.splitlines())) <= 40
    assert "".join(re.findall(r"[0-9]", text)) == "0123456789" * 12


@pytest.mark.parametrize("columns", range(40, 134))
def test_no_column_stands_alone_beside_the_first(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    table = Table("class", *(f"c{number}" for number in range(7)), box=ASCII)
    table.add_row("a class of images", *["-18.76"] * 7)
    heads = [line for line in printed(table, capsys).splitlines() if re.search(r" c\d ", line)]
    assert min(len(re.findall(r" c\d ", line)) for line in heads) > 1


def test_a_table_may_take_the_whole_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 columns of 8 characters with a space on either side, and 8 borders."""
    table = Table(*(f"column_{number}" for number in range(7)), box=ASCII)
    for columns, tables in ((78, 1), (77, 2)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert printed(table, capsys).count("column_0") == tables

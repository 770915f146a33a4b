"""Names that would steer a terminal, and those that people have."""

import json
import re
from pathlib import Path

import pytest

import acgan
from acgan.showing import shown, shown_lines, size_in_words, warn_shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("a\nb\tc\rd\x0be", r"a\nb\tc\rd\x0be"),
        ("\x9b31m\x7f\x85", r"\u009b31m\u007f\u0085"),
        ("zero\u200bwidth\ufeff\xad", r"zero\u200bwidth\ufeff\u00ad"),
        ("a\u2028b", r"a\u2028b"),
        (b"a\xffb".decode("utf-8", "surrogateescape"), r"a\udcffb"),
    ],
)
def test_what_steers_is_escaped(name, expected):
    assert shown(name) == expected
    assert expected.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Große Hunde",
        "日本語 犬",
        "כלב",
        "قطة",
        "می\u200cخواهم",
        "👩\u200d🚀",
        "❤\ufe0f",
        r"C:\x",
        "a\u3000b\xa0c",
    ],
)
def test_names_that_people_have_stay(name):
    assert shown(name) == shown_lines(name) == name


def test_lines_of_a_text_stay():
    assert shown_lines("read:\n\ta\x1b[2J\r\nb") == "read:\n\ta\\x1b[2J\\r\nb"


def test_json_keeps_its_content():
    content = {"name\u202e": ["\x1b\x9b\x7f\n", "\udcff", "ü"]}
    assert json.loads(shown_lines(json.dumps(content, indent=1, ensure_ascii=False))) == content


def test_a_warning_of_python():
    with pytest.warns(UserWarning, match="class") as told:
        warn_shown("class \x1b[31m\nnext")
    assert str(told[0].message) == "class \\x1b[31m\nnext"
    assert told[0].filename == __file__


def test_commands_print_in_the_ways_that_show_names():
    # The ways themselves, words that are styled, and a bar.
    own = {"output.py", "tables.py", "config.py", "fid.py"}
    for file in sorted((Path(acgan.__file__).parent / "cli").rglob("*.py")):
        plain = re.findall(r"click\.(?:secho|echo)|\bConsole\(", file.read_text(encoding="utf-8"))
        assert not plain or file.name in own, file


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0.0 KiB"), (1536, "1.5 KiB"), (1 << 20, "1.0 MiB"), (5 << 29, "2.5 GiB"), (5 << 49, "2,560.0 TiB")],
)
def test_sizes(number, text):
    assert size_in_words(number) == text

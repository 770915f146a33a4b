"""Folder names for classes of any name (what ``--force`` may replace: tests/integration/test_sample_cli.py)."""

import unicodedata

import pytest

from acgan.sampling.folder import folder_names, told_folders


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("cat", "cat"),
        ("Großer Hund", "Großer Hund"),
        ("猫", "猫"),
        ("a/b\\c", "a_b_c"),
        ("..", "__"),
        (".hidden", "_hidden"),
        (" x. ", "_x__"),
        ("v1.5", "v1.5"),
        ("", "_"),
        ("nul", "_nul"),
        ("COM1.txt", "_COM1.txt"),
        ("console", "console"),
        ('<a>:"|?*', "_a______"),
        ("tab\tnew\nline\0", "tab_new_line_"),
        ("\udcff", "_"),
        ("sampler.json", "sampler.json-2"),
    ],
)
def test_safe_and_readable(name, folder):
    assert folder_names([name]) == [folder]


def test_distinct_also_where_case_and_composition_are_ignored():
    names = [
        "Cat",
        "cat",
        "CAT",
        "cat-2",
        "caf\u00e9",
        "cafe\u0301",
        "straße",
        "STRASSE",
        "a/b",
        "a_b",
        "a:b",
    ]
    folders = folder_names(names)
    assert len({unicodedata.normalize("NFC", folder).casefold() for folder in folders}) == len(names)
    assert folders[0] == "Cat"
    assert folders[3] == "cat-2", "a name that needs no change keeps it"
    assert folders[8:] == ["a_b-2", "a_b", "a_b-3"]


def test_long_names_fit_a_file_system(tmp_path):
    names = ["é" * 300 + end for end in ("", "x")]
    for folder in folder_names(names):
        (tmp_path / folder).mkdir()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_reason_for_another_folder_is_told() -> None:
    first, second = told_folders(["Cat", "cat", "a/b", "dog"], [1, 2, 3])
    assert first.startswith(
        "class cat is in the folder cat-2: not every system tells it from the folder of the class Cat"
    )
    assert second.startswith("class a/b is in the folder a_b: not every system takes the class's name")

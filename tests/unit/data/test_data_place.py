"""Names of sources that mean the same in any folder."""

from pathlib import Path

import pytest

from acgan.data import is_name, is_there, place_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "root", "expected"),
    [
        ("a/../b", None, "{}/b"),
        ("b/", "ignored", "{}/b"),
        ("digits", "ignored", "digits:"),
        ("digits:", None, "digits:"),
        ("mnist", None, "mnist:"),
        ("mnist", "sets", "mnist:{}/sets"),
        ("mnist:./sets/", "ignored", "mnist:{}/sets"),
        ("hf:someone/cats", None, "hf:someone/cats"),
        ("c:sets", None, "{}/c:sets"),
    ],
)
def test_forms(source: str, root: str | None, expected: str, folder: Path) -> None:
    place = place_of(source, root)
    assert place == expected.format(folder.resolve())
    assert place_of(place) == place, "a place is a source with the same place"


def test_a_path_that_exists_wins(folder: Path) -> None:
    (folder / "digits").mkdir()
    assert place_of("digits") == str(folder.resolve() / "digits")
    assert place_of("digits:") == "digits:"


def test_a_run_directory_is_not_meant(folder: Path) -> None:
    (folder / "digits").mkdir()
    assert place_of("digits", run=Path("digits")) == "digits:"
    assert place_of("digits", run=Path("other")) == str(folder.resolve() / "digits")


def test_home_and_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / "set").mkdir()
    (folder / "link").symlink_to("set")
    assert place_of("~/set") == place_of("link") == str(folder.resolve() / "set")


def test_what_is_there(folder: Path) -> None:
    (folder / "set").mkdir()
    (folder / "sets" / "MNIST" / "raw").mkdir(parents=True)
    there = ["set", "digits", "mnist", "mnist:sets", "hf:someone/cats"]
    assert all(is_there(place_of(source)) for source in there)
    assert not any(is_there(place_of(source)) for source in ["sot", "mnist:set", "fashion_mnist:sets"])
    assert [is_name(place_of(source)) for source in there] == [False, True, True, False, True]

"""Paths and JSON as users and files give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from acgan.reading import is_finite_number, is_nested_deeply, parse_json, to_json, user_path


def test_a_home_folder_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert user_path("~/x") == tmp_path / "x"
    assert user_path("~nosuch-user/x") == Path("~nosuch-user/x")
    assert user_path("a/~/x") == Path("a/~/x")


def test_json_of_any_depth_is_a_value_or_an_error_to_catch() -> None:
    assert parse_json('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    for text in ("[" * 100_000, '{"a":' * 100_000, "{", "nonsense", b"\xff\xfe\x00"):
        with pytest.raises(ValueError, match=r"deeply|Expecting|codec"):
            parse_json(text)


def test_json_that_is_written_is_read_by_any_program() -> None:
    values = {"a": [float("nan"), 1.5], "b": {"c": float("-inf")}, "é": (None, True)}
    assert to_json(values, indent=None) == '{"a": [null, 1.5], "b": {"c": null}, "é": [null, true]}'
    assert parse_json(to_json({"file": "\udcff"}).encode()) == {"file": "\udcff"}


def test_numbers_that_can_be_computed_with() -> None:
    assert all(map(is_finite_number, (0, -1, 2.5, 2**62)))
    assert not any(map(is_finite_number, (None, True, "1", [1], float("nan"), float("inf"), 10**400)))


@pytest.mark.parametrize(("levels", "is_one"), [(1, False), (50, False), (51, True), (900, True)])
def test_what_is_nested_deeply(levels: int, is_one: bool) -> None:
    value: object = 0
    for level in range(levels):
        value = [1, value] if level % 2 else {"x": value}
    assert is_nested_deeply(value) is is_one

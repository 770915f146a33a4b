"""Paths and JSON as users and files give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from acgan.reading import parse_json, user_path


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

"""Names that no installed font has the letters of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acgan.plots import fonts


@pytest.fixture(autouse=True)
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """DejaVu Sans alone, which comes with matplotlib."""
    monkeypatch.setattr(fonts, "installed", dict)
    fonts.font_file.cache_clear()
    yield
    fonts.font_file.cache_clear()


def test_names_of_europe_and_escapes_are_shown_whole() -> None:
    assert fonts.letters_missing(["große Autos", "3 ships", "кошка", "γάτα", "a\u202eb", ""]) is None


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("青蛙 frog", "Noto Sans CJK (Debian, Ubuntu: apt install fonts-noto-cjk)"),
        ("개", "Noto Sans CJK (Debian, Ubuntu: apt install fonts-noto-cjk)"),
        ("ድመት", "Noto Sans (Debian, Ubuntu: apt install fonts-noto-core)"),
        ("cat \U0001f9a7", "Symbola (Debian, Ubuntu: apt install fonts-symbola)"),
    ],
)
def test_a_name_with_other_letters_and_the_font_to_install(name: str, font: str) -> None:
    assert fonts.letters_missing(["cat", name]) == (
        f"no installed font has all letters of {name}: pictures show boxes in their place. Install one, such as {font}"
    )


def test_many_names_are_shortened() -> None:
    warning = fonts.letters_missing([chr(code) for code in range(0x4E00, 0x4E08)])
    assert warning is not None
    assert "of 一, 丁, 丂, 七, 丄 and 3 more: " in warning

"""Fonts for names of classes, whatever their script. Lengths in pixels."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from acgan.showing import shown

#: Families made for scripts that DejaVu Sans lacks.
_WIDE = re.compile(
    r"CJK|Noto Sans|WenQuanYi|Nanum|Takao|IPA.*Gothic|Unifont|Arial Unicode|Droid Sans Fallback|Hiragino|YaHei"
)
_NAMED = 5  # of names without a font
_NO_LETTERS = re.compile(r"Last ?Resort")  # has a box for every letter


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The font of the plots where it has all characters of a text, else an installed one that has more of them.

    DejaVu Sans comes with matplotlib, and has the scripts of Europe and some more. Characters that no installed font
    has are drawn as boxes.
    """
    file = font_file(frozenset(text) - {" ", "\n"})
    # Without Raqm, which is not everywhere: the same text is drawn alike.
    return ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=64)
def font_file(letters: frozenset[str]) -> str:
    """File of the font that has most of some characters; DejaVu Sans where no other has more."""
    import matplotlib  # a generator that draws no page has no use for it

    own = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    best, fewest = own, _lacking(own, letters)
    if not fewest:
        return own
    for file in installed().values():
        number = _lacking(file, letters)
        if number < fewest:
            best, fewest = file, number
    return best


def letters_missing(names: Iterable[str]) -> str | None:
    """A warning of names that pictures show with boxes, since no installed font has all of their letters.

    Args:
        names: Names of classes.

    Returns:
        The names and the remedy; None if there are none.
    """
    found = {name: lacking for name in map(shown, names) if (lacking := _without_picture(name))}
    if not found:
        return None
    missing = set().union(*found.values())
    if any(unicodedata.east_asian_width(letter) in "WF" and letter.isalpha() for letter in missing):
        family, package = "Noto Sans CJK", "fonts-noto-cjk"
    elif any(letter.isalpha() for letter in missing):
        family, package = "Noto Sans", "fonts-noto-core"
    else:
        family, package = "Symbola", "fonts-symbola"
    named = ", ".join(list(found)[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (
        f"no installed font has all letters of {named}{more}: pictures show boxes in their place. Install one, such as "
        f"{family} (Debian, Ubuntu: apt install {package})"
    )


def _without_picture(name: str) -> set[str]:
    """Characters of a name that its font has no picture of."""
    letters = frozenset(unicodedata.normalize("NFC", name)) - {" "}
    known = _codes(font_file(letters))
    return {letter for letter in letters if ord(letter) not in known}


@lru_cache(maxsize=1)
def families() -> list[str]:
    """Font families of figures: DejaVu Sans, then installed ones with the letters of East Asia and others."""
    return ["DejaVu Sans", *(name for name in installed() if _WIDE.search(name))]


@lru_cache(maxsize=1)
def installed() -> dict[str, str]:
    """A file of each font family on this machine by its name, those installed since matplotlib last looked too."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {entry.fname for entry in fontManager.ttflist}
    for file in set(findSystemFonts()) - known:
        with contextlib.suppress(OSError, RuntimeError):  # a file that FreeType cannot read
            fontManager.addfont(file)
    return {
        entry.name: entry.fname
        for entry in sorted(fontManager.ttflist, key=lambda entry: (entry.name, entry.fname))
        if entry.style == "normal" and not _NO_LETTERS.search(entry.name)
    }


def _lacking(file: str, letters: frozenset[str]) -> int:
    """Number of characters that a font has no picture of."""
    known = _codes(file)
    return sum(ord(letter) not in known for letter in letters)


@lru_cache(maxsize=256)
def _codes(file: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):  # a file that FreeType cannot read
        return frozenset()

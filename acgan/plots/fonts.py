"""Fonts for names of classes, whatever their script. Lengths in pixels."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont


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
    lacking = _lacking(own, letters)
    if not lacking:
        return own
    from matplotlib.font_manager import fontManager  # searches the system's folders at its first use

    best, fewest = own, lacking
    for file in sorted({entry.fname for entry in fontManager.ttflist if entry.style == "normal"}):
        number = _lacking(file, letters)
        if number < fewest:
            best, fewest = file, number
    return best


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

"""What the pictures have in common. Lengths in pixels."""

from __future__ import annotations

from functools import cache

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

INK, PALE = (31, 41, 55), (150, 158, 170)
MARGIN = 20
TITLE_SIZE = 18


@cache
def own_font(size: int) -> FreeTypeFont:
    """Pillow's own font, which is there on every machine."""
    font = ImageFont.load_default(size)
    assert isinstance(font, FreeTypeFont)  # it is one wherever a size is given
    return font

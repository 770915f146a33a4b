"""The mark of a generated picture, in its file: how it was drawn, so that it does not pass for a real one.

A PNG has it as a text entry, other formats in their Exif description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

#: Key of the mark.
GENERATED_MARK = "acgan"
_EXIF_DESCRIPTION = 0x010E


def as_png_text(mark: Mapping[str, Any]) -> PngInfo:
    """A mark as a PNG's text entry."""
    info = PngInfo()
    info.add_text(GENERATED_MARK, json.dumps(mark))
    return info


def as_exif(mark: Mapping[str, Any]) -> Image.Exif:
    """A mark as the description of a picture in another format."""
    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = f"{GENERATED_MARK}: {json.dumps(mark)}"
    return exif


def is_generated(image: Image.Image) -> bool:
    """True for a picture with the mark; its pixels have been read, since a text may stand behind them."""
    if GENERATED_MARK in image.info:
        return True
    if "exif" not in image.info:
        return False
    return str(image.getexif().get(_EXIF_DESCRIPTION, "")).startswith(f"{GENERATED_MARK}: ")

"""Names that others made, as people see them: what is invisible or steers a terminal is written as an escape.

Folders, files and classes may have any name. Printed as they are, a name could colour or clear the terminal, set its
title, or turn the text around. Letters of all scripts, accents and emoji stay as they are.
"""

from __future__ import annotations

import re
import shlex
import warnings

#: Control characters, marks of direction, other invisible characters, ends of lines, and bytes that are no text.
_STEERING = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff"
)
_IN_LINES = re.compile(f"[{_STEERING}]")
_IN_NAME = re.compile(f"[\t\n{_STEERING}]")
_USUAL = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def command(*words: str) -> str:
    """A command of acgan as one types it: names with spaces and the like are quoted."""
    return shlex.join(("acgan", *words))


def shown(name: str) -> str:
    """A name in one line, with an escape for each character that is not to be printed."""
    return _IN_NAME.sub(_escape, name)


def shown_lines(text: str) -> str:
    """A text that has names in it, whose own line breaks and tabs stay.

    A JSON text stays one of the same content, as what is escaped is in its strings.
    """
    return _IN_LINES.sub(_escape, text)


def size_in_words(num_bytes: float) -> str:
    """Bytes in TiB, GiB, MiB or KiB."""
    units = ((40, "TiB"), (30, "GiB"), (20, "MiB"))
    power, name = next((unit for unit in units if num_bytes >= 1 << unit[0]), (10, "KiB"))
    return f"{num_bytes / (1 << power):,.1f} {name}"


def warn_shown(message: str) -> None:
    """A warning of Python's, which goes to a terminal too."""
    warnings.warn(shown_lines(message), stacklevel=2)


def _escape(found: re.Match[str]) -> str:
    letter = found[0]
    # JSON knows \u and not \x, and escapes what is below a space itself.
    return _USUAL.get(letter) or (f"\\x{ord(letter):02x}" if letter < " " else f"\\u{ord(letter):04x}")

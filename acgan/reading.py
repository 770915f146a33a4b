"""Paths and JSON as users and files give them, whatever they hold, and JSON that any program reads."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MAX_DEPTH = 50


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path in which ``~`` is the home folder, and ``~name`` that of a user who is there; else it stays as it is."""
    return Path(os.path.expanduser(path))


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: If it is none, or nested so deeply that nobody has written it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def is_nested_deeply(value: Any) -> bool:
    """True for lists and tables in each other on more levels than any file of acgan has: 50."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)


def is_finite_number(value: Any) -> bool:
    """True for a value of JSON that can be computed with: finite, and of at most 64 bits."""
    return (isinstance(value, float) and math.isfinite(value)) or (type(value) is int and abs(value) < 2**63)


def to_json(value: Any, indent: int | None = 2) -> str:
    """JSON for other programs too: null for numbers that are not finite, escapes for text that is no UTF-8."""
    plain = finite(value)
    text = json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(plain, indent=indent, allow_nan=False)
    return text


def finite(value: Any) -> Any:
    """A value of JSON with null in place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

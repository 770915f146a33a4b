"""Paths and JSON as users and files give them, whatever they hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


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

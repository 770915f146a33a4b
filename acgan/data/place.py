"""Names of data sources that mean the same in any folder."""

from __future__ import annotations

import re
from pathlib import Path

from acgan.data.sources.builtin import BUILTIN_NAMES, holds_set
from acgan.reading import user_path

_SCHEME = re.compile(r"\w{2,}:")  # two letters and more: one is a drive of Windows


def place_of(source: str, root: str | None = None, run: Path | None = None) -> str:
    """A source's name in a form that means the same in any folder.

    Args:
        source: A path, or ``NAME`` or ``NAME:FOLDER`` of a built-in set, or another ``SCHEME:NAME``; a path that exists
            wins.
        root: Folder of built-in sets whose name has none.
        run: The run directory, which is not meant if it has the name of a built-in set.

    Returns:
        An absolute path, ``NAME:FOLDER`` with one, ``NAME:`` of a built-in set in the cache folder or in none, or a
        ``SCHEME:NAME`` as it is.
    """
    path = user_path(source)
    name, _, folder = source.partition(":")
    if path.exists() and not (run is not None and path.resolve() == run.resolve()):
        return str(path.resolve())
    if name not in BUILTIN_NAMES:
        return source if _SCHEME.match(source) else str(path.resolve())
    folder = folder or (root or "" if name != "digits" else "")
    return f"{name}:{user_path(folder).resolve()}" if folder else f"{name}:"


def is_there(place: str) -> bool:
    """True if there is something at a place, as ``place_of`` writes it; names in no folder are taken to be."""
    name, _, folder = place.partition(":")
    if is_builtin(place) and folder:
        return holds_set(name, Path(folder))
    return is_name(place) or Path(place).exists()


def is_name(place: str) -> bool:
    """True for a name that lies in no folder of the user's: of a built-in set, or of another kind."""
    if Path(place).is_absolute():
        return False
    return place.endswith(":") or not is_builtin(place)


def is_builtin(place: str) -> bool:
    """True for a built-in set, which is downloaded if it is not there."""
    name, colon, _ = place.partition(":")
    return bool(colon) and name in BUILTIN_NAMES

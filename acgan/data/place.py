"""Names of data sources that mean the same in any folder."""

from __future__ import annotations

from pathlib import Path

from acgan.data.builtin import BUILTIN_NAMES, holds_set


def place_of(source: str, root: str | None = None, run: Path | None = None) -> str:
    """A source's name in a form that means the same in any folder.

    Args:
        source: A path, or ``NAME`` or ``NAME:FOLDER`` of a built-in set; a path that exists wins.
        root: Folder of built-in sets whose name has none.
        run: The run directory, which is not meant if it has the name of a built-in set.

    Returns:
        An absolute path, or ``NAME:FOLDER`` with one; ``NAME:`` of a set in the cache folder, or in none.
    """
    path = Path(source).expanduser()
    name, _, folder = source.partition(":")
    exists = path.exists() and not (run is not None and path.resolve() == run.resolve())
    if exists or name not in BUILTIN_NAMES:
        return str(path.resolve())
    folder = folder or (root or "" if name != "digits" else "")
    return f"{name}:{Path(folder).expanduser().resolve()}" if folder else f"{name}:"


def is_there(place: str) -> bool:
    """True if there is something at a place, as ``place_of`` writes it; sets in the cache folder are downloaded."""
    name, folder = _builtin(place)
    if not name:
        return Path(place).exists()
    return not folder or holds_set(name, Path(folder))


def is_nowhere(place: str) -> bool:
    """True for a built-in set that lies in no folder of the user's."""
    name, folder = _builtin(place)
    return bool(name) and not folder


def is_builtin(place: str) -> bool:
    """True for a built-in set, which is downloaded if it is not there."""
    return bool(_builtin(place)[0])


def _builtin(place: str) -> tuple[str, str]:
    name, colon, folder = place.partition(":")
    return (name, folder) if colon and name in BUILTIN_NAMES else ("", "")

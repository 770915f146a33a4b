"""Records of parts that scripts registered: errors name their scripts, and nothing imports what a file names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acgan.file_kinds import read_text
from acgan.reading import parse_json

#: File of a run directory with the origin of the run.
PROVENANCE_FILE = "provenance.json"
_KEY = "parts"


@dataclass(frozen=True)
class OwnPart:
    """A part that a script registered.

    Attributes:
        kind: Its kind, or its key.
        module: Name of the module that registered it.
        file: File of the module; None of an interactive session.
    """

    kind: str
    module: str
    file: str | None

    @property
    def script(self) -> str:
        """Value for ``--import``: a module of a package goes by its name."""
        return self.module if "." in self.module or self.file is None else self.file

    @property
    def is_missing(self) -> str:
        """End of the error where it is not registered."""
        return f"{self.kind} is registered by {self.script}; import that first."


def to_record(parts: Mapping[str, OwnPart], *, folders: bool) -> dict[str, Any]:
    """Plain values for a provenance; empty if there are no such parts.

    Args:
        parts: Parts by the key of their section.
        folders: Keep the folders of files; without them equal trainings have equal records.
    """
    found = {key: asdict(part) for key, part in parts.items()}
    for values in found.values():
        if values["file"] is not None and not folders:
            values["file"] = Path(values["file"]).name
    return {_KEY: found} if found else {}


def recorded_parts(directory: Path, provenance: Mapping[str, Any] | None = None) -> dict[str, OwnPart]:
    """Parts by the key of their section that a run records, and a network's file in it.

    Args:
        directory: The run directory, or the folder of the file.
        provenance: That of the file.
    """
    try:
        run = parse_json(read_text(directory / PROVENANCE_FILE))
    except (OSError, ValueError):
        run = {}
    return {**_read(provenance), **_read(run)}


def import_words(parts: Mapping[str, OwnPart]) -> tuple[str, ...]:
    """Words of a command that import the scripts of parts."""
    scripts = dict.fromkeys(part.script for part in parts.values())
    return tuple(word for script in scripts for word in ("--import", script))


def _read(provenance: Any) -> dict[str, OwnPart]:
    """The parts of a record; none if it is damaged, for they serve errors alone."""
    found = provenance.get(_KEY) if isinstance(provenance, Mapping) else None
    try:
        parts = {str(key): OwnPart(**values) for key, values in (found or {}).items()}
    except (TypeError, AttributeError):
        return {}
    return parts if all(map(_is_whole, parts.values())) else {}


def _is_whole(part: OwnPart) -> bool:
    """True if all is text of one line: it is printed, and the record may come from anywhere."""
    texts = (part.kind, part.module, part.file or "")
    return all(isinstance(text, str) and text.isprintable() for text in texts)

"""The scripts that registered parts of a run, as the run recorded them: errors name them, and nothing imports them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: What a run records of its origin, beside its configuration.
PROVENANCE_FILE = "provenance.json"
#: Key of the record of such parts, in that file and in the metadata of networks.
PARTS_KEY = "parts"


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


def to_record(parts: Mapping[str, OwnPart], *, places: bool) -> dict[str, Any]:
    """Plain values of the parts of a configuration by key, as provenance has them; empty if there are none.

    Args:
        parts: The parts.
        places: Files with their folders; a network's file has their names alone.
    """
    found = {key: asdict(part) for key, part in parts.items()}
    for values in found.values():
        if values["file"] is not None and not places:
            values["file"] = Path(values["file"]).name
    return {PARTS_KEY: found} if found else {}


def from_record(provenance: Any) -> dict[str, OwnPart]:
    """Parts that a provenance has, as far as they can be read."""
    found = provenance.get(PARTS_KEY) if isinstance(provenance, Mapping) else None
    try:
        return {str(key): OwnPart(**values) for key, values in (found or {}).items()}
    except (TypeError, AttributeError):
        return {}


def parts_of_run(directory: Path) -> dict[str, OwnPart]:
    """Parts that a run directory records; none if it has no such record."""
    try:
        return from_record(json.loads((directory / PROVENANCE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}

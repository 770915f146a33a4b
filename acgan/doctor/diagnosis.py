"""The outcome of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Diagnosis:
    """The outcome of a check.

    Attributes:
        check: The thing that was looked at.
        found: Words on it.
        verdict: ``ok``; a ``remark``: acgan works, but something is worth knowing; or a ``problem``, which stops it.
        remedy: Advice, if there is any.
        values: Plain values for programs.
    """

    check: str
    found: str
    verdict: Literal["ok", "remark", "problem"] = "ok"
    remedy: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

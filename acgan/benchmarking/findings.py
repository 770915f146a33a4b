"""Findings of a benchmark: ratios first, then figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Figures by row, then by column; a column's name has its unit.
Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Ratio:
    """Factor by which one way is faster than another.

    Attributes:
        name: The two ways.
        rounds: Ratio of each round, in which both took a turn.
    """

    name: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.rounds)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"median": self.median, "rounds": list(self.rounds)}


@dataclass(frozen=True)
class Findings:
    """Findings of one part of a benchmark.

    Attributes:
        part: Name of the part.
        compared: The two sides of its ratios, and the way in which they were measured, in a line.
        ratios: Ratios, the first one most important.
        tables: Figures by title.
        remarks: Sentences for people.
    """

    part: str
    compared: str
    ratios: tuple[Ratio, ...]
    tables: Mapping[str, Figures]
    remarks: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "compared": self.compared,
            "ratios": {ratio.name: ratio.to_dict() for ratio in self.ratios},
            "figures": {
                title: {row: dict(cells) for row, cells in table.items()}
                for title, table in self.tables.items()
            },
            "remarks": list(self.remarks),
        }

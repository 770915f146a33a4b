"""A section of a report, and tables in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acgan.evaluation import INTERVAL_NOTE, Scores, with_interval
from acgan.metrics.catalogue import ClassColumn, full_title, plain_name, printed_scores


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        key: Its anchor.
        title: Its heading.
        values: Values of its template.
        form: Name of its template where that is another one than its anchor's.
    """

    key: str
    title: str
    values: Mapping[str, Any]
    form: str = ""

    @property
    def template(self) -> str:
        """File of its template."""
        return f"{self.form or self.key}.html"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and the number that it is sorted by."""

    text: str
    order: float | None = None


@dataclass(frozen=True)
class TextTable:
    """A table; the first cell of a row names it.

    Attributes:
        caption: What it shows.
        headings: Texts above the columns.
        rows: Rows of cells.
        total: A row below the others, which is not sorted.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()

    @property
    def number_columns(self) -> tuple[bool, ...]:
        """True for each column that has numbers."""
        rows = [row for row in (*self.rows, self.total) if row]
        return tuple(any(row[place].order is not None for row in rows) for place in range(len(self.headings)))


def number_cell(value: float | None, digits: str) -> Cell:
    """The cell of a number; a dash where there is none."""
    return Cell("–") if value is None else Cell(f"{value:{digits}}", float(value))


def named_values(caption: str, rows: Sequence[tuple[str, str]], headings: tuple[str, str]) -> TextTable:
    """A table of texts by name."""
    return TextTable(caption, headings, tuple((Cell(name), Cell(value)) for name, value in rows))


def scores_table(scores: Scores) -> TextTable:
    """All classes together: samples beside real images at equal counts, then all samples."""
    known, rows = printed_scores(), []
    for metric in scores.overall:
        score = known.get(plain_name(metric))
        if score is None or score.title is None:
            continue
        beside = (scores.at_floor_count.get(metric), scores.floor.get(metric))
        cells = [Cell(full_title(metric))]
        for one, of_halvings in (*((side, True) for side in beside), (scores.overall[metric], False)):
            if one is None or one.value is None:
                cells.append(Cell("–"))
                continue
            text = with_interval(metric, one, of_halvings=of_halvings)
            cells.append(Cell(text, one.value))
        rows.append(tuple(cells))
    count = int(scores.provenance["floor_images"])
    total = int(scores.provenance["num_images"])
    return TextTable(
        f"All classes together. Equal numbers of images compare: the first two columns. {INTERVAL_NOTE}",
        ("score", f"{count:,} samples", f"{count:,} real images", f"all {total:,} samples"),
        tuple(rows),
    )


def classes_table(scores: Scores) -> TextTable:
    """Scores by class, sortable."""
    chosen = _columns(scores)
    rows = [
        (Cell(name), *(number_cell(values.get(metric), column.digits) for metric, column in chosen))
        for name, values in ((name, scores.per_class.get(name, {})) for name in scores.class_names)
    ]
    headings = ("class", *(column.heading for _, column in chosen))
    return TextTable("Scores of each class, of all its samples", headings, tuple(rows))


def _columns(scores: Scores) -> list[tuple[str, ClassColumn]]:
    first = next(iter(scores.per_class.values()), {})
    names = {plain_name(metric): metric for metric in first}
    found = [
        (names[plain], score.column)
        for plain, score in printed_scores().items()
        if score.column is not None
        and plain in names
        and any(values.get(names[plain]) is not None for values in scores.per_class.values())
    ]
    return sorted(found, key=lambda one: not one[1].first)

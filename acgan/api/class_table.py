"""Images of a data set by class and part: the numbers, and a short table of them in plain text."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from acgan.showing import shown
from acgan.types import Dataset, ImageStore, LeftOut, Reading

_WIDTH = 80
_ROWS = 20
_OTHERS = "(other classes)"


@dataclass(frozen=True)
class ClassCounts:
    """Numbers of images by class (K) and part (P).

    Attributes:
        parts: P names of parts, such as "train".
        class_names: K names, made fit to print.
        counts: (K, P) numbers of images.
        others: (P,) numbers of images of parts that are not used, of classes that are not used either.
    """

    parts: tuple[str, ...]
    class_names: tuple[str, ...]
    counts: np.ndarray
    others: np.ndarray

    def rows(self, limit: int | None = None) -> list[tuple[str, list[int]]]:
        """Rows of a table: each class, "and N more" after ``limit`` classes, other classes, and the sum of all."""
        shown = len(self.class_names) if limit is None else limit
        names = zip(self.class_names[:shown], self.counts[:shown].tolist(), strict=True)
        rows: list[tuple[str, list[int]]] = list(names)
        if left := len(self.class_names) - len(rows):
            rows.append((f"and {left:,} more", self.counts[shown:].sum(axis=0).tolist()))
        if self.others.any():
            rows.append((_OTHERS, self.others.tolist()))
        rows.append(("all", (self.counts.sum(axis=0) + self.others).tolist()))
        return rows


def count_classes(dataset: Dataset) -> ClassCounts:
    """Count the images of each class: in each part that is used, and in each part of the source that is not."""
    names = dataset.train.class_names
    columns = {}
    if dataset.num_real or not dataset.num_generated:
        columns["train"] = _counts(dataset.train, slice(None, dataset.num_real))
    if dataset.num_generated:
        columns["generated"] = _counts(dataset.train, slice(dataset.num_real, None))
    if dataset.validation is not None:
        columns["validation"] = _counts(dataset.validation)
    columns["test"] = _counts(dataset.test)
    others = [0] * len(columns)
    unused = {} if dataset.report is None else dataset.report.reading.unused
    for part, by_class in unused.items():
        columns[f"{part} (not used)"] = np.array([by_class.get(name, 0) for name in names], dtype=np.int64)
        others.append(sum(count for name, count in by_class.items() if name not in names))
    return ClassCounts(
        tuple(columns),
        tuple(map(shown, names)),
        np.stack(list(columns.values()), axis=1),
        np.array(others, dtype=np.int64),
    )


def class_table(dataset: Dataset) -> str:
    """A table of at most 20 classes in plain text, for a terminal of 80 columns."""
    counts = count_classes(dataset)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("class", overflow="fold")
    for part in counts.parts:
        table.add_column(part, justify="right", no_wrap=True)
    for name, numbers in counts.rows(_ROWS):
        table.add_row(name, *(f"{number:,}" for number in numbers))
    text = io.StringIO()
    Console(file=text, width=_WIDTH, color_system=None, markup=False, highlight=False, emoji=False).print(
        table
    )
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def reading_line(reading: Reading) -> str:
    """The layout in which a source was read, and the reason."""
    return shown(f"read as {reading.layout}: {reading.why}")


def left_out_line(left: LeftOut) -> str:
    """Files or rows that are not used: what they are, their number, and a few names."""
    examples = ", ".join(map(shown, left.examples))
    more = ", …" if left.count > len(left.examples) else ""
    return f"left out: {left.reason}: {left.count:,}{f' ({examples}{more})' if examples else ''}"


def with_noun(number: int, one: str, many: str) -> str:
    """A number with its noun: "1 image", "1,000 images"."""
    return f"{number:,} {one if number == 1 else many}"


def _counts(store: ImageStore, part: slice = slice(None)) -> np.ndarray:
    return np.bincount(store.labels[part], minlength=store.num_classes)

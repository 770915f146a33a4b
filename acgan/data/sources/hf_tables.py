"""Sets as the library ``datasets`` has them: tables with a column of pictures and one of labels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from acgan.data.index import Index, Reader, Unlabelled, shortened
from acgan.data.layouts.columns import label_column, usual_columns
from acgan.data.layouts.names import part_of
from acgan.data.layouts.table import Table
from acgan.data.sources.arrays import Joined
from acgan.data.sources.endings import open_image
from acgan.data.sources.hf_features import (
    are_whole,
    group_names,
    holds_bytes,
    is_missing,
    is_picture,
    is_single,
    label_names,
    library,
    read_column,
)
from acgan.data.sources.labels import check_whole, checked_labels, in_quotes
from acgan.data.sources.parts import Part, index_parts, part_column
from acgan.errors import DataError, bounded, did_you_mean
from acgan.types import Reading


class PicturesReader:
    """Reader of a column of pictures, of several tables one after another.

    Args:
        tables: Datasets of ``datasets``, with undecoded pictures.
        column: Their column.
        names: Names of the tables, for messages.
    """

    def __init__(self, tables: Sequence[Any], column: str, names: Sequence[str]):
        self._tables = tables
        self._column = column
        self._names = names
        self._joined = Joined([len(table) for table in tables])

    def read(self, row: int) -> Image.Image:
        part, element = self._joined.locate(row)
        stored = self._tables[part][element][self._column] or {}
        if stored.get("bytes") is not None:
            return open_image(io.BytesIO(stored["bytes"]))
        if stored.get("path") is None:
            raise ValueError("it is empty")
        return open_image(stored["path"])

    def name(self, row: int) -> str:
        part, element = self._joined.locate(row)
        return f"{self._names[part]}[{element}]"


@dataclass(frozen=True)
class _Divided:
    """The parts of a set as they are used, the origin of the parts, and warnings."""

    tables: Mapping[str, Any]
    told: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tables:
    """The parts of a set, each a dataset of ``datasets``.

    Attributes:
        where: The set, for messages.
        parts: The datasets by the names of the parts.
        columns: Columns that the user chose: "path" is that of the pictures.
        layout, why, told: See ``Reading``; ``told`` is the origin of the parts.
    """

    where: str
    parts: Mapping[str, Any]
    columns: Mapping[str, str]
    layout: str
    why: str
    told: str

    def index(self) -> Index:
        """The labelled pictures."""
        label, class_names = self._label
        group = self._group
        parts = [self._part(name, table, label, group) for name, table in self._divided.tables.items()]
        index = index_parts(
            parts,
            self._open,
            where=self.where,
            class_names=class_names,
            reading=Reading(
                layout=self.layout,
                why=f"{self.why}: column {self._image!r}",
                labels=f"column {label!r}" + (", a ClassLabel" if class_names is not None else ""),
                parts=self._divided.told if len(parts) > 1 else "",
            ),
        )
        notes = [f"groups from: column {group!r}"] if group is not None else []
        return replace(
            index, notes=(*index.notes, *notes), warnings=(*index.warnings, *self._divided.warnings)
        )

    def unlabelled(self) -> Unlabelled:
        """All pictures."""
        sizes = [(name, len(table)) for name, table in self._divided.tables.items()]
        return Unlabelled(self._open([Part(name, count) for name, count in sizes]), part_column(sizes))

    def _open(self, used: Sequence[Part]) -> Reader:
        image = library("datasets", self.where).Image(decode=False)
        tables = [self._divided.tables[part.name].select_columns([self._image]) for part in used]
        return PicturesReader(
            [table.cast_column(self._image, image).with_format(None) for table in tables],
            self._image,
            [f"{self.where} {part.name}".rstrip() for part in used],
        )

    @cached_property
    def _divided(self) -> _Divided:
        """The parts, of a column of a usual name where the set has no parts of its own."""
        column = self._given("split") if "split" in self.columns else None
        for name in usual_columns(self._named(), "split") if column is None else ():
            if any(map(part_of, self._values(name))):
                column = name
                break
        if column is None:
            return _Divided(self.parts, self.told)
        values = self._values(column)
        unknown = sorted({value for value in values if part_of(value) is None})
        if unknown:
            raise DataError(
                f"{self.where}: column {column!r} has {shortened(list(map(bounded, unknown)))}; expected train, val or"
                " test, or a like word."
            )
        if len(self.parts) == 1:
            (table,) = self.parts.values()
            words = np.array([part_of(value) or "unlabelled" for value in values], dtype=object)
            rows = {word: np.flatnonzero(words == word) for word in ("train", "val", "test", "unlabelled")}
            tables = {word: table.select(found) for word, found in rows.items() if len(found)}
            return _Divided(tables, f"column {column!r}")
        own = [part_of(name) for name, table in self.parts.items() for _ in range(len(table))]
        if own == list(map(part_of, values)):
            return _Divided(self.parts, self.told)
        if "split" in self.columns:
            raise DataError(
                f"data.columns.split: column {column!r} of {self.where} tells other parts than {self.told}. Leave the"
                " key out, or name one file."
            )
        return _Divided(
            self.parts,
            self.told,
            (f"{self.where}: column {column!r} is not used: it tells other parts than {self.told}",),
        )

    @cached_property
    def _group(self) -> str | None:
        """The column of groups, if there is one."""
        if "group" in self.columns:
            return self._given("group")
        taken = {self._image, self._label[0]}
        return next((name for name in usual_columns(self._named(), "group") if name not in taken), None)

    def _named(self) -> Table:
        """The columns with one value a row, without rows."""
        return Table(tuple(name for name, one in self._features.items() if is_single(one)), [], [])

    def _values(self, column: str) -> list[str]:
        """All values of a column, as text; "" where a part lacks it."""
        return [
            "" if value is None else str(value)
            for table in self.parts.values()
            for value in (read_column(table, column) if column in table.features else [None] * len(table))
        ]

    @property
    def _features(self) -> Mapping[str, Any]:
        """Features of the columns, of the first part that has each."""
        return {
            name: feature
            for table in list(self.parts.values())[::-1]
            for name, feature in table.features.items()
        }

    @cached_property
    def _image(self) -> str:
        features = self._features
        pictures = [name for name, feature in features.items() if is_picture(feature)] or [
            name for name, feature in features.items() if holds_bytes(name, feature)
        ]
        if "path" in self.columns:
            chosen = self._given("path")
            if chosen not in pictures:
                raise DataError(f"data.columns.path: {self.where} has no pictures in column {chosen!r}.")
            return chosen
        if len(pictures) != 1:
            found = (
                f"several columns of pictures: {in_quotes(pictures)}" if pictures else "no column of pictures"
            )
            remedy = f" Choose one, as with --set data.columns.path={pictures[0]}." if pictures else ""
            raise DataError(f"{self.where} has {found}. It has {in_quotes(features)}.{remedy}")
        return pictures[0]

    @cached_property
    def _label(self) -> tuple[str, tuple[str, ...] | None]:
        """The column of labels, and the names of its numbers if it has them."""
        features, others = self._features, [name for name in self._features if name != self._image]
        named = [name for name in others if label_names(features[name]) is not None]
        if "label" in self.columns:
            label = self._given("label")
        elif len(named) > 1:
            raise DataError(
                f"{self.where} has several columns that could be the label: {in_quotes(named)}. Choose one, as with"
                f" --set data.columns.label={named[0]}."
            )
        else:
            label = named[0] if named else self._usual_label(others)
        feature = features[label]
        if not is_single(feature):
            raise DataError(
                f"{self.where}: column {label!r} holds {bounded(feature)}; expected one class a picture, as a number or"
                " a name."
            )
        self._check_same(label)
        return label, label_names(feature)

    def _usual_label(self, others: Sequence[str]) -> str:
        first = next(iter(self.parts.values()))
        single = [name for name in others if name in first.features and is_single(first.features[name])]
        told = usual_columns(Table(tuple(single), [], []), "label")
        columns = [list(map(str, read_column(first, name))) for name in told]
        table = Table(tuple(told), list(zip(*columns, strict=True)), range(len(first)), "row")
        label = label_column(table, set(), self.where)
        if label is None:
            raise DataError(
                f"{self.where} has no column of labels: no ClassLabel, and none of a usual name among"
                f" {in_quotes(others) or 'no others'}. Choose one with --set data.columns.label=NAME."
            )
        return label

    def _given(self, purpose: str) -> str:
        name = self.columns[purpose]
        if name not in self._features:
            raise DataError(
                f"data.columns.{purpose}: {self.where} has no column {name!r}; it has {in_quotes(self._features)}."
                f"{did_you_mean(name, self._features)}"
            )
        return name

    def _check_same(self, label: str) -> None:
        features = {
            name: table.features[label] for name, table in self.parts.items() if label in table.features
        }
        features = {name: feature for name, feature in features.items() if is_single(feature)}
        if len({label_names(feature) for feature in features.values()}) > 1:
            raise DataError(
                f"{self.where}: column {label!r} names its classes otherwise in {' and '.join(features)}, so a number"
                " would be several classes. Write the parts with the same ClassLabel."
            )

    def _part(self, name: str, table: Any, label: str, group: str | None) -> Part:
        groups = None
        if group is not None:
            groups = np.array(group_names(name, table, group), dtype=object)
        if label not in table.features:
            return Part(name, len(table), groups=groups)
        values = read_column(table, label)
        named = label_names(table.features[label]) is not None
        missing = np.array([is_missing(value, named) for value in values], dtype=bool)
        labels = [value for value, gone in zip(values, missing, strict=True) if not gone]
        whole = np.zeros(len(values), dtype=np.int64 if are_whole(labels) else object)
        if whole.dtype == object:
            labels = list(checked_labels(list(map(str, labels)), f"{self.where} {name}".rstrip()))
        else:
            check_whole(labels, self.where)
        whole[~missing] = labels
        return Part(name, len(values), whole, missing, groups)

"""Sets as the library ``datasets`` has them: tables with a column of pictures and one of labels."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from acgan.data.index import Index, Reader, Unlabelled
from acgan.data.layouts.columns import label_column, usual_columns
from acgan.data.layouts.table import Table
from acgan.data.sources.arrays import Joined
from acgan.data.sources.endings import open_image
from acgan.data.sources.parts import Part, index_parts, part_column
from acgan.errors import DataError, did_you_mean
from acgan.types import Reading

#: Fields of a picture in a parquet file.
STORED = frozenset({"bytes", "path"})
_SINGLE = ("int", "uint", "float", "string", "large_string", "bool")


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
        parts = [self._part(name, table, label) for name, table in self.parts.items()]
        return index_parts(
            parts,
            self._open,
            where=self.where,
            class_names=class_names,
            reading=Reading(
                layout=self.layout,
                why=f"{self.why}: column {self._image!r}",
                labels=f"column {label!r}" + (", a ClassLabel" if class_names is not None else ""),
                parts=self.told if len(parts) > 1 else "",
            ),
        )

    def unlabelled(self) -> Unlabelled:
        """All pictures."""
        sizes = [(name, len(table)) for name, table in self.parts.items()]
        return Unlabelled(self._open([Part(name, count) for name, count in sizes]), part_column(sizes))

    def _open(self, used: Sequence[Part]) -> Reader:
        image = library("datasets", self.where).Image(decode=False)
        tables = [self.parts[part.name].select_columns([self._image]) for part in used]
        return PicturesReader(
            [table.cast_column(self._image, image).with_format(None) for table in tables],
            self._image,
            [f"{self.where} {part.name}".rstrip() for part in used],
        )

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
        pictures = [name for name, feature in features.items() if _is_picture(feature)]
        if "path" in self.columns:
            chosen = self._given("path")
            if chosen not in pictures:
                raise DataError(f"data.columns.path: {self.where} has no pictures in column {chosen!r}.")
            return chosen
        if len(pictures) != 1:
            found = (
                f"several columns of pictures: {_listed(pictures)}" if pictures else "no column of pictures"
            )
            remedy = f" Choose one, as with --set data.columns.path={pictures[0]}." if pictures else ""
            raise DataError(f"{self.where} has {found}. It has {_listed(features)}.{remedy}")
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
                f"{self.where} has several columns that could be the label: {_listed(named)}. Choose one, as with"
                f" --set data.columns.label={named[0]}."
            )
        else:
            label = named[0] if named else self._usual_label(others)
        feature = features[label]
        if not _is_single(feature):
            raise DataError(
                f"{self.where}: column {label!r} holds {feature}; expected one class a picture, as a number or a name."
            )
        self._check_same(label)
        return label, label_names(feature)

    def _usual_label(self, others: Sequence[str]) -> str:
        first = next(iter(self.parts.values()))
        single = [name for name in others if name in first.features and _is_single(first.features[name])]
        told = usual_columns(Table(tuple(single), [], []), "label")
        columns = [list(map(str, first.select_columns([name])[:][name])) for name in told]
        table = Table(tuple(told), list(zip(*columns, strict=True)), range(len(first)), "row")
        label = label_column(table, set(), self.where)
        if label is None:
            raise DataError(
                f"{self.where} has no column of labels: no ClassLabel, and none of a usual name among"
                f" {_listed(others) or 'no others'}. Choose one with --set data.columns.label=NAME."
            )
        return label

    def _given(self, purpose: str) -> str:
        name = self.columns[purpose]
        if name not in self._features:
            raise DataError(
                f"data.columns.{purpose}: {self.where} has no column {name!r}; it has {_listed(self._features)}."
                f"{did_you_mean(name, self._features)}"
            )
        return name

    def _check_same(self, label: str) -> None:
        features = {
            name: table.features[label] for name, table in self.parts.items() if label in table.features
        }
        features = {name: feature for name, feature in features.items() if _is_single(feature)}
        if len({label_names(feature) for feature in features.values()}) > 1:
            raise DataError(
                f"{self.where}: column {label!r} names its classes otherwise in {' and '.join(features)}, so a number"
                " would be several classes. Write the parts with the same ClassLabel."
            )

    def _part(self, name: str, table: Any, label: str) -> Part:
        groups = None
        if "group" in self.columns:
            column = self._given("group")
            groups = np.array(
                [str(value) for value in table.select_columns([column])[:][column]], dtype=object
            )
        if label not in table.features:
            return Part(name, len(table), groups=groups)
        values = table.with_format(None).select_columns([label])[:][label]
        named = label_names(table.features[label]) is not None
        missing = np.array([_is_missing(value, named) for value in values], dtype=bool)
        labels = [value for value, gone in zip(values, missing, strict=True) if not gone]
        whole = np.zeros(len(values), dtype=np.int64 if _are_whole(labels) else object)
        whole[~missing] = labels if whole.dtype != object else list(map(str, labels))
        return Part(name, len(values), whole, missing, groups)


def library(name: str, what: str) -> Any:
    """A module of the extra ``hf``; ``datasets`` takes a second to import, so nothing else imports it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(
            f"{what} needs the package {name.partition('.')[0]}, which is not installed: pip install 'acgan[hf]'"
        ) from error


def _is_picture(feature: Any) -> bool:
    return type(feature).__name__ == "Image" or (isinstance(feature, Mapping) and set(feature) == STORED)


def label_names(feature: Any) -> tuple[str, ...] | None:
    """Names of the numbers of a ClassLabel; None for another feature."""
    return tuple(feature.names) if type(feature).__name__ == "ClassLabel" else None


def _is_single(feature: Any) -> bool:
    return str(getattr(feature, "dtype", "")).rstrip("0123456789") in _SINGLE


def _is_missing(value: Any, named: bool) -> bool:
    """True for a value that stands for no label; a ClassLabel writes -1."""
    return value is None or value == "" or value != value or (named and value < 0)


def _are_whole(labels: Sequence[Any]) -> bool:
    return all(
        isinstance(label, int | float) and not isinstance(label, bool) and label == int(label)
        for label in labels
    )


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names))

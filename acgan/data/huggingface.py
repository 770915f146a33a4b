"""Sources read by Hugging Face's library ``datasets``: parquet files of pictures, and sets of the hub."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acgan.data.columns import label_column
from acgan.data.files import digest_lines, file_stamp
from acgan.data.index import Index, Reader, Unlabelled
from acgan.data.options import ReadOptions
from acgan.data.parts import Part, index_parts, part_column, parts_of_files, refuse_options
from acgan.data.table import Table
from acgan.errors import DataError, did_you_mean
from acgan.types import Reading

HUB = "hf:"
_COLUMNS = ("path", "label", "group")
_STORED = {"bytes", "path"}  # fields of a picture in a parquet file
_SINGLE = ("int", "uint", "float", "string", "large_string", "bool")


def has_image_feature(file: Path) -> bool:
    """True for a parquet file that holds pictures, as ``datasets`` writes them, rather than their names.

    Raises:
        DataError: It is not parquet, or no library is there to read it.
    """
    parquet = _library("pyarrow.parquet", str(file))
    try:
        schema = parquet.read_schema(file)
        written = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        known = written.get("info", {}).get("features")
    except Exception as error:  # of nearly every kind, on damaged files
        raise _unreadable(str(file), error) from error
    if known is not None:
        return any(
            isinstance(feature, dict) and feature.get("_type") == "Image" for feature in known.values()
        )
    return any(
        {child.name for child in column.type.fields} == _STORED
        for column in schema
        if _is_struct(column.type)
    )


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
        self._ends = np.cumsum([len(table) for table in tables])

    def _locate(self, row: int) -> tuple[int, int]:
        part = int(np.searchsorted(self._ends, row, side="right"))
        return part, row - int(self._ends[part]) + len(self._tables[part])

    def read(self, row: int) -> Image.Image:
        part, element = self._locate(row)
        stored = self._tables[part][element][self._column] or {}
        if stored.get("bytes") is not None:
            return Image.open(io.BytesIO(stored["bytes"]))
        if stored.get("path") is None:
            raise ValueError("it is empty")
        return Image.open(stored["path"])

    def name(self, row: int) -> str:
        part, element = self._locate(row)
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
        image = _library("datasets", self.where).Image(decode=False)
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
        named = [name for name in others if _class_names(features[name]) is not None]
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
        return label, _class_names(feature)

    def _usual_label(self, others: Sequence[str]) -> str:
        first = next(iter(self.parts.values()))
        told = [name for name in others if name in first.features and _is_single(first.features[name])]
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
        if len({_class_names(feature) for feature in features.values()}) > 1:
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
        named = _class_names(table.features[label]) is not None
        missing = np.array([_is_missing(value, named) for value in values], dtype=bool)
        labels = [value for value, gone in zip(values, missing, strict=True) if not gone]
        whole = np.zeros(len(values), dtype=np.int64 if _are_whole(labels) else object)
        whole[~missing] = labels if whole.dtype != object else list(map(str, labels))
        return Part(name, len(values), whole, missing, groups)


class ParquetSource:
    """Parquet files that hold pictures, one or many; their names tell the parts.

    Args:
        paths: The files.
        options: Options of reading.
        top: The folder that they lie in at any depth, or the only file.
    """

    def __init__(self, paths: Sequence[Path], options: ReadOptions, top: Path):
        self._paths = paths
        self._options = options
        self._top = top
        refuse_options(options, "parquet files of pictures", _COLUMNS)

    def identity(self) -> str:
        return digest_lines(
            ("parquet", *(f"{path.resolve()} {file_stamp(path)}" for path in sorted(self._paths)))
        )

    def index(self) -> Index:
        return self._tables.index()

    def unlabelled(self) -> Unlabelled:
        return self._tables.unlabelled()

    @cached_property
    def _tables(self) -> Tables:
        where = str(self._top)
        datasets = _library("datasets", where)
        parts = {}
        for name, paths in parts_of_files(self._paths, self._top).items():
            with _reading(datasets, f"{where} {name}".rstrip()):
                parts[name] = datasets.Dataset.from_parquet([str(path) for path in paths])
        why = (
            "a parquet file that holds pictures"
            if self._paths == [self._top]
            else "parquet files that hold pictures"
        )
        return Tables(where, parts, self._options.columns, "parquet", why, "the names of the files")


class HubSource:
    """A set of the Hugging Face hub, of its cache, or of a folder that ``datasets`` loads: ``hf:NAME[:CONFIG]``."""

    def __init__(self, given: str, options: ReadOptions):
        self._given = given
        self._options = options
        refuse_options(options, f"sets of {HUB}", _COLUMNS)

    def identity(self) -> str:
        files = [file["filename"] for table in self._tables.parts.values() for file in table.cache_files]
        return digest_lines(("hf", self._given, *(f"{file} {file_stamp(Path(file))}" for file in files)))

    def index(self) -> Index:
        return self._tables.index()

    def unlabelled(self) -> Unlabelled:
        return self._tables.unlabelled()

    @cached_property
    def _tables(self) -> Tables:
        datasets = _library("datasets", self._given)
        name, config = split_name(self._given)
        folder = Path(name).expanduser()
        with _reading(datasets, self._given):
            if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
                loaded = datasets.load_from_disk(str(folder))
            else:
                loaded = datasets.load_dataset(str(folder) if folder.is_dir() else name, config)
        parts = dict(loaded) if isinstance(loaded, Mapping) else {"": loaded}
        return Tables(
            self._given, parts, self._options.columns, "hf", "a set that datasets loads", "the set's own"
        )


def split_name(given: str) -> tuple[str, str | None]:
    """Name, or folder, and configuration of ``hf:NAME[:CONFIG]``."""
    rest = given.removeprefix(HUB)
    name, _, config = rest.partition(":")
    return (rest, None) if Path(rest).expanduser().is_dir() else (name, config or None)


def _library(name: str, what: str) -> Any:
    """A module of the extra ``hf``; ``datasets`` takes a second to import, so nothing else imports it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(
            f"{what} needs the package {name.partition('.')[0]}, which is not installed: pip install 'acgan[hf]'"
        ) from error


@contextlib.contextmanager
def _reading(datasets: Any, what: str) -> Iterator[None]:
    """Hide the library's bars, and turn its errors, which are of nearly every kind, into ours."""
    shown = datasets.are_progress_bars_disabled() is False
    datasets.disable_progress_bars()
    try:
        yield
    except Exception as error:
        raise _unreadable(what, error) from error
    finally:
        if shown:
            datasets.enable_progress_bars()


def _unreadable(what: str, error: Exception) -> DataError:
    reasons = [error, *([error.__cause__] if error.__cause__ else [])]
    texts = [" ".join(str(reason).split()).rstrip(".") or type(reason).__name__ for reason in reasons]
    hint = (
        "Check the name and the connection; HF_DATASETS_OFFLINE=1 takes what is in the cache."
        if what.startswith(HUB)
        else "Make it or copy it anew."
    )
    return DataError(f"{what} cannot be read: {': '.join(dict.fromkeys(texts))}. {hint}")


def _is_struct(kind: Any) -> bool:
    return bool(_library("pyarrow.types", "a parquet file").is_struct(kind))


def _is_picture(feature: Any) -> bool:
    return type(feature).__name__ == "Image" or (isinstance(feature, Mapping) and set(feature) == _STORED)


def _class_names(feature: Any) -> tuple[str, ...] | None:
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

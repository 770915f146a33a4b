"""Sources read by Hugging Face's library ``datasets``: parquet files of pictures, and sets of the hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from acgan.data.index import Index, Unlabelled, shortened
from acgan.data.options import ReadOptions
from acgan.data.sources.arrays import in_a_line
from acgan.data.sources.files import digest_lines, file_stamp
from acgan.data.sources.hf_features import STORED, holds_bytes, label_names, library
from acgan.data.sources.hf_tables import Tables
from acgan.data.sources.members import Limits, OversizedError
from acgan.data.sources.parquet_size import unpacked_size
from acgan.data.sources.parts import refuse_options
from acgan.data.sources.shard_names import parts_of_files
from acgan.errors import DataError, bounded
from acgan.reading import parse_json, user_path

HUB = "hf:"
_REASON = 400  # letters of the library's own reasons, which may list all columns twice
_UNNAMED = "default"  # the library's name for the only configuration of a folder
_COLUMNS = ("path", "label", "split", "group")


def has_image_feature(file: Path) -> bool:
    """True for a parquet file that holds pictures, as ``datasets`` writes them, rather than their names.

    Raises:
        DataError: It is not parquet, or no library is there to read it.
    """
    parquet = library("pyarrow.parquet", str(file))
    try:
        schema = parquet.read_schema(file)
        written = parse_json((schema.metadata or {}).get(b"huggingface", b"{}"))
        known = written.get("info", {}).get("features")
    except Exception as error:  # of nearly every kind, on damaged files
        raise _unreadable(str(file), error) from error
    if isinstance(known, Mapping):
        return any(
            isinstance(feature, dict) and feature.get("_type") == "Image" for feature in known.values()
        )
    return any(
        {child.name for child in column.type.fields} == STORED
        if _is_struct(column.type)
        else holds_bytes(column.name, column.type)
        for column in schema
    )


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
        datasets = library("datasets", where)
        parts = {}
        for name, paths in parts_of_files(self._paths, self._top).items():
            with _reading(datasets, f"{where} {name}".rstrip()):
                _check_same_names(datasets, paths)
                _check_unpacked(paths, self._options.limits)
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
        datasets = library("datasets", self._given)
        name, config = split_name(self._given)
        folder = user_path(name)
        with _reading(datasets, self._given):
            if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
                loaded = datasets.load_from_disk(str(folder))
            else:
                if folder.is_dir():
                    _check_folder(datasets, folder, config, self._options.limits)
                loaded = datasets.load_dataset(str(folder) if folder.is_dir() else name, config)
        parts = dict(loaded) if isinstance(loaded, Mapping) else {"": loaded}
        return Tables(
            self._given, parts, self._options.columns, "hf", "a set that datasets loads", "the set's own"
        )


def split_name(given: str) -> tuple[str, str | None]:
    """Name, or folder, and configuration of ``hf:NAME[:CONFIG]``."""
    rest = given.removeprefix(HUB)
    name, _, config = rest.partition(":")
    return (rest, None) if user_path(rest).is_dir() else (name, config or None)


def _check_folder(datasets: Any, folder: Path, config: str | None, limits: Limits) -> None:
    """Check the parquet files of a folder that ``datasets`` joins to one set.

    Raises:
        DataError: They look like several sets, or one is packed too far.
    """
    chosen = datasets.load_dataset_builder(str(folder), config).config
    parts = [[Path(file) for file in files] for files in (chosen.data_files or {}).values()]
    parts = [[path for path in paths if path.suffix == ".parquet"] for paths in parts]
    if chosen.name == _UNNAMED:  # the library took all files; a configuration that is written down is meant
        parts_of_files([path for paths in parts for path in paths], folder.resolve())
    for paths in parts:
        _check_same_names(datasets, paths)
        _check_unpacked(paths, limits)


def _check_unpacked(paths: Sequence[Path], limits: Limits) -> None:
    """Check how far parquet files are packed: ``datasets`` unpacks all that they hold.

    Raises:
        DataError: One is packed too far.
    """
    for path in paths:
        try:
            unpacked_size(path, path.stat().st_size, limits)
        except OversizedError as error:
            raise DataError(f"{path} cannot be read: {error}.") from error


def _check_same_names(datasets: Any, paths: Sequence[Path]) -> None:
    """Check that joined parquet files name their classes alike: the library takes the names of the first.

    Raises:
        DataError: A column's numbers are other classes in one of the files.
    """
    if len(paths) < 2:
        return
    parquet = library("pyarrow.parquet", str(paths[0]))
    first: dict[str, tuple[Path, tuple[str, ...] | None]] = {}
    for path in paths:
        for column, feature in datasets.Features.from_arrow_schema(parquet.read_schema(path)).items():
            names = label_names(feature)
            other, expected = first.setdefault(column, (path, names))
            if names != expected:
                raise DataError(
                    f"{path} names the classes of column {column!r} {_told(names)}, and {other} {_told(expected)}, so a"
                    " number would be several classes. Name one of the files, or write all with the same ClassLabel."
                )


def _told(names: Sequence[str] | None) -> str:
    return "nothing" if names is None else shortened(names)


@contextlib.contextmanager
def _reading(datasets: Any, what: str) -> Iterator[None]:
    """Hide the library's bars, and turn its errors, which are of nearly every kind, into ours."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise _unreadable(what, error) from error
    finally:
        if shown:
            datasets.enable_progress_bars()


def _unreadable(what: str, error: Exception) -> DataError:
    reasons = [error, *([error.__cause__] if error.__cause__ else [])]
    texts = [in_a_line(reason) for reason in reasons if isinstance(reason, Exception)]
    hint = (
        "Check the name and the connection; HF_DATASETS_OFFLINE=1 takes what is in the cache."
        if what.startswith(HUB)
        else "Make it or copy it anew."
    )
    return DataError(f"{what} cannot be read: {bounded(': '.join(dict.fromkeys(texts)), _REASON)}. {hint}")


def _is_struct(kind: Any) -> bool:
    return bool(library("pyarrow.types", "a parquet file").is_struct(kind))

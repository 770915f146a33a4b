"""WebDataset's shards: tar files in which the files of a sample have one name and several endings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from acgan.data.index import Index, Unlabelled, shortened
from acgan.data.layouts.columns import given_column, label_column, usual_columns
from acgan.data.layouts.label_values import several_labels
from acgan.data.layouts.names import part_of
from acgan.data.layouts.table import Table
from acgan.data.options import ReadOptions
from acgan.data.sources.files import class_name, digest_lines, file_stamp
from acgan.data.sources.labels import MANY, check_whole, checked_labels
from acgan.data.sources.parts import Part, index_parts, part_column, refuse_options
from acgan.data.sources.shard_names import parts_of_files
from acgan.data.sources.tar_samples import Sample, SamplesReader, read_shard
from acgan.data.sources.tree import EXAMPLES
from acgan.errors import DataError, bounded, did_you_mean
from acgan.reading import parse_json
from acgan.types import LeftOut, Reading

#: Files beside the shards that name the classes 0, 1, …, a line each.
CLASS_FILES = ("classes.txt", "classnames.txt", "class_names.txt")
_WHOLE = re.compile(r"(-?\d{1,4000})(?:\.0*)?")  # Python refuses to read longer ones
_SEVERAL_NUMBERS = re.compile(r"\[?\s*-?\d+(?:[\s,;|]+-?\d+)+\s*\]?")


class WebDatasetSource:
    """Shards of a WebDataset, one or many.

    Args:
        paths: The .tar files.
        options: Options of reading.
        top: The folder that they lie in at any depth, or the only file.
    """

    def __init__(self, paths: Sequence[Path], options: ReadOptions, top: Path):
        self._paths = sorted(paths)
        self._columns = options.columns
        self._limits = options.limits
        self._top = top
        refuse_options(options, "shards of a WebDataset", ("path", "label", "group"))

    def identity(self) -> str:
        files = [*self._paths, *self._class_files]
        return digest_lines(("webdataset", *(f"{path.resolve()} {file_stamp(path)}" for path in files)))

    def index(self) -> Index:
        labels, source = self._labels()
        numbers = all(_WHOLE.fullmatch(label) for label in labels if label)
        where = str(self._top)
        if numbers:
            check_whole((int(_WHOLE.fullmatch(label)[1]) for label in labels if label), where)  # type: ignore[index]
        else:
            _check_single(labels, where)
        named = self._class_names if numbers else None
        group = self._group
        parts, start = [], 0
        for name, samples in self._samples.items():
            part = _part(name, labels[start : start + len(samples)], numbers)
            parts.append(part if group is None else replace(part, groups=_groups(samples, group)))
            start += len(samples)
        index = index_parts(
            parts,
            self._open,
            where=where,
            class_names=named,
            reading=Reading(
                layout="webdataset",
                why="tar files whose members are named as WebDataset names samples",
                labels=source + (f", named by {self._class_files[0].name}" if named is not None else ""),
                parts="the names of the files" if len(parts) > 1 else "",
                left_out=self._left_out,
            ),
        )
        notes = [f"groups from: the field {group!r} of the .json files"] if group is not None else []
        return replace(
            index, notes=(*index.notes, *notes), warnings=(*index.warnings, *self._unused_split(len(parts)))
        )

    def unlabelled(self) -> Unlabelled:
        sizes = [(name, len(samples)) for name, samples in self._samples.items()]
        return Unlabelled(self._open([Part(name, count) for name, count in sizes]), part_column(sizes))

    def _open(self, used: Sequence[Part]) -> SamplesReader:
        samples = [sample for part in used for sample in self._samples[part.name]]
        return SamplesReader(samples, [self._picture(sample) for sample in samples], self._limits)

    @cached_property
    def _shards(self) -> dict[str, list[Sample]]:
        """All samples by part."""
        return {
            part: [sample for path in paths for sample in read_shard(path, self._limits)]
            for part, paths in parts_of_files(self._paths, self._top).items()
        }

    @cached_property
    def _samples(self) -> dict[str, list[Sample]]:
        """Samples with a picture by part."""
        found = {part: [one for one in samples if one.pictures] for part, samples in self._shards.items()}
        if not any(found.values()):
            raise DataError(
                f"{self._top} holds no pictures; expected samples such as 0001.jpg with 0001.cls."
            )
        return {part: samples for part, samples in found.items() if samples}

    @property
    def _left_out(self) -> tuple[LeftOut, ...]:
        bare = [one for samples in self._shards.values() for one in samples if not one.pictures]
        names = tuple(map(str, bare[:EXAMPLES]))
        return (LeftOut("samples without a picture", len(bare), names),) if bare else ()

    def _picture(self, sample: Sample) -> str:
        """The ending of a sample's picture."""
        chosen = self._columns.get("path")
        if chosen is not None:
            if chosen not in sample.pictures:
                raise DataError(
                    f"data.columns.path: {sample} has no picture with the ending {chosen!r}; it has"
                    f" {shortened(list(sample.pictures), MANY)}."
                )
            return chosen
        if sample.dotted and not sample.texts:
            raise self._no_labels(())
        if len(sample.pictures) > 1:
            raise DataError(
                f"{sample} has several pictures: {shortened(list(sample.pictures))}. Choose one by its ending, as with"
                f" --set data.columns.path={next(iter(sample.pictures))}."
            )
        return next(iter(sample.pictures))

    def _labels(self) -> tuple[list[str], str]:
        """The label of each sample with a picture, "" where it has none, and where labels come from."""
        samples = [sample for part in self._samples.values() for sample in part]
        chosen = self._columns.get("label")
        if chosen in (None, "cls") and any("cls" in sample.texts for sample in samples):
            return [_text(sample, "cls").strip() for sample in samples], "the .cls files"
        records = [_record(sample) for sample in samples]
        fields = list(dict.fromkeys(name for record in records for name in record))
        if chosen is not None and chosen not in fields:
            raise DataError(
                f"data.columns.label: {self._top} has no .json with a field {chosen!r}; fields:"
                f" {shortened(list(map(bounded, fields)), MANY) or 'none'}.{did_you_mean(chosen, fields)}"
            )
        label = chosen or self._usual_field(records, fields)
        return [
            _plain(record.get(label), sample, label) for record, sample in zip(records, samples, strict=True)
        ], (f"the field {label!r} of the .json files")

    @cached_property
    def _fields(self) -> Table:
        """Names of the fields of the .json files, for a look at what they tell beside labels."""
        samples = [sample for part in self._samples.values() for sample in part]
        return Table(tuple(dict.fromkeys(name for sample in samples for name in _fields(sample))), [], [])

    @property
    def _group(self) -> str | None:
        """The field of groups, if there is one."""
        chosen = self._columns.get("group")
        if chosen is not None:
            return given_column(self._fields, "group", chosen, str(self._top))
        return next((name for name in usual_columns(self._fields, "group")), None)

    def _unused_split(self, num_parts: int) -> list[str]:
        """A warning about a field that tells parts, where all shards are one part."""
        if num_parts > 1:
            return []
        samples = [sample for part in self._samples.values() for sample in part]
        for name in usual_columns(self._fields, "split"):
            told = {part_of(str(_fields(sample).get(name))) for sample in samples} - {None}
            if told:
                return [
                    f"{self._top}: the field {name!r} of the .json files tells parts and is not used. Write the samples"
                    " of each part into shards of their own, such as train-000000.tar and test-000000.tar."
                ]
        return []

    def _usual_field(self, records: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
        single = [
            name for name in fields if not any(isinstance(one.get(name), list | dict) for one in records)
        ]
        plain = usual_columns(Table(tuple(single), [], []), "label")
        rows = [[str(record.get(name)) for name in plain] for record in records]
        label = label_column(Table(tuple(plain), rows, range(len(rows)), "row"), set(), str(self._top))
        if label is not None:
            return label
        for name in usual_columns(Table(tuple(fields), [], []), "label"):
            given = [record.get(name) for record in records]
            several = [value for value in given if isinstance(value, list) and len(value) > 1]
            if several:
                example = f"such as {bounded(json.dumps(several[0], ensure_ascii=False))}"
                raise several_labels(str(self._top), len(several), len(given), example)
        raise self._no_labels(fields)

    def _no_labels(self, fields: Sequence[str]) -> DataError:
        samples = [sample for part in self._samples.values() for sample in part]
        dotted = next((name for part in self._shards.values() for one in part for name in one.dotted), None)
        if dotted is not None:
            return DataError(
                f"{self._top} has no labels: WebDataset cuts a name at its first dot, so {dotted} is no .cls or .json"
                " of a sample. Unpack it, write _ in the place of the dots inside of names, and pack it anew."
            )
        if all("/" in sample.key.removeprefix("./") and not sample.texts for sample in samples):
            return DataError(
                f"{self._top} has no labels: its pictures lie in folders ({samples[0]}), and in a WebDataset a .cls"
                " file or a .json tells the label. Unpack it, and give the folder."
            )
        found = f" The .json files have {shortened(list(map(bounded, fields)), MANY)}." if fields else ""
        return DataError(
            f"{self._top} has no labels; expected a .cls file beside each picture, or a .json with a field of a"
            f" usual name, such as label.{found} Choose a field with --set data.columns.label=NAME."
        )

    @cached_property
    def _class_files(self) -> list[Path]:
        folder = self._top if self._top.is_dir() else self._top.parent
        return [path for path in (folder / name for name in CLASS_FILES) if path.is_file()]

    @cached_property
    def _class_names(self) -> list[str] | None:
        if not self._class_files:
            return None
        file = self._class_files[0]
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeError) as error:
            raise DataError(f"{file} cannot be read as class names in UTF-8: {error}.") from error
        return [line.strip() for line in lines if line.strip()]


def _part(name: str, labels: Sequence[str], numbers: bool) -> Part:
    missing = np.array([not label for label in labels], dtype=bool)
    if numbers:
        whole = [int(label.partition(".")[0] or 0) for label in labels]
        return Part(name, len(labels), np.array(whole, dtype=np.int64), missing)
    return Part(name, len(labels), np.array(list(map(class_name, labels)), dtype=object), missing)


def _groups(samples: Sequence[Sample], field: str) -> np.ndarray:
    """Group of each sample; those without one are groups of their own."""
    values = [(sample, _fields(sample).get(field)) for sample in samples]
    return np.array(
        [f"\0{sample}" if value in (None, "") else str(value) for sample, value in values], dtype=object
    )


def _check_single(labels: Sequence[str], where: str) -> None:
    """Check that no picture has several labels, such as the numbers ``0 3`` or ``cat|dog`` beside ``cat``."""
    several = [label for label in labels if _SEVERAL_NUMBERS.fullmatch(label)]
    if several:
        raise several_labels(where, len(several), len(labels), f"such as {bounded(several[0])!r}")
    checked_labels(labels, where)


def _text(sample: Sample, ending: str) -> str:
    try:
        return sample.texts.get(ending, b"").decode("utf-8-sig")
    except UnicodeError as error:
        raise DataError(f"{sample}.{ending} cannot be read as UTF-8: {error}. Write it as text.") from error


def _record(sample: Sample) -> dict[str, Any]:
    """The fields of a sample's .json."""
    if "json" not in sample.texts:
        return {}
    try:
        record = parse_json(_text(sample, "json"))
    except ValueError as error:
        raise DataError(f"{sample}.json is no JSON: {error}. Mend or remove it.") from error
    if not isinstance(record, dict):
        raise DataError(f"{sample}.json holds a {type(record).__name__}; expected an object with fields.")
    return record


def _fields(sample: Sample) -> dict[str, Any]:
    """The fields of a sample's .json; none of one that cannot be read, where labels come from elsewhere."""
    try:
        return _record(sample)
    except DataError:
        return {}


def _plain(value: Any, sample: Sample, field: str) -> str:
    """A label as text, "" for none."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DataError(
            f"{sample}.json has {field} {json.dumps(value)[:60]}; expected a whole number or the name of a class."
        )
    return str(value).strip()

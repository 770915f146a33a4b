"""WebDataset's shards: tar files in which the files of a sample have one name and several endings."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acgan.data.index import Index, Unlabelled
from acgan.data.layouts.columns import label_column, usual_columns
from acgan.data.layouts.table import Table
from acgan.data.options import ReadOptions
from acgan.data.sources.endings import is_image, open_image
from acgan.data.sources.files import class_name, digest_lines, file_stamp
from acgan.data.sources.parts import Part, index_parts, part_column, parts_of_files, refuse_options
from acgan.data.sources.tree import EXAMPLES
from acgan.errors import DataError, did_you_mean
from acgan.types import LeftOut, Reading

#: Files beside the shards that name the classes 0, 1, …, a line each.
CLASS_FILES = ("classes.txt", "classnames.txt", "class_names.txt")
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_SPLIT = re.compile(
    r"((?:.*/|)[^./]+)\.([^/]*)"
)  # as WebDataset splits a member: key, and what follows the first dot


@dataclass(frozen=True)
class Sample:
    """The files of a shard that have one key.

    Attributes:
        shard: The shard.
        key: Their common path, without endings.
        pictures: Offset and size in bytes of each picture, by ending.
        texts: Contents of the files that may tell a label, "cls" and "json", by ending.
    """

    shard: Path
    key: str
    pictures: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.shard}!/{self.key}"


def read_shard(path: Path) -> list[Sample]:
    """The samples of a shard, in its order; pictures stay where they are.

    Raises:
        DataError: It is no tar, or damaged or cut off, or holds two files of one name.
    """
    samples: dict[str, Sample] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            end = 0
            for member in archive:
                end = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                found = _SPLIT.fullmatch(member.name)
                if member.isfile() and found:
                    _add(samples.setdefault(found[1], Sample(path, found[1])), found[2], member, archive)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a tar: {error}. Make it or copy it anew.") from error
    _check_end(path, end)
    return list(samples.values())


class SamplesReader:
    """Reader of the pictures of samples."""

    def __init__(self, samples: Sequence[Sample], endings: Sequence[str]):
        self._samples = samples
        self._endings = endings

    def read(self, row: int) -> Image.Image:
        sample = self._samples[row]
        offset, size = sample.pictures[self._endings[row]]
        with sample.shard.open("rb") as file:  # a handle of its own: threads cannot share one
            file.seek(offset)
            return open_image(io.BytesIO(file.read(size)))

    def name(self, row: int) -> str:
        return f"{self._samples[row]}.{self._endings[row]}"


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
        self._top = top
        refuse_options(options, "shards of a WebDataset", ("path", "label"))

    def identity(self) -> str:
        files = [*self._paths, *self._class_files]
        return digest_lines(("webdataset", *(f"{path.resolve()} {file_stamp(path)}" for path in files)))

    def index(self) -> Index:
        labels, source = self._labels()
        numbers = all(re.fullmatch(r"-?\d+", label) for label in labels if label)
        named = self._class_names if numbers else None
        parts, start = [], 0
        for name, samples in self._samples.items():
            parts.append(_part(name, labels[start : start + len(samples)], numbers))
            start += len(samples)
        return index_parts(
            parts,
            self._open,
            where=str(self._top),
            class_names=named,
            reading=Reading(
                layout="webdataset",
                why="tar files whose members are named as WebDataset names samples",
                labels=source + (f", named by {self._class_files[0].name}" if named is not None else ""),
                parts="the names of the files" if len(parts) > 1 else "",
                left_out=self._left_out,
            ),
        )

    def unlabelled(self) -> Unlabelled:
        sizes = [(name, len(samples)) for name, samples in self._samples.items()]
        return Unlabelled(self._open([Part(name, count) for name, count in sizes]), part_column(sizes))

    def _open(self, used: Sequence[Part]) -> SamplesReader:
        samples = [sample for part in used for sample in self._samples[part.name]]
        return SamplesReader(samples, [self._picture(sample) for sample in samples])

    @cached_property
    def _shards(self) -> dict[str, list[Sample]]:
        """All samples by part."""
        return {
            part: [sample for path in paths for sample in read_shard(path)]
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
                    f" {', '.join(sample.pictures)}."
                )
            return chosen
        if len(sample.pictures) > 1:
            raise DataError(
                f"{sample} has several pictures: {', '.join(sample.pictures)}. Choose one by its ending, as with --set"
                f" data.columns.path={next(iter(sample.pictures))}."
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
                f" {', '.join(fields) or 'none'}.{did_you_mean(chosen, fields)}"
            )
        label = chosen or self._usual_field(records, fields)
        return [
            _plain(record.get(label), sample, label) for record, sample in zip(records, samples, strict=True)
        ], (f"the field {label!r} of the .json files")

    def _usual_field(self, records: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> str:
        single = [
            name for name in fields if not any(isinstance(one.get(name), list | dict) for one in records)
        ]
        plain = usual_columns(Table(tuple(single), [], []), "label")
        rows = [[str(record.get(name)) for name in plain] for record in records]
        label = label_column(Table(tuple(plain), rows, range(len(rows)), "row"), set(), str(self._top))
        if label is None:
            found = f" The .json files have {', '.join(fields)}." if fields else ""
            raise DataError(
                f"{self._top} has no labels; expected a .cls file beside each picture, or a .json with a field of a"
                f" usual name, such as label.{found} Choose a field with --set data.columns.label=NAME."
            )
        return label

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


def _add(sample: Sample, ending: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    ending = ending.lower()
    if ending in sample.pictures or ending in sample.texts:
        raise DataError(f"{sample.shard} has {member.name} twice. Write each sample once.")
    if is_image(f".{ending}") or is_image(member.name):
        sample.pictures[ending] = (member.offset_data, member.size)
    elif ending in ("cls", "json"):
        content = archive.extractfile(member)
        sample.texts[ending] = content.read() if content else b""


def _check_end(path: Path, end: int) -> None:
    """Check that nothing follows the last member but zeros; ``tarfile`` takes damage for the end.

    Raises:
        DataError: The file is cut off or damaged, or more members follow the end.
    """
    with path.open("rb") as file:
        file.seek(end)
        mark = file.read(_BLOCK)
        rest = any(chunk.strip(b"\0") for chunk in iter(lambda: file.read(_CHUNK), b""))
    if len(mark) < _BLOCK or mark.strip(b"\0"):
        raise DataError(f"{path} is cut off or damaged at byte {end:,}. Make it or copy it anew.")
    if rest:
        raise DataError(
            f"{path} goes on after its end at byte {end:,}, as joined tars do. Unpack and pack it anew."
        )


def _part(name: str, labels: Sequence[str], numbers: bool) -> Part:
    missing = np.array([not label for label in labels], dtype=bool)
    given = [int(label or 0) for label in labels] if numbers else [class_name(label) for label in labels]
    return Part(name, len(labels), np.array(given, dtype=np.int64 if numbers else object), missing)


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
        record = json.loads(_text(sample, "json"))
    except ValueError as error:
        raise DataError(f"{sample}.json is no JSON: {error}. Mend or remove it.") from error
    if not isinstance(record, dict):
        raise DataError(f"{sample}.json holds a {type(record).__name__}; expected an object with fields.")
    return record


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

"""Samples in tar files, as WebDataset names them: the files of one sample differ in their endings."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from acgan.data.sources.endings import is_image, open_image
from acgan.data.sources.members import LIMITS, Limits, OversizedError
from acgan.errors import DataError

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
        dotted: A name with a dot before its ending of a label, which WebDataset does not take for one.
    """

    shard: Path
    key: str
    pictures: dict[str, tuple[int, int]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    dotted: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.shard}!/{self.key}"


def read_shard(path: Path, limits: Limits = LIMITS) -> list[Sample]:
    """The samples of a shard, in its order; pictures stay where they are.

    Raises:
        DataError: It is no tar, or damaged or cut off, or holds two files of one name, or too large a label.
    """
    samples: dict[str, Sample] = {}
    try:
        with tarfile.open(path, "r:") as archive:
            end = 0
            for member in archive:
                end = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                found = _SPLIT.fullmatch(member.name)
                if member.isfile() and found:
                    _add(
                        samples.setdefault(found[1], Sample(path, found[1])),
                        found[2],
                        member,
                        archive,
                        limits,
                    )
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a tar: {error}. Make it or copy it anew.") from error
    _check_end(path, end)
    return list(samples.values())


class SamplesReader:
    """Reader of the pictures of samples."""

    def __init__(self, samples: Sequence[Sample], endings: Sequence[str], limits: Limits):
        self._samples = samples
        self._endings = endings
        self._limits = limits

    def read(self, row: int) -> Image.Image:
        sample = self._samples[row]
        offset, size = sample.pictures[self._endings[row]]
        self._limits.check_size(size)
        with sample.shard.open("rb") as file:  # a handle of its own: threads cannot share one
            file.seek(offset)
            return open_image(io.BytesIO(file.read(size)))

    def name(self, row: int) -> str:
        return f"{self._samples[row]}.{self._endings[row]}"


def _add(
    sample: Sample, ending: str, member: tarfile.TarInfo, archive: tarfile.TarFile, limits: Limits
) -> None:
    ending = ending.lower()
    if ending in sample.pictures or ending in sample.texts:
        raise DataError(f"{sample.shard} has {member.name} twice. Write each sample once.")
    if is_image(f".{ending}") or is_image(member.name):
        sample.pictures[ending] = (member.offset_data, member.size)
    elif ending in ("cls", "json"):
        try:
            limits.check_size(member.size)
        except OversizedError as error:
            raise DataError(f"{sample.shard}!/{member.name} cannot be read: {error}.") from error
        content = archive.extractfile(member)
        sample.texts[ending] = content.read() if content else b""
    elif ending.rpartition(".")[2] in ("cls", "json"):
        sample.dotted.append(member.name)


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

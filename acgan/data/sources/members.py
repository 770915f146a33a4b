"""Files in archives, whose sizes are checked before they are read: a few packed bytes can stand for gigabytes."""

from __future__ import annotations

import bz2
import io
import zipfile
import zlib
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import IO

_MB = 10**6
#: Size up to which the ratio does not count: plain pictures and sorted labels are packed a thousandfold.
_HARMLESS = 64 * _MB
_PIECE = 1 << 20  # bytes that are unpacked at a time
_LZMA_PIECE = 1 << 12  # which become up to seven thousand times as many, all at once


class OversizedError(ValueError):
    """A file that is larger than it may be."""


@dataclass(frozen=True)
class Limits:
    """Bounds of the files in archives, and of lists.

    Attributes:
        max_mb: Largest size in MB, but of arrays, which are many pictures.
        max_ratio: Most times that one of more than 64 MB may be larger than it is packed.
    """

    max_mb: int = 512
    max_ratio: int = 200

    def check_size(self, size: int) -> None:
        """Check the size of a file in bytes.

        Raises:
            OversizedError: It is too large.
        """
        if size > self.max_mb * _MB:
            raise OversizedError(
                f"it has {size / _MB:,.0f} MB; expected at most {self.max_mb:,}, see data.max_file_mb"
            )

    def check_member(self, member: zipfile.ZipInfo) -> None:
        """Check how far a member of a zip is packed.

        Raises:
            OversizedError: It is larger than its packed bytes are likely to hold, or these are too many for its size.
        """
        size, packed = member.file_size, member.compress_size
        self._check_ratio("it has", size, packed)
        if packed > 2 * size + _LZMA_PIECE:
            raise OversizedError(
                f"it says that it has {size:,} bytes, and {packed:,} packed ones; expected fewer"
            )

    def check_zip(self, members: Iterable[zipfile.ZipInfo], packed: int) -> None:
        """Check how far a whole zip is packed, since its members may share their packed bytes.

        Raises:
            OversizedError: Those that are not too large by themselves are so together.
        """
        largest = self.max_mb * _MB
        sizes = (member.file_size for member in members)
        self._check_ratio("its files have", sum(size for size in sizes if size <= largest), packed)

    def check_unpacked(self, size: int, packed: int) -> None:
        """Check how far a file is packed that holds many values.

        Raises:
            OversizedError: It is larger than its packed bytes are likely to hold.
        """
        self._check_ratio("unpacked it has", size, packed)

    def _check_ratio(self, subject: str, size: int, packed: int) -> None:
        if size > _HARMLESS and size > self.max_ratio * packed:
            raise OversizedError(
                f"{subject} {size / _MB:,.0f} MB, {size / max(packed, 1):,.0f} times as much as packed; expected at "
                f"most {self.max_ratio:,} times, see data.max_ratio"
            )


#: Limits where nobody sets any.
LIMITS = Limits()


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> io.BytesIO:
    """The content of a member of a zip, a piece at a time, and no more than the size that it says.

    Raises:
        OversizedError: It is too large; nothing was read.
        BadZipFile: It is damaged.
    """
    limits.check_size(member.file_size)
    limits.check_member(member)
    content, left, checksum = io.BytesIO(), member.file_size, 0
    piece = _LZMA_PIECE if member.compress_type == zipfile.ZIP_LZMA else _PIECE
    with _opened(archive, member) as opened:
        while left and (part := opened.read(min(piece, left))):
            content.write(part)
            left -= len(part)
            checksum = zlib.crc32(part, checksum)
    if left or checksum != member.CRC:
        raise zipfile.BadZipFile(f"{member.filename} is damaged: its bytes are not those that were packed")
    content.seek(0)
    return content


def _opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """The content of a member. ``zipfile`` unpacks bzip2 to the end at once: a hundred bytes can be gigabytes."""
    if member.compress_type != zipfile.ZIP_BZIP2:
        return archive.open(member)
    packed = copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # type: ignore[assignment]  # that of the unpacked bytes
    return bz2.BZ2File(archive.open(packed))

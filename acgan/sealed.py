"""Files that carry a check of their own content, so that a changed byte is noticed.

A file of weights has the SHA-256 of all its bytes in its description, the JSON text in its metadata. It is computed
with zeros in its own place. A line of records has the CRC-32 of its values, which does not depend on how they are
written: other tools may write the same values again. A JSON file has the SHA-256 of its values, in the same way.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.reading import finite, is_finite_number, is_nested_deeply, parse_json, to_json

#: Key of the check, in whatever carries one.
CHECK = "check"
#: Formats of weights from this one on have a check; those before it have none.
SEALED_FORMAT = 2
_BLANK = "0" * 64
_SHA256 = re.compile("[0-9a-f]{64}")
_IN_HEADER = re.compile(rb'\\"check\\": \\"([0-9a-f]{64})\\"')  # a JSON text in a JSON text
_LONGEST_HEADER = 100_000_000  # that safetensors reads


def describe_weights(values: dict[str, Any]) -> str:
    """The description of a file of weights, with an empty place for its check."""
    return json.dumps({CHECK: _BLANK, "format": SEALED_FORMAT, **values})


def seal_weights(content: bytes) -> bytes:
    """The content of a safetensors file, with its check in the place for it."""
    place = _IN_HEADER.search(content)
    assert place is not None, "the description has no place for a check"
    check = hashlib.sha256(content).hexdigest().encode()
    return b"".join([memoryview(content)[: place.start(1)], check, memoryview(content)[place.end(1) :]])


def is_damaged(file: Path) -> bool:
    """True for a file of weights that has a check, which does not match its bytes.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with open(file, "rb") as handle:
        start = handle.read(8)
        start += handle.read(min(int.from_bytes(start, "little"), _LONGEST_HEADER))
        place = _IN_HEADER.search(start)
        if place is None:
            return False
        digest.update(start[: place.start(1)] + _BLANK.encode() + start[place.end(1) :])
        while chunk := handle.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest().encode() != place[1]


def read_description(text: str) -> dict[str, Any]:
    """The values that a file of weights is described by, without its check.

    Raises:
        ValueError: If it is no JSON object, or its check is gone. Files of earlier formats have none.
    """
    values = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    check = values.pop(CHECK, None)
    if check is None and values.get("format") == SEALED_FORMAT:
        raise ValueError("its check is gone")
    if check is not None and not (isinstance(check, str) and _SHA256.fullmatch(check)):
        raise ValueError("its check is none")
    return values


class ChangedError(Exception):
    """The values of a JSON file are not those that acgan wrote."""

    def __str__(self) -> str:
        return (
            f'was changed after acgan wrote it: its check does not match; remove the key "{CHECK}" if the change was '
            "meant"
        )


@dataclass(frozen=True)
class RecordLine:
    """A line of records.

    Attributes:
        number: Its number in the file, from 1.
        text: The line, without its end.
        record: Numbers by name, with ``nimg``; None if the line is damaged.
    """

    number: int
    text: str
    record: Mapping[str, Any] | None


def sealed_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a JSON file with their check, which comes last; null for numbers that are not finite."""
    plain = finite(values)
    return {**plain, CHECK: _check_of_json(plain)}


def read_json(text: str) -> dict[str, Any]:
    """The values of a JSON file, without their check. Files of earlier versions have none.

    Raises:
        ValueError: If it is no JSON object.
        ChangedError: If the check does not match the values.
    """
    values: Any = parse_json(text)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    if is_nested_deeply(values):
        raise ValueError("nested too deeply")
    check = values.pop(CHECK, None)
    last = list(values.values())[-1] if values else None
    if check is None and isinstance(last, str) and _SHA256.fullmatch(last):
        raise ChangedError  # the check's key was damaged
    if check is not None and check != _check_of_json(values):
        raise ChangedError
    return values


def _check_of_json(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def sealed_line(record: Mapping[str, float]) -> str:
    """A record as a line of JSON, its check last; null for numbers that are not finite."""
    plain = finite(record)
    return to_json({**plain, CHECK: _check_of_line(plain)}, indent=None) + "\n"


def read_lines(file: Path) -> list[RecordLine]:
    """Lines of records; none if there is no file. A last one that a kill cut short is left out.

    Lines of earlier versions have no check.
    """
    if not file.is_file():
        return []
    *texts, last = file.read_text(encoding="utf-8", errors="replace").split("\n")
    if "}" in last:  # all but its end
        texts.append(last)
    return [RecordLine(number, text, _read_line(text)) for number, text in enumerate(texts, start=1)]


def damage_of_line(file: Path, line: RecordLine) -> str:
    """The beginning of what is said of a damaged line."""
    return f"{file}: line {line.number} is damaged (not what acgan wrote: its check does not match)"


def _read_line(text: str) -> dict[str, Any] | None:
    try:
        record = parse_json(text)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    check = record.pop(CHECK, None)
    # A text is a check whose key was damaged. Lines of earlier versions may have NaN.
    numbers = all(
        value is None or isinstance(value, float) or is_finite_number(value) for value in record.values()
    )
    plain = numbers and type(record.get("nimg")) is int
    return record if plain and check in (None, _check_of_line(record)) else None


def _check_of_line(record: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(record, sort_keys=True).encode()):08x}"

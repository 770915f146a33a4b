"""Files that carry a check of their own content, so that a changed byte is noticed.

A file of weights has the SHA-256 of all its bytes in its description, the JSON text in its metadata. It is computed
with zeros in its own place.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

#: Key of the check, in whatever carries one.
CHECK = "check"
#: Formats of weights from this one on have a check; those before it have none.
SEALED_FORMAT = 2
_BLANK = "0" * 64
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
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    check = values.pop(CHECK, None)
    if check is None and values.get("format") == SEALED_FORMAT:
        raise ValueError("its check is gone")
    if check is not None and not (isinstance(check, str) and re.fullmatch("[0-9a-f]{64}", check)):
        raise ValueError("its check is none")
    return values

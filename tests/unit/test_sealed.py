"""Files that carry a check of their own content."""

import json
import struct
from pathlib import Path

import pytest

from acgan.sealed import CHECK, describe_weights, is_damaged, read_description, seal_weights


def _content(text: str, numbers: bytes = b"\0\1\2\3") -> bytes:
    """A safetensors file of one tensor."""
    tensor = {"dtype": "U8", "shape": [len(numbers)], "data_offsets": [0, len(numbers)]}
    header = json.dumps({"__metadata__": {"acgan": text}, "x": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + numbers


def test_every_changed_bit_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    whole = seal_weights(_content(describe_weights({"product": "toy"})))
    file.write_bytes(whole)
    assert not is_damaged(file)
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            file.write_bytes(changed)
            assert is_damaged(file) or not _is_accepted(bytes(changed)), (place, bit, changed[place])


def _is_accepted(content: bytes) -> bool:
    """True if the header can be read, and the description in it as well."""
    try:
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        read_description(header["__metadata__"]["acgan"])
    except (ValueError, KeyError, OverflowError):
        return False
    return True


def test_files_of_the_first_format_have_no_check(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(_content(json.dumps({"product": "toy", "format": 1})))
    assert not is_damaged(file)
    assert read_description('{"product": "toy", "format": 1}') == {"product": "toy", "format": 1}


@pytest.mark.parametrize("values", [{"format": 2}, {"format": 2, CHECK: 3}, {"format": 1, CHECK: "g" * 64}])
def test_a_check_that_is_promised_is_there(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="its check is"):
        read_description(json.dumps(values))

"""Files that carry a check of their own content."""

import json
import struct
from pathlib import Path

import pytest

from acgan.sealed import (
    CHECK,
    ChangedError,
    describe_weights,
    is_damaged,
    read_description,
    read_json,
    read_lines,
    seal_weights,
    sealed_json,
    sealed_line,
)


def _content(text: str, numbers: bytes = b"\0\1\2\3") -> bytes:
    """A safetensors file of one tensor."""
    tensor = {"dtype": "U8", "shape": [len(numbers)], "data_offsets": [0, len(numbers)]}
    header = json.dumps({"__metadata__": {"acgan": text}, "x": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + numbers


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    whole = seal_weights(_content(describe_weights({"product": "toy"})))
    file.write_bytes(whole)
    assert not is_damaged(file)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        assert is_damaged(file) or not _is_accepted(bytes(changed)), (place, changed[place])


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


RECORDS = [
    {"nimg": number, "D/adversarial": 0.1 * number, "time/trained_sec": 1e-7} for number in range(1, 5)
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "stats.jsonl"
    file.write_text("".join(map(sealed_line, RECORDS)))
    return file


def test_lines_are_plain_json_with_their_check_last(log: Path) -> None:
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [list(row)[-1] for row in rows] == [CHECK] * 4
    assert [line.record for line in read_lines(log)] == RECORDS
    assert read_lines(log.with_name("none")) == []


def test_every_changed_byte_of_a_line_is_noticed_and_others_are_read(log: Path) -> None:
    whole = log.read_bytes()
    first, last = (len(b"".join(whole.splitlines(keepends=True)[:end])) for end in (1, 2))
    for place in range(first, last):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        log.write_bytes(changed)
        records = [line.record for line in read_lines(log)]
        assert None in records, place
        # The end of a line joins it with the next.
        left = [record for record in records if record is not None]
        assert left == [RECORDS[0], *RECORDS[3 if place == last - 1 else 2 :]], place


def test_a_last_line_that_a_kill_cut_short_is_left_out(log: Path) -> None:
    whole = log.read_bytes()
    start = whole.rstrip().rfind(b"\n") + 1
    for end in range(start, len(whole) - 1):
        log.write_bytes(whole[:end])
        expected = RECORDS if whole[:end].endswith(b"}") else RECORDS[:3]
        assert [line.record for line in read_lines(log)] == expected, end


def test_a_last_line_whose_end_was_changed_is_damaged(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1] + b"?")
    assert [line.record for line in read_lines(log)] == [*RECORDS[:3], None]


@pytest.mark.parametrize("text", ["[1]", "3", "null", '{"nimg": "8"}', '{"a": 1}', '{"nimg": null}', "\0"])
def test_lines_without_a_check_are_read_if_they_are_records(text: str, log: Path) -> None:
    log.write_text(json.dumps(RECORDS[0]) + "\n" + text + "\n" + json.dumps(RECORDS[1]) + "\n")
    assert [line.record for line in read_lines(log)] == [RECORDS[0], None, RECORDS[1]]


VALUES = {"format": 1, "overall": {"fcd": {"value": 5.351, "std": None, "values": [5.351]}}, "names": ["Bär"]}


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_changed_byte_of_a_json_file_is_noticed(ascii_only: bool) -> None:
    whole = json.dumps(sealed_json(VALUES), indent=2, ensure_ascii=ascii_only).encode()
    assert read_json(whole.decode()) == VALUES
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            try:
                values = read_json(changed.decode("utf-8", errors="replace"))
            except (ValueError, ChangedError):
                continue
            assert values == VALUES, (place, bit)


def test_other_tools_may_write_the_same_values_again() -> None:
    text = json.dumps(sealed_json(VALUES), sort_keys=True, separators=(",", ":"))
    assert read_json(text) == VALUES
    with pytest.raises(ChangedError, match='remove the key "check" if the change was meant'):
        read_json(json.dumps({**sealed_json(VALUES), "format": 2}))
    assert read_json(json.dumps({**VALUES, "format": 2})) == {**VALUES, "format": 2}


@pytest.mark.parametrize("text", ["[]", "3", "null", "{", ""])
def test_a_json_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no JSON object|Expecting"):
        read_json(text)

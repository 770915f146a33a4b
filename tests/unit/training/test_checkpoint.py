"""Checkpoints under the worst that can happen to a disk and a process."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from acgan.errors import RunError
from acgan.training import checkpoint as checkpoint_module
from acgan.training.checkpoint import PAYLOAD_KEYS, read_latest, write_checkpoint


def _payload(nimg: int) -> dict[str, object]:
    weight = torch.arange(10_000, dtype=torch.float32) + nimg
    state = {"weight": weight, "step": torch.tensor(3.0)}
    return {**dict.fromkeys(PAYLOAD_KEYS), "nimg": nimg, "state": state, "names": ["a", "ü"]}


def _assert_is_payload_of(payload: dict[str, object] | None, nimg: int) -> None:
    expected = _payload(nimg)
    assert payload is not None
    assert payload.keys() == expected.keys()
    assert (payload["nimg"], payload["names"]) == (nimg, expected["names"])
    assert_close(payload["state"], expected["state"], rtol=0, atol=0)


def _write(directory: Path, *nimgs: int) -> None:
    for nimg in nimgs:
        write_checkpoint(directory, nimg, _payload(nimg))


def _nothing_is_broken(message: str) -> None:
    raise AssertionError(message)


def _latest(directory: Path, on_broken: Callable[[str], None] = _nothing_is_broken) -> int | None:
    payload = read_latest(directory, on_broken)
    return None if payload is None else int(payload["nimg"])


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": _truncate,
    "bit flipped": _flip_a_bit,
    "empty": lambda file: file.write_bytes(b""),
    "checksum missing": lambda file: file.with_name(f"{file.name}.sha256").unlink(),
    "checksum empty": lambda file: file.with_name(f"{file.name}.sha256").write_bytes(b""),
    "checksum zeroed": lambda file: file.with_name(f"{file.name}.sha256").write_bytes(b"\0" * 70),
    "checksum garbage": lambda file: file.with_name(f"{file.name}.sha256").write_bytes(b"\xff\xfe\x00"),
}


def test_round_trip(tmp_path: Path) -> None:
    file = write_checkpoint(tmp_path / "new" / "checkpoints", 640, _payload(640))
    assert file.name == "640.pt"
    _assert_is_payload_of(read_latest(file.parent, _nothing_is_broken), 640)


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert read_latest(tmp_path, _nothing_is_broken) is None
    assert read_latest(tmp_path / "missing", _nothing_is_broken) is None


def test_a_pipe_is_passed_over_as_a_broken_one_is(tmp_path: Path) -> None:
    _write(tmp_path, 1, 2)
    (tmp_path / "2.pt").unlink()
    os.mkfifo(tmp_path / "2.pt")
    told: list[str] = []
    assert _latest(tmp_path, told.append) == 1
    assert "2.pt: it is a pipe, not a file; falling back" in told[0]


def test_the_checksum_is_that_of_sha256sum(tmp_path: Path) -> None:
    file = write_checkpoint(tmp_path, 5, _payload(5))
    expected = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  5.pt\n"
    assert (tmp_path / "5.pt.sha256").read_text() == expected


def test_the_latest_is_by_number_not_by_name(tmp_path: Path) -> None:
    _write(tmp_path, 900, 1000)
    assert _latest(tmp_path) == 1000


def test_two_are_kept(tmp_path: Path) -> None:
    _write(tmp_path, 8, 9, 10, 11)
    expected = {"10.pt", "10.pt.sha256", "11.pt", "11.pt.sha256"}
    assert {path.name for path in tmp_path.iterdir()} == expected


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_latest_falls_back_and_says_so(tmp_path: Path, damage: str) -> None:
    _write(tmp_path, 1, 2)
    DAMAGES[damage](tmp_path / "2.pt")
    said: list[str] = []
    assert _latest(tmp_path, said.append) == 1
    assert len(said) == 1
    assert str(tmp_path / "2.pt") in said[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_broken_is_a_user_error(tmp_path: Path, damage: str) -> None:
    _write(tmp_path, 1, 2)
    for name in ("1.pt", "2.pt"):
        DAMAGES[damage](tmp_path / name)
    with pytest.raises(RunError, match="all 2 checkpoints are broken") as caught:
        read_latest(tmp_path, lambda message: None)
    assert "--fresh" in str(caught.value)


def test_a_broken_one_does_not_take_the_place_of_a_whole_one(tmp_path: Path) -> None:
    # A run that fell back from 300 to 200 saves at 250 and 280: both must stay, or damage to 280 ends the run.
    _write(tmp_path, 200, 300)
    _truncate(tmp_path / "300.pt")
    _write(tmp_path, 250, 280)
    _truncate(tmp_path / "280.pt")
    assert _latest(tmp_path, lambda message: None) == 250


@pytest.mark.parametrize(
    "leftover", [".30.pt.0123456789abcdef.tmp", ".30.pt.tmp", "30.pt.sha256", "notes.pt", "30.pt.bak"]
)
def test_leftovers_do_not_disturb(tmp_path: Path, leftover: str) -> None:
    _write(tmp_path, 10, 20)
    (tmp_path / leftover).write_bytes(b"half a checkp")
    assert _latest(tmp_path) == 20
    _write(tmp_path, 30)
    assert _latest(tmp_path) == 30
    assert {path.name for path in tmp_path.glob("[0-9]*.pt")} == {"20.pt", "30.pt"}


class _Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


@pytest.mark.parametrize("function", ["replace", "fsync", "unlink"])
@pytest.mark.parametrize("call", range(6))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_moment_leaves_a_whole_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, call: int, after: bool
) -> None:
    _write(tmp_path, 1, 2)
    original, calls = getattr(os, function), 0

    def deadly(*args: object, **keywords: object) -> None:
        nonlocal calls
        calls += 1
        if calls <= call:
            return original(*args, **keywords)
        if after and calls == call + 1:
            original(*args, **keywords)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, function, deadly)
        try:
            _write(tmp_path, 3)
        except _Killed:
            completed = False
        else:
            completed = True
    latest = _latest(tmp_path)
    assert latest == 3 if completed else latest in (2, 3)
    _assert_is_payload_of(read_latest(tmp_path, _nothing_is_broken), latest)
    _write(tmp_path, 3, 4)  # the same command again
    assert _latest(tmp_path) == 4


def test_the_bytes_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("sync"), fsync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append(Path(b).name), replace(a, b))[1])
    write_checkpoint(tmp_path, 7, _payload(7))
    names = [event for event in events if event != "sync"]
    assert names == ["7.pt.sha256", "7.pt"]  # a checkpoint is never there without its checksum
    for name in names:
        assert events[events.index(name) - 1] == "sync"


@pytest.mark.parametrize(
    "content", [b"nothing of torch's", b"", pickle.dumps({"nimg": 10}, protocol=2), b"PK\x03\x04garbage"]
)
def test_another_file_with_a_right_checksum_is_broken_too(content: bytes, tmp_path: Path) -> None:
    _write(tmp_path, 5, 10)
    _replace(tmp_path / "10.pt", content)
    said: list[str] = []
    assert _latest(tmp_path, said.append) == 5
    assert "though its checksum is right" in said[0]


def test_a_checkpoint_without_its_parts_is_broken_too(tmp_path: Path) -> None:
    _write(tmp_path, 5)
    torch.save({"nimg": 5, "state": {}}, tmp_path / "5.pt")
    _replace(tmp_path / "5.pt", (tmp_path / "5.pt").read_bytes())
    with pytest.raises(RunError, match="lacks iteration, means, meta, scores, trained_sec"):
        read_latest(tmp_path, lambda message: None)


def _replace(file: Path, content: bytes) -> None:
    """Another content, with its checksum."""
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file.with_name(f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n")


def test_a_payload_is_read_without_running_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    write_checkpoint(tmp_path, 1, {**_payload(1), "evil": Evil()})
    with pytest.raises(RunError, match="UnpicklingError"):
        read_latest(tmp_path, lambda message: None)


def test_one_that_is_replaced_is_whole_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_checkpoint(tmp_path, 16, _payload(16))
    named: list[str] = []
    original = checkpoint_module.write_text

    def write_text_and_read(path: Path, text: str) -> None:
        original(path, text)
        assert read_latest(tmp_path, pytest.fail) is not None
        named.append(path.name)

    monkeypatch.setattr(checkpoint_module, "write_text", write_text_and_read)
    write_checkpoint(tmp_path, 16, {**_payload(16), "more": 1})
    assert named == ["16.pt.sha256", "16.pt.sha256"]
    found = read_latest(tmp_path, pytest.fail)
    assert found is not None
    assert found["more"] == 1
    assert file.with_name("16.pt.sha256").read_text().count("\n") == 1

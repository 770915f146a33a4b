"""Files that are whole or not there."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from acgan.atomic import is_temporary, remove_leftovers, write_atomically, write_bytes, write_text


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    file.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_atomically(file, fail)
    assert file.read_text() == "old"
    write_atomically(file, lambda path: path.write_text("new"))
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["generator.safetensors"]


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "caf\u00e9\n")
    assert (tmp_path / "a.json").read_bytes() == b"caf\xc3\xa9\n"


def test_two_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"

    def slow(path: Path) -> None:
        path.write_text("first, hal")
        write_text(file, "second")
        assert file.read_text() == "second"
        path.write_text("first, whole")

    write_atomically(file, slow)
    assert file.read_text() == "first, whole"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "." + "b" * 254])
def test_the_longest_names_can_be_written(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o002])
def test_permissions_are_those_of_the_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_leftovers_of_killed_processes_go_and_nothing_else(tmp_path: Path) -> None:
    names: list[str] = []

    def killed(path: Path) -> None:
        path.write_text("half")
        names.append(path.name)
        path.rename(path.with_name("kept"))  # so that the end of the write removes nothing
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "30.pt", killed)
    (tmp_path / "kept").rename(tmp_path / names[0])
    assert is_temporary(names[0])
    others = {".hidden", ".mine.tmp", "30.pt.0123456789abcdef.tmp", ".30.pt.0123456789ABCDEF.tmp", "30.pt"}
    for name in others:
        (tmp_path / name).write_text("mine")
    remove_leftovers(tmp_path, 60)
    assert {path.name for path in tmp_path.iterdir()} == {*others, names[0]}
    long_ago = time.time() - 100
    os.utime(tmp_path / names[0], (long_ago, long_ago))
    remove_leftovers(tmp_path, 60)
    assert {path.name for path in tmp_path.iterdir()} == others
    (tmp_path / names[0]).write_text("half")
    remove_leftovers(tmp_path, 0)
    assert {path.name for path in tmp_path.iterdir()} == others
    remove_leftovers(tmp_path / "nowhere", 0)


def test_a_pipe_gets_the_content_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_text(pipe, "scores")
    reader.join(timeout=10)
    assert got == [b"scores"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]

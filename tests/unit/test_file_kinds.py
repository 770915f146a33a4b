"""Pipes, sockets and devices: which paths lead to one, and that none is read as text."""

import os
import socket
from pathlib import Path

import pytest

from acgan.file_kinds import odd_kind, read_text


def test_files_folders_and_nothing_are_not_odd(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to_file").symlink_to("file")
    for name in ("file", "to_file", "missing", "loop", "a\0b"):
        assert odd_kind(tmp_path / name) == ""
    assert odd_kind(tmp_path) == ""


def test_kinds(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to("pipe")
    assert odd_kind(tmp_path / "pipe") == odd_kind(tmp_path / "to_pipe") == "a pipe"
    assert odd_kind("/dev/zero") == "a device"
    monkeypatch.chdir(tmp_path)  # a socket's path may be no longer than 108 bytes
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        assert odd_kind("socket") == "a socket"


def test_text_of_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a pipe; expected a file"):
        read_text(tmp_path / "pipe")
    (tmp_path / "file").write_text("ä", encoding="utf-8")
    assert read_text(Path(tmp_path / "file")) == "ä"

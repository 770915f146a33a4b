"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from acgan.atomic import write_atomically, write_text


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

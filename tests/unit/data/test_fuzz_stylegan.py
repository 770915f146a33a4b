"""StyleGAN's dataset.json at random, in folders and archives: the pictures are read, or refused plainly."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from data_helpers import decode, options, picture
from fuzzing import answers, counted, json_texts, refused
from hypothesis import strategies as st

NAMES = [f"0000{number % 2}/img{number}.png" for number in range(6)]
CONTENT = {
    "labels": [[name, number % 2] for number, name in enumerate(NAMES)],
    "class_names": ["cat", "dog"],
    "test": NAMES[4:],
}
ONE_HOT = {"labels": [[name, [1, 0] if number % 2 else [0, 1]] for number, name in enumerate(NAMES)]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(40 * number, (4, 4)).save(file)
    return tmp_path / "set"


@counted
def test_odd_files_are_answered(count: int, folder: Path, tmp_path: Path) -> None:
    read = options(tmp_path, resolution=4)

    def check(case: tuple[bytes, bool]) -> None:
        content, in_zip = case
        if not in_zip:
            (folder / "dataset.json").write_bytes(content)
            refused(lambda: decode(folder, read))
            return
        archive = tmp_path / "set.zip"
        with zipfile.ZipFile(archive, "w") as written:
            for name in NAMES:
                written.write(folder / name, name)
            written.writestr("dataset.json", content)
        refused(lambda: decode(archive, read))

    contents = st.sampled_from([CONTENT, ONE_HOT]).flatmap(json_texts)
    answers(st.tuples(contents, st.booleans()), check, count)

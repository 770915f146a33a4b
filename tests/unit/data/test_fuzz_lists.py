"""Lists of pictures at random: each is read, or refused plainly."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from data_helpers import decode, options, picture
from fuzzing import answers, bent, counted, damaged, json_bytes, refused
from hypothesis import strategies as st

from acgan.data.load import find_source

FILES = [f"{name}{number}.png" for name in ("cat", "dog") for number in range(3)]
COLUMNS = {
    "path": st.sampled_from(
        [*FILES, "sub/a.png", "../lists/cat0.png", "..", "/", "C:\\x\\cat0.png", "cat0", ""]
    ),
    "label": st.sampled_from(
        ["cat", "dog", "0", "1", "1.0", "nan", "", "cat|dog", "[1, 0]", "é", "\u202e", "x" * 300]
    ),
    "split": st.sampled_from(["train", "test", "val", "", "0", "TRAIN", "other"]),
    "number": st.sampled_from(["0", "-1", "1e400", "0.5", "inf"]),
    "x_min": st.sampled_from(["0", "3", "a"]),
}
NAMES = {
    "path": ["path", "file_name", "filename", "image", "image_id", "id", "x"],
    "label": ["label", "class", "category", "target", "y", "x"],
    "split": ["split", "set", "is_test", "fold"],
    "number": ["number", "age", "cat", "dog"],
    "x_min": ["xmin", "bbox", ""],
}
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"]


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, bytes]:
    """The ending and the bytes of a list, of columns that make sense, and changed a little."""
    kinds = ["path", "label", *draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=3))]
    names = [draw(st.sampled_from(NAMES[kind])) for kind in kinds]
    sane = draw(st.booleans())
    rows = []
    for file in draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=8, unique=sane)):
        odd = [draw(COLUMNS[kind]) for kind in kinds]
        rows.append([file, file[:3], *odd[2:]] if sane else odd)
    ending = draw(st.sampled_from([".csv", ".tsv", ".jsonl", ".json"]))
    if ending in (".csv", ".tsv"):
        written = io.StringIO()
        delimiter = "\t" if ending == ".tsv" else draw(st.sampled_from(",;\t|"))
        csv.writer(written, delimiter=delimiter).writerows([names, *rows])
        text = written.getvalue()
    else:
        records: Any = [dict(zip(names, row, strict=True)) for row in rows]
        if ending == ".json" and draw(st.booleans()):
            records = draw(st.sampled_from([{row[0]: row[1] for row in rows}, {"images": records}]))
        if draw(st.booleans()):
            records = draw(bent(records))
        if ending == ".jsonl":
            lines = records if isinstance(records, list) else [records]
            text = "\n".join(json_bytes(one).decode() for one in lines)
        else:
            text = json_bytes(records).decode()
    content = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    return ending, draw(damaged(content)) if draw(st.booleans()) else content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("of") / "lists"
    folder.mkdir()
    for number, file in enumerate(FILES):
        picture(40 * number, (4, 4)).save(folder / file)
    return folder


@counted
def test_odd_lists_are_answered(count: int, folder: Path, tmp_path: Path) -> None:
    def check(case: tuple[str, bytes]) -> None:
        file = folder / f"list{case[0]}"
        file.write_bytes(case[1])
        for columns in ({}, {"path": "path", "label": "label"}):
            read = options(tmp_path, columns=columns, resolution=4)
            refused(lambda read=read: decode(file, read))
        refused(find_source(str(file), options(tmp_path).reading).unlabelled)

    answers(lists(), check, count)

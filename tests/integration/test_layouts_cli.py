"""From a data set as people have it to images of a class by its right name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from layout_cases import CASES
from layout_tree import make
from run_helpers import acgan, train_args

SHORT = {"train.total_nimg": 16, "every.log_nimg": 16, "monitor.num_per_class": 0, "data.test_share": 0}
BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize(
    ("name", "zipped", "drawn"),
    [
        ("Roboflow", False, "dog"),
        ("StyleGAN with names and parts", True, "fox"),
        ("HAM10000", False, "mel"),
        ("APTOS", False, "2"),
        ("Hugging Face's metadata.jsonl", False, "b"),
        ("Intel's seg_train", True, "cat"),
        ("wrapped twice by one name", False, "dog"),
        ("one list as a file", False, "b"),
    ],
)
def test_a_class_is_drawn_by_its_right_name(name: str, zipped: bool, drawn: str, workdir: Path) -> None:
    case = BY_NAME["semicolons and backslashes" if name == "one list as a file" else name]
    source = make(case, workdir / "set") / case.data
    if zipped:
        source = Path(shutil.make_archive("archive", "zip", workdir, "set"))
    result = acgan(*train_args("run", SHORT, "--data", str(source)))
    assert result.exit_code == 0, result.output
    result = acgan("sample", "run", "--class", drawn, "-n", "2", "--out", "drawn.npz")
    assert result.exit_code == 0, result.output
    with np.load("drawn.npz") as drawn_images:
        assert drawn_images["images"].shape[:2] == (2, 16)
        assert drawn_images["class_names"][drawn_images["labels"]].tolist() == [drawn] * 2


@pytest.mark.parametrize(
    "name", ["parts beside a class", "StyleGAN's chunks without labels", "one folder of pictures"]
)
def test_doubt_ends_in_an_error_and_leaves_nothing(name: str, workdir: Path) -> None:
    make(BY_NAME[name], workdir / "set")
    result = acgan("train", "--data", "set")
    assert result.exit_code == 1
    assert "data.layout=classes" in result.output
    assert (
        "hoose it with --set data.layout=" in result.output
        or "Choose with --set data.layout=..." in result.output
    )
    assert not [path for path in workdir.rglob("*") if path.is_file() and "set" not in path.parts]


def test_runs_in_the_data_change_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make(BY_NAME["class folders"], workdir / "set"))
    arguments = train_args("runs/first", SHORT, "--data", ".")
    for _ in range(2):
        result = acgan(*arguments)
        assert result.exit_code == 0, result.output
        assert "2 classes" in result.output

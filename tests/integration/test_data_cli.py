"""``acgan data show`` and ``acgan data pack``."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console
from run_helpers import acgan, tree

from acgan import api
from acgan.api import data
from acgan.cli.data.show import source_table
from acgan.types import ClassPictures, DataReport, Dataset, LeftOut, LikePair, Reading

LONG = "a class with a name that is far too long for a line of any terminal, and then some more"


@pytest.fixture
def pictures(workdir: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, count in (("cats", 12), ("dogs", 7), (LONG, 5)):
        (workdir / "pictures" / name).mkdir(parents=True)
        for index in range(count):
            shape = (20 + index, 30, 3) if index % 2 else (16, 16)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(
                workdir / "pictures" / name / f"{index}.png"
            )
    return workdir / "pictures"


def with_report(dataset: Dataset) -> DataReport:
    """A report on three classes, as a source makes it."""
    reading = Reading(
        "classes",
        "the folders at the top are classes",
        "the folders at the top",
        "",
        (LeftOut("hidden files", 3, ("pictures/.DS_Store",)),),
        {"extra": {"cats": 2}},
    )
    looks = ClassPictures((16, 30), (16, 31), {"L": 6, "RGB": 5})
    return DataReport(reading, (looks, ClassPictures((16, 16), (16, 16), {"L": 5}), looks))


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every data set comes with a report and a doubt."""
    load = data.load_data

    def loaded(*arguments: object) -> Dataset:
        dataset = load(*arguments)  # type: ignore[arg-type]
        return replace(dataset, report=with_report(dataset), warnings=("one picture is in two classes",))

    monkeypatch.setattr(data, "load_data", loaded)


# show


def test_show_tells_classes_and_writes_nothing_but_the_cache(pictures: Path, workdir: Path) -> None:
    before = tree(workdir)
    result = acgan("data", "show", "pictures")
    assert result.exit_code == 0, result.output
    assert tree(workdir) == before
    lines = result.stdout.splitlines()
    assert lines[0].startswith("read as classes: the folders at the top are classes: ")
    assert lines[1] == "labels from: the folders at the top"
    assert lines[2] == "pictures: 20 training images, 3 classes, RGB, 16 px"
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert cells == [
        [LONG, "4", "1", "16-30 x 16-23", "L 3, RGB 2"],
        ["cats", "10", "2", "16-30 x 16-31", "L 6, RGB 6"],
        ["dogs", "6", "1", "16-30 x 16-25", "L 4, RGB 3"],
        ["all", "20", "4", "", ""],
    ]
    assert "held out: 4 of 24 images, 15% a class (seed 0)" in lines
    (warning,) = result.stderr.splitlines()
    assert warning.startswith(
        f"warning: 3 classes have few training images: {LONG} (4), cats (10), dogs (6);"
    )


def test_show_tells_why_and_what_is_left_out(pictures: Path, reported: None) -> None:
    result = acgan("data", "show", "pictures", "--json", "found.json")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "read as classes: the folders at the top are classes"
    assert lines[1] == "labels from: the folders at the top"
    row = next(line for line in lines if "cats" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["cats", "10", "2", "2", "16 x 16", "L 5"]
    assert "16-30 x 16-31" in result.stdout
    assert "L 6, RGB 5" in result.stdout
    assert "extra (not used)" in result.stdout
    assert "left out: hidden files: 3 (pictures/.DS_Store, …)" in lines
    assert result.stderr.startswith(
        "warning: one picture is in two classes\nwarning: 3 classes have few training images: "
    )
    found = json.loads(Path("found.json").read_text())
    assert found["reading"]["layout"] == "classes"
    assert found["reading"]["left_out"] == [
        {"reason": "hidden files", "count": 3, "examples": ["pictures/.DS_Store"]}
    ]
    assert found["warnings"][0] == "one picture is in two classes"
    assert found["classes"][1] == {
        "name": "cats",
        "images": {"train": 10, "test": 2, "extra (not used)": 2},
        "widths": [16, 16],
        "heights": [16, 16],
        "modes": {"L": 5},
    }


def test_the_table_fits_80_columns(pictures: Path, reported: None) -> None:
    console = Console(width=80, markup=False)
    with console.capture() as capture:
        console.print(source_table(api.show_data("pictures")))
    lines = capture.get().splitlines()
    assert max(map(cell_len, lines)) <= 80
    told = "".join(line.split("│")[1].strip() for line in lines if line.startswith("│"))
    assert LONG.replace(" ", "") in told.replace(" ", "")
    assert "16-30 x 16-31" in capture.get()
    assert sum("cats" in line for line in lines) == 1


def test_show_takes_keys_of_the_data_alone(pictures: Path) -> None:
    result = acgan("data", "show", "pictures", "--set", "data.classes=[dogs]", "--set", "data.resolution=32")
    assert "pictures: 6 training images, 1 class, RGB, 32 px" in result.stdout
    result = acgan("data", "show", "pictures", "--set", "data.validation_share=0.2")
    assert "validation" in result.stdout
    result = acgan("data", "show", "pictures", "--set", "train.batch_size=2")
    assert result.exit_code == 1
    assert "--set train.batch_size=2: is no key of the data; expected data.KEY=VALUE" in result.stderr
    result = acgan("data", "show", "pictures", "--set", "data.resolutoin=32")
    assert result.exit_code == 1
    assert "unknown key data.resolutoin. Did you mean 'data.resolution'?" in result.stderr


def test_show_names_and_draws_what_is_alike(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = acgan("data", "show", "pictures", "--save", "plain.png")
    assert "alike" not in plain.stdout
    load = data.load_data

    def loaded(*arguments: Any) -> Dataset:
        dataset = load(*arguments)
        pairs = (LikePair(1, 7, 0.1, "t/1.png", "a/7.png"),) * 25
        return replace(dataset, report=replace(with_report(dataset), pairs=pairs, num_pairs=30))

    monkeypatch.setattr(data, "load_data", loaded)
    # The training image is found though some images are held out besides.
    found = api.show_data("pictures", ["data.validation_share=0.3"])
    whole = api.show_data("pictures").dataset
    held_out, train = found._pairs_of_images() or ()
    assert (held_out[0] == whole.test.images[1]).all()
    assert (train[0] == whole.train.images[7]).all()
    result = acgan("data", "show", "pictures", "--save", "sheet.png", "--json", "found.json")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("found.json").read_text())["pairs"][0]["train_name"] == "a/7.png"
    assert result.stdout.count("alike: t/1.png (held out) and a/7.png (training)") == 20
    assert "and 10 more such pairs" in result.stdout
    with Image.open("plain.png") as before, Image.open("sheet.png") as after:
        assert after.height >= before.height + 2 * 128


def test_what_was_packed_is_read_again(pictures: Path) -> None:
    assert acgan("data", "pack", "pictures", "out.zip", "--quiet").exit_code == 0
    first, second = (api.show_data(source) for source in ("pictures", "out.zip"))
    assert second.dataset.train.fingerprint == first.dataset.train.fingerprint
    assert second.dataset.test.fingerprint == first.dataset.test.fingerprint


def test_show_refuses_a_doubtful_reading_and_lists_the_readings(workdir: Path) -> None:
    for name in ("x/1", "x/2", "y/1", "y/2"):
        (workdir / "odd" / name).mkdir(parents=True)
        Image.new("L", (16, 16)).save(workdir / "odd" / name / "0.png")
    result = acgan("data", "show", "odd")
    assert result.exit_code == 1
    assert result.stdout == ""
    for reading in ("data.layout=classes: 2 classes (x, y)", "data.layout=leaves: 2 classes (1, 2)"):
        assert reading in result.stderr
    result = acgan("data", "show", "odd", "--set", "data.layout=leaves")
    assert result.stdout.startswith("read as leaves: ")


def test_show_shows_all_but_what_is_broken_then_the_error_of_a_training(pictures: Path) -> None:
    (pictures / "cats" / "0.png").write_bytes(b"broken")
    training = acgan("train", "--data", "pictures", "--dry-run")
    result = acgan("data", "show", "pictures", "--json", "found.json", "--save", "sheet.png")
    assert result.exit_code == training.exit_code == 1
    assert "pictures/cats/0.png cannot be decoded" in result.stderr
    assert result.stderr.splitlines()[-1] == training.stderr.splitlines()[-1]
    assert "skipped pictures/cats/0.png: it is empty or not an image" in result.stdout
    assert "dogs" in result.stdout
    assert Path("sheet.png").is_file()
    found = json.loads(Path("found.json").read_text())
    assert [skipped["path"] for skipped in found["skipped"]] == ["pictures/cats/0.png"]


@pytest.mark.parametrize("beside", [False, True])
def test_show_shows_a_list_whose_rows_name_missing_pictures(pictures: Path, beside: bool) -> None:
    """Also one among the pictures, whose folders tell classes, too."""
    named = [file for name in ("cats", "dogs") for file in sorted((pictures / name).iterdir())]
    rows = [
        f"{file.relative_to(pictures if beside else pictures.parent)},{file.parent.name}" for file in named
    ]
    place = pictures / "labels.csv" if beside else Path("labels.csv")
    place.write_text("\n".join(["path,label", *rows, "cats/none.png,cats", ""]))
    result = acgan("data", "show", "pictures" if beside else "labels.csv")
    assert result.exit_code == 1
    assert "name no picture that is there" in result.stderr.splitlines()[-1]
    assert "1 of 20 rows" in result.stdout + result.stderr
    assert "cats" in result.stdout


def test_show_where_nothing_of_a_class_is_left(pictures: Path) -> None:
    for file in (pictures / "dogs").iterdir():
        file.write_bytes(b"broken")
    result = acgan("data", "show", "pictures")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "7 of 24 images cannot be decoded" in result.stderr


def test_show_draws_a_sheet(pictures: Path) -> None:
    result = acgan("data", "show", "pictures", "--save", "sheet.png")
    assert result.exit_code == 0, result.output
    assert "contact sheet: sheet.png" in result.stdout
    with Image.open("sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.height > 3 * 128
        assert sheet.width > 9 * 128


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--save", "sheet.jpg"], 2, "expected a name that ends in .png"),
        (["--save", "no/sheet.png"], 1, "--save no/sheet.png: there is no such folder"),
        (["--json", "pictures"], 1, "--json pictures: is a folder"),
    ],
)
def test_files_that_cannot_be_written_are_refused_first(
    options: list[str], code: int, message: str, pictures: Path, workdir: Path
) -> None:
    result = acgan("data", "show", "pictures", *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert list(workdir.parent.iterdir()) == [workdir], "nothing was decoded"


@pytest.mark.parametrize("command", [["show", "none"], ["pack", "none", "none.zip"]])
def test_a_source_that_is_not_there(command: list[str], workdir: Path) -> None:
    result = acgan("data", *command)
    assert result.exit_code == 1
    assert "there is no path 'none'" in result.stderr
    assert tree(workdir) == {}


# pack


def test_pack_writes_what_the_networks_see(pictures: Path, workdir: Path) -> None:
    result = acgan("data", "pack", "pictures", "out.zip", "--set", "data.resolution=32")
    assert result.exit_code == 0, result.output
    assert result.stdout == "24 images of 3 classes in out.zip, 4 of them held out as test images\n"
    dataset = api.show_data("pictures", ["data.resolution=32"]).dataset
    with zipfile.ZipFile("out.zip") as archive:
        content = json.loads(archive.read("dataset.json"))
        images = []
        for name, _ in content["labels"]:
            with archive.open(name) as file, Image.open(file) as image:
                images.append(np.asarray(image).transpose(2, 0, 1))
    assert (np.stack(images) == np.concatenate([dataset.train.images, dataset.test.images])).all()
    labels = [label for _, label in content["labels"]]
    assert labels == [*dataset.train.labels.tolist(), *dataset.test.labels.tolist()]
    assert content["class_names"] == [LONG, "cats", "dogs"]
    assert content["test"] == [name for name, _ in content["labels"][20:]]


def test_pack_replaces_nothing_unasked_and_leaves_nothing_half_written(
    pictures: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert acgan("data", "pack", "pictures", "out.zip", "--quiet").output == ""
    first = Path("out.zip").read_bytes()
    result = acgan("data", "pack", "pictures", "out.zip", "--set", "data.resolution=32")
    assert result.exit_code == 1
    assert "out.zip: is there already. Choose another name, or replace it with --force." in result.stderr
    assert Path("out.zip").read_bytes() == first
    with monkeypatch.context() as patch:
        patch.setattr("acgan.data.stylegan_zip._png", lambda image: 1 / 0)
        assert acgan("data", "pack", "pictures", "out.zip", "--force").exit_code == 70
    assert Path("out.zip").read_bytes() == first
    assert sorted(path.name for path in workdir.iterdir()) == ["out.zip", "pictures"]
    result = acgan("data", "pack", "pictures", "out.zip", "--force")
    assert result.exit_code == 0, result.output
    assert Path("out.zip").read_bytes() == first, "the same images, the same bytes"


@pytest.mark.parametrize(
    ("out", "message"),
    [("out.tar", "ends in .zip"), ("no/out.zip", "there is no such folder"), ("dir.zip", "is a folder")],
)
def test_pack_refuses_first(out: str, message: str, pictures: Path, workdir: Path) -> None:
    (workdir / "dir.zip").mkdir()
    result = acgan("data", "pack", "pictures", out)
    assert result.exit_code == 1
    assert message in result.stderr
    assert list(workdir.parent.iterdir()) == [workdir], "nothing was decoded"


def test_generated_images_are_not_packed(pictures: Path) -> None:
    dataset = replace(api.show_data("pictures").dataset, num_generated=3)
    said: list[str] = []
    written = api.pack_data(dataset, "out.zip", warn=said.append)
    assert (len(written.train), written.num_generated) == (17, 0)
    assert "3 generated images are left out" in said[0]
    with zipfile.ZipFile("out.zip") as archive:
        assert len(json.loads(archive.read("dataset.json"))["labels"]) == 17 + 4


def test_doubts_are_told_even_if_quiet(pictures: Path, reported: None) -> None:
    result = acgan("data", "pack", "pictures", "out.zip", "--quiet")
    assert (result.stdout, result.stderr) == ("", "warning: one picture is in two classes\n")

"""What a side of a comparison can be, and which of its images are taken."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fid_helpers import ALL, Means, chosen, no_hold_out, noise_pictures, pixels, write_pictures
from PIL import Image

from acgan.errors import ConfigError, DataError, RunError
from acgan.extracting import ClassifierExtractor
from acgan.fid import Generated, Saved, Stored, open_side, select
from acgan.predicting import shipped

# what a side is


def test_each_kind_is_told_by_its_content(pictures: Path, generator: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "zipped"), "zip", pictures)
    images = np.stack(noise_pictures(20))
    np.savez(tmp_path / "images.npz", images=images)
    np.savez(tmp_path / "statistics.npz", mu=np.zeros(3), sigma=np.eye(3), images=[1])
    (pictures / "list.csv").write_text("path,label\n1.png,a\n2.png,a\n")
    sources = [pictures, tmp_path / "zipped.zip", tmp_path / "images.npz", "digits", pictures / "list.csv"]
    sides = [open_side(str(source)) for source in sources]
    assert [type(side) for side in sides] == [Stored] * 5
    assert [len(side) for side in sides] == [20, 20, 20, 1797, 2]
    assert isinstance(open_side(str(tmp_path / "statistics.npz")), Saved)
    renamed = tmp_path / "renamed"
    shutil.copy(generator / "generator.safetensors", renamed)
    for source in (generator, generator / "generator.safetensors", renamed):
        side = open_side(str(source))
        assert isinstance(side, Generated), "and never the pictures of a run"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nothing",
            "no such path or data set; expected a folder of images, a file of images",
        ),
        ("digit", "Did you mean 'digits'"),
        ("notes.txt", "is a file of another kind; expected a folder"),
        ("picture.png", "is a file of another kind"),
        (
            "strange.npz",
            r"holds points; expected images and labels; train_images.* statistics are mu and sigma",
        ),
        ("text.npz", "cannot be read as .npz"),
        ("text.zip", "cannot be read as a zip"),
        ("empty", "holds no images"),
        ("broken.safetensors", "not a safetensors file"),
        ("objects.npz", "plain arrays, not of objects"),
    ],
)
def test_what_it_cannot_be_is_told_in_a_line(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    Image.new("L", (4, 4)).save(tmp_path / "picture.png")
    np.savez(tmp_path / "strange.npz", points=[1])
    np.savez(tmp_path / "objects.npz", images=np.array([None, 1]))
    for file in ("text.npz", "text.zip", "broken.safetensors"):
        (tmp_path / file).write_text("words")
    (tmp_path / "empty").mkdir()
    with pytest.raises((DataError, RunError), match=message) as found:
        open_side(str(tmp_path / name))
    assert str(tmp_path / name) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("trace", [".lock", "stats.jsonl", "tensorboard"])
def test_the_pictures_of_a_run_without_a_generator_are_not_scored(trace: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_pictures(run / "samples", noise_pictures(3))
    (run / "config.yaml").touch()
    (run / trace).touch()
    with pytest.raises(RunError, match=r"no generator\.safetensors in it"):
        open_side(str(run))


def test_a_run_may_have_nothing_but_its_best_generator(generator: Path, tmp_path: Path) -> None:
    run = shutil.copytree(generator, tmp_path / "run")
    (run / "generator.safetensors").rename(run / "generator-best.safetensors")
    side = open_side(str(run))
    assert isinstance(side, Generated)
    assert side.file.name == "generator-best.safetensors"


def test_a_folder_of_runs_is_not_scored_but_one_of_pictures_is(generator: Path, tmp_path: Path) -> None:
    shutil.copytree(generator, tmp_path / "runs" / "seed0")
    with pytest.raises(RunError, match=r"Name one of the runs in it: .*seed0"):
        open_side(str(tmp_path / "runs"))
    write_pictures(tmp_path / "runs", noise_pictures(5))
    side = open_side(str(tmp_path / "runs"))
    assert isinstance(side, Stored)


def test_a_classifier_is_no_generator() -> None:
    with pytest.raises(RunError, match="holds a classifier; expected a generator"):
        open_side(str(shipped()["digits"]))


# which part


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    for split, count in (("train", 6), ("test", 4)):
        write_pictures(tmp_path / "divided" / split, noise_pictures(count, seed=count))
    return tmp_path / "divided"


def test_a_part_of_a_source_and_all_of_what_has_no_parts(
    divided: Path, pictures: Path, generator: Path
) -> None:
    samples, source, run = (open_side(str(path)) for path in (pictures, divided, generator))
    assert [len(side) for side in chosen(samples, source)] == [20, 10]
    taken = chosen(samples, source, split="test")
    assert [(side.split, len(side)) for side in taken] == [("all", 20), ("test", 4)]
    assert np.array_equal(pixels(taken[1]), pixels(open_side(str(divided / "test"))))
    assert [len(side) for side in chosen(run, source, split="train", num=5)] == [5, 5]
    assert len(chosen(run, source, split="train")[0]) == 6, "as many as there are of that part"


def test_where_nothing_has_that_part(divided: Path, pictures: Path, generator: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--split test: .*pictures has no split of its own .* --resolution"):
        chosen(open_side(str(pictures)), split="test")
    with pytest.raises(ConfigError, match="no side is a data source"):
        chosen(open_side(str(generator)), split="test")
    shutil.rmtree(divided / "test")
    with pytest.raises(DataError, match=r"--split test: .*divided has no test images"):
        chosen(open_side(str(divided)), split="test")


def test_two_sources_without_parts_are_not_divided(pictures: Path, generator: Path, tmp_path: Path) -> None:
    samples = write_pictures(tmp_path / "samples", noise_pictures(20, seed=1))
    sides = [open_side(str(path)) for path in (samples, pictures)]
    for resolution in (None, 32):
        with pytest.raises(DataError, match=r"neither .*samples nor .*pictures has a split of its own"):
            chosen(*sides, split="test", resolution=resolution)
    run, held = open_side(str(generator)), replace(sides[1], rows=sides[1].rows[:3], split="test")
    wanted = replace(ALL, split="test", resolution=16)
    found = select(["run", "pictures"], [run, sides[1]], wanted, lambda *_: held, pytest.fail)
    assert [len(side) for side in found] == [3, 3], "beside a generator the one source is"


def test_with_a_resolution_a_part_is_what_training_holds_out(pictures: Path) -> None:
    side, asked = open_side(str(pictures)), []

    def held_out(source: Stored, split: str, resolution: int) -> Stored:
        asked.append((source.given, split, resolution))
        return replace(source, rows=source.rows[:3], split=split)

    wanted = replace(ALL, split="test", resolution=32)
    (found,) = select([side.given], [side], wanted, held_out, pytest.fail)
    assert asked == [(str(pictures), "test", 32)]
    assert (len(found), found.split, found.fitted.resolution) == (3, "test", 32)


# how many


def test_a_seed_chooses_some_images(pictures: Path) -> None:
    side = open_side(str(pictures))
    (few,) = chosen(side, num=8)
    assert len(set(few.rows)) == len(few) == 8
    assert np.array_equal(chosen(side, num=8)[0].rows, few.rows)
    assert not np.array_equal(chosen(side, num=8, seed=1)[0].rows, few.rows)
    assert set(few.rows) < set(chosen(side, num=12)[0].rows), "more hold the fewer"
    assert np.array_equal(chosen(side, num=99)[0].rows, np.arange(20))
    assert np.array_equal(np.sort(pixels(few), 0), np.sort(pixels(side)[few.rows], 0))


def test_what_statistics_depend_on_is_in_their_key(pictures: Path) -> None:
    side, extractor = open_side(str(pictures)), Means()
    keys = [
        one.key(extractor)
        for one in (side, *(chosen(side, **change)[0] for change in ({"num": 5}, {"num": 5, "seed": 1})))
    ]
    keys += [chosen(side, resolution=16)[0].key(extractor), chosen(side, resolution=32)[0].key(extractor)]
    keys.append(chosen(side, resolution=16, fit="pad")[0].key(extractor))
    keys.append(side.key(ClassifierExtractor("digits")))
    assert len({str(key) for key in keys}) == len(keys)
    assert chosen(side, num=20, seed=5)[0].key(extractor) == keys[0], "all are all, whatever the seed"
    Image.new("RGB", (9, 9)).save(pictures / "3.png")
    assert open_side(str(pictures)).key(extractor) != keys[0]


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (None, 50_000),
        ("pictures", 20),
        ("some pictures", 8),
        ("unknown", 50_000),
        ("known", 300),
        ("many", 50_000),
    ],
)
def test_a_generator_draws_as_many_as_the_other_side_has(
    other: str | None, expected: int, generator: Path, pictures: Path
) -> None:
    origins = {"unknown": None, "known": {"num_images": 300}, "many": {"num_images": 1_000_000}}
    sides = [open_side(str(generator))]
    if other in origins:
        sides.append(Saved(torch.zeros(6), torch.eye(6), origins[other]))
    elif other == "pictures":
        sides.append(open_side(str(pictures)))
    elif other is not None:
        sides.append(chosen(open_side(str(pictures)), num=8)[0])
    assert len(chosen(*sides)[0]) == expected
    assert len(chosen(*sides, num=7)[0]) == 7


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_are_an_error(count: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", images=np.zeros((count, 4, 4), np.uint8))
    with pytest.raises(DataError, match=rf"few\.npz: found {count} images?; expected at least 2"):
        chosen(open_side(str(tmp_path / "few.npz")), resolution=16)


def test_a_number_that_changes_nothing_is_remarked_on() -> None:
    side, remarks = Saved(torch.zeros(6), torch.eye(6), {"num_images": 300}), []
    for num in (None, 300, 200):
        select(["a.npz"], [side], replace(ALL, num=num), no_hold_out, remarks.append)
    assert remarks == ["a.npz is statistics: -n 200 does not change how many images they are of"]


def test_a_resolution_that_does_not_do_what_it_seems_to(generator: Path, pictures: Path) -> None:
    run, source, remarks = open_side(str(generator)), open_side(str(pictures)), []
    for resolution in (16, 32):
        select(["run", "b"], [run, source], replace(ALL, resolution=resolution), no_hold_out, remarks.append)
    assert remarks == [
        f"{generator} makes 16 x 16, whatever --resolution 32; --resolution 16 compares like with like"
    ]
    saved = Saved(torch.zeros(6), torch.eye(6), {"num_images": 300})
    select(["run", "a.npz"], [run, saved], replace(ALL, resolution=16), no_hold_out, remarks.append)
    assert remarks[1] == "--resolution 16 has no effect: no side is stored images"


# images without labels in one array


@pytest.mark.parametrize("shape", [(5, 9, 8), (5, 9, 8, 1), (5, 9, 8, 3), (5, 3, 9, 8), (5, 9, 8, 4)])
def test_an_array_of_images(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", images=array)
    side = open_side(str(tmp_path / "a.npy"))
    assert isinstance(side, Stored)
    assert np.array_equal(pixels(side), pixels(open_side(str(tmp_path / "a.npz"))))
    assert isinstance(side.raw.images.reader._arrays[0], np.memmap)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 8, 8), np.float32), r"float32 with values from 0 to 0; expected uint8.*images \* 255"),
        (np.linspace(0, 1, 320).reshape(5, 8, 8), r"float64 with values from 0 to 1;.*images \* 255"),
        (np.linspace(-1, 1, 320).reshape(5, 8, 8), r"values from -1 to 1;.*\(images \+ 1\) \* 127\.5"),
        (np.linspace(0, 255, 320).reshape(5, 8, 8), r"values from 0 to 255; expected uint8"),
        (np.zeros((5, 8, 8), np.int64), "of type int64 with values from .*; expected uint8"),
        (np.zeros((5, 8, 8), np.uint16), "of type uint16 with values from .*; expected uint8"),
        (np.zeros((8, 8), np.uint8), r"of shape \(8, 8\); expected \(N, H, W\)"),
        (np.zeros((64, 64, 3), np.uint8), r"of shape \(64, 64, 3\), which is one image.*\[None\]"),
        (np.zeros((5, 8, 8, 2), np.uint8), r"of shape \(5, 8, 8, 2\); expected"),
        (np.array([None, 1]), "cannot be read as .npy"),
    ],
)
def test_arrays_that_are_no_images(array: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message) as found:
        open_side(str(tmp_path / "a.npy"))
    assert str(tmp_path / "a.npy") in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("damage", ["cut", "text"])
def test_a_damaged_array(damage: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 8, 8), np.uint8))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-9] if damage == "cut" else b"words")
    with pytest.raises(DataError, match=r"a\.npy cannot be read as \.npy"):
        open_side(str(tmp_path / "a.npy"))

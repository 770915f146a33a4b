"""What a side of a comparison can be, and which of its images are taken."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fid_helpers import Means, noise_pictures, small_generator, write_pictures
from PIL import Image

from acgan.assembly import data_options
from acgan.config.shared import DataConfig
from acgan.data import load_dataset
from acgan.errors import ConfigError, DataError, RunError
from acgan.extracting import ClassifierExtractor
from acgan.fid import Generated, Saved, Stored, Wanted, open_side, select, stored_of, warn_of_statistics
from acgan.predicting import shipped
from acgan.types import ImageStore
from acgan.weights import save_generator

ALL = Wanted(num=None, seed=0, split="all", resolution=None, fit="crop")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with a generator of RGB images of 3 classes."""
    run = tmp_path_factory.mktemp("run")
    sampler = small_generator()
    save_generator(run / "generator.safetensors", sampler.generator, sampler.info)
    (run / "samples").mkdir()
    write_pictures(run / "samples", noise_pictures(3))
    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", noise_pictures(20))


def pixels(side: Stored | Generated, extractor: Any = None) -> np.ndarray:
    return np.concatenate([np.asarray(batch) for batch in side.batches(extractor or Means())])


def no_hold_out(*_: object) -> Stored:
    raise AssertionError


def chosen(*sides: Any, **changes: Any) -> list[Any]:
    names = [getattr(side, "given", "statistics") for side in sides]
    return select(names, sides, replace(ALL, **changes), no_hold_out, lambda message: None)


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


# stored images


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16"])
def test_images_of_every_mode_become_what_pytorch_fid_makes_of_them(mode: str, tmp_path: Path) -> None:
    for seed in range(2):
        image = Image.fromarray(noise_pictures(1, seed)[0]).convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        if mode in ("RGBA", "LA"):
            image.putalpha(Image.fromarray(noise_pictures(1, 9)[0][..., 0]))
        image.save(tmp_path / f"{seed}.{'tif' if mode == 'CMYK' else 'png'}")
    expected = [
        np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file in sorted(tmp_path.iterdir())
    ]
    assert np.array_equal(pixels(open_side(str(tmp_path))), np.stack(expected))


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


def loaded(
    source: Path, tmp_path: Path, resolution: int, channels: int | None = None, **more: Any
) -> ImageStore:
    config = DataConfig.model_validate(
        {"resolution": resolution, "channels": channels, "test_share": 0, "layout": "classes", **more}
    )
    options = replace(data_options(config), cache=tmp_path / "cache")
    return load_dataset(str(source), options).train


@pytest.mark.parametrize("sides", [(28, 28), (50, 8)])
@pytest.mark.parametrize("gray", [False, True])
def test_a_resolution_makes_images_as_training_sees_them(
    sides: tuple[int, int], gray: bool, tmp_path: Path
) -> None:
    draws = np.random.default_rng(0)
    pictures = [draws.integers(0, 256, sides if gray else (*sides, 3), dtype=np.uint8) for _ in range(5)]
    write_pictures(tmp_path / "set" / "class", pictures)
    (side,) = chosen(open_side(str(tmp_path / "set")), resolution=32)
    store = loaded(tmp_path / "set", tmp_path, 32)
    assert store.channels == (1 if gray else 3)
    assert np.array_equal(pixels(side), np.broadcast_to(store.images, (5, 3, 32, 32)))


@pytest.mark.parametrize(("name", "channels", "resolution"), [("digits", 1, 16), ("cifar10_jpg", 3, 32)])
def test_a_classifier_sees_images_as_it_was_trained_to(
    name: str, channels: int, resolution: int, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "set" / "class", noise_pictures(5, sides=(40, 28, 8)))
    extractor = ClassifierExtractor(name)
    assert extractor.size == (channels, resolution)
    found = pixels(open_side(str(tmp_path / "set")), extractor)
    store = loaded(tmp_path / "set", tmp_path, resolution, channels)
    assert np.array_equal(np.sort(found.reshape(5, -1), 0), np.sort(store.images.reshape(5, -1), 0))


def test_images_of_28_pixels_are_padded_for_a_classifier_of_32(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    write_pictures(tmp_path / "set" / "class", list(pictures))
    found = pixels(open_side(str(tmp_path / "set")), ClassifierExtractor("mnist"))
    assert np.array_equal(found[:, 0, 2:30, 2:30], pictures)
    assert np.array_equal(found, loaded(tmp_path / "set", tmp_path, 32, 1).images)


def test_a_classifier_pads_where_it_was_trained_so(tmp_path: Path) -> None:
    write_pictures(tmp_path / "set" / "class", noise_pictures(2, sides=(40,)))
    extractor = ClassifierExtractor("digits")
    extractor.classifier.info.provenance["config"]["data"]["fit"] = "pad"
    assert extractor.describe()["resize"] == "16 px, pad"
    store = loaded(tmp_path / "set", tmp_path, 16, 1, fit="pad")
    assert np.array_equal(pixels(open_side(str(tmp_path / "set")), extractor), store.images)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_store_as_a_side(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 16, 16), dtype=np.uint8)
    store = ImageStore(images, np.zeros(5, np.int64), ("a",), "digest")
    side = stored_of("given", "name", store, "test")
    assert np.array_equal(pixels(side), np.broadcast_to(images, (5, 3, 16, 16)))
    assert side.describe()["fingerprint"] == "digest"
    assert side.describe()["split"] == "test"


# generated images


def test_a_generator_draws_its_classes_in_equal_numbers(generator: Path) -> None:
    (side,) = chosen(open_side(str(generator)), num=200, seed=3)
    sampler = side.sampler
    counts = [67, 67, 66]
    expected = torch.cat(
        [images for label in range(3) for _, images in sampler.stream(label, counts[label], seed=3)]
    )
    assert len(side) == 200
    assert np.array_equal(pixels(side), expected.numpy())
    assert side.describe()["label_prior"] == "uniform"
    assert side.describe()["nimg"] == 7


@pytest.mark.parametrize(("made", "taken"), [(1, 3), (3, 1)])
def test_generated_images_for_an_extractor_of_another_shape(made: int, taken: int) -> None:
    side = Generated("run", Path("run"), small_generator(made), num=5)
    resolution = side.sampler.generator.resolution
    assert pixels(side).shape == (5, 3, resolution, resolution), "gray is repeated"
    extractor = ClassifierExtractor("digits" if taken == 1 else "cifar10_jpg")
    assert pixels(side, extractor).shape == (5, *(extractor.size[:1]), *(extractor.size[1:] * 2))


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


# beside a generator


def fitted_generator(channels: int, fit: str) -> Generated:
    sampler = small_generator(channels)
    sampler.info.provenance["config"] = {"data": {"fit": fit}}
    return Generated("run", Path("run"), sampler)


def odd_pictures(folder: Path) -> Path:
    """Transparent, turned, deep, gray and of several sizes."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(0)
    clear = Image.fromarray(draws.integers(0, 256, (20, 30, 4), dtype=np.uint8))
    clear.save(folder / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise_pictures(1, sides=(40,))[0]).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(draws.integers(0, 65536, (25, 25), dtype=np.uint16)).save(folder / "deep.png")
    Image.fromarray(draws.integers(0, 256, (24, 18), dtype=np.uint8)).save(folder / "gray.png")
    return folder


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_stored_images_are_prepared_as_the_generator_s_training_did(
    channels: int, fit: str, tmp_path: Path
) -> None:
    odd_pictures(tmp_path / "set" / "class")
    generator = fitted_generator(channels, fit)
    for order in (1, -1):
        sides = chosen(*[generator, open_side(str(tmp_path / "set"))][::order])[::order]
        store = loaded(tmp_path / "set", tmp_path, 16, channels, fit=fit)
        assert np.array_equal(pixels(sides[1]), np.broadcast_to(store.images, (4, 3, 16, 16)))
    told = sides[1].describe()
    assert (told["resolution"], told["channels"], told["fit"]) == (16, channels, fit)
    assert chosen(open_side(str(tmp_path / "set")))[0].describe()["resolution"] is None
    _, other = chosen(generator, open_side(str(tmp_path / "set")), resolution=32)
    assert other.describe()["resolution"] == 32, "what is asked for wins"


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (None, False),
        ({"num_images": 9, "kind": "images", "resolution": None}, True),
        ({"num_images": 9, "kind": "images", "resolution": 32}, True),
        ({"num_images": 9, "kind": "images", "resolution": 16}, False),
        ({"num_images": 9, "kind": "generator"}, False),
    ],
)
def test_statistics_of_images_prepared_otherwise_are_remarked_on(
    origin: dict[str, Any] | None, told: bool
) -> None:
    remarks: list[str] = []
    sides = [fitted_generator(3, "crop"), Saved(torch.zeros(6), torch.eye(6), origin)]
    warn_of_statistics(["run", "a.npz"], sides, Means(), remarks.append)
    assert len(remarks) == told
    assert all("a.npz" in remark and "--resolution 16" in remark for remark in remarks)
    remarks.clear()
    warn_of_statistics(["run", "a.npz"], sides, ClassifierExtractor("digits"), remarks.append)
    assert not remarks, "16 px is what this network sees anyway"


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

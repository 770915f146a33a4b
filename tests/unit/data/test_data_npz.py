"""Files of arrays: whose names they follow, forms and types of images, labels, parts, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from data_helpers import noise

from acgan.data import ReadOptions, open_raw
from acgan.data.sources.arrays import ArrayReader, as_images
from acgan.data.sources.npz import NpzSource
from acgan.errors import DataError


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "arrays.npz", **arrays)
        return tmp_path / "arrays.npz"

    return write


GRAY, RGB = noise((4, 16, 16)), noise((4, 16, 16, 3))
LABELS = np.array([3, 1, 3, 1])


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (GRAY, GRAY[:, None]),
        (GRAY[..., None], GRAY[:, None]),
        (GRAY[:, None], GRAY[:, None]),
        (RGB, RGB.transpose(0, 3, 1, 2)),
        (RGB.transpose(0, 3, 1, 2), RGB.transpose(0, 3, 1, 2)),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None].astype(np.uint8)])
def test_npz_layouts(npz, load, images, labels, expected):
    data = load(npz(images=images, labels=labels))
    assert data.name == "arrays"
    assert (data.train.images == expected).all()
    assert data.train.labels.tolist() == [1, 0, 1, 0]
    assert data.train.class_names == ("1", "3")


def test_npz_integer_labels_sort_by_number(npz, load):
    assert load(npz(images=GRAY, labels=np.array([10, 9, 2, 1]))).train.class_names == ("1", "2", "9", "10")


def test_npz_class_names(npz, load):
    data = load(npz(images=GRAY, labels=np.array([2, 0, 2, 0]), class_names=np.array(["z", "unused", "a"])))
    assert data.train.class_names == ("z", "a")
    assert data.train.labels.tolist() == [1, 0, 1, 0]
    assert any("without a single image: unused" in note for note in data.notes)
    assert load(npz(images=GRAY, labels=np.array(["b", "a", "b", "a"]))).train.class_names == ("a", "b")


@pytest.mark.parametrize("held", ["test", "val"])
def test_npz_of_medmnist(npz, load, held):
    parts = {"train": noise((5, 28, 28), 1), "val": noise((3, 28, 28), 2), "test": noise((2, 28, 28), 3)}
    if held == "val":
        del parts["test"]
    arrays = {f"{part}_images": images for part, images in parts.items()}
    arrays |= {f"{part}_labels": np.arange(len(images))[:, None] % 2 for part, images in parts.items()}
    data = load(npz(**arrays), resolution=None, test_share=0.5)
    assert (data.train.images[:, 0, 2:30, 2:30] == parts["train"]).all()
    assert (data.test.images[:, 0, 2:30, 2:30] == parts[held]).all()
    assert data.test.labels.tolist() == [0, 1, 0][: len(parts[held])]
    assert any("unused: val" in note for note in data.notes) == (held == "test")
    assert data.report.reading.unused == ({"val": {"0": 2, "1": 1}} if held == "test" else {})
    assert data.report.reading.labels == "the array train_labels"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": GRAY},
            r"holds x; expected images and labels; train_images and train_labels; x_train.*arr_1\.",
        ),
        ({"test_images": GRAY, "test_labels": LABELS}, r"holds test_images, test_labels; expected"),
        (
            {"images": GRAY, "labels": LABELS, "x_test": GRAY},
            r"after acgan's names \(images and labels\) and Keras's names \(x_train and y_train\)",
        ),
        ({"arr_0": RGB, "arr_1": LABELS, "train_images": RGB}, r"after MedMNIST's names .* and ADM's names"),
        ({"arr_0": RGB}, r"has no arr_1, which its images need"),
        (
            {"train_images": GRAY, "train_labels": LABELS, "test_labels": LABELS},
            r"test_labels and no test_images",
        ),
        (
            {"images": RGB.astype(np.uint16), "labels": LABELS},
            r"images of type uint16 with values from 0 to 255; expected colours as uint8 from 0 to 255, or as floats",
        ),
        (
            {"images": RGB / 127.5 - 1, "labels": LABELS},
            r"type float64 with values from -1 to 1; expected colours",
        ),
        ({"images": RGB * np.nan, "labels": LABELS}, r"values from nan to nan"),
        ({"images": GRAY.astype(np.int64) << 32, "labels": LABELS}, r"expected numbers of at most 32 bits"),
        ({"images": GRAY.astype(str), "labels": LABELS}, r"images of type <U3; expected numbers"),
        (
            {"images": noise((4, 16, 16, 16)), "labels": LABELS},
            r"shape \(4, 16, 16, 16\); expected \(N, H, W\)",
        ),
        ({"images": GRAY[0], "labels": LABELS}, r"images of shape \(16, 16\)"),
        ({"images": GRAY, "labels": LABELS[:3]}, r"labels of shape \(3,\).*each of the 4 images"),
        (
            {"images": GRAY, "labels": np.eye(14, dtype=int)[:4] + (np.arange(4) > 1)[:, None]},
            r"labels of shape \(4, 14\), so 14 labels an image, and 2 of 4 images have not exactly one; expected one"
            r" class an image\. Save one column",
        ),
        ({"images": GRAY, "labels": LABELS.astype(float)}, r"type float64; expected an integer"),
        (
            {"images": GRAY, "labels": LABELS, "class_names": np.array(["a", "b"])},
            r"labels from 1 to 3 and 2 class",
        ),
        (
            {"images": GRAY, "labels": LABELS, "class_names": np.array(["a"] * 4)},
            r"list of different strings",
        ),
        ({"images": GRAY, "labels": LABELS.astype(str), "class_names": np.array(["1"])}, r"give one of them"),
        ({"images": GRAY, "labels": LABELS.astype(object)}, r"cannot be read: .*plain arrays"),
        ({"images": GRAY[:0], "labels": LABELS[:0]}, r"No images are left"),
        ({"train_images": GRAY, "test_images": GRAY, "test_labels": LABELS}, r"has no train_labels"),
        (
            {"x_train": GRAY, "y_train": LABELS, "x_test": GRAY, "y_test": LABELS.astype(str)},
            r"numbers as labels in train, and strings in test",
        ),
    ],
)
def test_npz_errors(npz, load, arrays, message):
    with pytest.raises(DataError, match=message):
        load(npz(**arrays))


def test_npz_with_flipped_bits(tmp_path, load):
    file, draws, said = tmp_path / "a.npz", np.random.default_rng(0), []
    np.savez_compressed(file, images=GRAY, labels=np.arange(4) % 2)
    content = file.read_bytes()
    for at in draws.integers(0, 8 * len(content), 150).tolist():
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        file.write_bytes(flipped)
        try:
            assert load(file).train.num_classes == 2
        except DataError as error:
            said.append(str(error))
    assert len(said) > 75
    assert all(str(file) in text and "\n" not in text for text in said)


def test_npz_that_is_none(tmp_path, load):
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        load(tmp_path / "a.npz")


PARTS = {"train": noise((6, 16, 16), 1), "val": noise((4, 16, 16), 2), "test": noise((3, 16, 16), 3)}


def arrays_of(images, labels, parts=PARTS, **changes):
    """Arrays under names with the part in them; labels 0, 1, 0, … of each part."""
    arrays = {images.format(part): pixels for part, pixels in parts.items()}
    arrays |= {labels.format(part): np.arange(len(pixels)) % 2 for part, pixels in parts.items()}
    return {name: array for name, array in {**arrays, **changes}.items() if array is not None}


@pytest.mark.parametrize(("images", "labels"), [("{}_images", "{}_labels"), ("x_{}", "y_{}")])
@pytest.mark.parametrize(
    ("gone", "held", "unused", "left_out"),
    [
        ([], "test", {"val": {"0": 2, "1": 2}}, {}),
        (["test"], "val", {}, {"pictures of test, which has no labels": 3}),
        (
            ["test", "val"],
            None,
            {},
            {"pictures of val, which has no labels": 4, "pictures of test, which has no labels": 3},
        ),
        (["val"], "test", {}, {"pictures of val, which has no labels": 4}),
    ],
)
@pytest.mark.parametrize("minus", [False, True])
def test_the_part_that_is_held_out(npz, load, images, labels, gone, held, unused, left_out, minus):
    """Labels may be missing, or all be -1."""
    lost = {labels.format(part): np.full(len(PARTS[part]), -1) if minus else None for part in gone}
    data = load(npz(**arrays_of(images, labels, **lost)), test_share=0.5)
    assert len(data.train) + len(data.test) == 6 + (len(PARTS[held]) if held else 0)
    if held:
        assert (data.train.images[:, 0] == PARTS["train"]).all()
        assert (data.test.images[:, 0] == PARTS[held]).all()
    assert data.report.reading.unused == unused
    assert {left.reason: left.count for left in data.report.reading.left_out} == left_out


def test_keras_and_adm(npz, load):
    keras = {part: PARTS[part] for part in ("train", "test")}
    data = load(npz(**arrays_of("x_{}", "y_{}", keras)))
    assert (data.train.images[:, 0] == PARTS["train"]).all()
    assert (data.test.images[:, 0] == PARTS["test"]).all()
    assert data.report.reading.why == "an .npz file with x_train, as Keras names its arrays"


def test_adm(tmp_path, load):
    np.savez(tmp_path / "samples.npz", RGB, np.array([7, 3, 7, 3]))  # arr_0 and arr_1
    data = load(tmp_path / "samples.npz")
    assert (data.train.images == RGB.transpose(0, 3, 1, 2)).all()
    assert data.train.class_names == ("3", "7")


def test_one_hot_labels(npz, load):
    arrays = arrays_of("x_{}", "y_{}", {"train": PARTS["train"]})
    one_hot = np.eye(3)[[2, 0, 2, 0, 2, 0]]
    data = load(npz(**{**arrays, "y_train": one_hot}))
    assert data.train.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert data.train.class_names == ("0", "2")


WIDE = np.array([[[0, 5], [300, 60000]]])


@pytest.mark.parametrize(
    ("dtype", "mode"),
    [
        (np.uint16, "I;16"),
        (">u2", "I;16B"),
        (np.int32, "I"),
        (np.uint32, "I"),
        (np.int64, "I"),
        (np.float16, "F"),
        (np.float32, "F"),
        (np.float64, "F"),
    ],
)
def test_gray_images_of_more_than_8_bits_keep_their_values(dtype, mode):
    array = WIDE.astype(dtype)
    image = ArrayReader([as_images(array, "a")], ["a"]).read(0)
    assert image.mode == mode
    assert np.asarray(image).tolist() == array[0].tolist()


def test_16_bits_are_scaled(npz, load):
    gray = noise((2, 16, 16)).astype(np.uint16) * 257
    assert (load(npz(images=gray, labels=[0, 1])).train.images[:, 0] == gray // 257).all()


@pytest.mark.parametrize("images", [RGB / 255, (RGB / 255).astype(np.float32).transpose(0, 3, 1, 2)])
def test_floats_in_colour(npz, load, images):
    assert (load(npz(images=images, labels=LABELS)).train.images == RGB.transpose(0, 3, 1, 2)).all()


def test_masks_are_black_and_white(npz, load):
    assert (load(npz(images=GRAY > 99, labels=LABELS)).train.images[:, 0] == (GRAY > 99) * 255).all()


def test_all_parts_without_labels(npz):
    arrays = arrays_of("x_{}", "y_{}")
    raw = open_raw(str(npz(**arrays)), ReadOptions(Path("cache")))
    assert [len(raw.images.rows(split)) for split in ("train", "test", "all")] == [6, 3, 13]
    assert raw.images.reader.name(12).endswith("arrays.npz: x_test[2]")
    with raw.images.reader.read(12) as image:
        assert np.array_equal(np.asarray(image), PARTS["test"][2])


def test_images_of_unused_parts_are_not_read(npz, load, monkeypatch):
    read = NpzSource._read
    names = []
    monkeypatch.setattr(NpzSource, "_read", lambda self, key: names.append(key) or read(self, key))
    load(npz(**arrays_of("x_{}", "y_{}")))
    assert sorted(names) == ["x_test", "x_train", "y_test", "y_train", "y_val"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"columns": {"label": "dx"}},
            r"data\.columns\.label: found 'dx', which says nothing about \.npz files",
        ),
        ({"layout": "classes"}, r"data\.layout: found 'classes'"),
        ({"group": "folder"}, r"data\.group: found 'folder'"),
    ],
)
def test_options_that_mean_nothing_are_refused(npz, load, changes, message):
    with pytest.raises(DataError, match=message):
        load(npz(images=GRAY, labels=LABELS), **changes)


@pytest.mark.parametrize(
    ("train", "held"), [("x_train", "x_valid"), ("X_train", "X_test"), ("X_TRAIN", "X_Validation")]
)
def test_names_in_any_case_and_other_words_for_val(npz, load, train, held):
    arrays = {train: GRAY, held: GRAY[:2]}
    arrays |= {
        train.replace("x", "y").replace("X", "Y"): LABELS,
        held.replace("X", "y").replace("x", "y"): LABELS[:2],
    }
    data = load(npz(**arrays))
    assert (len(data.train), len(data.test)) == (4, 2)
    assert data.report.reading.left_out == ()


def test_names_that_differ_by_case_only(npz, load):
    with pytest.raises(DataError, match=r"holds X_train and x_train, which could each be x_train"):
        load(npz(x_train=GRAY, X_train=GRAY, y_train=LABELS))


def test_arrays_of_other_names_are_told(npz, load):
    data = load(npz(x_train=GRAY, y_train=LABELS, x_extra=GRAY, y_extra=LABELS))
    (left,) = data.report.reading.left_out
    assert (left.reason, left.count, left.examples) == ("arrays of other names", 2, ("x_extra", "y_extra"))


def test_hundreds_of_arrays(npz, load):
    with pytest.raises(DataError, match=r"and 280 more; expected") as error:
        load(npz(**{f"array{number}": LABELS for number in range(300)}))
    assert len(str(error.value)) < 800


def test_generated_images_are_told(npz, load):
    """As `acgan sample --out FILE.npz` writes them: none of them is held out."""
    arrays = {"images": noise((12, 16, 16)), "labels": np.arange(12) % 2}
    data = load(npz(**arrays, generated_by=np.array("{}")), test_share=0.5)
    assert (len(data.train), len(data.test), data.num_real) == (12, 0, 0)
    assert any("generat" in text for text in (*data.notes, *data.warnings))
    assert len(load(npz(**arrays), test_share=0.5).test) == 6

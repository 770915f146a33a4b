"""Folders, zips and CSV files: which images are found, in which class and split."""

import unicodedata
import zipfile

import numpy as np
import pytest
from data_helpers import values, zip_folder

from acgan.errors import DataError

PLAIN = {"cats/a.png": 10, "cats/b.png": 20, "dogs/a.png": 30}
SPLIT = {"train/cats/a.png": 1, "train/dogs/b.png": 2, "test/cats/c.png": 3, "test/dogs/d.png": 4}


def test_folder_of_class_folders(write, load):
    data = load(write(PLAIN))
    assert data.name == "set"
    assert data.train.class_names == ("cats", "dogs")
    assert values(data.train) == [("cats", 10), ("cats", 20), ("dogs", 30)]
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.dtype == np.int64


@pytest.mark.parametrize(
    "beside", [{}, {"README.txt": b"hello", ".DS_Store": b"", "__MACOSX/x.png": 9, "Thumbs.db": b""}]
)
def test_train_and_test_are_the_split(write, load, beside):
    data = load(write({**SPLIT, **beside}), test_share=0.5)
    assert values(data.train) == [("cats", 1), ("dogs", 2)]
    assert values(data.test) == [("cats", 3), ("dogs", 4)]


@pytest.mark.parametrize("held", ["val", "validation", "Test"])
def test_other_names_of_the_held_out_folder(write, load, held):
    data = load(write({name.replace("test/", f"{held}/"): content for name, content in SPLIT.items()}))
    assert values(data.test) == [("cats", 3), ("dogs", 4)]


def test_val_is_unused_beside_test(write, load):
    data = load(write({**SPLIT, "val/cats/e.png": 5}))
    assert values(data.train) == [("cats", 1), ("dogs", 2)]
    assert values(data.test) == [("cats", 3), ("dogs", 4)]
    assert any("unused: val" in note for note in data.notes)


def test_train_alone_is_no_class(write, load):
    assert load(write({"train/cats/a.png": 1, "train/dogs/b.png": 2})).train.class_names == ("cats", "dogs")


def test_another_folder_beside_makes_train_a_class(write, load):
    data = load(write({"train/a.png": 1, "test/b.png": 2, "bus/c.png": 3}))
    assert values(data.train) == [("bus", 3), ("test", 2), ("train", 1)]
    assert any("bus lies beside" in note for note in data.notes)


def test_test_class_that_train_lacks(write, load):
    with pytest.raises(DataError, match=r"test split has images of birds, the training split has none"):
        load(write({**SPLIT, "test/birds/e.png": 5}))


def test_hidden_nested_upper_case_and_other_files(write, load):
    folder = write(
        {
            "cats/a.PNG": 1,
            "cats/deep/er/b.JPG": 2,
            "cats/.hidden.png": 3,
            "cats/.git/c.png": 4,
            "cats/labels.xml": b"<x/>",
            "dogs/d.png": 5,
            "empty/": b"",
            "stray.png": 6,
        }
    )
    data = load(folder)
    assert data.train.class_names == ("cats", "dogs")
    assert [value for _, value in values(data.train)] == [1, 2, 5]
    notes = "; ".join(data.notes)
    assert "without a single image: empty" in notes
    assert "1 files without an image ending" in notes
    assert "1 images that lie in no class folder" in notes


def test_class_names_with_spaces_and_letters_are_normalised(write, load):
    decomposed = unicodedata.normalize("NFD", "köter")
    data = load(write({f"{decomposed}/a.png": 1, "big cat/a.png": 2}))
    assert data.train.class_names == ("big cat", unicodedata.normalize("NFC", "köter"))


def test_one_class_of_one_image(write, load):
    assert values(load(write({"cats/a.png": 7})).train) == [("cats", 7)]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": 1, "b.png": 2}, r"holds 2 images but no folder.*/<class>/\*\.png.*Move each image"),
        (
            {"cats/": b"", "dogs/": b""},
            r"holds no images; expected one folder per class.*Images end in \.bmp",
        ),
        ({"train/a.png": 1, "test/b.png": 2}, r"set/train holds 2 images but no folder"),
    ],
)
def test_layouts_without_class_images(write, load, files, message):
    with pytest.raises(DataError, match=message):
        load(write(files))


def test_links_are_followed_but_not_round_in_circles(write, load):
    folder = write(PLAIN)
    (folder / "cats" / "loop").symlink_to(folder)
    elsewhere = write({"x.png": 40}, folder="elsewhere")
    (folder / "foxes").symlink_to(elsewhere)
    assert values(load(folder).train) == [("cats", 10), ("cats", 20), ("dogs", 30), ("foxes", 40)]


@pytest.mark.parametrize("prefix", ["", "wrapper/", "set v1/"])
@pytest.mark.parametrize("files", [PLAIN, SPLIT])
def test_zip_equals_its_folder(write, load, files, prefix):
    folder = write(files)
    zipped = load(zip_folder(folder, prefix))
    plain = load(folder)
    assert zipped.name == "set"
    assert zipped.train.fingerprint == plain.train.fingerprint
    assert zipped.test.fingerprint == plain.test.fingerprint


def test_zip_of_one_class_is_not_unwrapped(write, load):
    assert load(zip_folder(write({"cats/a.png": 1}))).train.class_names == ("cats",)


def test_zip_hidden_members_and_unmarked_utf8(write, load, tmp_path):
    image = (write({"a.png": 1}) / "a.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("köter/a.png", image)
        archive.writestr("__MACOSX/köter/._a.png", image)
    # Some archivers write UTF-8 and do not set the flag that says so, in the header and the directory.
    raw = (tmp_path / "z.zip").read_bytes()
    assert load(tmp_path / "z.zip").train.class_names == ("köter",)
    unmarked = raw
    for signature, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        position = unmarked.find(signature)
        while position >= 0:
            flag = position + offset
            unmarked = unmarked[:flag] + bytes([unmarked[flag] & ~8]) + unmarked[flag + 1 :]
            position = unmarked.find(signature, position + 4)
    assert unmarked != raw
    (tmp_path / "unmarked.zip").write_bytes(unmarked)
    assert load(tmp_path / "unmarked.zip").train.class_names == ("köter",)


def test_broken_zip(load, tmp_path):
    (tmp_path / "z.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"z\.zip cannot be read as a zip"):
        load(tmp_path / "z.zip")


def csv_file(folder, text, encoding="utf-8"):
    (folder / "list.csv").write_text(text, encoding=encoding)
    return folder / "list.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv(write, load, encoding):
    folder = write({"x/a.png": 1, "x/b c.png": 2, "y/a.dat.png": 3})
    data = load(csv_file(folder, "label,path\n zwei ,x/a.png\nzwei,x/b c.png\neins,y/a.dat.png\n", encoding))
    assert data.name == "list"
    assert values(data.train) == [("eins", 3), ("zwei", 1), ("zwei", 2)]
    assert len(data.test) == 0


@pytest.mark.parametrize(
    ("splits", "trained", "held"),
    [
        (("train", "val", "val"), [1], [2, 3]),
        (("train", "val", "test"), [1], [3]),
        (("train", "train", "train"), [1, 2, 3], []),
    ],
)
def test_csv_split(write, load, splits, trained, held):
    folder = write({"a.png": 1, "b.png": 2, "c.png": 3})
    rows = "".join(f"{name}.png,k,{split}\n" for name, split in zip("abc", splits, strict=True))
    data = load(csv_file(folder, f"path,label,split\n{rows}"))
    assert [value for _, value in values(data.train)] == trained
    assert [value for _, value in values(data.test)] == held


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,class\na.png,k\n", r"list\.csv line 1 has the columns 'path', 'class'; expected path, label"),
        ("path,lable\na.png,k\n", r"Did you mean 'label'"),
        ("", r"line 1 has the columns \(none\)"),
        ("path,label\n", r"lists no images"),
        ("path,label\na.png,k\nmissing.png,k\n", r"line 3 names 'missing\.png', which is no file"),
        ("path,label\na.png,k\na.png, \n", r"line 3 has an empty label"),
        ("path,label\na.png\n", r"line 2 does not have 2 fields"),
        ("path,label\na.png,k,more\n", r"line 2 does not have 2 fields"),
        ("path,label,split\na.png,k,dev\n", r"line 2 has the split 'dev'; expected train, test or val"),
        ("path,label,split\na.png,k,\n", r"line 2 has the split ''"),
    ],
)
def test_csv_errors_name_the_row(write, load, text, message):
    with pytest.raises(DataError, match=message):
        load(csv_file(write({"a.png": 1}), text))


def test_csv_in_another_encoding(write, load):
    with pytest.raises(DataError, match="cannot be read as CSV in UTF-8"):
        load(csv_file(write({"a.png": 1}), "path,label\na.png,kätzchen\n", "latin-1"))


@pytest.mark.parametrize(
    ("classes", "names", "by_label"),
    [
        (None, ("cats", "dogs", "foxes"), [[10, 20], [30], [40]]),
        (["dogs", "cats"], ("dogs", "cats"), [[30], [10, 20]]),
        (["foxes"], ("foxes",), [[40]]),
        ([{"pets": ["dogs", "cats"]}, "foxes"], ("pets", "foxes"), [[10, 20, 30], [40]]),
    ],
)
def test_classes_are_picked_ordered_and_merged(write, load, classes, names, by_label):
    store = load(write({**PLAIN, "foxes/a.png": 40}), classes=classes).train
    assert store.class_names == names
    assert [sorted(store.images[store.labels == label, 0, 0, 0]) for label in range(len(names))] == by_label


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["cat"], r"names 'cat', which the source does not have.*Did you mean 'cats'.*It has: cats, dogs"),
        (["cats", {"pets": ["cats"]}], r"uses 'cats' twice"),
        ([{"x": ["cats"]}, {"x": ["dogs"]}], r"two classes named 'x'"),
        ([{"x": ["cats"], "y": ["dogs"]}], r"one new name with a list of old ones"),
        ([{"x": []}], r"expected a list of the classes to merge"),
        ([], r"No images are left"),
    ],
)
def test_wrong_choices_of_classes(write, load, classes, message):
    with pytest.raises(DataError, match=message):
        load(write(PLAIN), classes=classes)


def test_classes_apply_before_the_split_is_checked(write, load):
    data = load(write({**SPLIT, "test/birds/e.png": 5}), classes=["cats"])
    assert values(data.test) == [("cats", 3)]

"""Folders and zips: which images are found, in which class and split, and which classes are taken."""

import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_helpers import values, zip_folder

from acgan.data.sources.tree import prune
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
    left_out = [(one.reason.split(",")[0], one.count, one.examples) for one in data.report.reading.left_out]
    assert left_out == [
        ("pictures that lie in no class folder", 1, ("stray.png",)),
        ("files ending in .xml", 1, ("cats/labels.xml",)),
        ("hidden files", 2, ("cats/.git", "cats/.hidden.png")),
    ]


def test_class_names_with_spaces_and_letters_are_normalised(write, load):
    decomposed = unicodedata.normalize("NFD", "köter")
    data = load(write({f"{decomposed}/a.png": 1, "big cat/a.png": 2}))
    assert data.train.class_names == ("big cat", unicodedata.normalize("NFC", "köter"))


def test_links_are_followed_but_not_round_in_circles(write, load):
    folder = write(PLAIN)
    (folder / "cats" / "loop").symlink_to(folder)
    elsewhere = write({"x.png": 40}, folder="elsewhere")
    (folder / "foxes").symlink_to(elsewhere)
    assert values(load(folder).train) == [("cats", 10), ("cats", 20), ("dogs", 30), ("foxes", 40)]


def test_links_to_each_other_end_and_repeat_nothing(write, load):
    names = "abcdefgh"
    folder = write({f"{name}/{name}.png": 10 * number for number, name in enumerate(names)})
    for name in names:
        for other in set(names) - {name}:
            (folder / name / f"to_{other}").symlink_to(folder / other)
    data = load(folder)
    assert values(data.train) == [(name, 10 * number) for number, name in enumerate(names)]
    (links,) = data.report.reading.left_out
    assert (links.reason, links.count) == ("links to folders that are read already", 56)


def test_links_to_pictures_count_and_are_told(write, load):
    folder = write(PLAIN)
    elsewhere = write({"x.png": 40}, folder="elsewhere")
    for number in range(4):
        (folder / "dogs" / f"l{number}.png").symlink_to(elsewhere / "x.png")
        told = [note for note in load(folder).notes if "link" in note]
        if number == 0:
            assert told == ["1 picture is a link, and counts like a file of its own: dogs/l0.png"]
    (note,) = told
    assert note == (
        "4 pictures are links, and count like files of their own: dogs/l0.png, dogs/l1.png, dogs/l2.png and 1 more"
    )


def test_a_folder_elsewhere_is_read_once(write, load):
    folder = write(PLAIN)
    elsewhere = write({"x/x.png": 40, "y/y.png": 50}, folder="elsewhere")
    (elsewhere / "x" / "up").symlink_to(elsewhere)
    (folder / "dogs" / "x").symlink_to(elsewhere / "x")
    (folder / "foxes").symlink_to(elsewhere)
    data = load(folder)
    assert values(data.train) == [("cats", 10), ("cats", 20), ("dogs", 30), ("foxes", 40), ("foxes", 50)]
    (links,) = data.report.reading.left_out
    assert links.examples == ("dogs/x", "foxes/x/up")


@pytest.mark.parametrize("zipped", [False, True])
def test_images_without_the_ending_of_one_are_read(write, load, zipped):
    folder = write(
        {**PLAIN, "foxes/subject01.png": 40, "foxes/b.png": 50, "cats/LICENSE": b"P1 is no picture"}
    )
    (folder / "foxes" / "subject01.png").rename(folder / "foxes" / "subject01.happy")
    (folder / "foxes" / "b.png").rename(folder / "foxes" / "b")
    data = load(zip_folder(folder) if zipped else folder)
    assert sorted(value for name, value in values(data.train) if name == "foxes") == [40, 50]
    assert "without the ending of one: 2 files" in "; ".join(data.notes)
    assert [left.examples for left in data.report.reading.left_out] == [("cats/LICENSE",)]


def test_files_of_one_ending_are_given_up_after_some(write):
    folder = write({f"{name}/{number:02}.odd": b"x" for name in "ab" for number in range(40)})
    opened = []
    paths = [path.relative_to(folder).parts for path in folder.rglob("*.odd")]

    def open_file(parts):
        opened.append(parts)
        return (folder / Path(*parts)).open("rb")

    assert prune(paths, [], open_file).pictures == ()
    assert len(opened) == 40


def test_what_belongs_to_no_one_is_left_out(write, load):
    junk = {
        "node_modules/x/a.png": 1,
        "lib/site-packages/b.png": 2,
        "env/pyvenv.cfg": b"",
        "env/share/c.png": 3,
    }
    data = load(write({**PLAIN, **junk}))
    assert data.train.class_names == ("cats", "dogs")
    assert {left.reason.split(",")[0]: left.count for left in data.report.reading.left_out} == {
        "hidden files": 2,
        "files of Python's environments": 2,
    }
    assert "env" not in "; ".join(data.notes)


def test_a_zip_with_paths_that_lead_out_of_it(load, tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("../../cat/1.png", b"x")
    with pytest.raises(DataError, match="Left out: paths that lead out of the archive: 1"):
        load(tmp_path / "z.zip")


@pytest.mark.parametrize("prefix", ["", "wrapper/", "set v1/"])
@pytest.mark.parametrize("files", [PLAIN, SPLIT])
def test_zip_equals_its_folder(write, load, files, prefix):
    folder = write(files)
    zipped = load(zip_folder(folder, prefix))
    plain = load(folder)
    assert zipped.name == "set"
    assert zipped.train.fingerprint == plain.train.fingerprint
    assert zipped.test.fingerprint == plain.test.fingerprint


def test_zip_hidden_members_and_unmarked_utf8(write, load, tmp_path):
    image = (write({"a.png": 1}) / "a.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("köter/a.png", image)
        archive.writestr("hund/a.png", image)
        archive.writestr("__MACOSX/köter/._a.png", image)
    # Some archivers write UTF-8 and do not set the flag that says so, in the header and the directory.
    raw = (tmp_path / "z.zip").read_bytes()
    assert load(tmp_path / "z.zip").train.class_names == ("hund", "köter")
    unmarked = raw
    for signature, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        position = unmarked.find(signature)
        while position >= 0:
            flag = position + offset
            unmarked = unmarked[:flag] + bytes([unmarked[flag] & ~8]) + unmarked[flag + 1 :]
            position = unmarked.find(signature, position + 4)
    assert unmarked != raw
    (tmp_path / "unmarked.zip").write_bytes(unmarked)
    assert load(tmp_path / "unmarked.zip").train.class_names == ("hund", "köter")


def test_broken_zip(load, tmp_path):
    (tmp_path / "z.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"z\.zip cannot be read as a zip"):
        load(tmp_path / "z.zip")


def test_a_link_to_itself_is_a_broken_file(write, load):
    folder = write(PLAIN)
    (folder / "cats" / "loop.png").symlink_to("loop.png")
    data = load(folder, on_error="skip")
    assert len(data.train) == 3
    assert [skipped.path.rpartition("/")[2] for skipped in data.skipped] == ["loop.png"]


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


def test_paths_without_a_group_are_told(write, load):
    data = load(write(PLAIN), group=r"b\.png")
    assert any("data.group is not found in 2 of 3 paths" in note for note in data.notes)


@pytest.mark.parametrize(
    "run", [(".lock",), ("config.yaml", "stats.jsonl"), ("config.yaml", "generator.safetensors")]
)
def test_folders_of_runs_are_no_empty_classes(write, load, run):
    data = load(write({**PLAIN, **{f"runs/folder-set/{name}": b"" for name in run}}))
    assert data.train.class_names == ("cats", "dogs")
    assert not any("without a single image" in note for note in data.notes)

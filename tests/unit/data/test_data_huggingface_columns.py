"""Columns and files of a set of the hub: which hold labels and parts, and which belong together."""

from __future__ import annotations

import datasets
import pytest
from data_helpers import values
from hub_helpers import NAMES, made, saved
from PIL import Image

from acgan.errors import DataError

pytestmark = pytest.mark.usefixtures("offline_hub")


@pytest.mark.parametrize("columns", [{}, {"label": "label"}])
@pytest.mark.parametrize(
    ("feature", "labels", "expected"),
    [
        (datasets.Value("int64"), [10, 9, 10, 2], [("10", 0), ("10", 2), ("2", 3), ("9", 1)]),
        (datasets.Value("string"), ["b", "a", "b", "e\u0301"], [("a", 1), ("b", 0), ("b", 2), ("\u00e9", 3)]),
        (datasets.Value("float64"), [1.0, None, 1.0, 0.0], [("0", 3), ("1", 0), ("1", 2)]),
    ],
)
def test_labels_without_a_class_label(tmp_path, load, feature, labels, expected, columns):
    data = load(saved(made(labels, feature=feature), tmp_path / "a.parquet"), columns=columns)
    assert values(data.train) == expected
    missing = labels.count(None)
    assert [left.count for left in data.report.reading.left_out] == [missing] * bool(missing)
    told = [w.endswith("1 of 4 pictures without a label left out") for w in data.warnings if "a label" in w]
    assert told == [True] * missing


FINE = {"fine": (datasets.ClassLabel(names=["x", "y"]), [0, 1, 0, 1])}


@pytest.mark.parametrize(
    ("dataset", "columns", "message"),
    [
        (
            lambda: made([0] * 4, **FINE),
            {},
            r"several columns that could be the label: 'label', 'fine'\. Choose one, as"
            r" with --set data\.columns\.label=label",
        ),
        (
            lambda: made([0] * 4),
            {"label": "lable"},
            r"data\.columns\.label: .* has no column 'lable'; it has 'image',"
            r" 'label'\. Did you mean 'label'",
        ),
        (lambda: made([0] * 4), {"path": "label"}, r"data\.columns\.path: .*no pictures in column 'label'"),
        (
            lambda: (
                made([0] * 4).rename_column("label", "extra").cast_column("extra", datasets.Value("int64"))
            ),
            {},
            r"no column of labels: no ClassLabel, and none of a usual name among 'extra'\. Choose one with",
        ),
        (
            lambda: made([[0], [1, 2]], feature=datasets.Sequence(datasets.ClassLabel(names=NAMES))),
            {"label": "label"},
            r"column 'label' holds (List|Sequence)\(.*ClassLabel.*expected one class a picture",
        ),
        (
            lambda: made([0] * 4, second=(datasets.Image(), [Image.new("L", (9, 9))] * 4)),
            {},
            r"several columns of pictures: 'image', 'second'.* --set data\.columns\.path=image",
        ),
        (lambda: made([-1] * 4), {}, r"the source has no labels; a class a picture is needed"),
        (
            lambda: made([0] * 4),
            {"split": "label"},
            r"column 'label' has 0; expected train, val or test",
        ),
        (
            lambda: made([0.5, 1.0], feature=datasets.Value("float32")),
            {"label": "nothing"},
            r"no column 'nothing'",
        ),
    ],
)
def test_what_is_refused(dataset, columns, message, tmp_path, load):
    with pytest.raises(DataError, match=message):
        load(saved(dataset(), tmp_path / "a.parquet"), columns=columns)


def test_columns_choose(tmp_path, load):
    second = {"second": (datasets.Image(), [Image.new("L", (16, 16), 200)] * 4)}
    file = saved(made([0, 1, 2, 0], **FINE, **second), tmp_path / "a.parquet")
    data = load(file, columns={"path": "second", "label": "fine"})
    assert values(data.train) == [("x", 200)] * 2 + [("y", 200)] * 2


def test_groups(tmp_path, load):
    patients = {"patient": (datasets.Value("string"), ["p", "q", "p", "r"])}
    data = load(saved(made([0, 1, 0, 1], **patients), tmp_path / "a.parquet"), columns={"group": "patient"})
    assert data.groups.tolist() == [0, 1, 0, 2]


NUMBERS = datasets.Value("int64")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"coarse/train-0.parquet": NUMBERS, "fine/train-0.parquet": NUMBERS},
            r"several folders \('coarse', 'fine'\), .*several classes\. Name one folder, as .*coarse,"
            r" or a configuration of its README.md with hf:.*:CONFIG",
        ),
        ({"a/train-0.parquet": NUMBERS, "bb/test-0.parquet": NUMBERS}, r"several folders \('a', 'bb'\)"),
        ({"train-0.parquet": NUMBERS, "more/train-1.parquet": NUMBERS}, r"folders \('\.', 'more'\)"),
        (
            {"coarse_train-0.parquet": NUMBERS, "fine_train-0.parquet": NUMBERS},
            r"the files coarse_train-0\.parquet, fine_train-0\.parquet have different names, .*a part train",
        ),
        (
            {
                "train-0.parquet": datasets.ClassLabel(names=["fruit", "animal"]),
                "train-1.parquet": datasets.ClassLabel(names=["apple", "bear"]),
            },
            r"train-1\.parquet names the classes of column 'label' apple, bear, and .*train-0\.parquet"
            r" fruit, animal",
        ),
        (
            {"train-0.parquet": datasets.ClassLabel(names=["a", "b"]), "train-1.parquet": NUMBERS},
            r"train-1\.parquet names the classes of column 'label' nothing, and .*train-0\.parquet a, b",
        ),
    ],
)
def test_several_sets_are_not_joined(files, message, tmp_path, load):
    for number, (name, feature) in enumerate(files.items()):
        saved(made([0, 1], 10 * number, feature=feature), tmp_path / "set" / name)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "set")


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00002-ab12.parquet", "train-00001-of-00002-cd34.parquet"),
        ("train_a.parquet", "train_b.parquet"),
        ("train/part1/0.parquet", "train/part2/0.parquet"),
        ("train/0000.parquet", "train/0001.parquet"),
    ],
)
def test_shards_of_one_set_are_joined(names, tmp_path, load):
    for number, name in enumerate(names):
        saved(made([0, 1], 10 * number), tmp_path / "set" / name)
    assert values(load(tmp_path / "set").train) == [("cat", 1), ("cat", 11), ("dog", 0), ("dog", 10)]


def test_a_folder_that_datasets_joins_is_checked_too(tmp_path, load):
    """The library takes the classes' names from the first file."""
    for number, names in enumerate((["fruit", "animal"], ["apple", "bear"])):
        feature = datasets.ClassLabel(names=names)
        saved(made([0, 1], feature=feature), tmp_path / "set" / "data" / f"train-{number}.parquet")
    with pytest.raises(DataError, match=r"names the classes of column 'label' apple, bear"):
        load(f"hf:{tmp_path / 'set'}")


def test_folders_of_several_sets_are_not_joined_by_datasets_either(tmp_path, load):
    for number, name in enumerate(("coarse", "fine")):
        saved(made([0, 1], 10 * number, feature=NUMBERS), tmp_path / "set" / name / "train-0.parquet")
    with pytest.raises(DataError, match=r"several folders \('coarse', 'fine'\)"):
        load(f"hf:{tmp_path / 'set'}")
    assert values(load(f"hf:{tmp_path / 'set' / 'fine'}").train) == [("0", 10), ("1", 11)]


TEXT = datasets.Value("string")


def test_usual_columns_are_used(tmp_path, load):
    """A part in a column, and patients that stay together, as of lists."""
    columns = {
        "split": (TEXT, ["train", "test", "train", "val", "train"]),
        "patient_id": (TEXT, list("pqrsp")),
    }
    data = load(saved(made([0, 1, 1, 0, 0], **columns), tmp_path / "a.parquet"))
    assert values(data.train) == [("cat", 2), ("dog", 0), ("dog", 4)]
    assert values(data.test) == [("cat", 1)]
    assert data.report.reading.unused == {"val": {"dog": 1}}
    assert data.report.reading.parts == "column 'split'"
    assert data.groups.tolist() == [0, 2, 0]
    assert "groups from: column 'patient_id'" in data.notes


@pytest.mark.parametrize("told", [True, False])
def test_a_column_of_parts_beside_parts(told, tmp_path, load):
    for number, (part, value) in enumerate((("train", "train"), ("test", "test" if told else "train"))):
        dataset = made([0, 1], 10 * number, split=(TEXT, [value] * 2))
        saved(dataset, tmp_path / "set" / f"{part}-0.parquet")
    data = load(tmp_path / "set")
    assert values(data.test) == [("cat", 11), ("dog", 10)]
    assert any("column 'split' is not used" in warning for warning in data.warnings) is not told
    if not told:
        with pytest.raises(DataError, match=r"data\.columns\.split: column 'split' of .* tells other parts"):
            load(tmp_path / "set", columns={"split": "split"})


def test_a_column_of_parts_with_other_words(tmp_path, load):
    file = saved(made([0, 1], split=(TEXT, ["train", "odd"])), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"column 'split' has odd; expected train, val or test"):
        load(file)
    assert len(load(saved(made([0, 1], split=(TEXT, ["x", "y"])), tmp_path / "b.parquet")).train) == 2


def test_several_labels_are_refused(tmp_path, load):
    file = saved(made(["a", "b", "a|b", "b"], feature=TEXT), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"1 of 4 pictures have several labels \(such as 'a\|b'\)"):
        load(file)


def test_labels_of_more_than_64_bits(tmp_path, load):
    file = saved(made([1e30, 0], feature=datasets.Value("float64")), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"has the label 1.*expected a whole number of at most 64 bits"):
        load(file)


def test_messages_stay_short(tmp_path, load):
    pixels = {f"pixel{number}": (NUMBERS, [0, 1]) for number in range(300)}
    dataset = made([0, 1], **pixels).rename_column("label", "extra").cast_column("extra", NUMBERS)
    with pytest.raises(DataError, match=r"no column of labels: .*'pixel1', .* and 281 more") as error:
        load(saved(dataset, tmp_path / "a.parquet"))
    assert len(str(error.value)) < 800

"""Parquet files of pictures and sets of the hub, through the library ``datasets``."""

from __future__ import annotations

import sys
from pathlib import Path

import datasets
import numpy as np
import pytest
from data_helpers import noise, options, values
from hub_helpers import made, saved
from PIL import Image

from acgan.api import load_data
from acgan.config import RunConfig
from acgan.config import load as load_config
from acgan.data import ReadOptions, data_name, dataset_from_torch, open_raw
from acgan.data.load import find_source
from acgan.data.sources.huggingface import has_image_feature
from acgan.data.sources.shards import SHARD_SOURCES
from acgan.errors import DataError
from acgan.fid import open_side

pytestmark = pytest.mark.usefixtures("offline_hub")


@pytest.fixture
def folder(tmp_path):
    """A set as the hub has it: parquet files below data/, and a README."""
    top = tmp_path / "my set"
    for part, labels, start in (
        ("train", [1, 0, 1, 0], 0),
        ("validation", [0, 0, 1], 50),
        ("test", [1, 0], 100),
    ):
        saved(made(labels, start), top / "data" / f"{part}-00000-of-00001.parquet")
    (top / "README.md").write_text("# Pictures\n")
    return top


TRAIN = [("cat", 0), ("cat", 2), ("dog", 1), ("dog", 3)]
TEST = [("cat", 100), ("dog", 101)]


def test_one_parquet_file(tmp_path, load):
    data = load(saved(made([1, 0, 1, 0]), tmp_path / "train-00000-of-00001.parquet"))
    assert data.train.class_names == ("dog", "cat"), "in the order of the ClassLabel, without bird"
    assert values(data.train) == TRAIN
    reading = data.report.reading
    assert (reading.layout, reading.labels) == ("parquet", "column 'label', a ClassLabel")
    assert reading.why == "a parquet file that holds pictures: column 'image'"


def test_shards_of_a_folder(folder, load, tmp_path):
    saved(made([0, 1], 4), folder / "data" / "train-00001-of-00002.parquet")
    found = SHARD_SOURCES[".parquet"](
        list((folder / "data").iterdir()), ReadOptions(tmp_path), folder
    ).index()
    pictures = [np.asarray(found.reader.read(row))[0, 0] for row in found.rows.tolist()]
    assert pictures == [0, 1, 2, 3, 4, 5, 100, 101]
    assert found.held_out.tolist() == [False] * 6 + [True] * 2
    assert found.reading.unused == {"val": {"dog": 2, "cat": 1}}
    assert found.reader.name(7) == f"{folder} test[1]"


@pytest.mark.parametrize("kind", ["folder", "saved", "saved part"])
def test_sets_of_the_hub(kind, folder, load, tmp_path):
    if kind != "folder":
        loaded = datasets.load_dataset(str(folder))
        folder = tmp_path / "on_disk"
        (loaded if kind == "saved" else loaded["train"]).save_to_disk(folder)
    data = load(f"hf:{folder}")
    assert data.name == ("my_set" if kind == "folder" else "on_disk")
    assert data.train.class_names == ("dog", "cat")
    assert values(data.train) == TRAIN
    assert values(data.test) == ([] if kind == "saved part" else TEST)
    assert data.report.reading.unused == (
        {} if kind == "saved part" else {"validation": {"dog": 2, "cat": 1}}
    )
    assert data.report.reading.layout == "hf"


def test_a_configuration(tmp_path, load):
    top = tmp_path / "two"
    saved(made([0, 1]), top / "a" / "train.parquet")
    saved(made([2, 1], 9), top / "b" / "train.parquet")
    (top / "README.md").write_text(
        "---\nconfigs:\n- config_name: first\n  data_files: a/*.parquet\n- config_name: second\n"
        "  data_files: b/*.parquet\n---\n"
    )
    assert values(load(f"hf:{top}:second").train) == [("bird", 9), ("cat", 10)]
    with pytest.raises(DataError, match=r"hf:.*two cannot be read: Config name is missing.*first.*second"):
        load(f"hf:{top}")


def test_pictures_by_path(write, load):
    """A set of ``datasets`` may hold paths in the place of bytes."""
    top = write({"train/cat/1.png": 1, "train/dog/2.png": 2, "test/dog/3.png": 3})
    data = load(f"hf:{top}")
    assert (values(data.train), values(data.test)) == ([("cat", 1), ("dog", 2)], [("dog", 3)])


def test_parts_without_labels(folder, load):
    """The hub's test parts often have -1 in the place of each label."""
    saved(made([-1, -1], 100), folder / "data" / "test-00000-of-00001.parquet")
    data = load(f"hf:{folder}")
    assert values(data.train) == TRAIN
    assert values(data.test) == [("cat", 52), ("dog", 50), ("dog", 51)]
    assert data.report.reading.unused == {}
    assert [(left.reason, left.count) for left in data.report.reading.left_out] == [
        ("pictures of test, which has no labels", 2)
    ]
    raw = open_raw(f"hf:{folder}", ReadOptions(Path("unused")))
    assert [len(raw.images.rows(split)) for split in ("train", "test", "all")] == [4, 2, 9]


def test_parts_whose_numbers_mean_other_classes(folder, load):
    saved(made([0], feature=datasets.ClassLabel(names=["cat", "dog"])), folder / "data" / "test-0.parquet")
    (folder / "data" / "test-00000-of-00001.parquet").unlink()
    shards = SHARD_SOURCES[".parquet"](list((folder / "data").iterdir()), ReadOptions(Path("unused")), folder)
    with pytest.raises(DataError, match=r"column 'label' names its classes otherwise in .*test.*number"):
        shards.index()


def test_broken_pictures_are_named(tmp_path, load):
    dataset = made([0, 1, 0]).cast_column("image", datasets.Image(decode=False))
    rows = [
        {**row, "image": {"bytes": b"nothing", "path": None}} if not at else row
        for at, row in enumerate(dataset)
    ]
    file = saved(datasets.Dataset.from_list(rows, features=dataset.features), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet\[0\] cannot be decoded: it is empty or not an image"):
        load(file)
    data = load(file, on_error="skip")
    assert len(data.train) == 2


def test_parquet_that_is_none(tmp_path, load):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"a\.parquet cannot be read: .*copy it anew"):
        load(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"image": datasets.Image()}, True),
        ({"sound": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}}, False),
        ({"file": datasets.Value("string"), "label": datasets.Value("int64")}, False),
    ],
)
def test_pictures_are_told_from_their_names(features, expected, tmp_path):
    empty = datasets.Dataset.from_dict({name: [] for name in features}, features=datasets.Features(features))
    assert has_image_feature(saved(empty, tmp_path / "a.parquet")) == expected


def test_pictures_written_by_other_programs(tmp_path, load):
    """Without the library's own remark on the types; numbers are then classes by themselves."""
    from pyarrow import parquet

    file = saved(made([1, 0]), tmp_path / "a.parquet")
    parquet.write_table(parquet.read_table(file).replace_schema_metadata(None), file)
    assert values(load(file).train) == [("0", 1), ("1", 0)]


def test_pictures_as_plain_bytes(tmp_path, load):
    """A column of bytes, as pandas writes it, without the name of a file."""
    import pyarrow
    from pyarrow import parquet

    file = saved(made([1, 0]), tmp_path / "a.parquet")
    table = parquet.read_table(file).replace_schema_metadata(None)
    content = [picture["bytes"] for picture in table["image"].to_pylist()]
    plain = pyarrow.table({"image": pyarrow.array(content, pyarrow.binary()), "label": table["label"]})
    parquet.write_table(plain, file)
    assert values(load(file).train) == [("0", 1), ("1", 0)]
    parquet.write_table(plain.rename_columns(["digest", "label"]), file)
    assert not has_image_feature(file)


def test_identity_changes_with_the_files(folder):
    def identities():
        return {
            find_source(given, ReadOptions(Path("unused"))).identity()
            for given in (f"hf:{folder}", str(file))
        }

    file = folder / "data" / "train-00000-of-00001.parquet"
    before = identities()
    assert identities() == before
    assert len(before) == 2
    saved(made([0, 1, 2]), file)
    assert not identities() & before


@pytest.mark.parametrize(
    ("given", "name"),
    [("hf:org/flowers", "flowers"), ("hf:mnist", "mnist"), ("hf:org/flowers:big", "flowers-big")],
)
def test_names(given, name):
    assert data_name(given) == name


def test_a_set_that_is_not_there(load):
    with pytest.raises(
        DataError, match=r"hf:org/none cannot be read: .*\. Check the name and the connection"
    ) as error:
        load("hf:org/none")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("given", ["hf:org/flowers", "a.parquet"])
def test_the_message_without_the_library(given, tmp_path, load, monkeypatch):
    file = saved(made([0, 1]), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"needs the package datasets, .*: pip install .*'acgan\[hf\]'"):
        load(given if given.startswith("hf:") else file)


def test_bars_of_the_library_are_hidden_and_come_back(tmp_path, load, capfd):
    file = saved(made([0, 1]), tmp_path / "a.parquet")
    capfd.readouterr()
    datasets.enable_progress_bars()
    load(file)
    assert capfd.readouterr().err == ""
    assert not datasets.are_progress_bars_disabled()


def test_a_comparison_takes_it(folder):
    assert len(open_side(f"hf:{folder}")) == 9


def test_a_dataset_that_is_handed_over(folder):
    loaded = datasets.load_dataset(str(folder))
    data = dataset_from_torch(loaded["train"], "mine", options(Path("unused")))
    assert data.train.class_names == ("dog", "cat")
    assert values(data.train) == TRAIN
    with pytest.raises(
        DataError, match=r"mine is a DatasetDict of train, validation, test; expected one of them"
    ):
        dataset_from_torch(loaded, "mine", options(Path("unused")))


def test_training_takes_a_dataset(tmp_path):
    draws = noise((12, 16, 16))
    dataset = datasets.Dataset.from_dict(
        {"img": [Image.fromarray(pixels) for pixels in draws], "label": [row % 2 for row in range(12)]},
        features=datasets.Features(
            {"img": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])}
        ),
    )
    config = load_config(RunConfig, None, ["data.test_share=0"])
    loaded = load_data(config, dataset)
    assert loaded.train.class_names == ("no", "yes")
    assert (loaded.train.images[:, 0] == draws).all()

"""Shards of a WebDataset: samples, labels, parts, and damaged tars."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import webdataset
from data_helpers import picture, values

from acgan.data import ReadOptions, open_raw
from acgan.data.load import find_source
from acgan.data.sources.shards import SHARD_SOURCES
from acgan.data.sources.tar_samples import read_shard
from acgan.errors import DataError


def encoded(value):
    """A plain gray picture, as the bytes of a .png."""
    buffer = io.BytesIO()
    picture(value).save(buffer, "png")
    return buffer.getvalue()


def tar(path, files):
    """A tar of files: pictures from their gray value, others from text or bytes; a name may come twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files:
            data = encoded(content) if isinstance(content, int) else content
            member = tarfile.TarInfo(name)
            data = data.encode() if isinstance(data, str) else data
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def samples(labels, start=0, ending="cls"):
    """Files of samples: pictures of values from ``start`` on, each with its label."""
    for number, label in enumerate(labels, start):
        yield f"{number:06}.png", number
        if label is not None:
            yield f"{number:06}.{ending}", json.dumps(label) if ending == "json" else str(label)


@pytest.fixture
def shard(tmp_path):
    return lambda files: tar(tmp_path / "pictures.tar", files)


@pytest.mark.parametrize(
    ("labels", "ending", "expected", "source"),
    [
        ([10, 9, 10], "cls", [("10", 0), ("10", 2), ("9", 1)], "the .cls files"),
        (["0", "0.0", "01"], "cls", [("0", 0), ("0", 1), ("1", 2)], "the .cls files"),
        (["dog", "cat\n", "dog"], "cls", [("cat", 1), ("dog", 0), ("dog", 2)], "the .cls files"),
        (["1", "cat", "e\u0301"], "cls", [("1", 0), ("cat", 1), ("\u00e9", 2)], "the .cls files"),
        (
            [{"label": "a", "width": 4}, {"label": "b"}],
            "json",
            [("a", 0), ("b", 1)],
            "the field 'label' of the",
        ),
        ([{"category": 3}, {"category": 3.0}], "json", [("3", 0), ("3", 1)], "the field 'category' of the"),
        (
            [{"label": 1, "label_name": "x"}, {"label": 0, "label_name": "y"}],
            "json",
            [("x", 0), ("y", 1)],
            "the field 'label_name'",
        ),
    ],
)
def test_labels(shard, load, labels, ending, expected, source):
    data = load(shard(samples(labels, ending=ending)))
    assert values(data.train) == expected
    assert data.report.reading.layout == "webdataset"
    assert data.report.reading.labels.startswith(source)
    assert data.name == "pictures"


def test_numbers_keep_their_order(shard, load):
    assert load(shard(samples([10, 9, 2]))).train.class_names == ("2", "9", "10")


def test_names_of_classes(shard, load, tmp_path):
    (tmp_path / "classnames.txt").write_text("zebra\nant\nbee\n")
    data = load(shard(samples([2, 0, 2])))
    assert data.train.class_names == ("zebra", "bee")
    assert values(data.train) == [("bee", 0), ("bee", 2), ("zebra", 1)]
    assert data.report.reading.labels == "the .cls files, named by classnames.txt"
    with pytest.raises(DataError, match=r"labels from 0 to 3 and 3 class names; expected labels from 0 to 2"):
        load(shard(samples([3, 0])))


def test_columns_choose(shard, load):
    files = [("1.left.png", 1), ("1.right.png", 11), ("1.cls", "0"), ("1.json", '{"kind": "a", "id": 4}')]
    data = load(shard(files), columns={"path": "right.png", "label": "kind"})
    assert values(data.train) == [("a", 11)]
    with pytest.raises(
        DataError, match=r"1 has several pictures: left\.png, right\.png\. Choose one by its ending"
    ):
        load(shard(files))
    with pytest.raises(DataError, match=r"no picture with the ending 'png'; it has left\.png, right\.png"):
        load(shard(files), columns={"path": "png"})
    with pytest.raises(
        DataError, match=r"no \.json with a field 'kid'; fields: kind, id\. Did you mean 'kind'"
    ):
        load(shard(files), columns={"path": "left.png", "label": "kid"})


@pytest.mark.parametrize(
    "names", ["{part}-{number:06}.tar", "set_{part}_{number}.tar", "{part}/{number:04}.tar"]
)
@pytest.mark.parametrize("test_labels", [True, False])
def test_parts(names, test_labels, tmp_path):
    top = tmp_path / "shards"
    for part, labels, start in (
        ("train", [0, 1], 0),
        ("train", [1], 10),
        ("val", [0, 1], 50),
        ("test", [1, 1], 100),
    ):
        given = labels if test_labels or part != "test" else [None] * len(labels)
        tar(top / names.format(part=part, number=start), samples(given, start))
    shards = SHARD_SOURCES[".tar"](list(top.rglob("*.tar")), ReadOptions(tmp_path), top)
    found = shards.index()
    pictures = [int(np.asarray(found.reader.read(row))[0, 0]) for row in found.rows]
    assert pictures == [0, 1, 10, *([100, 101] if test_labels else [50, 51])]
    assert found.held_out.tolist() == [False] * 3 + [True] * 2
    assert found.labels.tolist() == [0, 1, 1, *([1, 1] if test_labels else [0, 1])]
    assert found.reading.unused == ({"val": {"0": 1, "1": 1}} if test_labels else {})
    everything = shards.unlabelled()
    assert [len(everything.rows(split)) for split in ("train", "test", "all")] == [3, 2, 7]


def test_samples_are_those_of_the_library(tmp_path):
    files = [
        ("./a/01.png", 1),
        ("./a/01.cls", "0"),
        ("b.c/02.seg.png", 2),
        ("b.c/02.JSON", "{}"),
        ("noending", "x"),
        (".hidden", "x"),
        ("._03.png", "x"),
        ("03.png", 3),
        ("03.txt", "words"),
        ("b.c/04.png", 4),
    ]
    path = tar(tmp_path / "a.tar", files)
    expected = [
        (sample["__key__"], {ending for ending in sample if not ending.startswith("__")} - {"txt"})
        for sample in webdataset.WebDataset(str(path), shardshuffle=False)
    ]
    found = read_shard(path)
    assert [(one.key, {*one.pictures, *one.texts}) for one in found] == expected
    assert [one.key for one in found] == ["./a/01", "b.c/02", "03", "b.c/04"]


def test_shards_that_the_library_writes(tmp_path, load):
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        for number in range(3):
            writer.write({"__key__": f"{number:03}", "png": picture(number), "cls": number % 2})
    assert values(load(tmp_path / "a.tar").train) == [("0", 0), ("0", 2), ("1", 1)]


def test_what_has_no_picture_or_label(shard, load):
    data = load(shard([*samples([0, None, 1]), ("9.cls", "1"), ("8.json", "{}")]))
    assert len(data.train) == 2
    told = {left.reason: left.count for left in data.report.reading.left_out}
    assert told == {"samples without a picture": 2, "pictures without a label": 1}
    assert any("1 of 3 pictures without a label left out" in warning for warning in data.warnings)


def test_minus_one_is_told(shard, load):
    assert any("without a label: '-1'" in warning for warning in load(shard(samples([0, -1]))).warnings)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            [("1.txt", "words")],
            r"pictures\.tar holds no pictures; expected samples such as 0001\.jpg with 0001\.cls",
        ),
        ([], r"holds no pictures"),
        (
            [("1.png", 1), ("1.txt", "cat")],
            r"has no labels; expected a \.cls file beside each picture, or a \.json",
        ),
        (
            [("1.png", 1), ("1.json", '{"caption": "x", "url": "y"}')],
            r"The \.json files have caption, url\. Choose a",
        ),
        ([("1.png", 1), ("1.json", "{")], r"pictures\.tar!/1\.json is no JSON"),
        ([("1.png", 1), ("1.json", "[1]")], r"1\.json holds a list; expected an object"),
        ([("1.png", 1), ("1.cls", b"\xff")], r"1\.cls cannot be read as UTF-8"),
        ([("1.png", 1), ("1.png", 2), ("1.cls", "0")], r"pictures\.tar has 1\.png twice"),
        (
            [("1.png", b"none"), ("1.cls", "0")],
            r"pictures\.tar!/1\.png cannot be decoded: it is empty or not",
        ),
    ],
)
def test_what_is_refused(files, message, shard, load):
    with pytest.raises(DataError, match=message):
        load(shard(files))


def test_lists_in_the_place_of_a_label(shard, load):
    file = shard(samples([{"tags": ["a", "b"]}], ending="json"))
    with pytest.raises(
        DataError, match=r'000000\.json has tags \["a", "b"\]; expected a whole number or the name'
    ):
        load(file, columns={"label": "tags"})


def test_a_tar_cut_anywhere_is_an_error(shard, load):
    file = shard(samples([0, 1, 0]))
    content = file.read_bytes()
    end = len(content.rstrip(b"\0")) // 512 * 512 + 512
    cuts = [0, 1, 300, 511, *range(512, end, 256), end, end + 511]
    for cut in cuts:
        file.write_bytes(content[:cut])
        with pytest.raises(
            DataError, match=r"pictures\.tar (cannot be read as a tar|is cut off or damaged)"
        ) as error:
            load(file)
        assert "\n" not in str(error.value)


def test_a_damaged_header_is_an_error(shard, load):
    file = shard(samples([0, 1, 0]))
    content = file.read_bytes()
    for name in (b"000000.png", b"000001.cls"):
        at = content.index(name)
        file.write_bytes(content[:at] + b"?" + content[at + 1 :])
        with pytest.raises(DataError, match=r"cannot be read as a tar|is cut off or damaged at byte"):
            load(file)


def test_joined_tars_are_refused(shard, load, tmp_path):
    other = tar(tmp_path / "other.tar", samples([1], 5)).read_bytes()
    file = shard(samples([0]))
    file.write_bytes(file.read_bytes() + other)
    with pytest.raises(DataError, match=r"goes on after its end at byte .*, as joined tars do"):
        load(file)


def test_compressed_tars_are_refused(tmp_path, load):
    with tarfile.open(tmp_path / "a.tar", "w:gz"):
        pass
    with pytest.raises(DataError, match=r"a\.tar cannot be read as a tar"):
        load(tmp_path / "a.tar")


def test_identity_changes_with_shards_and_names(shard, tmp_path):
    def identity():
        return find_source(str(file), ReadOptions(Path("unused"))).identity()

    file = shard(samples([0, 1]))
    before = identity()
    assert identity() == before
    (tmp_path / "classes.txt").write_text("a\nb\n")
    named = identity()
    shard(samples([0, 1, 1]))
    assert len({before, named, identity()}) == 3


def test_many_threads_read_the_right_pictures(shard, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    raw = open_raw(str(shard(samples([0] * 200))), ReadOptions(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda row: int(np.asarray(raw.images.reader.read(row))[0, 0]), range(200)))
    assert pictures == list(range(200))


@pytest.mark.parametrize("names", [("pets/0.tar", "cars/0.tar"), ("pets.tar", "cars.tar")])
def test_two_sets_are_not_joined(names, tmp_path, load):
    for name in names:
        tar(tmp_path / "sets" / name, samples([0, 1]))
    with pytest.raises(DataError, match=r"may be several sets, and one label would stand for several"):
        load(tmp_path / "sets")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (samples(["9" * 23, 0]), r"has the label 9{23}; expected a whole number of at most 64 bits"),
        (samples(["0 3", 0, 3]), r"1 of 3 pictures have several labels \(such as '0 3'\)"),
        (samples(["[1, 2]", 0]), r"1 of 2 pictures have several labels"),
        (samples(["cat|dog", "cat"]), r"1 of 2 pictures have several labels \(such as 'cat\|dog'\)"),
        (
            samples([{"label": ["a", "b"]}, {"label": "a"}], ending="json"),
            r'1 of 2 pictures have several labels \(such as \["a", "b"\]\)',
        ),
        (
            [("img.001.png", 1), ("img.001.cls", "0"), ("img.002.png", 2), ("img.002.cls", "1")],
            r"cuts a name at its first dot, so img\.001\.cls is no \.cls",
        ),
        (
            [("cat/1.png", 1), ("cat/2.png", 2), ("dog/1.png", 3)],
            r"pictures lie in folders \(.*cat/1\).*Unpack it, and give the folder",
        ),
        (
            samples([{f"field{number}": 1 for number in range(300)}], ending="json"),
            r"field18, field19 and 280 more\. Choose",
        ),
    ],
)
def test_the_message_tells_what_is_wrong_with_labels(files, message, shard, load):
    with pytest.raises(DataError, match=message) as error:
        load(shard(files))
    assert len(str(error.value)) < 800


@pytest.mark.parametrize("ending", ["json", "cls"])
@pytest.mark.parametrize("columns", [{}, {"group": "patient_id"}])
def test_groups_of_the_json_files(ending, columns, shard, load):
    files = []
    for number, patient in enumerate("pqp"):
        record = {"patient_id": patient, **({"label": "a"} if ending == "json" else {})}
        files += [(f"{number}.png", number), (f"{number}.json", json.dumps(record))]
        files += [(f"{number}.cls", "0")] * (ending == "cls")
    data = load(shard(files), columns=columns)
    assert data.groups.tolist() == [0, 1, 0]
    assert "groups from: the field 'patient_id' of the .json files" in data.notes
    with pytest.raises(DataError, match=r"data\.columns\.group: .* has no column 'x'"):
        load(shard(files), columns={"group": "x"})


def test_parts_of_the_json_files_are_told(shard, load):
    parts = ["train", "test", "train"]
    data = load(shard(samples([{"label": "a", "split": part} for part in parts], ending="json")))
    assert any("field 'split' of the .json files tells parts and is not used" in one for one in data.warnings)
    data = load(shard(samples([{"label": "a", "split": "left"}] * 3, ending="json")))
    assert not any("'split'" in one for one in data.warnings)

"""Lists and manifests, which tell the classes, parts and groups of pictures: CSV files, and JSON beside samples."""

import json

import pytest
from data_helpers import values, zip_folder

from acgan.errors import DataError
from acgan.sealed import sealed_json


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
        (
            "path,lable\na.png,k\n",
            r"list\.csv line 1 has the columns 'path', 'lable': no column has a usual name of a label",
        ),
        ("", r"line 1 has the columns \(none\): none has a usual name of the pictures' column"),
        ("path,label,path\na.png,k,a.png\n", r"line 1 names the column 'path' twice"),
        ("path,label\n", r"lists no images"),
        ("path,label\na.png,k\nmissing.png,k\n", r"1 of 2 rows name no picture.*line 3: 'missing\.png'"),
        (f"path,label\na.png,k\n{'x' * 300}.png,k\n", r"line 3: 'xxx"),
        ("path,label\na.png\n", r"line 2 has 1 fields, and the header has 2"),
        ("path,label\na.png,k,more\n", r"line 2 has 3 fields.*a field with a comma in it needs quotes"),
        ("path,label,split\na.png,k,train\na.png,k,extra\n", r"line 3 has the split 'extra'; expected train"),
        ("path,label\na.png, \n", r"lists no images with a label"),
        (
            f'path,label\na.png,"{"x" * 2_000_000}\n',
            r"line \d+ cannot be read: a field is longer than 1,048,576",
        ),
        ('path,label\n"a.png" ,k\n', r"line 2 cannot be read: a quote is out of place"),
        ('path,label\na.png,"k\n', r"line \d cannot be read: a quote is out of place"),
    ],
)
def test_csv_errors_name_the_line_and_the_remedy(write, load, text, message):
    with pytest.raises(DataError, match=message):
        load(csv_file(write({"a.png": 1}), text))


def test_long_fields_of_other_columns_are_read(write, load):
    data = load(csv_file(write({"a.png": 1}), f"path,label,remark\na.png,k,{'x' * 200_000}\n"))
    assert values(data.train) == [("k", 1)]


def test_rows_without_a_picture_are_passed_over_if_asked(write, load):
    file = csv_file(write({"a.png": 1}), "path,label\na.png,k\nmissing.png,k\n")
    data = load(file, on_error="skip")
    assert values(data.train) == [("k", 1)]
    assert any("they are left out" in warning for warning in data.warnings)


def test_pictures_of_a_list_in_another_folder(write, load):
    pictures = write({"deep/a.png": 1}, folder="pictures")
    data = load(csv_file(write({"note.txt": b""}), "path,label\na,k\n"), root=pictures)
    assert values(data.train) == [("k", 1)]


def test_csv_in_another_encoding(write, load):
    with pytest.raises(DataError, match="cannot be read as CSV in UTF-8"):
        load(csv_file(write({"a.png": 1}), "path,label\na.png,kätzchen\n", "latin-1"))


def test_groups_of_folders_and_columns_stay_on_one_side(write, load):
    files = {
        f"{name}/{patient}/{n}.png": 10 * patient + n
        for name in ("a", "b")
        for patient in range(8)
        for n in (0, 1)
    }
    folder = write({name: value + 100 * (name[0] == "b") for name, value in files.items()})
    rows = [f"{name},{name[0]},P{name[:3]}" for name in files]
    file = csv_file(folder, "\n".join(["path,label,patient_id", *rows]))
    sources = (
        (folder, {"group": "folder", "layout": "classes"}),
        (folder, {"group": r"\w/\d", "layout": "classes"}),
        (file, {}),
    )
    for source, how in sources:
        data = load(source, test_share=0.25, **how)
        patients = [
            {name[0] + str(value // 10) for name, value in values(part)} for part in (data.train, data.test)
        ]
        assert not patients[0] & patients[1]
        assert len(data.test) == 8
        assert any("16 groups, each kept together" in note for note in data.notes)


def manifest(folders):
    return json.dumps(sealed_json({"folders": folders, "format": "png"}))


def test_folders_of_samples_have_the_classes_of_their_manifest(write, load):
    told = manifest({"big _b_": "big <b>", "dogs": "dogs", "nul": 3} | {"nul": "_nul"})
    for folder in ("", "wrapper/"):
        source = write(
            {f"{folder}big _b_/a.png": 10, f"{folder}big <b>/a.png": 20, f"{folder}dogs/a.png": 30},
            folder=f"set{len(folder)}",
        )
        (source / folder / "sampler.json").write_text(told)
        for one in (source, zip_folder(source)):
            data = load(one)
            assert values(data.train) == [("big <b>", 10), ("big <b>", 20), ("dogs", 30)]
            (note,) = [note for note in data.notes if "sampler.json" in note]
            assert note == f"the folder {folder}big _b_ is of the class big <b>, as its sampler.json says"
            assert not [note for note in data.notes if "without a single image" in note]


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        ("no JSON", False),
        ("[]", False),
        ("{}", False),
        (json.dumps({"folders": {"a _": 3}}), False),
        (json.dumps({"folders": ["a _"]}), False),
        (manifest({"a _": "a <"}).replace("a <", "b <"), True),
    ],
)
def test_a_manifest_that_is_damaged_or_another_names_nothing(write, load, content, warned):
    source = write({"a _/a.png": 10, "b/a.png": 20})
    (source / "sampler.json").write_text(content)
    data = load(source)
    assert values(data.train) == [("a _", 10), ("b", 20)]
    assert any("The classes have the names of their folders" in one for one in data.warnings) == warned

"""Layouts that people have, each as a small tree with the right reading: a new one joins as one more ``Case``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Case:
    """A tree and its reading.

    Attributes:
        files: Paths; an image for each that ends in an image's ending, else a text.
        classes: Class name -> (training images, held-out images) of the right reading.
        error: Pattern of the error, for trees that are doubtful or hold nothing.
        warns: Pattern of a warning.
        notes: Pattern of a note.
        data: What is given as --data, below the folder; "" is the folder itself.
        options: Keys of the data section that are set.
        zipped: Try it as a zip too.
    """

    name: str
    files: Mapping[str, Any]
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    error: str = ""
    warns: str = ""
    notes: str = ""
    data: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    zipped: bool = True


def pictures(folder: str, count: int = 2, ending: str = ".png") -> dict[str, None]:
    """Paths of images in a folder."""
    prefix = f"{folder}/" if folder else ""
    stem = folder.rpartition("/")[2] or "p"
    return {f"{prefix}{stem}_{number}{ending}": None for number in range(count)}


def tree(*folders: str, count: int = 2, **files: Any) -> dict[str, Any]:
    """Images in each of some folders."""
    return {path: value for folder in folders for path, value in pictures(folder, count).items()} | files


def csv(header: str, rows: Iterable[str]) -> str:
    """A CSV file."""
    return "\n".join([header, *rows, ""])


def jsonl(records: Iterable[Mapping[str, Any]]) -> str:
    """A file of JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def make(case: Case, folder: Path) -> Path:
    """Write a case's tree; no picture is like another one, or of one colour."""
    for number, (name, content) in enumerate(case.files.items()):
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        else:
            path.write_text(content, encoding="utf-8")
    return folder


CAT_DOG = {"cat": (2, 0), "dog": (2, 0)}
PARTS = {"cat": (2, 2), "dog": (2, 2)}
FLAT = pictures("images", 4)
NAMES = [path.rpartition("/")[2] for path in FLAT]
RUN = {
    "config.yaml": "seed: 0\n",
    "stats.jsonl": "",
    "generator.safetensors": "x",
    "samples/000001.png": None,
}

CASES = [
    # One folder per class.
    Case("class folders", tree("cat", "dog"), CAT_DOG),
    Case(
        "upper-case endings and depth",
        {"cat/A.PNG": None, "cat/x/b.JPG": None, "dog/c.Jpeg": None},
        {"cat": (2, 0), "dog": (1, 0)},
        warns="cat/x .1 picture.*data.layout=leaves",
    ),
    Case("one wrapper", tree("pets/cat", "pets/dog"), CAT_DOG),
    Case("three wrappers", tree("a/b/c/cat", "a/b/c/dog"), CAT_DOG),
    Case("a wrapper with a note beside", tree("pets/cat", "pets/dog") | {"README.md": "hello"}, CAT_DOG),
    Case("wrapped twice by one name", tree("pets/pets/cat", "pets/pets/dog"), CAT_DOG),
    Case("a wrapper named images", tree("images/cat", "images/dog"), CAT_DOG),
    Case("numbers of classes", tree("0", "1", "10"), {"0": (2, 0), "1": (2, 0), "10": (2, 0)}),
    Case("synsets", tree("n01440764", "n01443537"), {"n01440764": (2, 0), "n01443537": (2, 0)}),
    Case(
        "tiny ImageNet's folders",
        tree("train/n01/images", "train/n02/images"),
        {"n01": (2, 0), "n02": (2, 0)},
    ),
    Case("a train among buses", tree("train", "bus", "car"), {"bus": (2, 0), "car": (2, 0), "train": (2, 0)}),
    Case("empty class", tree("cat", "dog") | {"fox/": None}, CAT_DOG, notes="without a single image: fox"),
    Case("loose pictures", tree("cat", "dog") | {"stray.png": None}, CAT_DOG),
    Case(
        "old pictures below a class",
        tree("cat", "dog", "cat/old"),
        {"cat": (4, 0), "dog": (2, 0)},
        warns="1 sub-folder is read as part of the class above: cat/old .2 pictures.",
    ),
    Case("classes of other alphabets", tree("köter", "猫"), {"köter": (2, 0), "猫": (2, 0)}),
    Case("blanks in names", tree("big cat", "small dog"), {"big cat": (2, 0), "small dog": (2, 0)}),
    # Parts, then classes.
    Case("train and test", tree("train/cat", "train/dog", "test/cat", "test/dog"), PARTS),
    Case(
        "Roboflow",
        tree("train/cat", "train/dog", "valid/cat", "valid/dog", "test/cat", "test/dog")
        | {"README.roboflow.txt": "x", "README.dataset.txt": "x"},
        PARTS,
        notes="unused: val, 4 images",
    ),
    Case(
        "Training and Validation",
        tree("Training/cat", "Training/dog", "Validation/cat", "Validation/dog"),
        PARTS,
    ),
    Case("TRAIN and DEV", tree("TRAIN/cat", "TRAIN/dog", "DEV/cat", "DEV/dog"), PARTS),
    Case("train and eval", tree("train/cat", "train/dog", "eval/cat", "eval/dog"), PARTS),
    Case(
        "Intel's seg_train",
        tree(
            "seg_train/seg_train/cat",
            "seg_train/seg_train/dog",
            "seg_test/seg_test/cat",
            "seg_test/seg_test/dog",
            "seg_pred/seg_pred",
        ),
        PARTS,
    ),
    Case(
        "train_images and test_images",
        tree("train_images/cat", "train_images/dog", "test_images/cat", "test_images/dog"),
        PARTS,
    ),
    Case(
        "train2017 and val2017", tree("train2017/cat", "train2017/dog", "val2017/cat", "val2017/dog"), PARTS
    ),
    Case(
        "chest X-rays, wrapped",
        tree(
            *(
                f"chest_xray/{part}/{name}"
                for part in ("train", "val", "test")
                for name in ("NORMAL", "PNEUMONIA")
            )
        ),
        {"NORMAL": (2, 2), "PNEUMONIA": (2, 2)},
    ),
    Case("train alone", tree("train/cat", "train/dog"), CAT_DOG),
    Case(
        "a flat test part",
        tree("train/cat", "train/dog", "test"),
        CAT_DOG,
        notes="test/ has no class folders",
    ),
    Case(
        "a flat test part and a labelled val",
        tree("train/cat", "train/dog", "val/cat", "val/dog", "test"),
        PARTS,
    ),
    Case("a test part in one folder of its own", tree("train/cat", "train/dog", "test/test1"), CAT_DOG),
    Case(
        "a test part of one class", tree("train/cat", "train/dog", "test/dog"), {"cat": (2, 0), "dog": (2, 2)}
    ),
    Case(
        "a test part of one class in several folders",
        tree("train/cat", "train/dog", "test/cat/old", "test/cat/new"),
        error="data.layout=splits: 2 classes .cat, dog.* but cat holds several folders",
    ),
    Case(
        "an empty test part", tree("train/cat", "train/dog") | {"test/cat/": None, "test/dog/": None}, CAT_DOG
    ),
    Case("parts of one class", tree("train/cat", "test/cat"), {"cat": (2, 2)}),
    # Doubt.
    Case(
        "parts beside a class",
        tree("train", "test", "bus"),
        error="data.layout=classes.*test and train are named like parts",
    ),
    Case("parts that hold pictures", tree("train", "test"), error="named like parts of a set"),
    Case(
        "a part beside a wrapper",
        tree("train/cat", "train/dog", "pets/cat", "pets/dog"),
        error="data.layout=splits.*pets lies beside them.*data.layout=classes",
    ),
    Case(
        "two training parts",
        tree("train/cat", "training/cat", "train/dog", "training/dog"),
        error="train and training both stand for train",
    ),
    Case(
        "classes named like parts",
        tree("train_station", "train_station/old", "test_tube"),
        error="named like parts of a set",
    ),
    Case(
        "classes in folders, named like parts",
        tree("train_station/old", "train_station/new", "test_tube"),
        error="the parts are not named alike: test_tube and train_station",
    ),
    Case(
        "no training part",
        tree("test/cat", "test/dog", "val/cat", "val/dog"),
        error="test and val are named like parts",
    ),
    Case(
        "StyleGAN's chunks without labels",
        tree("00000", "00001"),
        error="00000 and 00001 look like numbered chunks",
    ),
    Case("numbered image folders", tree("images_001", "images_002"), error="look like numbered chunks"),
    Case("numbered parts", tree("set_part_1", "set_part_2"), error="look like numbered chunks"),
    Case("folds", tree("fold1", "fold2", "fold3"), error="look like numbered chunks"),
    Case("years", tree("2019", "2020"), error="look like numbered chunks"),
    Case("days", tree("2020-05-01", "2020-05-02"), error="look like numbered chunks"),
    Case("images and masks", tree("images", "masks"), error="images and masks are no usual name of a class"),
    Case(
        "YOLO",
        tree("train/images", "valid/images") | {"train/labels/a.txt": "0 1", "data.yaml": "x"},
        error="named like parts",
    ),
    Case("one folder of pictures", tree("pets"), error="all pictures lie in one folder, pets"),
    Case(
        "pictures that cannot be read",
        {"cat/a.dcm": "x", "dog/b.dcm": "x"},
        error="2 files end in .dcm: convert to PNG",
    ),
    Case(
        "a class that cannot be read",
        tree("cat", "dog") | {"fox/a.dcm": "x"},
        error="all pictures of fox have an ending that cannot be read here: 1 file ends in .dcm",
    ),
    Case(
        "columns without a list",
        tree("cat", "dog"),
        error="data.columns: .* has no list",
        options={"columns": {"label": "x"}},
    ),
    Case(
        "a list that is no folders",
        FLAT | {"l.csv": "path,label\n"},
        error="data.layout: found 'classes', which says nothing about .*l.csv",
        data="l.csv",
        options={"layout": "classes"},
        zipped=False,
    ),
    Case("no folders", tree(""), error="holds 2 images but no folder of a class and no list"),
    Case("wrapped without folders", tree("a/b"), error="all pictures lie in one folder, b"),
    Case(
        "domains over classes",
        tree("art/cat", "art/dog", "photo/cat", "photo/dog"),
        error="art and photo hold several folders each, with equal names such as cat, dog",
    ),
    Case(
        "kinds over classes",
        tree("pets/cat", "pets/dog", "wild/fox", "wild/elk"),
        error="data.layout=classes.*pets and wild hold several.*data.layout=leaves: 4 classes",
    ),
    Case(
        "mostly loose pictures",
        tree("", count=9) | tree("cat", "dog"),
        error="9 of 13 pictures lie in no folder",
    ),
    Case("nothing", {"notes.txt": "x"}, error="holds no images"),
    Case(
        "empty folders", {"cat/": None, "dog/": None}, error="holds no images; expected one folder per class"
    ),
    # The key that chooses.
    Case(
        "classes by the key",
        tree("train", "test", "bus"),
        {"bus": (2, 0), "test": (2, 0), "train": (2, 0)},
        options={"layout": "classes"},
    ),
    Case(
        "chunks are classes by the key",
        tree("00000", "00001"),
        {"00000": (2, 0), "00001": (2, 0)},
        options={"layout": "classes"},
    ),
    Case(
        "parts by the key", tree("train/cat", "train/dog", "pets/cat"), CAT_DOG, options={"layout": "splits"}
    ),
    Case(
        "leaves by the key",
        tree("pets/cat", "pets/dog", "wild/fox"),
        {**CAT_DOG, "fox": (2, 0)},
        options={"layout": "leaves"},
    ),
    Case(
        "leaves below parts",
        tree("train/pets/cat", "train/wild/dog", "test/pets/cat"),
        {"cat": (2, 2), "dog": (2, 0)},
        options={"layout": "leaves"},
    ),
    Case(
        "no such parts",
        tree("cat", "dog"),
        error="data.layout=splits: .* has no such folders",
        options={"layout": "splits"},
    ),
    Case(
        "no such list",
        tree("cat", "dog"),
        error="data.layout=list: .* has no list",
        options={"layout": "list"},
    ),
    # What is no class.
    Case(
        "files of systems",
        tree(
            "cat",
            "dog",
            "__MACOSX/cat",
            "@eaDir",
            "$RECYCLE.BIN",
            "lost+found",
            "System Volume Information",
            "__pycache__",
            ".ipynb_checkpoints",
            ".git",
        )
        | {"Thumbs.db": "x", ".DS_Store": "x", "desktop.ini": "x"},
        CAT_DOG,
    ),
    Case(
        "runs in the data",
        tree("cat", "dog") | {f"runs/folder-pets/{path}": value for path, value in RUN.items()},
        CAT_DOG,
    ),
    Case(
        "a run among the classes",
        tree("cat", "dog") | {f"first-try/{path}": value for path, value in RUN.items()},
        CAT_DOG,
    ),
    Case("a run that begins", tree("cat", "dog") | {"runs/folder-pets/.lock": ""}, CAT_DOG),
    Case("documents beside", tree("cat", "dog") | {"docs/a.txt": "x", "LICENSE": "x"}, CAT_DOG),
    # Labels that are none, or alike.
    Case(
        "labels that stand for none",
        tree("cat", "nan", "-1"),
        {"-1": (2, 0), "cat": (2, 0), "nan": (2, 0)},
        warns="'-1', 'nan'",
    ),
    Case(
        "labels that differ by case",
        tree("Cat", "cat", "dog"),
        {"Cat": (2, 0), "cat": (2, 0), "dog": (2, 0)},
        warns="'Cat' and 'cat'",
    ),
    Case(
        "labels that differ by blanks",
        tree("big cat", "big_cat"),
        {"big cat": (2, 0), "big_cat": (2, 0)},
        warns="'big cat' and 'big_cat'",
    ),
    Case(
        "labels that differ by composition",
        tree("caf\u00e9", "cafe\u0301", "bar"),
        {"bar": (2, 0), "caf\u00e9": (4, 0)},
        warns="composition of letters",
    ),
    # Sets within a set.
    Case(
        "a set in itself",
        tree("yes", "no", "brain_tumor_dataset/yes", "brain_tumor_dataset/no"),
        error="brain_tumor_dataset holds folders with the names of others, such as no, yes: move it away",
    ),
    Case(
        "some classes once more",
        tree("cat", "dog", "fox", "extra/cat", "extra/dog"),
        error="extra holds folders with the names of others.*data.layout=leaves: 3 classes",
    ),
    Case(
        "a set in itself, by parts",
        tree("train/cat", "train/dog", "train/drawn/Cat", "train/drawn/dog"),
        error="drawn holds folders with the names of others",
    ),
    Case(
        "a set in a folder named like one of its classes",
        tree("Old", "cat", "old/set/Old"),
        error="old holds folders with the names of others, such as Old",
    ),
    Case(
        "a set beside other pictures",
        tree("pets/cat", "pets/dog", "docs", "figures"),
        error="pets holds several folders",
    ),
    Case(
        "small folders in one class",
        tree("cat/old", "cat/new", count=1) | tree("dog", "fox", count=3),
        {"cat": (2, 0), "dog": (3, 0), "fox": (3, 0)},
        warns="2 sub-folders are read as part of the class above",
    ),
    Case(
        "Office-31",
        tree("amazon/images/bike", "amazon/images/mug", "dslr/images/bike", "dslr/images/mug"),
        error="amazon and dslr hold several folders each, with equal names such as bike, mug",
    ),
    Case(
        "domains wrapped by themselves",
        tree("art/art/cat", "art/art/dog", "photo/photo/cat", "photo/photo/dog"),
        error="art and photo hold several folders each.*data.layout=leaves: 2 classes",
    ),
    Case(
        "BreakHis",
        tree("b/benign/SOB/adenosis/x/40X", "b/benign/SOB/adenosis/y/40X", "b/malignant/SOB/carcinoma/z/40X"),
        error="benign hold",
    ),
    Case(
        "patients with one finding each",
        tree("pat01/tumor", "pat02/normal", "pat03/tumor", "pat04/normal"),
        error="hold one folder each, with names that recur: normal, tumor.*data.layout=leaves: 2 classes .normal",
    ),
    Case(
        "things with one finding each, wrapped",
        tree("w/x/tumor/png", "w/y/normal/png", "w/z/tumor/png", "w/v/normal/png"),
        error="hold one folder each, with names that recur: normal, tumor",
    ),
    Case(
        "things with one finding or two",
        tree("x/tumor", "y/normal", "z/tumor", "v/normal", "v/tumor"),
        error="with names that recur: normal, tumor.*data.layout=leaves: 2 classes",
    ),
    Case(
        "MURA",
        tree(
            "train/XR_WRIST/patient00000/study1_negative",
            "train/XR_WRIST/patient00001/study1_positive",
            "train/XR_WRIST/patient00002/study1_negative",
            "valid/XR_WRIST/patient00003/study1_negative",
            "valid/XR_WRIST/patient00004/study1_positive",
        ),
        error="patient00000.*hold one folder each.*data.layout=leaves: 2 classes .study1_negative, study1_positive",
    ),
    Case("classes wrapped by themselves", tree("cat/cat", "dog/dog"), CAT_DOG),
    Case(
        "leaves of one name",
        tree("Greek/alpha", "Greek/x", "Latin/a", "Latin/x"),
        {"a": (2, 0), "alpha": (2, 0), "x": (4, 0)},
        warns="1 class is read from folders of one name in several places: x .Greek, Latin.",
        options={"layout": "leaves"},
    ),
    # What goes with pictures.
    Case(
        "pictures and masks in each class",
        tree("COVID/images", "COVID/masks", "Normal/images", "Normal/masks"),
        error=r"COVID and Normal hold masks beside pictures: move masks out(?!.*layout=leaves)",
    ),
    Case(
        "masks below the pictures of a class",
        tree("COVID", "Normal", "COVID/masks"),
        error="COVID holds masks beside pictures",
    ),
    Case(
        "images in each class",
        tree("COVID/images", "Normal/images"),
        {"COVID": (2, 0), "Normal": (2, 0)},
    ),
    Case(
        "BUSI",
        {
            f"{name}/{name} ({n}){kind}.png": None
            for name in CAT_DOG
            for n in (1, 2)
            for kind in ("", "_mask")
        },
        {"cat": (4, 0), "dog": (4, 0)},
        warns=r"4 files are named like masks of others, and used as pictures: cat/cat \(1\)_mask.png",
    ),
    Case(
        "names that end like masks",
        {"cat/big_label.png": None, "cat/1.png": None, "dog/2.png": None},
        {"cat": (2, 0), "dog": (1, 0)},
    ),
    Case("pairs", tree("input", "target"), error="input and target are no usual names of classes"),
    Case("sizes", tree("HR", "LR"), error="HR and LR are no usual names of classes"),
    Case("colour and depth", tree("rgb", "depth", "ground_truth"), error="no usual name"),
    Case("targets", tree("target", "decoy"), {"decoy": (2, 0), "target": (2, 0)}),
    Case("mask and no mask", tree("mask", "no_mask"), {"mask": (2, 0), "no_mask": (2, 0)}),
    Case("mask and nothing", tree("masks", "WithoutMask"), {"WithoutMask": (2, 0), "masks": (2, 0)}),
    Case("frames of a video", tree("frames", "video01", "video02"), error="frames is no usual name"),
    Case(
        "patients",
        tree("patient_01", "patient_02", "patient_10"),
        error="patient_10 look like numbered chunks",
    ),
    Case("subjects", tree("Subject1", "Subject2"), error="look like numbered chunks"),
    Case("ORL's faces", tree("s1", "s2", "s10"), {"s1": (2, 0), "s10": (2, 0), "s2": (2, 0)}),
    Case("persons", tree("person_1", "person_2"), {"person_1": (2, 0), "person_2": (2, 0)}),
    # Parts once more.
    Case(
        "Food-11",
        tree(*(f"{part}/{name}" for part in ("training", "validation", "evaluation") for name in CAT_DOG)),
        PARTS,
        notes="unused: val, 4 images",
    ),
    Case(
        "a second test part by the key",
        tree(*(f"{part}/{name}" for part in ("train", "test", "testing") for name in CAT_DOG)),
        PARTS,
        warns="testing/ stands for a part that another folder is: 4 pictures left out",
        options={"layout": "splits"},
    ),
    Case("a picture beside a wrapper", tree("pets/cat", "pets/dog") | {"preview.png": None}, CAT_DOG),
    Case("a picture in a wrapper", tree("set/pets/cat", "set/pets/dog") | {"set/preview.png": None}, CAT_DOG),
    Case(
        "a picture beside a wrapper of parts",
        tree("pets/train/cat", "pets/train/dog", "pets/test/cat", "pets/test/dog") | {"preview.png": None},
        PARTS,
    ),
    Case("classes, then parts", tree("cat/train", "cat/test", "dog/train", "dog/test"), PARTS),
    Case(
        "classes, then parts, one of them not in all",
        tree("cat/train", "cat/test", "dog/train", "dog/val"),
        {"cat": (2, 2), "dog": (2, 0)},
        notes="unused: val, 2 images",
    ),
    Case(
        "classes, then parts, and more",
        tree("cat/train", "cat/test", "dog/train", "dog/odd"),
        error="cat and dog hold several folders each",
    ),
    Case(
        "domains, then classes named like parts",
        tree(*(f"{domain}/{name}" for domain in "ab" for name in ("train_station", "test_tube"))),
        error="a and b hold several folders each",
    ),
    Case(
        "MVTec",
        tree("bottle/train/good", "bottle/test/good", "bottle/test/broken", "bottle/ground_truth/broken"),
        error="ground_truth lies beside them and is no part; broken of test is not in train",
    ),
    Case(
        "a test part alone",
        tree("test/cat", "test/dog"),
        CAT_DOG,
        warns="all pictures with a label lie in test/",
    ),
    Case(
        "a test part of one unknown class",
        tree("train/cat", "train/dog", "val/frankfurt"),
        CAT_DOG,
        notes="val's only folder, frankfurt, is no class of train",
    ),
    # Lists.
    Case(
        "APTOS",
        tree("train_images", "test_images")
        | {
            "train.csv": csv("id_code,diagnosis", ["train_images_0,0", "train_images_1,2"]),
            "test.csv": csv("id_code", ["test_images_0", "test_images_1"]),
            "sample_submission.csv": csv("id_code,diagnosis", ["test_images_0,0", "test_images_1,0"]),
        },
        {"0": (1, 0), "2": (1, 0)},
    ),
    Case(
        "HAM10000",
        tree("HAM10000_images_part_1", "HAM10000_images_part_2")
        | {
            "HAM10000_metadata.csv": csv(
                "lesion_id,image_id,dx,dx_type,age",
                [
                    f"L{part}{n},HAM10000_images_part_{part}_{n},{'nv' if n else 'mel'},histo,40"
                    for part in (1, 2)
                    for n in (0, 1)
                ],
            )
        },
        {"mel": (2, 0), "nv": (2, 0)},
        notes="columns not used: dx_type, age",
    ),
    Case(
        "a folder and its labels.csv",
        FLAT
        | {"labels.csv": csv("filename,label", [f"{name},{'ab'[n % 2]}" for n, name in enumerate(NAMES)])},
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "a list beside parts and another folder",
        tree("train", "test", "extra")
        | {
            "labels.csv": csv(
                "filename,label", [f"{part}_{n}.png,{'ab'[n]}" for part in ("train", "test") for n in (0, 1)]
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "a list of a test folder alone",
        tree("test") | {"labels.csv": csv("filename,label", ["test_0.png,a", "test_1.png,b"])},
        {"a": (1, 0), "b": (1, 0)},
        warns="all pictures with a label lie in test/, which is named like a test part",
    ),
    Case(
        "a list of a test folder in a folder of loose pictures",
        tree("x", "x/test")
        | {
            "labels.csv": csv(
                "filename,label", [f"{x}_{n}.png,{'ab'[n]}" for x in ("x", "test") for n in (0, 1)]
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "a list of parts in one of several folders",
        tree("images/train", "images/test", "others")
        | {
            "labels.csv": csv(
                "filename,label", [f"{part}_{n}.png,{'ab'[n]}" for part in ("train", "test") for n in (0, 1)]
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "a list of a test folder and another one",
        tree("images", "test")
        | {
            "labels.csv": csv(
                "filename,label", [f"{part}_{n}.png,{'ab'[n]}" for part in ("images", "test") for n in (0, 1)]
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "Hugging Face's metadata.jsonl",
        {
            **pictures("train", 4),
            **pictures("test", 2),
            "train/metadata.jsonl": jsonl(
                {"file_name": f"train_{n}.png", "label": "ab"[n % 2]} for n in range(4)
            ),
            "test/metadata.jsonl": jsonl({"file_name": f"test_{n}.png", "label": "ab"[n]} for n in range(2)),
        },
        {"a": (2, 1), "b": (2, 1)},
    ),
    Case(
        "Hugging Face's metadata.csv",
        pictures("", 4)
        | {"metadata.csv": csv("file_name,label", [f"p_{n}.png,{'ab'[n % 2]}" for n in range(4)])},
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "Roboflow's one-hot lists",
        {
            **pictures("train", 2),
            **pictures("valid", 2),
            "train/_classes.csv": csv("filename, cat, dog", ["train_0.png, 1, 0", "train_1.png, 0, 1"]),
            "valid/_classes.csv": csv("filename, cat, dog", ["valid_0.png, 1, 0", "valid_1.png, 1, 0"]),
        },
        {"cat": (1, 2), "dog": (1, 0)},
    ),
    Case(
        "ISIC's one-hot list",
        pictures("ISIC_Training_Input", 3, ".jpg")
        | {
            "ISIC_Training_GroundTruth.csv": csv(
                "image,MEL,NV,BCC",
                [
                    f"ISIC_Training_Input_{n},{','.join('1.0' if n == m else '0.0' for m in range(3))}"
                    for n in range(3)
                ],
            )
        },
        {"BCC": (1, 0), "MEL": (1, 0), "NV": (1, 0)},
    ),
    Case(
        "several labels, one-hot",
        FLAT | {"l.csv": csv("filename,cat,dog", [f"{name},1,1" for name in NAMES])},
        error="4 of 4 pictures have several labels .such as cat and dog",
    ),
    Case(
        "several labels in a field",
        FLAT
        | {
            "l.csv": csv(
                "filename,label",
                [
                    f"{name},{label}"
                    for name, label in zip(NAMES, ("cat", "dog", "cat|dog", "cat"), strict=True)
                ],
            )
        },
        error="1 of 4 pictures have several labels .such as 'cat.dog'",
    ),
    Case(
        "several labels in rows",
        FLAT | {"l.csv": csv("filename,class", [f"{NAMES[0]},cat", f"{NAMES[0]},dog", f"{NAMES[1]},cat"])},
        error="1 of 2 pictures have several labels",
    ),
    Case(
        "columns of the user's names",
        FLAT | {"l.csv": csv("pic,animal", [f"{name},{'ab'[n % 2]}" for n, name in enumerate(NAMES)])},
        {"a": (2, 0), "b": (2, 0)},
        options={"columns": {"path": "pic", "label": "animal"}},
    ),
    Case(
        "a list without a usual label",
        FLAT | {"l.csv": csv("filename,animal", [f"{name},a" for name in NAMES])},
        error="l.csv names pictures, but no column has a usual name of a label; it has 'filename', 'animal'",
    ),
    Case(
        "two columns that could be the label",
        FLAT
        | {
            "l.csv": csv(
                "filename,label,target", [f"{name},{'ab'[n % 2]},{n // 2}" for n, name in enumerate(NAMES)]
            )
        },
        error="several columns that could be the label: 'label', 'target'",
    ),
    Case(
        "numbers and names of one label",
        FLAT
        | {
            "l.csv": csv(
                "filename,class_id,class_name",
                [f"{name},{n % 2},{'ab'[n % 2]}" for n, name in enumerate(NAMES)],
            )
        },
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "a list that says what the folders say",
        tree("cat", "dog")
        | {"l.csv": csv("path,label", ["cat/cat_0.png,0", "cat/cat_1.png,0", "dog/dog_0.png,1"])},
        CAT_DOG,
    ),
    Case(
        "a list that contradicts the folders",
        tree("cat", "dog")
        | {"l.csv": csv("path,label", ["cat/cat_0.png,a", "cat/cat_1.png,b", "dog/dog_0.png,a"])},
        error="data.layout=classes.*data.layout=list: 2 classes .a, b. from column 'label' of l.csv",
    ),
    Case(
        "the list by the key",
        tree("cat", "dog")
        | {"l.csv": csv("path,label", ["cat/cat_0.png,a", "cat/cat_1.png,b", "dog/dog_0.png,a"])},
        {"a": (2, 0), "b": (1, 0)},
        options={"layout": "list"},
    ),
    Case(
        "semicolons and backslashes",
        FLAT
        | {"l.csv": csv("filename;label", [f"images\\{name};{'ab'[n % 2]}" for n, name in enumerate(NAMES)])},
        {"a": (2, 0), "b": (2, 0)},
        data="l.csv",
        zipped=False,
    ),
    Case(
        "tabs",
        FLAT
        | {
            "l.tsv": csv("filename\tlabel", [f"images/{name}\t{'ab'[n % 2]}" for n, name in enumerate(NAMES)])
        },
        {"a": (2, 0), "b": (2, 0)},
        data="l.tsv",
        zipped=False,
    ),
    Case(
        "paths of another machine",
        FLAT
        | {
            "l.csv": csv(
                "path,label", [f"/kaggle/input/images/{name},{'ab'[n % 2]}" for n, name in enumerate(NAMES)]
            )
        },
        {"a": (2, 0), "b": (2, 0)},
        data="l.csv",
        zipped=False,
    ),
    Case(
        "a list with parts",
        FLAT
        | {
            "l.csv": csv(
                "Filename,Class,Set",
                [
                    f"{name},{'ab'[n % 2]},{'Training' if n < 2 else 'Testing'}"
                    for n, name in enumerate(NAMES)
                ],
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "a list with folds",
        FLAT
        | {
            "l.csv": csv("filename,label,fold", [f"{name},{'ab'[n % 2]},{n}" for n, name in enumerate(NAMES)])
        },
        {"a": (2, 0), "b": (2, 0)},
        warns="column 'fold' is not used",
    ),
    Case(
        "a list with empty labels",
        FLAT | {"l.csv": csv("filename,label", [f"{NAMES[0]},a", f"{NAMES[1]},b", f"{NAMES[2]},"])},
        {"a": (1, 0), "b": (1, 0)},
        warns="1 row has no label.*line 4",
    ),
    Case(
        "a list of missing pictures",
        FLAT | {"l.csv": csv("filename,label", [f"{NAMES[0]},a", f"{NAMES[1]},b", "gone.png,a"])},
        error="1 of 3 rows name no picture.*line 4: 'gone.png'.*data.on_error=skip",
        data="l.csv",
        zipped=False,
    ),
    Case(
        "JSON records",
        FLAT
        | {"l.json": json.dumps([{"file_name": name, "label": "ab"[n % 2]} for n, name in enumerate(NAMES)])},
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "JSON names to labels",
        FLAT | {"l.json": json.dumps({name: "ab"[n % 2] for n, name in enumerate(NAMES)})},
        {"a": (2, 0), "b": (2, 0)},
    ),
    # Lists that are none, or not what they seem.
    Case(
        "a list of a part that is not there",
        tree("test", count=4)
        | {"train.csv": csv("path,label", [f"train/test_{n}.png,{'ab'[n % 2]}" for n in range(4)])},
        error="all pictures lie in one folder, test",
    ),
    Case(
        "a submission",
        tree("train", "test", count=4)
        | {
            "Train.csv": csv("id,label", [f"train_{n},{'ab'[n % 2]}" for n in range(4)]),
            "SampleSubmission.csv": csv("id,label", [f"test_{n},a" for n in range(4)]),
        },
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "a list without a usual label beside folders",
        tree("siteA", "siteB")
        | {
            "labels.csv": csv(
                "filename,severity",
                ["siteA_0.png,mild", "siteA_1.png,severe", "siteB_0.png,mild", "siteB_1.png,severe"],
            )
        },
        error="data.layout=classes: 2 classes .siteA, siteB.*it has 'filename', 'severity'",
    ),
    Case(
        "a list whose column says what the folders say",
        tree("cat", "dog")
        | {"l.csv": csv("filename,animal", ["cat_0.png,c", "cat_1.png,c", "dog_0.png,d", "dog_1.png,d"])},
        CAT_DOG,
    ),
    Case(
        "names that two folders have",
        {f"{side}/{n}.png": None for side in ("left", "right") for n in range(3)}
        | {"l.csv": csv("image,label", ["0.png,a", "1.png,b", "2.png,a"])},
        error="names pictures that several folders have",
    ),
    Case(
        "a damaged list beside folders",
        tree("cat", "dog") | {"l.csv": "image,label\ncat_0.png,a,b\n"},
        CAT_DOG,
        warns="l.csv line 2 has 3 fields.*The labels are those of the folders",
    ),
    Case(
        "a list of a few pictures beside folders",
        tree("cat", "dog") | {"l.csv": csv("image,label", ["cat_0.png,a", "x.png,b", "y.png,b"])},
        CAT_DOG,
        warns="names few pictures that are there",
    ),
    Case(
        "measures beside folders",
        tree("cat", "dog")
        | {
            "bbox.csv": csv(
                "image,x,y,w,h",
                ["cat_0.png,1,2,3,4", "cat_1.png,2,2,3,4", "dog_0.png,1,2,3,4", "dog_1.png,1,2,3,5"],
            )
        },
        CAT_DOG,
    ),
    Case(
        "key points",
        FLAT | {"points.csv": csv("image,x,y", [f"{name},{n},{n % 2}" for n, name in enumerate(NAMES)])},
        error="points.csv names pictures, but its column 'y' is not like classes",
    ),
    Case(
        "paths of masks",
        FLAT | {"l.csv": csv("image,label", [f"{name},masks/{name}" for name in NAMES])},
        error="its column 'label' is not like classes",
    ),
    Case(
        "numbers that are not whole",
        FLAT | {"l.csv": csv("image,target", [f"{name},{n % 2}.5" for n, name in enumerate(NAMES)])},
        error="its column 'target' is not like classes",
    ),
    Case(
        "names of classes by number",
        {f"images/{n}.png": None for n in range(8)}
        | {"id2label.json": json.dumps({"0": "cat", "1": "dog", "2": "fox"})},
        error="images is no usual name of a class",
    ),
    Case(
        "row numbers beside file names",
        {f"images/{n}.png": None for n in range(4)}
        | {"l.csv": csv("id,photo,label", [f"{n},{3 - n}.png,{'ab'[n // 2]}" for n in range(4)])},
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "several labels with commas",
        FLAT
        | {
            "l.csv": csv(
                "image,label",
                [f"{NAMES[0]},cat", f"{NAMES[1]},dog", f'{NAMES[2]},"cat,dog"', f"{NAMES[3]},cat"],
            )
        },
        error="1 of 4 pictures have several labels",
    ),
    Case(
        "several labels with blanks",
        FLAT
        | {
            "l.csv": csv(
                "image,label",
                [f"{NAMES[0]},cat", f"{NAMES[1]},dog", f"{NAMES[2]},cat dog", f"{NAMES[3]},cat"],
            )
        },
        error="1 of 4 pictures have several labels",
    ),
    Case(
        "labels of two words",
        FLAT
        | {
            "l.csv": csv(
                "image,label",
                [f"{NAMES[0]},cat", f"{NAMES[1]},big cat", f"{NAMES[2]},cat", f"{NAMES[3]},big cat"],
            )
        },
        {"big cat": (2, 0), "cat": (2, 0)},
    ),
    Case(
        "lists of labels",
        FLAT | {"l.jsonl": jsonl({"file_name": name, "label": ["a", "b"]} for name in NAMES)},
        error="4 of 4 pictures have several labels",
    ),
    Case(
        "flags are no classes",
        FLAT | {"l.csv": csv("image,male,blurred", [f"{name},{n % 2},0" for n, name in enumerate(NAMES)])},
        error="no column has a usual name of a label",
    ),
    Case(
        "flags beside an own name of a label",
        FLAT
        | {
            "l.csv": csv(
                "file,animal,is_train,is_test",
                [f"{name},{'ab'[n % 2]},{n % 2},{1 - n % 2}" for n, name in enumerate(NAMES)],
            )
        },
        error="no column has a usual name of a label; it has 'file', 'animal'",
    ),
    Case(
        "uncertain one-hot",
        pictures("p", 5)
        | {
            "t.csv": csv(
                "Path,A,B,C",
                ["p_0.png,1,0,0", "p_1.png,0,1,0", "p_2.png,0,0,1", "p_3.png,0,1,-1", "p_4.png,1,0,0"],
            )
        },
        error="column 'C' stands among 2 columns of 0 and 1, and has other values .-1|no column has a usual name",
    ),
    Case(
        "numbers exchanged",
        tree("0", "1")
        | {"l.csv": csv("path,label", [f"{c}/{c}_{n}.png,{1 - c}" for c in (0, 1) for n in (0, 1)])},
        error="data.layout=classes: 2 classes .0, 1.*data.layout=list: 2 classes .0, 1",
    ),
    Case(
        "parts by lists beside class folders",
        tree("cat", "dog", count=3)
        | {
            f"{part}.csv": csv(
                "path,label", [f"{name}/{name}_{n}.png,{name}" for name in ("cat", "dog") for n in numbers]
            )
            for part, numbers in (("train", (0, 1)), ("test", (2,)))
        },
        {"cat": (2, 1), "dog": (2, 1)},
    ),
    Case(
        "a list that is of no part",
        tree("Train", "Test", "Meta")
        | {
            f"{part}.csv": csv("Path,ClassId", [f"{part}/{part}_{n}.png,{n % 2}" for n in (0, 1)])
            for part in ("Train", "Test", "Meta")
        },
        {"0": (1, 1), "1": (1, 1)},
        warns="not used, because other lists are of parts.*Meta.csv",
    ),
    Case(
        "test pictures in a list",
        tree("train", "test", "extra")
        | {
            "l.csv": csv(
                "path,label",
                [f"{part}/{part}_{n}.png,{'ab'[n]}" for part in ("train", "test") for n in (0, 1)],
            )
        },
        {"a": (1, 1), "b": (1, 1)},
    ),
    Case(
        "pictures of a list beside the parts",
        tree("train", "test", "extra")
        | {
            "l.csv": csv(
                "path,label",
                [f"{part}/{part}_{n}.png,{'ab'[n]}" for part in ("train", "test", "extra") for n in (0, 1)],
            )
        },
        {"a": (2, 1), "b": (2, 1)},
        warns="2 pictures lie beside the parts, and are trained on",
    ),
    Case(
        "test pictures in a list as a file",
        tree("train", "test")
        | {
            "l.csv": csv(
                "path,label",
                [f"{part}/{part}_{n}.png,{'ab'[n]}" for part in ("train", "test") for n in (0, 1)],
            )
        },
        {"a": (1, 1), "b": (1, 1)},
        data="l.csv",
        zipped=False,
    ),
    Case(
        "a header that is missing",
        FLAT | {"l.csv": csv(f"{NAMES[0]},cat", [f"{name},dog" for name in NAMES[1:]])},
        error="line 1 looks like a row of pictures",
        data="l.csv",
        zipped=False,
    ),
    Case(
        "a list of labels that all differ, beside folders",
        tree("00000", "cat", count=2)
        | {"l.csv": csv("image,label", ["00000_0.png,a", "00000_1.png,b", "cat_0.png,c", "cat_1.png,d"])},
        error="data.layout=classes: 2 classes .00000, cat.*its column 'label' is not like classes",
    ),
    Case(
        "several labels beside folders",
        tree("cat", "dog")
        | {"l.csv": csv("image,label", ["cat_0.png,a|b", "cat_1.png,a", "dog_0.png,b", "dog_1.png,b"])},
        error="1 of 4 pictures have several labels.*To take the labels from the folders: --set data.layout=classes",
    ),
    Case(
        "Excel's delimiter",
        FLAT
        | {
            "l.csv": "sep=;\n" + csv("image;label", [f"{name};{'ab'[n % 2]}" for n, name in enumerate(NAMES)])
        },
        {"a": (2, 0), "b": (2, 0)},
    ),
    Case(
        "another program's dataset.json",
        tree("cat", "dog") | {"dataset.json": json.dumps({"title": "pets"})},
        CAT_DOG,
    ),
    Case("endless JSON", tree("cat", "dog") | {"x.json": "[" * 100_000}, CAT_DOG),
    Case(
        "the label's column beside folders",
        tree("siteA", "siteB")
        | {
            "l.csv": csv(
                "image,severity",
                ["siteA_0.png,mild", "siteA_1.png,severe", "siteB_0.png,mild", "siteB_1.png,severe"],
            )
        },
        {"mild": (2, 0), "severe": (2, 0)},
        options={"columns": {"label": "severity"}},
    ),
    # StyleGAN.
    Case(
        "StyleGAN",
        tree("00000", "00001")
        | {
            "dataset.json": json.dumps(
                {"labels": [[f"0000{c}/0000{c}_{n}.png", n] for c in (0, 1) for n in (0, 1)]}
            )
        },
        {"0": (2, 0), "1": (2, 0)},
    ),
    Case(
        "StyleGAN with names and parts",
        tree("00000")
        | {
            "dataset.json": json.dumps(
                {
                    "labels": [["00000/00000_0.png", 0], ["00000/00000_1.png", 0]],
                    "class_names": ["fox"],
                    "test": ["00000/00000_1.png"],
                }
            )
        },
        {"fox": (1, 1)},
    ),
    Case(
        "StyleGAN without labels",
        tree("00000", "00001") | {"dataset.json": json.dumps({"labels": None})},
        error="look like numbered chunks",
    ),
]

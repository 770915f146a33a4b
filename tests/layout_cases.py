"""Layouts that people have, each as a small tree with the right reading: a new one joins as one more ``Case``."""

from __future__ import annotations

from layout_tree import CAT_DOG, FLAT, PARTS, RUN, Case, tree
from list_cases import LIST_CASES

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
        "a test without classes beside classes",
        tree("cat", "dog", "test"),
        error="test is named like a part of a set.*data.layout=classes",
    ),
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
    Case(
        "images and masks", tree("images", "masks"), error="images and masks are not usual names of classes"
    ),
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
    Case("pairs", tree("input", "target"), error="input and target are not usual names of classes"),
    Case("sizes", tree("HR", "LR"), error="HR and LR are not usual names of classes"),
    Case("colour and depth", tree("rgb", "depth", "ground_truth"), error="not usual names"),
    Case("targets", tree("target", "decoy"), {"decoy": (2, 0), "target": (2, 0)}),
    Case("mask and no mask", tree("mask", "no_mask"), {"mask": (2, 0), "no_mask": (2, 0)}),
    Case("mask and nothing", tree("masks", "WithoutMask"), {"WithoutMask": (2, 0), "masks": (2, 0)}),
    Case("frames of a video", tree("frames", "video01", "video02"), error="frames is not a usual name"),
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
    *LIST_CASES,
]

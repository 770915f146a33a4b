"""Lists of pictures that people have, and what is none; see ``layout_cases.py``."""

from __future__ import annotations

import json

from layout_tree import CAT_DOG, FLAT, NAMES, Case, csv, jsonl, pictures, tree

LIST_CASES = [
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
        error="column 'image' does not say which pictures it means: several folders have",
    ),
    Case(
        "notes on pictures whose names two folders have",
        {f"{side}/{n}.png": None for side in ("left", "right") for n in range(2)}
        | {"notes.csv": csv("name,date", ["0,2020-01-01", "1,2020-01-02"])},
        {"left": (2, 0), "right": (2, 0)},
        notes="notes.csv has no column of labels, and is not used",
    ),
    Case(
        "a list of a few of the pictures whose names two folders have",
        {f"{side}/{n}.png": None for side in ("left", "right") for n in range(9)}
        | {"notes.csv": csv("name,camera", ["0,Canon", "1,Canon", "2,Nikon", "3,Nikon"])},
        {"left": (9, 0), "right": (9, 0)},
        warns="notes.csv has rows for few of the pictures, and is not used",
    ),
    Case(
        "a list of a column beside folders that could be a label",
        tree("siteA", "siteB")
        | {"l.csv": csv("file,kind", ["siteA_0.png,x", "siteA_1.png,y", "siteB_0.png,x", "siteB_1.png,y"])},
        error="The only reading.*choose it with --set data.layout=classes, or move .*l.csv away",
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
        error="images is not a usual name of a class",
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
    Case(
        "names of pictures in a folder of another class",
        tree("new/cat", "new/fox")
        | {"l.csv": csv("path,label", [f"dog/cat_{n}.png,{'dw'[n]}" for n in (0, 1)])},
        error="does not say which pictures it means: .* or the folders that it writes are other ones",
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

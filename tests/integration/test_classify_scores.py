"""``acgan classify evaluate`` and ``acgan classify predict``."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from run_helpers import acgan, classified, digits_npz

from acgan import api
from acgan.assembly import data_options
from acgan.config.shared import DataConfig
from acgan.data import load_dataset
from acgan.errors import ConfigError
from acgan.types import Dataset, ImageStore


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of all digits, which has learned a little."""
    changes = {
        "train.total_nimg": 1280,
        "optim.lr": 1e-2,
        **{f"every.{interval}_nimg": 1280 for interval in ("log", "sample", "evaluate", "checkpoint")},
    }
    return classified(tmp_path_factory.mktemp("classifier") / "run", changes)


def decoded(source: str, tmp_path: Path) -> Dataset:
    """A source as the classifier's data was decoded; the channels are given here, and were chosen there."""
    config = DataConfig(resolution=16, channels=1)
    return load_dataset(source, replace(data_options(config), cache=tmp_path / "cache"))


def predictions(run: Path, store: ImageStore) -> np.ndarray:
    """Labels by the classifier's probabilities."""
    return api.load_classifier(run)(torch.from_numpy(store.images)).argmax(dim=1).numpy()


# evaluate


@pytest.mark.parametrize("split", ["test", "train"])
def test_scores_are_those_of_the_predictions(split: str, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    picture = tmp_path / "confusion.png"
    arguments = ["--split", split, "--json", str(out), "--confusion", str(picture)]
    result = acgan("classify", "evaluate", str(run), *arguments)
    assert result.exit_code == 0, result.output
    scores = json.loads(out.read_text())
    dataset = decoded("digits", tmp_path)
    store = dataset.test if split == "test" else dataset.train
    found = predictions(run, store)
    assert 0.3 < scores["accuracy"] < 1, "a classifier that has learned a little"
    assert scores["accuracy"] == pytest.approx((found == store.labels).mean())
    confusion = np.zeros((10, 10), int)
    for label, prediction in zip(store.labels, found, strict=True):
        confusion[label, prediction] += 1
    assert scores["confusion"] == confusion.tolist()
    recalls = confusion.diagonal() / confusion.sum(axis=1)
    assert scores["balanced_accuracy"] == pytest.approx(recalls.mean())
    assert [one["recall"] for one in scores["per_class"].values()] == pytest.approx(recalls.tolist())
    assert [one["images"] for one in scores["per_class"].values()] == confusion.sum(axis=1).tolist()
    assert list(scores["per_class"]) == list("0123456789")
    assert scores["heads"].keys() == {"main", "block1"}
    assert scores["heads"]["main"] == pytest.approx(scores["accuracy"])
    heads = api.load_classifier(run).head_logits(store.images)
    by_block1 = heads["block1"].argmax(dim=1).numpy()
    assert scores["heads"]["block1"] == pytest.approx((by_block1 == store.labels).mean())
    assert scores["accuracy"] <= scores["top5"] <= 1
    provenance = scores["provenance"]
    assert (provenance["data"], provenance["split"]) == ("digits", split)
    assert (provenance["num_images"], provenance["data_fingerprint"]) == (len(store), store.fingerprint)
    assert provenance["trained_on"] == dataset.train.fingerprint, "no test image may have been trained on"

    assert f"accuracy {scores['accuracy']:.4f}" in result.stdout
    assert f"block1 {scores['heads']['block1']:.4f}" in result.stdout
    assert f"on {len(store):,} images (digits, {split}, {store.fingerprint[:8]})" in result.stdout
    with Image.open(picture) as image:
        assert min(image.size) > 50
    assert f"confusion matrix: {picture}" in result.stdout


def test_a_file_scores_like_its_run_and_the_run_keeps_its_picture(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    shutil.copy(run / "classifier.safetensors", file)
    (run / "confusion.png").unlink(missing_ok=True)
    scores = []
    for path in (run, file):
        out = tmp_path / f"{path.name}.json"
        result = acgan("classify", "evaluate", str(path), "--json", str(out))
        assert result.exit_code == 0, result.output
        scores.append(json.loads(out.read_text()))
    assert "confusion matrix" not in result.stdout, "a file has no directory of its own"
    assert [scores[0].pop("provenance")["classifier"], scores[1].pop("provenance")["classifier"]] == [
        str(run / "classifier.safetensors"),
        str(file),
    ]
    assert scores[0] == scores[1]
    with Image.open(run / "confusion.png") as image:
        image.load()


def test_other_data_of_the_same_classes(run: Path, tmp_path: Path) -> None:
    counts = dict.fromkeys("0123456789", 4)
    source = digits_npz(tmp_path / "others.npz", counts, dict.fromkeys("0123456789", 3))
    out = tmp_path / "scores.json"
    command = ["classify", "evaluate", str(run), "--data", str(source), "--json", str(out)]
    result = acgan(*command)
    assert result.exit_code == 0, result.output
    scores = json.loads(out.read_text())
    store = decoded(str(source), tmp_path).test
    assert scores["provenance"]["num_images"] == 30
    assert scores["provenance"]["data_fingerprint"] == store.fingerprint
    assert scores["accuracy"] == pytest.approx((predictions(run, store) == store.labels).mean())


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        ({"1": 5, "2": 5}, {}, "names '0', which the source does not have. It has: 1, 2."),
        (dict.fromkeys("0123456789", 2), {"3": "three"}, "names '3', which the source does not have"),
    ],
    ids=["fewer", "another name"],
)
def test_other_classes_are_refused(
    counts: dict[str, int], names: dict[str, str], message: str, run: Path, tmp_path: Path
) -> None:
    source = digits_npz(tmp_path / "others.npz", counts, counts, names)
    out = tmp_path / "scores.json"
    result = acgan("classify", "evaluate", str(run), "--data", str(source), "--json", str(out))
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert not out.exists()


def test_no_test_images_are_told(run: Path, tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "few.npz", dict.fromkeys("0123456789", 2))
    command = ["classify", "evaluate", str(run), "--data", str(source), "--split"]
    result = acgan(*command, "test")
    assert result.exit_code == 1, result.output
    assert "few: has no test images" in result.stderr
    assert "--split" in result.stderr
    assert acgan(*command, "train").exit_code == 0
    with pytest.raises(ConfigError, match="split: found 'validation'; expected one of test, train, all"):
        api.evaluate_classifier(run, split="validation")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["evaluate", "no_such_run"], 1, "no_such_run: no such run or file"),
        (["evaluate", "notes.txt"], 1, "notes.txt: not a safetensors file"),
        (["evaluate", "."], 1, "no classifier.safetensors in it"),
        (["evaluate", "RUN", "--split", "validation"], 2, "validation"),
        (["evaluate", "RUN", "--data", "no_such_folder"], 1, "no_such_folder"),
        (["evaluate"], 2, "RUN_OR_FILE"),
        (
            ["evaluate", "RUN", "--json", "no/such/folder.json"],
            1,
            "--json no/such/folder.json: there is no such",
        ),
        (["evaluate", "RUN", "--json", "."], 1, "--json .: is a folder"),
        (["predict", "no_such_run", "a.png"], 1, "no_such_run: no such run or file"),
        (["predict", "RUN"], 2, "IMAGES"),
        (["predict", "RUN", "missing.png"], 1, "missing.png: no such image or folder"),
        (["predict", "RUN", "notes.txt"], 1, "notes.txt cannot be decoded"),
        (["predict", "RUN", "."], 1, ".: holds no images"),
        (["predict", "RUN", "notes.txt", "--top", "0"], 2, "--top"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(arguments: list[str], code: int, message: str, run: Path, workdir: Path) -> None:
    (workdir / "notes.txt").write_text("not an image")
    result = acgan("classify", *(str(run) if word == "RUN" else word for word in arguments))
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert [file.name for file in workdir.iterdir()] == ["notes.txt"]


# predict


@pytest.fixture
def pictures(workdir: Path) -> list[Path]:
    """Three test images as files, one of them in a folder in the folder."""
    store = decoded("digits", workdir.parent).test
    files = [Path("pictures/a.png"), Path("pictures/b.png"), Path("pictures/more/c.png")]
    files[2].parent.mkdir(parents=True)
    for file, image in zip(files, store.images, strict=False):
        Image.fromarray(image[0]).save(file)
    (workdir / "pictures" / "notes.txt").write_text("passed over")
    return files


def test_predictions_as_json_are_the_classifiers_probabilities(
    pictures: list[Path], run: Path, workdir: Path
) -> None:
    result = acgan("classify", "predict", str(run), "pictures", "--json", "--top", "99")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["path"] for row in rows] == [str(file) for file in pictures]
    images = decoded("digits", workdir.parent).test.images[:3]
    expected = api.load_classifier(run)(torch.from_numpy(images))
    for row, probabilities in zip(rows, expected, strict=True):
        assert row["classes"].keys() == set("0123456789")
        assert list(row["classes"].values()) == sorted(row["classes"].values(), reverse=True)
        found = torch.tensor([row["classes"][name] for name in "0123456789"])
        torch.testing.assert_close(found, probabilities)
    result = acgan("classify", "predict", str(run), str(pictures[0]), "--json", "--top", "2")
    only = json.loads(result.stdout)
    assert len(only) == 1
    expected_two = dict(list(rows[0]["classes"].items())[:2])
    assert only[0]["classes"] == pytest.approx(expected_two, rel=1e-4)


def test_predictions_as_a_table(pictures: list[Path], run: Path, workdir: Path) -> None:
    file = run / "classifier.safetensors"
    likeliest = api.predict(run, pictures)
    for top in (1, 3):
        result = acgan("classify", "predict", str(file), *map(str, pictures), "--top", str(top))
        assert result.exit_code == 0, result.output
        assert f"class {top}" in result.stdout
        assert f"class {top + 1}" not in result.stdout
        for path, classes in likeliest:
            line = next(line for line in result.stdout.splitlines() if str(path) in line)
            assert [f"{name} {share:.3f}" in line for name, share in classes[:top]] == [True] * top


def test_pictures_of_other_sizes_and_modes_are_made_to_fit(run: Path, workdir: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 61, 3), dtype=np.uint8)).save("colour.jpg")
    Image.fromarray(rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)).save("clear.png")
    result = acgan("classify", "predict", str(run), "colour.jpg", "clear.png", "--json")
    assert result.exit_code == 0, result.output
    for row in json.loads(result.stdout):
        assert len(row["classes"]) == 3


def test_a_broken_image_is_named(pictures: list[Path], run: Path) -> None:
    content = pictures[1].read_bytes()
    pictures[1].write_bytes(content[: len(content) // 2])
    result = acgan("classify", "predict", str(run), "pictures")
    assert result.exit_code == 1, result.output
    assert "pictures/b.png cannot be decoded" in result.stderr
    assert "Traceback" not in result.stderr
    assert "class 1" not in result.stdout

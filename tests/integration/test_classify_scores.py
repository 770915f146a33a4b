"""``acgan classify evaluate``, and mistakes in it and in ``acgan classify predict``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from classify_helpers import decoded
from PIL import Image
from run_helpers import acgan, digits_npz

from acgan import api
from acgan.errors import ConfigError
from acgan.types import ImageStore


@pytest.fixture(scope="module")
def run(digits_classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, in which evaluations leave a picture."""
    return Path(shutil.copytree(digits_classifier, tmp_path_factory.mktemp("classifier") / "run"))


def predictions(run: Path, store: ImageStore) -> np.ndarray:
    """Labels by the classifier's probabilities."""
    return api.load_classifier(run)(torch.from_numpy(store.images)).argmax(dim=1).numpy()


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


@pytest.mark.parametrize("part", ["test", "all"])
def test_data_of_fewer_and_of_more_classes(part: str, run: Path, tmp_path: Path) -> None:
    """Every prediction counts, also of a class that the data lacks: a wrong one."""
    counts, names = {"3": 12, "1": 9, "8": 5}, {"8": "fox"}
    source = digits_npz(tmp_path / "others.npz", counts, counts, names)
    out = tmp_path / "scores.json"
    command = ["classify", "evaluate", str(run), "--data", str(source), "--split", part, "--json", str(out)]
    result = acgan(*command)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "left out, because the classifier does not know it: fox (10 images)" in lines
    assert f"not scored: no {'test ' if part == 'test' else ''}images of 0, 2, 4, 5, 6, 7, 8, 9" in lines
    scores = json.loads(out.read_text())
    assert list(scores["per_class"]) == list("0123456789"), "in the order of the confusion matrix"
    assert [name for name, one in scores["per_class"].items() if one["images"]] == ["1", "3"]
    with np.load(source) as arrays:
        parts = ("test",) if part == "test" else ("train", "test")
        images = np.concatenate([arrays[f"{one}_images"] for one in parts])[:, None]
        labels = np.concatenate([arrays[f"{one}_labels"] for one in parts])
    known = labels < 2  # of "3" and "1", as they lie in the file
    truth = np.array([3, 1])[labels[known]]
    found = api.load_classifier(run)(torch.from_numpy(images[known])).argmax(dim=1).numpy()
    assert not set(found) <= {1, 3}, "a classifier that sees others too"
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (truth, found), 1)
    assert scores["confusion"] == confusion.tolist()
    assert scores["accuracy"] == pytest.approx((found == truth).mean())
    recalls = [confusion[label, label] / confusion[label].sum() for label in (1, 3)]
    assert [scores["per_class"][name]["recall"] for name in "13"] == pytest.approx(recalls)
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert scores["provenance"]["num_images"] == known.sum()
    assert scores["provenance"]["classes"] == {
        "known": list("0123456789"),
        "scored": ["1", "3"],
        "not_scored": list("02456789"),
        "left_out": {"fox": 10},
    }
    table = [line.split()[1] for line in lines if line.startswith("│")]
    assert table == ["1", "3"]
    assert "predictions of classes without images count as wrong" in result.stdout


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"1": "one", "2": "two"}, "none of its classes (one, two) is one of the classifier's (0, 1, 2, 3,"),
        ({"1": " 1", "2": "two"}, "' 1': did you mean '1'?"),
    ],
)
def test_no_class_that_it_knows_is_refused(
    names: dict[str, str], message: str, run: Path, tmp_path: Path
) -> None:
    source = digits_npz(tmp_path / "others.npz", {"1": 5, "2": 5}, {"1": 5, "2": 5}, names)
    out = tmp_path / "scores.json"
    result = acgan("classify", "evaluate", str(run), "--data", str(source), "--json", str(out))
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert "data.classes" not in result.stderr
    assert not out.exists()


def test_a_torch_dataset_of_other_classes(run: Path) -> None:
    class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
        classes = ("fox", "7")

        def __len__(self) -> int:
            return 40

        def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
            return torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(row)), row % 2

    said: list[str] = []
    scores = api.evaluate_classifier(run, Pictures(), split="all", say=said.append)
    assert (scores.main.num_images, scores.provenance["classes"]["scored"]) == (20, ["7"])
    assert any("fox (20 images)" in line for line in said)


def test_broken_images_of_a_source_are_skipped_and_listed(run: Path, tmp_path: Path) -> None:
    for number in range(6):
        file = tmp_path / "set" / str(number % 2) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), 40 * number).save(file)
    file.write_bytes(b"no image")
    out = tmp_path / "scores.json"
    command = ["classify", "evaluate", str(run), "--data", str(tmp_path / "set"), "--split", "all"]
    result = acgan(*command)
    assert result.exit_code == 1
    assert "5.png cannot be decoded" in result.stderr
    assert "--on-error skip" in result.stderr
    result = acgan(*command, "--on-error", "skip", "--json", str(out))
    assert result.exit_code == 0, result.output
    assert f"skipped {file}: it is empty or not an image" in result.stdout
    origin = json.loads(out.read_text())["provenance"]
    assert (origin["num_images"], origin["num_skipped"], origin["skipped"][0]["path"]) == (5, 1, str(file))


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
        (["predict", "RUN", "notes.txt"], 1, "notes.txt: it ends in .txt; expected pictures"),
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

"""A classifier's scores: every head's accuracy, and where they come from."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from acgan.evaluation import ClassifierScores, score_classifier
from acgan.metrics.classification import classification_scores
from acgan.predicting import ImageClassifier, load_classifier
from acgan.types import ImageStore
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo, build_classifier

NUM = 30


def _names(num_classes: int) -> tuple[str, ...]:
    return ("Bär", *(f"class {k}" for k in range(1, num_classes)))


def _store(num_classes: int = 3, labels: list[int] | None = None) -> ImageStore:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM, 1, 16, 16), np.uint8)
    found = rng.integers(0, num_classes, NUM) if labels is None else np.array(labels)
    return ImageStore(images, found, _names(num_classes), "f" * 32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return _make_file(tmp_path / "classifier.safetensors")


def _make_file(file: Path, num_classes: int = 3, provenance: dict[str, str] | None = None) -> Path:
    torch.manual_seed(0)
    architecture = {
        "backbone": {"kind": "small", "image_channels": 1, "resolution": 16, "channels": 4},
        "num_classes": num_classes,
        "aux": {"block1": 0.3, "stem": 0.0},
        "in_channels": 1,
        "image_size": 16,
    }
    network = build_classifier(architecture)
    x = torch.from_numpy(_store().images).float() / 127.5 - 1
    with torch.no_grad():  # untrained heads would all name one class for all images
        for name, logits in network.eval().all_logits(x).items():
            network.heads[name].classify.bias -= logits.median(dim=0).values
    known = {"data_fingerprint": "a" * 32} if provenance is None else provenance
    info = ClassifierInfo(architecture, _names(num_classes), 1, 16, provenance=known)
    CLASSIFIER_FILE.save(file, network, info)
    return file


def _scores(file: Path, store: ImageStore) -> tuple[ImageClassifier, ClassifierScores]:
    classifier = load_classifier(file)
    return classifier, score_classifier(classifier, store, file=file, data="digits", split="test")


def test_accuracy_of_each_head(file: Path) -> None:
    store = _store()
    classifier, scores = _scores(file, store)
    logits = classifier.head_logits(store.images)
    right = {name: values.argmax(dim=1).numpy() == store.labels for name, values in logits.items()}
    assert scores.heads == {name: pytest.approx(own.mean()) for name, own in right.items()}
    assert list(scores.heads) == ["main", "block1", "stem"]
    assert len({tuple(own) for own in right.values()}) == 3  # heads differ, or one could stand for another
    assert scores.heads["main"] == pytest.approx(scores.main.accuracy)
    assert scores.right.dtype == bool
    assert (scores.right == right["main"]).all()


def test_the_main_head_s_scores(file: Path) -> None:
    store = _store()
    classifier, scores = _scores(file, store)
    expected = classification_scores(classifier.logits(store.images), torch.from_numpy(store.labels))
    assert scores.main.num_images == NUM
    assert (scores.main.confusion == expected.confusion).all()
    assert scores.main.per_class == expected.per_class
    assert (scores.main.ece, scores.main.top5) == (pytest.approx(expected.ece), None)


def test_provenance(file: Path) -> None:
    _, scores = _scores(file, _store())
    assert scores.provenance == {
        "data": "digits",
        "split": "test",
        "num_images": NUM,
        "data_fingerprint": "f" * 32,
        "classifier": str(file),
        "classifier_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "trained_on": "a" * 32,
        "channels": 1,
        "resolution": 16,
        "device": "cpu",
        "precision": "float32",
    }
    assert scores.class_names == _names(3)


def test_json_holds_everything_in_plain_types(file: Path) -> None:
    store = _store(labels=[1] * 20 + [2] * 10)  # none of the first class
    _, scores = _scores(file, store)
    text = scores.to_json()
    assert "Bär" in text
    values = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    main = scores.main
    assert values == {
        "accuracy": main.accuracy,
        "balanced_accuracy": main.balanced_accuracy,
        "top5": None,
        "macro_f1": main.macro_f1,
        "ece": main.ece,
        "heads": scores.heads,
        "per_class": {
            name: {"precision": c.precision, "recall": c.recall, "f1": c.f1, "images": c.images}
            for name, c in zip(store.class_names, main.per_class, strict=True)
        },
        "confusion": [[int(count) for count in row] for row in main.confusion],
        "provenance": scores.provenance,
    }
    assert values["per_class"]["Bär"]["recall"] is None
    assert [values["per_class"][name]["images"] for name in store.class_names] == [0, 20, 10]
    assert list(values["per_class"]) == list(store.class_names)
    assert sum(map(sum, values["confusion"])) == NUM
    # Rows are true classes.
    assert [sum(row) for row in values["confusion"]] == [0, 20, 10]


def test_json_holds_every_field_of_the_scores(file: Path) -> None:
    _, scores = _scores(file, _store())
    values = json.loads(scores.to_json())
    renamed = {"num_images"}  # in the provenance
    assert set(vars(scores.main)) - renamed <= set(values)
    assert set(vars(scores.main.per_class[0])) == set(values["per_class"]["Bär"])


def test_top5_of_more_than_five_classes(tmp_path: Path) -> None:
    file = _make_file(tmp_path / "seven.safetensors", num_classes=7)
    _, scores = _scores(file, _store(num_classes=7))
    assert scores.main.top5 is not None
    assert scores.main.accuracy <= scores.main.top5 < 1
    assert json.loads(scores.to_json())["top5"] == scores.main.top5


def test_a_classifier_that_does_not_say_what_it_was_trained_on(tmp_path: Path) -> None:
    file = _make_file(tmp_path / "other.safetensors", provenance={})
    _, scores = _scores(file, _store())
    assert json.loads(scores.to_json())["provenance"]["trained_on"] is None

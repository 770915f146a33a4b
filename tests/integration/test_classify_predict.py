"""``acgan classify predict``: classes of pictures, as JSON and as a table, and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from classify_helpers import decoded
from PIL import Image
from run_helpers import acgan

from acgan import api


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
    pictures: list[Path], digits_classifier: Path, workdir: Path
) -> None:
    result = acgan("classify", "predict", str(digits_classifier), "pictures", "--json", "--top", "99")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["path"] for row in rows] == [str(file) for file in pictures]
    images = decoded("digits", workdir.parent).test.images[:3]
    expected = api.load_classifier(digits_classifier)(torch.from_numpy(images))
    for row, probabilities in zip(rows, expected, strict=True):
        assert row["classes"].keys() == set("0123456789")
        assert list(row["classes"].values()) == sorted(row["classes"].values(), reverse=True)
        found = torch.tensor([row["classes"][name] for name in "0123456789"])
        torch.testing.assert_close(found, probabilities)
    result = acgan("classify", "predict", str(digits_classifier), str(pictures[0]), "--json", "--top", "2")
    only = json.loads(result.stdout)
    assert len(only) == 1
    expected_two = dict(list(rows[0]["classes"].items())[:2])
    assert only[0]["classes"] == pytest.approx(expected_two, rel=1e-4)


def test_predictions_as_a_table(pictures: list[Path], digits_classifier: Path, workdir: Path) -> None:
    file = digits_classifier / "classifier.safetensors"
    likeliest = api.predict(digits_classifier, pictures)
    for top in (1, 3):
        result = acgan("classify", "predict", str(file), *map(str, pictures), "--top", str(top))
        assert result.exit_code == 0, result.output
        assert f"class {top}" in result.stdout
        assert f"class {top + 1}" not in result.stdout
        for path, classes in likeliest:
            line = next(line for line in result.stdout.splitlines() if str(path) in line)
            assert [f"{name} {share:.3f}" in line for name, share in classes[:top]] == [True] * top


def test_pictures_of_other_sizes_and_modes_are_made_to_fit(digits_classifier: Path, workdir: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 61, 3), dtype=np.uint8)).save("colour.jpg")
    Image.fromarray(rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)).save("clear.png")
    result = acgan("classify", "predict", str(digits_classifier), "colour.jpg", "clear.png", "--json")
    assert result.exit_code == 0, result.output
    for row in json.loads(result.stdout):
        assert len(row["classes"]) == 3


def test_a_broken_image_is_named(pictures: list[Path], digits_classifier: Path) -> None:
    content = pictures[1].read_bytes()
    pictures[1].write_bytes(content[: len(content) // 2])
    result = acgan("classify", "predict", str(digits_classifier), "pictures")
    assert result.exit_code == 1, result.output
    assert "pictures/b.png cannot be decoded" in result.stderr
    assert "Traceback" not in result.stderr
    assert "class 1" not in result.stdout


def test_broken_images_are_skipped_and_listed(pictures: list[Path], digits_classifier: Path) -> None:
    expected = json.loads(acgan("classify", "predict", str(digits_classifier), "pictures", "--json").stdout)
    pictures[1].write_bytes(b"no image")
    refused = acgan("classify", "predict", str(digits_classifier), "pictures")
    assert "--on-error skip" in refused.stderr
    result = acgan("classify", "predict", str(digits_classifier), "pictures", "--on-error", "skip", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["path"] for row in rows] == [str(pictures[number]) for number in (0, 2, 1)]
    for row, before in zip(rows, (expected[0], expected[2]), strict=False):
        assert row["classes"] == pytest.approx(before["classes"], rel=1e-4)
    assert rows[2]["skipped"] == "it is empty or not an image that Pillow knows"
    assert f"skipped {pictures[1]}: it is empty" in result.stderr
    table = acgan("classify", "predict", str(digits_classifier), "pictures", "--on-error", "skip").stdout
    assert "2 images, 1 skipped" in table
    for file in pictures:
        file.write_bytes(b"no image")
    result = acgan("classify", "predict", str(digits_classifier), "pictures", "--on-error", "skip")
    assert result.exit_code == 1
    assert "none of 3 could be decoded" in result.stderr

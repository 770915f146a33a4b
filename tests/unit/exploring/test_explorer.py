"""Questions of the page of ``acgan explore`` to a generator."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sampler_helpers import make_sampler

from acgan.data.samples import load_samples
from acgan.exploring import Explorer
from acgan.exploring.explorer import pixels
from acgan.marks import is_generated
from acgan.predicting import load_classifier
from acgan.types import ImageStore

DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    sampler = make_sampler(image_channels=1, class_names=DIGITS)
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (30, 1, 16, 16), dtype=np.uint8)
    store = ImageStore(images=images, labels=np.arange(30) % 10, class_names=DIGITS, fingerprint="f")
    return Explorer("run", sampler, load_classifier("digits"), store)


HOW = {"seed": 3, "truncation": 0.9}


def test_it_draws_what_acgan_sample_draws(explorer: Explorer) -> None:
    samples = explorer.draw([2, 5], 3, **HOW)
    for sample, (label, index) in zip(samples, [(2, 0), (2, 1), (2, 2), (5, 0), (5, 1), (5, 2)], strict=True):
        expected = explorer.sampler.image(label, index, **HOW)
        assert (sample.image.int() - expected.int()).abs().max() <= 1
        assert sample.name == f"{label}, image {index}"
        assert sample.y.argmax() == label


def test_the_verdict_is_the_classifiers(explorer: Explorer) -> None:
    samples = explorer.draw([4], 5, **HOW)
    probabilities = load_classifier("digits")(torch.stack([sample.image for sample in samples]))
    for sample, row in zip(samples, probabilities, strict=True):
        assert sample.verdict == f"seen as {int(row.argmax())}, {float(row.max()):.0%}"
        assert sample.sure == pytest.approx(float(row[4]), abs=1e-5)


def test_the_classifier_chooses(explorer: Explorer) -> None:
    everyone = explorer.draw([1], 40, **HOW)
    least = sorted(sample.sure for sample in everyone)[-3]
    kept = explorer.draw([1], 2, **HOW, least=least)
    expected = [sample.name for sample in everyone if sample.sure >= least]
    assert [sample.name for sample in kept] == expected[:2]
    assert all(sample.sure >= least for sample in kept)
    assert explorer.draw([1], 1, **HOW, least=1.0) == []


def test_a_mix_of_one_class_is_that_class(explorer: Explorer) -> None:
    mixed = explorer.mix({7: 0.5, 3: 0.0}, 2, **HOW)
    plain = explorer.draw([7], 2, **HOW)
    for a, b in zip(mixed, plain, strict=True):
        assert (a.image.int() - b.image.int()).abs().max() <= 1
    half = explorer.mix({7: 1, 3: 1}, 1, **HOW)[0]
    assert (half.y[7], half.y[3]) == (0.5, 0.5)
    assert half.name == "50% 7, 50% 3"
    with pytest.raises(ValueError, match="above 0"):
        explorer.mix({1: 0.0}, 1, **HOW)


def test_a_path_leads_from_one_image_to_another(explorer: Explorer) -> None:
    path = explorer.path(6, 4, 9, 5, **HOW)
    assert len(path) == 5
    for sample, index in ((path[0], 4), (path[-1], 9)):
        expected = explorer.sampler.image(6, index, **HOW)
        assert (sample.image.int() - expected.int()).abs().max() <= 1


def test_samples_around_another_one(explorer: Explorer) -> None:
    (sample,) = explorer.draw([0], 1, **HOW)
    near = explorer.around(sample, 4, 0.0, seed=1)
    assert all((one.image.int() - sample.image.int()).abs().max() <= 1 for one in near)
    far = explorer.around(sample, 200, 0.6, seed=1)
    cosines = torch.stack([torch.nn.functional.cosine_similarity(one.z, sample.z, dim=0) for one in far])
    assert cosines.mean() == pytest.approx(0.8, abs=0.1)


def test_neighbours_are_the_nearest_of_the_class(explorer: Explorer) -> None:
    (sample,) = explorer.draw([3], 1, **HOW)
    found = explorer.neighbours(sample, 2)
    rows = [row for row in range(30) if row % 10 == 3]
    target = sample.image.numpy().astype(float)
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 16, 16), dtype=np.uint8)
    distances = sorted(
        min(
            np.sqrt(np.mean((image.astype(float) - target) ** 2))
            for image in (images[row], images[row][..., ::-1])
        )
        for row in rows
    )
    assert [one.distance for one in found] == pytest.approx(distances[:2], rel=1e-5)
    assert all(one.class_name == "3" for one in found)


def test_downloads(explorer: Explorer) -> None:
    samples = explorer.draw([2, 5], 2, **HOW)
    with np.load(io.BytesIO(explorer.as_npz(samples))) as arrays:
        assert arrays["images"].shape == (4, 16, 16, 1)
        assert np.array_equal(arrays["images"][1], samples[1].image.permute(1, 2, 0))
        assert arrays["shares"].argmax(axis=1).tolist() == [2, 2, 5, 5]
    with zipfile.ZipFile(io.BytesIO(explorer.as_zip(samples))) as archive:
        numbered = [f"{name}/00000{number}.png" for name in ("2", "5") for number in range(2)]
        assert archive.namelist() == [*numbered, "sampler.json"]
        picture = Image.open(io.BytesIO(archive.read("5/000001.png")))
        assert np.array_equal(np.asarray(picture), pixels(samples[3].image))
        assert is_generated(picture)
    assert explorer.page(samples).ndim == 3


def test_a_zip_tells_classes_whose_names_are_no_folders(tmp_path: Path) -> None:
    """Read as data it has the classes that were drawn."""
    explorer = Explorer("run", make_sampler(image_channels=1, class_names=("Cat", "cat", "a/b")), None, None)
    file = tmp_path / "samples.zip"
    file.write_bytes(explorer.as_zip(explorer.draw([0, 1, 2], 2, **HOW)))
    assert load_samples(str(file), on_error="stop").train.class_names == ("Cat", "a/b", "cat")


def test_without_a_classifier_and_training_images() -> None:
    explorer = Explorer("run", make_sampler(image_channels=1, class_names=DIGITS), None, None)
    (sample,) = explorer.draw([0], 1, **HOW)
    assert (sample.verdict, sample.sure) == ("", None)
    assert explorer.neighbours(sample, 3) == []
    assert not explorer.judges
    assert not explorer.compares

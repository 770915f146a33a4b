"""What ``acgan.train`` takes as data besides a source's name."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import acgan
import acgan.api
from acgan.config import RunConfig, load
from acgan.errors import ConfigError, DataError

TINY = [
    "train.total_nimg=8",
    "train.batch_size=8",
    "train.precision=float32",
    "model.generator.channels=8",
    "model.discriminator.channels=8",
    "every.log_nimg=8",
]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draws = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(6):
            pixels = draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{index}.png")
    return tmp_path / "pictures"


def test_a_path_object_is_a_source(pictures: Path, tmp_path: Path) -> None:
    warned: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # six images a class are not learned in a step
        result = acgan.train(data=pictures, run_dir=tmp_path / "run", overrides=TINY, warn=warned.append)
    assert result.sampler().class_names == ("cat", "dog")
    assert any("2 classes have few training images: cat (" in warning for warning in warned)


def test_classes_of_a_torch_dataset_are_not_picked_by_a_key(tmp_path: Path) -> None:
    dataset = torch.utils.data.TensorDataset(torch.rand(8, 1, 16, 16), torch.arange(8) % 2)
    config = load(RunConfig, None, [*TINY, "data.classes=['0']"])
    with pytest.raises(ConfigError, match=r"data\.classes"):
        acgan.train(config, dataset, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_source_takes_the_place_of_the_configured_one(pictures: Path) -> None:
    elsewhere = load(RunConfig, None, [f"data.source={pictures}/nothing"])
    expected = acgan.api.load_data(load(RunConfig, None, [f"data.source={pictures}"]))
    for source in (pictures, str(pictures)):
        found = acgan.api.load_data(elsewhere, source)
        assert (found.name, found.train.fingerprint) == (expected.name, expected.train.fingerprint)


def test_seeds_train_on_the_same_images(pictures: Path, tmp_path: Path) -> None:
    held_out = [
        acgan.api.load_data(
            load(RunConfig, None, [f"data.source={pictures}", f"seed={seed}", "data.test_share=0.4"])
        )
        for seed in (0, 1)
    ]
    assert held_out[0].test.fingerprint == held_out[1].test.fingerprint
    other = load(RunConfig, None, [f"data.source={pictures}", "data.split_seed=1", "data.test_share=0.4"])
    assert acgan.api.load_data(other).test.fingerprint != held_out[0].test.fingerprint


@pytest.mark.parametrize("form", ["arrays", "tensors", "lists"])
def test_images_and_labels_as_a_pair(form: str, tmp_path: Path) -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(8) % 2
    pair = {
        "arrays": (arrays, labels),
        "tensors": (torch.from_numpy(arrays).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(labels)),
        "lists": ([Image.fromarray(one) for one in arrays], [("cat", "dog")[one] for one in labels]),
    }[form]
    config = load(RunConfig, None, ["data.test_share=0"])
    dataset = acgan.api.load_data(config, pair)
    assert dataset.train.class_names == (("cat", "dog") if form == "lists" else ("0", "1"))
    assert np.array_equal(read_all(dataset), arrays)


def read_all(dataset: acgan.types.Dataset) -> np.ndarray:
    """All training images (N, H, W, C)."""
    return np.asarray(dataset.train.images[:]).transpose(0, 2, 3, 1)


def test_a_pair_of_other_lengths() -> None:
    config = load(RunConfig, None, [])
    with pytest.raises(DataError, match="a pair of 4 images and 3 labels; expected a label for each image"):
        acgan.api.load_data(config, (np.zeros((4, 16, 16), np.uint8), [0, 1, 0]))
    with pytest.raises(DataError, match="a pair of images and int; expected as many labels as images"):
        acgan.api.load_data(config, (np.zeros((4, 16, 16), np.uint8), 3))


def test_a_pair_trains_by_the_names_of_the_package(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = (images, np.arange(60) % 2)
        result = acgan.train("folder", data, run_dir=tmp_path / "run", overrides=TINY)
        options = acgan.EvaluateOptions(metrics=("accuracy",), extractor="digits", data=data)
        evaluated = acgan.evaluate(result.directory, options)
    assert list(evaluated.scores.per_class) == ["0", "1"]

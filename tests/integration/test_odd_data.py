"""From a folder as people have them to images of a class by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_helpers import acgan, acgan_train, latest_payload, train_args

import acgan as package

NAMES = ("Große Hunde", "chats & co", "日本", 'a,b\'c "d"', "7")
SHORT = {
    "train.total_nimg": 32,
    "every.log_nimg": 16,
    "data.source": "digits",
    "monitor.num_per_class": 0,
    "data.resolution": 16,
}


@pytest.fixture
def pictures(workdir: Path) -> Path:
    """Classes with spaces, quotes and other scripts; sizes and modes mixed."""
    rng = np.random.default_rng(0)
    folder = workdir / "my pictures"
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        for index in range(6):
            side = int(rng.integers(17, 40))
            shape = (side, side + index, 3) if index % 2 else (side + index, side)
            mode = "RGB" if index % 2 else "L"
            image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8), mode)
            image.save(folder / name / f"nº {index}.png")
    return folder


def test_odd_names_sizes_and_modes(pictures: Path, workdir: Path) -> None:
    result = acgan(*train_args("run", SHORT, "--data", str(pictures)))
    assert result.exit_code == 0, result.output
    assert latest_payload(Path("run"))["meta"]["class_names"] == sorted(NAMES)
    sampler = package.load_generator("run")
    assert sampler.class_names == tuple(sorted(NAMES))
    for name in NAMES:
        images, labels = sampler.sample(2, name)
        assert images.shape == (2, 3, 16, 16)
        assert labels.tolist() == [sorted(NAMES).index(name)] * 2
    for name in ("Große Hunde", "日本"):
        result = acgan("sample", "run", "--class", name, "-n", "2", "--out", f"{name}.png")
        assert result.exit_code == 0, result.output
        assert Path(f"{name}.png").exists()


def test_the_default_directory_and_recipe_of_a_folder(pictures: Path, workdir: Path) -> None:
    changes = {"data.resolution": 16, "train.batch_size": 8, "train.total_nimg": 8}
    options = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    result = acgan("train", "--data", "my pictures", *options, "--max-time", "0")
    assert result.exit_code == 0, result.output
    assert Path("runs/folder-my_pictures/config.yaml").exists()
    result = acgan("train", "--data", "my pictures", "--dry-run", *options)
    assert result.exit_code == 0, result.output
    assert "5 classes" in result.stdout


def test_broken_images_stop_or_are_skipped(pictures: Path, workdir: Path) -> None:
    (pictures / "7" / "broken.png").write_bytes(b"not an image")
    result = acgan(*train_args("run", SHORT, "--data", str(pictures)))
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    assert not Path("run").exists()
    result = acgan(*train_args("run", {**SHORT, "data.on_error": "skip"}, "--data", str(pictures)))
    assert result.exit_code == 0, result.output
    assert "broken.png" in result.output


@pytest.mark.parametrize("count", [1, 3, 17])
def test_fewer_images_than_a_batch(count: int, workdir: Path) -> None:
    for name in ("a", "b"):
        (workdir / "few" / name).mkdir(parents=True)
        for index in range(count):
            Image.new("L", (16, 16), index * 10).save(workdir / "few" / name / f"{index}.png")
    result = acgan(*train_args("run", SHORT, "--data", "few"))
    assert result.exit_code == 0, result.output


def test_one_class_alone(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**SHORT, "data.classes": ["3"]})
    assert result.exit_code == 0, result.output


def test_merged_classes(tmp_path: Path) -> None:
    result = acgan_train(
        tmp_path / "run", {**SHORT, "data.classes": [{"round": ["0", "8"]}, {"straight": ["1", "7"]}]}
    )
    assert result.exit_code == 0, result.output
    assert package.load_generator(tmp_path / "run").class_names == ("round", "straight")


@pytest.mark.slow
@pytest.mark.parametrize("source", [lambda root: f"mnist:{root}", lambda root: f"{root}/cifar10_jpg.zip"])
def test_whole_sets(source: Callable[[Path], str], shared_data: Path, workdir: Path) -> None:
    result = acgan(*train_args("run", {**SHORT, "data.resolution": 32}, "--data", source(shared_data)))
    assert result.exit_code == 0, result.output
    sampler = package.load_generator("run")
    assert len(sampler.class_names) == 10
    name = "dog" if "dog" in sampler.class_names else "7"
    assert sampler.sample(3, name)[0].shape[-2:] == (32, 32)

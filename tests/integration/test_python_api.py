"""``acgan.train`` and ``acgan.load_generator`` as a program or a notebook uses them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from run_helpers import TINY, TINY_CLASSIFIER, assert_same_run, checkpoints, overrides, trained

import acgan
from acgan.config import load
from acgan.errors import ConfigError, UserError


def config(**changes: Any) -> acgan.RunConfig:
    values = {"train.total_nimg": 96, "monitor.num_per_class": 0, **changes}
    return load(acgan.RunConfig, TINY, overrides({key.replace("__", "."): v for key, v in values.items()}))


class Squares(torch.utils.data.Dataset):
    """Bright and dark squares: tensors (1, 20, 20) in [0, 1]."""

    classes = ("dark", "bright one")

    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        label = index % 2
        image = torch.rand(1, 20, 20, generator=torch.Generator().manual_seed(index))
        return image * 0.5 + 0.5 * label, label


def in_thread(function: Any) -> Any:
    """The result of a call in another thread, as in a notebook's kernel."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = function()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


@pytest.mark.parametrize("train", [acgan.train, acgan.train_classifier])
def test_options_that_there_are_not_are_refused(train: Any, workdir: Path) -> None:
    with pytest.raises(TypeError, match=r"no such options: max_time; there are run_dir, .*max_time_sec"):
        train(run_dir="mine", max_time=60)
    assert list(workdir.iterdir()) == []


def test_a_torch_dataset_in_another_thread(workdir: Path) -> None:
    ticks: list[Any] = []
    result = in_thread(lambda: acgan.train(config(), data=Squares(), on_tick=ticks.append, run_dir="mine"))
    assert isinstance(result, acgan.TrainResult)
    assert (result.directory, result.nimg, result.finished) == (Path("mine"), 96, True)
    assert result.trained_sec > 0
    assert result.images_per_sec > 0
    assert result.stats["D/adversarial"] > 0
    assert [tick.nimg for tick in ticks] == [32, 64, 96]
    assert ticks[-1].stats == result.stats
    assert {tick.total_nimg for tick in ticks} == {96}
    assert all(tick.images_per_sec > 0 for tick in ticks)

    images, labels = result.sampler().sample(6, ["bright one", "dark"])
    assert (images.shape, images.dtype) == ((6, 1, 16, 16), torch.uint8)
    assert labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert acgan.load_generator("mine").class_names == ("dark", "bright one")
    again, _ = acgan.load_generator(Path("mine") / "generator.safetensors").sample(6, ["bright one", "dark"])
    assert torch.equal(images, again)
    with pytest.raises(UserError, match="dark"):
        result.sampler().sample(1, "drak")


def test_a_torch_dataset_goes_on_where_it_stopped(workdir: Path) -> None:
    first = acgan.train(config(), data=Squares(), run_dir="run", max_time_sec=0)
    assert (first.finished, first.nimg, dict(first.stats)) == (False, 0, {})
    second = acgan.train(config(), data=Squares(), run_dir="run")
    assert second.finished
    acgan.train(config(), data=Squares(), run_dir="whole")
    assert_same_run(Path("run"), Path("whole"))


def test_another_dataset_is_refused(workdir: Path) -> None:
    class Others(Squares):
        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            image, label = super().__getitem__(index)
            return 1 - image, label

    acgan.train(config(), data=Squares(), run_dir="run", max_time_sec=0)
    with pytest.raises(UserError, match="training images are not those"):
        acgan.train(config(), data=Others(), run_dir="run")


def test_numpy_and_pil_items_and_labels_without_names(workdir: Path) -> None:
    rng = np.random.default_rng(0)
    items = [(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), np.int64(i % 3)) for i in range(75)]
    result = acgan.train(config(train__total_nimg=16), data=items, run_dir="run")
    assert result.sampler().class_names == ("0", "1", "2")
    assert result.sampler().sample(2)[0].shape == (2, 3, 16, 16)


def test_the_same_as_the_command_line(workdir: Path) -> None:
    acgan.train(config(), run_dir="python")
    trained(Path("shell"), {"train.total_nimg": 96, "monitor.num_per_class": 0})
    assert_same_run(Path("python"), Path("shell"))


def test_recipes_overrides_and_default_directories(workdir: Path) -> None:
    result = acgan.train("digits", overrides=["train.batch_size=16"], max_time_sec=0)
    assert result.directory == Path("runs/digits")
    result = acgan.train(str(TINY), data=Squares(), max_time_sec=0)
    assert result.directory == Path("runs/tiny-dataset")
    result = acgan.train(data=Squares(), overrides=["data.resolution=16"], max_time_sec=0)
    assert result.directory == Path("runs/folder-dataset")
    result = acgan.train(config(), max_time_sec=0)
    assert result.directory == Path("runs/run")
    with pytest.raises(ConfigError, match="model_copy"):
        acgan.train(config(), overrides=["seed=1"])


def test_an_error_of_a_listener_ends_the_training_and_frees_the_directory(workdir: Path) -> None:
    def stop(tick: Any) -> None:
        if tick.nimg == 64:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        acgan.train(config(), on_tick=stop, run_dir="run")
    result = acgan.train(config(), run_dir="run")
    assert result.finished
    acgan.train(config(), run_dir="whole")
    assert_same_run(Path("run"), Path("whole"))


def test_global_state_is_left_alone(workdir: Path) -> None:
    torch.manual_seed(1)
    expected = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    acgan.train(config(), run_dir="run")
    assert torch.equal(torch.random.get_rng_state(), expected[0])
    assert np.array_equal(np.random.get_state()[1], expected[1])  # noqa: NPY002
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32


def test_idle_cores_are_told_about_where_portions_can_still_be_chosen(workdir: Path) -> None:
    classifier = load(acgan.ClassifierConfig, TINY_CLASSIFIER, ["train.threads=8"])
    for train, settings in ((acgan.train, config(train__threads=8)), (acgan.train_classifier, classifier)):
        said: list[list[str]] = []
        for _ in range(2):  # a new run, and the same again
            said.append([])
            train(settings, run_dir=train.__name__, say=said[-1].append, max_time_sec=0)
        remarks = [[line for line in lines if "cores stay idle" in line] for lines in said]
        assert [len(lines) for lines in remarks] == [1, 0]
        assert "train.portions=8" in remarks[0][0]


def test_data_is_told_about(workdir: Path) -> None:
    said: list[str] = []
    acgan.train(config(), data=Squares(), run_dir="run", say=said.append, max_time_sec=0)
    assert any("2 classes" in line for line in said)
    assert checkpoints(Path("run")) == [0]

"""A generator that makes one image a class is found out during training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import acgan_train, stats_rows
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from acgan import api
from acgan.config import RunConfig
from acgan.models import GENERATORS
from acgan.models.generator import ResNetGenerator

CHANGES: dict[str, Any] = {
    "train.total_nimg": 96,
    "every.evaluate_nimg": 48,
    "every.log_nimg": 32,
    "monitor.num_per_class": 50,
    "data.classes": ["3", "7", "8"],
}
REAL: dict[int, Tensor] = {}


class Collapsed(ResNetGenerator):
    """Real images for class 3; for the others one image with a little noise."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        drawn = super().forward(z, y)
        alike = super().forward(torch.zeros_like(z), y) + 0.01 * z.mean(dim=1).view(-1, 1, 1, 1)
        real = REAL[0][(z[:, 0].detach() * 1e6).long() % len(REAL[0])].to(z.dtype) + 0 * drawn
        return torch.where((y == 0).view(-1, 1, 1, 1), real, alike)


@pytest.fixture
def collapsing(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(data={"source": "digits", "resolution": 16, "classes": ["3", "7", "8"]})
    store = api.load_data(config).train
    REAL[0] = torch.from_numpy(store.images[store.labels == 0]) / 127.5 - 1
    monkeypatch.setitem(GENERATORS, "resnet", Collapsed)


@pytest.mark.usefixtures("collapsing")
@pytest.mark.parametrize("quiet", [False, True])
def test_the_classes_are_named_on_stderr(quiet: bool, tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", CHANGES, *["--quiet"] * quiet)
    assert result.exit_code == 0, result.output
    warnings = [line for line in result.stderr.splitlines() if "collapse" in line]
    assert len(warnings) == 2, "one at each evaluation"
    assert warnings[0].startswith("warning: ")
    assert "7 (" in warnings[0]
    assert "8 (" in warnings[0]
    assert "3 (" not in warnings[0]
    assert "collapse" not in result.stdout


@pytest.mark.usefixtures("collapsing")
def test_it_is_in_the_statistics_and_in_tensorboard(tmp_path: Path) -> None:
    run = tmp_path / "run"
    acgan_train(run, CHANGES)
    rows = [row for row in stats_rows(run) if "monitor/collapsed_classes" in row]
    assert [row["nimg"] for row in rows] == [48, 96]
    for row in rows:
        assert row["monitor/collapsed_classes"] == 2
        assert row["monitor/duplicates/7"] > 0.9
        assert row["monitor/coverage/7"] < 0.2
        assert row["monitor/duplicates/3"] < 0.5
        assert row["monitor/coverage/3"] > 0.5
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("monitor/collapsed_classes")] == [2, 2]
    texts = events.Tensors("warnings/text_summary")
    assert [text.step for text in texts] == [48, 96]
    assert "7 (" in texts[0].tensor_proto.string_val[0].decode()


def test_real_images_raise_no_warning(
    tmp_path: Path, collapsing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: ResNetGenerator, z: Tensor, y: Tensor) -> Tensor:
        return REAL[0][(z[:, 0].detach() * 1e6).long() % len(REAL[0])] + 0 * self.to_image.weight.sum()

    monkeypatch.setattr(Collapsed, "forward", forward)
    result = acgan_train(tmp_path / "run", {**CHANGES, "data.classes": ["3"]})
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert [row["monitor/collapsed_classes"] for row in stats_rows(tmp_path / "run") if len(row) < 10] == [
        0,
        0,
    ]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**CHANGES, "monitor.num_per_class": 0})
    assert result.stderr == ""
    assert "monitor" not in result.stdout
    assert not any(key.startswith("monitor") for row in stats_rows(tmp_path / "run") for key in row)


def test_too_few_images_of_a_class_say_nothing(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**CHANGES, "data.max_per_class": 15})
    assert result.stderr == ""
    assert "the collapse monitor needs 20 images a class and cannot judge: 3, 7, 8" in result.stdout
    assert all(len(row) > 1 for row in stats_rows(tmp_path / "run")), "no empty rows"

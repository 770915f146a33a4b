"""A generator that makes one image a class is found out during training."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import acgan_train, assert_same_run, signal_after, stats_rows
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from acgan import api
from acgan.api.report_material import known_run
from acgan.config import RunConfig
from acgan.models import GENERATORS
from acgan.models.generator import ResNetGenerator
from acgan.report.history import diversity_section
from acgan.training.run import AT_STOP, TrainingRun

CHANGES: dict[str, Any] = {
    "train.total_nimg": 96,
    "every.evaluate_nimg": 48,
    "every.log_nimg": 32,
    "monitor.num_per_class": 50,
    "data.classes": ["3", "7", "8"],
}
REAL: dict[int, Tensor] = {}


class Collapsed(ResNetGenerator):
    """Real images for class 3, one real image for class 7, one unlike any for 8; both with a little noise."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        drawn = super().forward(z, y)
        noise = 0.01 * z.mean(dim=1).view(-1, 1, 1, 1)
        real = REAL[0][(z[:, 0].detach() * 1e6).long() % len(REAL[0])].to(z.dtype) + 0 * drawn
        one = REAL[1][:1].to(z.dtype) + noise + 0 * drawn
        unlike = super().forward(torch.zeros_like(z), y) + noise
        is_class = [(y == label).view(-1, 1, 1, 1) for label in (0, 1)]
        return torch.where(is_class[0], real, torch.where(is_class[1], one, unlike))


@pytest.fixture
def collapsing(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(data={"source": "digits", "resolution": 16, "classes": ["3", "7", "8"]})
    store = api.load_data(config).train
    for label in (0, 1):
        REAL[label] = torch.from_numpy(store.images[store.labels == label]) / 127.5 - 1
    monkeypatch.setitem(GENERATORS, "resnet", Collapsed)


@pytest.mark.usefixtures("collapsing")
@pytest.mark.parametrize("quiet", [False, True])
def test_the_classes_are_named_on_stderr(quiet: bool, tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", CHANGES, *["--quiet"] * quiet)
    assert result.exit_code == 0, result.output
    warnings = [line for line in result.stderr.splitlines() if "collapse" in line]
    assert len(warnings) == 5, "one early, two at each evaluation"
    assert ": collapsed, with" in warnings.pop(0)
    assert all(line.startswith("warning: collapse monitor: ") for line in warnings)
    for collapsed, unlike in (warnings[:2], warnings[2:]):
        assert ": collapsed, with too many near-duplicates or too few" in collapsed
        assert "coverage): 7 (" in collapsed
        assert ": unlike real images in class (share of near-duplicates, coverage): 8 (" in unlike
        assert "3 (" not in collapsed + unlike
    assert ("unlike" in result.stdout) != quiet, "early, a class that is like no digit is not yet trained"


@pytest.mark.usefixtures("collapsing")
def test_it_is_in_the_statistics_and_in_tensorboard(tmp_path: Path) -> None:
    run = tmp_path / "run"
    acgan_train(run, CHANGES)
    rows = [row for row in stats_rows(run) if "monitor/collapsed_classes" in row]
    assert [row["nimg"] for row in rows] == [16, 48, 96]
    assert [row["monitor/collapsed_classes"] for row in rows] == [1, 2, 2]
    for row in rows:
        assert row["monitor/duplicates/7"] > 0.9
        assert row["monitor/coverage/7"] < 0.2
        assert row["monitor/duplicates/3"] < 0.5
        assert row["monitor/coverage/3"] > 0.5
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("monitor/collapsed_classes")] == [1, 2, 2]
    texts = events.Tensors("warnings/text_summary")
    assert [text.step for text in texts] == [16, 48, 48, 96, 96]
    assert "7 (" in texts[0].tensor_proto.string_val[0].decode()


@pytest.mark.usefixtures("collapsing")
def test_a_twentieth_of_the_training_is_looked_at_and_what_is_not_yet_trained_is_no_collapse(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    result = acgan_train(run, {**CHANGES, "train.total_nimg": 320, "every.evaluate_nimg": 320})
    early, *_ = [line for line in result.stderr.splitlines() if "collapse" in line]
    assert "collapsed, with" in early
    assert "7 (" in early
    (remark,) = [line for line in result.stdout.splitlines() if "collapse monitor" in line]
    assert remark.startswith("16 images: collapse monitor: unlike real images in class (")
    assert "8 (" in remark
    assert remark.endswith(": not yet trained, at 5% of the training")
    rows = [row for row in stats_rows(run) if "monitor/collapsed_classes" in row]
    assert [(row["nimg"], row["monitor/collapsed_classes"]) for row in rows] == [(16, 1), (320, 2)]
    assert rows[0]["monitor/realistic/7"] > 0.9 > 0.1 > rows[0]["monitor/realistic/8"]


@pytest.mark.usefixtures("collapsing")
@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_a_training_that_stops_before_its_first_check_says_what_it_is(
    number: signal.Signals | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_to_stop(run: TrainingRun) -> bool:
        run.requests.stop.number = number if run.nimg >= 48 else None
        return run.nimg >= 48

    monkeypatch.setattr(TrainingRun, "asked_to_stop", asked_to_stop)
    changes = {**CHANGES, "train.total_nimg": 32 * 48, "every.evaluate_nimg": 32 * 48, "every.log_nimg": 16}
    result = acgan_train(tmp_path / "run", changes)
    collapsed = [line for line in result.stderr.splitlines() if "collapsed, with" in line]
    if number == signal.SIGTERM:
        assert not collapsed, "whoever sends it does not wait"
    else:
        assert len(collapsed) == 1
        assert "7 (" in collapsed[0]
    looks = _looks_at_stops(tmp_path / "run")
    assert [look["nimg"] for look in looks] == ([] if number == signal.SIGTERM else [48])
    assert all(look["monitor/collapsed_classes"] == 1 for look in looks)
    assert all(look["monitor/coverage/7"] < 0.2 for look in looks)
    run = known_run(tmp_path / "run")
    assert run.warned_at == tuple(look["nimg"] for look in looks)
    assert bool(diversity_section(run).values["figures"]) == bool(looks), (
        "or the page says that nothing was looked at"
    )


@pytest.mark.usefixtures("collapsing")
def test_a_resumed_run_keeps_the_looks_at_its_stops(tmp_path: Path) -> None:
    """Fails where they are lost, or where a training that goes on has other numbers for them."""
    changes = {**CHANGES, "every.evaluate_nimg": 96}
    run, whole = tmp_path / "run", tmp_path / "whole"
    for stop in (2, 4):
        with signal_after(stop, signal.SIGINT):
            acgan_train(run, changes)
    looks = _looks_at_stops(run)
    assert [look["nimg"] for look in looks] == [32, 64]
    acgan_train(run, changes, "--max-time", "0s")  # no new state, nothing new to see
    acgan_train(run, changes)
    acgan_train(whole, changes)
    assert _looks_at_stops(run) == looks
    assert_same_run(run, whole)


def _looks_at_stops(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    return [row for row in rows if AT_STOP in row]


def test_real_images_raise_no_warning(
    tmp_path: Path, collapsing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: ResNetGenerator, z: Tensor, y: Tensor) -> Tensor:
        return REAL[0][(z[:, 0].detach() * 1e6).long() % len(REAL[0])] + 0 * self.to_image.weight.sum()

    monkeypatch.setattr(Collapsed, "forward", forward)
    result = acgan_train(tmp_path / "run", {**CHANGES, "data.classes": ["3"]})
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    rows = stats_rows(tmp_path / "run")
    assert [row[name] for row in rows if (name := "monitor/collapsed_classes") in row] == [0, 0, 0]


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**CHANGES, "monitor.num_per_class": 0})
    assert result.stderr == ""
    assert "monitor" not in result.stdout
    assert not any(key.startswith("monitor") for row in stats_rows(tmp_path / "run") for key in row)


def test_too_few_images_of_a_class_say_nothing(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**CHANGES, "data.max_per_class": 15})
    (warning,) = result.stderr.splitlines()
    assert "3 classes have few training images: 3 (15), 7 (15), 8 (15)" in warning
    assert "the collapse monitor" not in result.stdout, "told once"
    assert all(len(row) > 1 for row in stats_rows(tmp_path / "run")), "no empty rows"

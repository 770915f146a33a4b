"""What TensorBoard shows of a run."""

from __future__ import annotations

import json
import os
import re
import signal
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_helpers import Child, acgan_train, killed_at, train_args, trained
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

from acgan.cli import main
from acgan.plots.page import ClassPage
from acgan.training import saved_state

SCALARS = {
    "D/adversarial",
    "D/class_real",
    "D/class_fake",
    "D/r1",
    "D/r2",
    "D/accuracy",
    "D/real_sign",
    "D/class_accuracy_real",
    "D/class_accuracy_fake",
    "D/feature_norm",
    "D/logit_real",
    "D/logit_fake",
    "D/gradient_norm",
    "G/adversarial",
    "G/class_fake",
    "G/gradient_norm",
    *(f"D/weighted/{term}" for term in ("adversarial", "class_real", "class_fake", "r1", "r2")),
    *(f"G/weighted/{term}" for term in ("adversarial", "class_fake")),
    "time/images_per_sec",
    "time/trained_sec",
    "memory/peak_bytes",
    "monitor/collapsed_classes",
    *(f"monitor/{score}/{name}" for score in ("duplicates", "coverage", "realistic") for name in range(10)),
}
TICKS = list(range(32, 321, 32))


def read(run: Path) -> EventAccumulator:
    events = EventAccumulator(
        str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0}
    )
    return events.Reload()


def steps(run: Path, tag: str) -> list[int]:
    return [event.step for event in read(run).Scalars(tag)]


def assert_whole(run: Path) -> None:
    """Every step of every scalar is there once, with the value of stats.jsonl."""
    events = read(run)
    rows = [json.loads(line) for line in (run / "stats.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["nimg"] for row in rows if "D/adversarial" in row] == TICKS
    for tag in events.Tags()["scalars"]:
        shown = events.Scalars(tag)
        if tag.startswith(("time/", "memory/")):
            assert [event.step for event in shown] == TICKS, tag
            continue
        expected = [(row["nimg"], row[tag]) for row in rows if tag in row]
        assert [event.step for event in shown] == [nimg for nimg, _ in expected], tag
        assert [event.value for event in shown] == pytest.approx([value for _, value in expected]), tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("tensorboard") / "run", {"every.sample_nimg": 80})


def test_every_scalar(run: Path) -> None:
    assert set(read(run).Tags()["scalars"]) == SCALARS
    assert_whole(run)
    assert min(event.value for event in read(run).Scalars("memory/peak_bytes")) > 1e7
    assert min(event.value for event in read(run).Scalars("time/images_per_sec")) > 0


def test_grids(run: Path) -> None:
    images = read(run).Images("samples")
    assert [image.step for image in images] == [80, 160, 240, 320]
    page = ClassPage.planned([str(digit) for digit in range(10)], 10, 16)
    assert (images[0].width, images[0].height) == (page.width, page.height)
    assert images[0].encoded_image_string != images[-1].encoded_image_string


def test_texts(run: Path) -> None:
    events = read(run)
    (config,) = events.Tensors("config/text_summary")
    text = config.tensor_proto.string_val[0].decode()
    assert "adversarial" in text
    assert "max_channels: 16" in text


def test_a_stopped_and_resumed_run_shows_each_step_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    # At 112 images: inside a log interval, after a checkpoint at 80.
    assert Child(train_args(run), tmp_path / "1", killed_at(7, signal.SIGTERM)).wait() == 75
    assert Child(train_args(run), tmp_path / "2").wait() == 0
    assert_whole(run)


def test_a_killed_and_resumed_run_shows_each_step_once(tmp_path: Path) -> None:
    run = tmp_path / "run"
    # At 272 images: 16 after a tick, 32 after a checkpoint, and again 64 images on.
    assert Child(train_args(run), tmp_path / "1", killed_at(17, signal.SIGKILL)).wait() == -signal.SIGKILL
    assert Child(train_args(run), tmp_path / "2", killed_at(19, signal.SIGKILL)).wait() == -signal.SIGKILL
    assert Child(train_args(run), tmp_path / "3").wait() == 0
    assert_whole(run)


def _kill_after_checkpoint(nimg: int) -> None:
    write = saved_state.write_checkpoint

    def write_and_die(directory: Path, shown: int, *args: object, **keywords: object) -> Path:
        file = write(directory, shown, *args, **keywords)
        if shown == nimg:
            os.kill(os.getpid(), signal.SIGKILL)
        return file

    saved_state.write_checkpoint = write_and_die


def test_nothing_that_a_checkpoint_is_past_is_lost_by_a_kill(tmp_path: Path) -> None:
    """TensorBoard's writer keeps events to itself for minutes; a checkpoint must not get ahead of it."""
    run = tmp_path / "run"
    child = Child(train_args(run), tmp_path / "1", partial(_kill_after_checkpoint, 240))
    assert child.wait() == -signal.SIGKILL
    trained(run)
    assert_whole(run)
    assert [image.step for image in read(run).Images("samples")] == [160, 320]


def test_a_run_that_goes_on_twice_in_a_second(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for _ in range(4):
        acgan_train(run, {}, "--max-time", "0.3")
    trained(run)
    assert_whole(run)


def test_an_extended_run_shows_each_step_once(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", {"train.total_nimg": 160})
    trained(run, {"train.total_nimg": 320})
    assert_whole(run)


def test_the_first_page_and_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout of custom scalars names scalars that are there, and the command stands beside the configuration."""
    monkeypatch.setattr("sys.argv", ["/bin/acgan", "train", "my recipe"])
    run = tmp_path / "run"
    trained(run)
    events = read(run)
    (written,) = events.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(written.tensor_proto.string_val[0])
    (page,) = layout.category
    tags = events.Tags()["scalars"]
    for chart in page.chart:
        found = [tag for tag in tags for pattern in chart.multiline.tag if re.search(pattern, tag)]
        assert found or "validation" in chart.title, chart.title
    (command,) = events.Tensors("command/text_summary")
    assert b"acgan train 'my recipe'" in command.tensor_proto.string_val[0]


def test_scores_stand_beside_the_settings(tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained(run)
    result = CliRunner().invoke(
        main, ["evaluate", str(run), "--metrics", "accuracy", "--which", "last", "-n", "20"]
    )
    assert result.exit_code == 0, result.output
    events = EventAccumulator(str(run / "tensorboard" / "evaluate")).Reload()
    data = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(data).session_start_info.hparams
    assert started["train.batch_size"].number_value > 0
    assert started["loss.adversarial.kind"].string_value
    experiment = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    infos = plugin_data_pb2.HParamsPluginData.FromString(experiment).experiment.metric_infos
    assert any("accuracy" in info.name.tag for info in infos)

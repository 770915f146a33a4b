"""`provenance.json`, `acgan info`, and files that are equal where the trainings are."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import acgan, acgan_train, classified, signal_after, trained

from acgan.code_version import code_version
from acgan.models import GENERATORS
from acgan.sealed import read_json
from acgan.training.run import TrainingRun

SHORT = {"train.total_nimg": 64, "monitor.num_per_class": 0}


def provenance(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json((run / "provenance.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after two steps of four, and gone on with."""
    run = tmp_path_factory.mktemp("provenance") / "run"
    with signal_after(2, signal.SIGTERM):
        assert acgan_train(run, SHORT).exit_code == 75
    return trained(run, SHORT)


def test_equal_trainings_write_equal_files(
    resumed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal files whatever the folder, day and machine; of a stopped training too."""
    monkeypatch.setattr("acgan.runtime.processor", lambda: "another one")
    other = trained(tmp_path / "other", SHORT)
    name = "generator.safetensors"
    assert (other / name).read_bytes() == (resumed / name).read_bytes()
    changes = {"train.total_nimg": 32}
    files = [classified(tmp_path / one, changes) / "classifier.safetensors" for one in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [one["processor"] for one in provenance(tmp_path / "a")["invocations"]] == ["another one"]
    assert provenance(tmp_path / "a")["parameters"].keys() == {"backbone", "heads"}


def test_a_run_says_where_it_comes_from(resumed: Path) -> None:
    found = provenance(resumed)
    assert found["recipe"].endswith("tiny.yaml")
    assert (found["seed"], found["data"]["name"], found["data"]["resolution"]) == (0, "digits", 16)
    assert {part: sum(counts.values()) for part, counts in found["data"]["images"].items()}.keys() >= {
        "train",
        "test",
    }
    assert found["parameters"].keys() == {"generator", "discriminator"}
    assert all(count > 1000 for count in found["parameters"].values())
    first, second = found["invocations"]
    assert (first["nimg"], second["nimg"]) == ([0, 32], [32, 64])
    assert first["trained_sec"] + second["trained_sec"] == pytest.approx(found["trained_sec"])
    for one in (first, second):
        assert one["acgan"] == code_version()
        assert one["packages"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
        assert (one["threads"], one["precision"], one["device"]) == (1, "float32", "cpu")
        assert one["started"] <= one["ended"]
        assert one["peak_bytes"] > 0


def test_time_after_the_last_checkpoint_counts_once(tmp_path: Path) -> None:
    """A stop draws samples after its checkpoint. What goes on from there spent no time below 0, and the total grows."""
    run = tmp_path / "run"

    def a_long_time(self: TrainingRun) -> None:
        self.pace._begun -= 1_000

    with signal_after(2, signal.SIGTERM), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRun, "save_samples", a_long_time)
        assert acgan_train(run, SHORT).exit_code == 75
    before = provenance(run)["trained_sec"]
    trained(run, SHORT)
    found = provenance(run)
    first, second = (one["trained_sec"] for one in found["invocations"])
    assert (first > 1_000, 0 < second < 1_000) == (True, True)
    assert found["trained_sec"] == pytest.approx(first + second)
    assert found["trained_sec"] > before > 1_000


def test_operations_are_those_of_the_generator(resumed: Path) -> None:
    """Two for each weight and place of a convolution or linear layer, in the generator's own file."""
    from acgan.sampling import load_generator

    info = load_generator(resumed).info
    network = GENERATORS[info.architecture["kind"]](
        **{key: value for key, value in info.architecture.items() if key != "kind"}
    ).eval()
    total = 0

    def count(layer: torch.nn.Module, _: Any, out: torch.Tensor) -> None:
        nonlocal total
        total += 2 * layer.weight.numel() * (out.shape[2] * out.shape[3] if out.ndim == 4 else 1)

    for layer in network.modules():
        if type(layer) in (torch.nn.Conv2d, torch.nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 16), torch.zeros(1, dtype=torch.int64))
    assert 0 < total <= provenance(resumed)["flops"]["an image"] <= 1.2 * total


def test_a_run_begun_anew_has_no_earlier_invocations(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", {**SHORT, "train.total_nimg": 16})
    trained(run, {**SHORT, "train.total_nimg": 16}, "--fresh")
    assert len(provenance(run)["invocations"]) == 1


def test_info_of_a_run(resumed: Path) -> None:
    text = acgan("info", str(resumed)).stdout
    for words in (
        "recipe: ",
        "seed: 0",
        "data: digits, ",
        "parameters: generator ",
        f"acgan {code_version()}",
    ):
        assert words in text
    assert ": 0 to 32 images" in text
    assert ": 32 to 64 images" in text
    assert json.loads(acgan("info", str(resumed), "--json").stdout) == provenance(resumed)


def test_info_of_a_training_that_has_not_ended(resumed: Path, tmp_path: Path) -> None:
    found = provenance(resumed)
    del found["invocations"][1]["ended"]
    (tmp_path / "provenance.json").write_text(json.dumps(found), encoding="utf-8")
    assert "still training, or killed" in acgan("info", str(tmp_path)).stdout


def test_info_of_a_file_and_of_a_run_without_provenance(resumed: Path, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    file.write_bytes((resumed / file.name).read_bytes())
    for path in (file, tmp_path):
        text = acgan("info", str(path)).stdout
        assert f"acgan: {code_version()}" in text
        assert "nimg: 64" in text


def test_info_of_nothing(tmp_path: Path) -> None:
    result = acgan("info", str(tmp_path))
    assert result.exit_code == 1
    assert "expected a run directory or a .safetensors file" in result.stderr
    (tmp_path / "provenance.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in acgan("info", str(tmp_path)).stderr


def test_the_version_names_the_commit() -> None:
    assert acgan("--version").stdout == f"acgan {code_version()}\n"


@pytest.mark.parametrize("networks", ["resnet", "dcgan"])
def test_operations_of_a_training_image_are_counted_and_change_nothing(networks: str, tmp_path: Path) -> None:
    """D sees real and generated images forward and backward, G's step passes both networks; penalties cost besides."""
    changes: dict[str, Any] = {**SHORT, "loss.penalty": None}
    if networks == "dcgan":
        changes |= {
            f"model.{side}": {"kind": "dcgan", "channels": 8} for side in ("generator", "discriminator")
        }
    run = trained(tmp_path / "run", changes)
    plain = provenance(run)["flops"]["a training image"]
    of_g = provenance(run)["flops"]["an image"]
    assert plain > 4 * of_g  # once without and once with gradient, and what D costs
    uncounted = tmp_path / "uncounted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acgan.api.gan.training_flops", lambda gan: {})
        trained(uncounted, changes)
    files = [directory / "generator.safetensors" for directory in (run, uncounted)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_penalty_counts_as_often_as_it_is_due(tmp_path: Path) -> None:
    found = []
    for name, changes in (
        ("none", {"loss.penalty": None}),
        ("each", {"loss.penalty.every": 1}),
        ("fourth", {"loss.penalty.every": 4}),
    ):
        run = trained(tmp_path / name, {**SHORT, **changes})
        found.append(provenance(run)["flops"]["a training image"])
    none, each, fourth = found
    assert each > 1.3 * none
    assert fourth - none == pytest.approx((each - none) / 4, rel=1e-6)

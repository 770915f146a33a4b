"""benchmarks/overfit.py: a discriminator on the images that it was trained on, and on others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from run_helpers import benchmark, trained

from acgan import api
from acgan.assembly import build_gan
from acgan.assembly.images import prepare_dataset
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.errors import RunError
from acgan.training.checkpoint import read_latest

overfit = benchmark("overfit")
CPU = torch.device("cpu")
CHANGES = {"train.total_nimg": 32, "monitor.num_per_class": 0, "data.validation_share": 0.1}


def rows_of(run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    overfit.main([str(run)], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: [float(value.replace(",", "")) for value in values] for name, *values in cells}


def test_losses_are_those_of_the_checkpoints_discriminator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit, "_PORTION_SIZE", 7)
    run = trained(tmp_path / "run", {**CHANGES, "loss.classification.kind": "cross_entropy"})
    config = load(RunConfig, run / "config.yaml")
    dataset = prepare_dataset(config, api.load_data(config))
    gan = build_gan(config, dataset.train, device=CPU, precision="float32", ranks=Ranks())
    gan.discriminator.load_state_dict(read_latest(run / "checkpoints", pytest.fail)["state"]["discriminator"])
    found = rows_of(run, capsys)
    assert list(found) == ["train", "validation", "test"]
    for name, (number, loss, accuracy, logit) in found.items():
        store = getattr(dataset, name)
        labels = torch.from_numpy(store.labels)
        with torch.no_grad():
            output = gan.discriminator.eval()(torch.from_numpy(store.images) / 127.5 - 1, labels)
        assert number == len(store)
        assert loss == pytest.approx(F.cross_entropy(output.aux.logits, labels).item(), abs=6e-4)
        right = (output.aux.logits.argmax(dim=1) == labels).float().mean().item()
        assert accuracy == pytest.approx(right, abs=6e-4)
        assert logit == pytest.approx(output.adv.mean().item(), abs=6e-4)


def test_without_a_class_loss_there_is_the_logit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = {"loss.classification": None, "model.discriminator.projection": True}
    run = trained(tmp_path / "run", {**CHANGES, **alone})
    for _, loss, accuracy, logit in rows_of(run, capsys).values():
        assert loss != loss
        assert accuracy != accuracy
        assert logit == logit


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="found no checkpoint; expected a run of `acgan train`"):
        overfit.main([str(tmp_path)], standalone_mode=False)

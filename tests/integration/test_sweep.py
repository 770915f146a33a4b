"""`acgan sweep`: variants and seeds in one command, killed and gone on with, and failing runs."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_helpers import TINY, acgan, stats_rows, tree
from sweep_helpers import NAMES, SWEEP, Forked, sweep, written

from acgan import parallel
from acgan.sweep import local
from acgan.sweep.plan import SweepRun

pytestmark = pytest.mark.usefixtures("forked_sweeps")


@pytest.fixture(scope="module")
def swept(forked_sweeps: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five variants with three seeds, stopped in the third run, and the same command again."""
    directory = tmp_path_factory.mktemp("sweep")
    file, out = written(directory), directory / "out"
    Forked.stops_in = out / NAMES[2]
    result = sweep(file)
    Forked.stops_in = None
    assert result.exit_code == 75, result.output
    assert "the same command resumes" in result.output
    assert not (out / NAMES[3]).exists()
    (directory / "begun.json").write_text(json.dumps(stats_rows(out / NAMES[2])[:1]), encoding="utf-8")
    Forked.started.clear()
    with parallel.using_cores(4):
        result = sweep(file, "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert "2 of 15 runs are done already" in result.output
    assert f"All 15 runs are done. Their scores: {out}/*/seed*/evaluation.json" in result.output
    return directory


def test_every_variant_is_trained_and_evaluated_with_every_seed(swept: Path) -> None:
    for number, name in enumerate(NAMES):
        run = swept / "out" / name
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        assert (config["seed"], config["train"]["total_nimg"]) == (number // 5, 48)
        assert config["every"]["checkpoint_nimg"] == 12
        assert config["every"]["evaluate_nimg"] == 12  # so that there are curves
        scores = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
        [generator] = scores["provenance"]["generators"]
        assert (generator["file"], generator["nimg"]) == ("generator.safetensors", 48)
        assert (scores["provenance"]["num_images"], scores["provenance"]["metrics"]) == (40, ["kid"])
    kinds = {
        name: yaml.safe_load((swept / "out" / name / "config.yaml").read_text("utf-8"))["loss"]
        for name in NAMES[:5]
    }
    assert kinds["AC/seed0"]["classification"]["kind"] == "cross_entropy"
    assert kinds["TAC/seed0"]["classification"]["kind"] == "tac"
    assert kinds["projection/seed0"]["classification"] is None
    assert kinds["no penalty/seed0"]["penalty"] is None


def test_a_run_that_was_stopped_goes_on(swept: Path) -> None:
    first = json.loads((swept / "begun.json").read_text(encoding="utf-8"))
    run = swept / "out" / NAMES[2]
    assert first
    assert stats_rows(run)[:1] == first
    invocations = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["invocations"]
    assert [one["nimg"] for one in invocations] == [[0, 32], [32, 48]]
    assert all(one["command"].startswith(f"acgan train {TINY} --run-dir {run} ") for one in invocations)


def test_jobs_share_the_cores(swept: Path) -> None:
    assert len(Forked.started) == 13
    assert {one["threads"] for one in Forked.started} == {"2"}


def test_a_run_of_a_sweep_is_an_ordinary_run(swept: Path, tmp_path: Path) -> None:
    """It is what the printed command makes, whatever ran beside it."""
    lines = sweep(swept / "sweep.yaml", "--print").stdout.splitlines()
    assert len(lines) == 15
    train, evaluate = (shlex.split(part)[1:] for part in lines[6].split(" && "))
    run = swept / "out" / NAMES[6]
    assert (train[0], evaluate[:2]) == ("train", ["evaluate", str(run)])
    again = [str(tmp_path / "again") if word == str(run) else word for word in train]
    assert acgan(*again).exit_code == 0
    assert stats_rows(tmp_path / "again") == stats_rows(run)


def test_a_sweep_ends_with_a_page_of_all_its_runs(
    swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(
        runs: Sequence[SweepRun], *_: Any, on_end: Callable[[SweepRun, int], None], **__: Any
    ) -> None:
        for run in runs:
            shutil.copytree(swept / "out" / run.directory.relative_to(tmp_path / "out"), run.directory)
            on_end(run, 0)

    monkeypatch.setattr(local, "run_side_by_side", computed)
    variants = {name: SWEEP["variants"][name] for name in ("ADC", "TAC")}
    settings = {**SWEEP["set"], "report": True}
    result = sweep(written(tmp_path, variants=variants, set=settings, seeds=[0]))
    assert result.exit_code == 0, result.output
    place = tmp_path / "out" / "report.html"
    assert f"All of them side by side, to be opened in a browser: {place}" in result.stdout
    assert "A is ADC/seed0, B is TAC/seed0" in place.read_text()


def test_of_runs_that_are_not_evaluated_no_scores_are_named(tmp_path: Path) -> None:
    result = sweep(written(tmp_path, variants={"ADC": {}}, seeds=[0], evaluate=None))
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("The run is done.\n")
    assert not list((tmp_path / "out").rglob("evaluation.json"))


def test_what_is_done_is_not_done_again(swept: Path) -> None:
    before = tree(swept / "out")
    Forked.started.clear()
    assert "15 of 15 runs are done already" in sweep(swept / "sweep.yaml").output
    assert not Forked.started
    assert tree(swept / "out") == before
    shared = sweep(swept / "sweep.yaml", "--print", "--jobs", "2").stdout
    assert shared.splitlines()[0].startswith("env OMP_NUM_THREADS=")


def test_a_run_with_another_budget_is_another_run(swept: Path) -> None:
    """Those that go on would have had a schedule that was stretched on the way, and the others not."""
    result = sweep(swept / "sweep.yaml", "--set", "budget.nimg=96")
    assert result.exit_code == 1
    assert "is a run of another sweep (train.total_nimg 48 -> 96" in result.output


def test_a_failing_run_does_not_end_the_others(tmp_path: Path) -> None:
    rates = {f"optim.{network}.lr": 1e30 for network in ("generator", "discriminator")}
    file = written(tmp_path, variants={"bursting": rates, "AC": {}}, seeds=[0, 1])
    result = sweep(file)
    assert result.exit_code == 1
    assert "2 of 4 runs failed" in result.stderr
    for seed in (0, 1):
        assert f"{tmp_path / 'out' / 'bursting' / f'seed{seed}'}: not finite; see " in result.stderr
        assert "training is not finite" in (tmp_path / "out" / "bursting" / f"seed{seed}.err").read_text()
        assert (tmp_path / "out" / "AC" / f"seed{seed}" / "evaluation.json").exists()
    again = sweep(file)
    assert again.exit_code == 1
    assert "2 of 4 runs are done already" in again.output

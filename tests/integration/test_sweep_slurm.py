"""`acgan sweep --executor slurm`, with the executor of submitit that needs no SLURM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_helpers import TINY, acgan

from acgan.cli.one_run import perform
from acgan.errors import ConfigError
from acgan.sweep.plan import SweepPlan, SweepRun, read_sweep
from acgan.sweep.slurm import run_on_slurm

pytest.importorskip("submitit")


def test_runs_are_tasks_and_failing_ones_are_told(nothing_at_hand: None, tmp_path: Path) -> None:
    file, told = tmp_path / "sweep.yaml", list[str]()
    bursting = "{optim.generator.lr: 1e30, optim.discriminator.lr: 1e30}"
    file.write_text(
        f"recipe: {TINY}\nvariants: {{AC: {{}}, bursting: {bursting}}}\nbudget: {{nimg: 32}}\n"
        "set: {monitor.num_per_class: 0}\nevaluate: {num_images: 40, metrics: [kid]}\n",
        encoding="utf-8",
    )
    plan, ended = SweepPlan(read_sweep(str(file)), tmp_path / "out", "cpu"), dict[str, int]()
    runs = plan.runs({"AC": 32, "bursting": 32})
    run_on_slurm(
        runs,
        perform,
        folder=tmp_path / "out" / "slurm",
        jobs=2,
        options={"timeout_min": 10},
        on_end=lambda run, code: ended.update({run.name: code}),
        say=told.append,
        cluster="local",
    )
    assert ended == {"AC, seed 0": 0, "bursting, seed 0": 3}
    assert "submitted " in told[0]
    scores = json.loads((tmp_path / "out" / "AC" / "seed0" / "evaluation.json").read_text(encoding="utf-8"))
    assert scores["provenance"]["num_images"] == 40
    assert [run.is_done() for run in runs] == [True, False]


@pytest.mark.parametrize("options", [{"slurm_partitions": "gpu"}, {"timeout": 3}])
def test_a_wrong_option_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    run = SweepRun("a", tmp_path / "run", (), ())
    with pytest.raises(ConfigError, match="--executor slurm: "):
        run_on_slurm(
            [run], perform, folder=tmp_path, jobs=1, options=options, cluster="local",
            on_end=lambda run, code: None, say=print,
        )  # fmt: skip


def test_without_slurm_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "sweep.yaml"
    file.write_text(f"recipe: {TINY}\nvariants: {{AC: {{}}}}\nbudget: {{nimg: 32}}\n", encoding="utf-8")
    result = acgan("sweep", str(file), "--out", str(tmp_path / "out"), "--executor", "slurm")
    assert result.exit_code == 1, result.output
    assert "--executor slurm: " in result.stderr
    options = ("--executor", "slurm", "--slurm", "timeout")
    assert "expected KEY=VALUE" in acgan("sweep", str(file), "--out", str(tmp_path / "out"), *options).stderr

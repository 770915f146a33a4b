"""Runs of one method are scored together only if they are as long."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import make_run

from acgan.api.subjects import check_as_long
from acgan.errors import RunError
from acgan.evaluation import read_run


def check(*runs: Path) -> None:
    check_as_long([read_run(run) for run in runs])


def test_an_unfinished_seed_is_refused_by_name_with_the_others(tmp_path: Path) -> None:
    first, second, third = (
        make_run(tmp_path / f"seed{seed}", seed=seed, nimg=nimg)
        for seed, nimg in enumerate((1000, 300, 1000))
    )
    with pytest.raises(RunError, match=r"seed1 \(300 of 1,000 images\): not trained to the end") as raised:
        check(first, second, third)
    assert f"acgan train {second}" in str(raised.value)
    assert f"acgan evaluate {first} {third}" in str(raised.value)
    check(first, third)


def test_a_seed_without_a_generator_is_one_of_them(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"seed{seed}", nimg=nimg) for seed, nimg in enumerate((1000, 0))]
    with pytest.raises(RunError, match=r"seed1 \(0 of 1,000 images\)"):
        check(*runs)


def test_runs_stopped_at_one_place_are_as_long(tmp_path: Path) -> None:
    check(*(make_run(tmp_path / f"seed{seed}", nimg=300) for seed in range(3)))


def test_patience_ends_a_training(tmp_path: Path) -> None:
    settings = {"train.patience_nimg": 200}
    full = make_run(tmp_path / "seed0", curve=(3, 2, 1), settings=settings)
    over = make_run(tmp_path / "seed1", nimg=600, curve=(3, 1, 2), settings=settings)  # best at 400
    short = make_run(tmp_path / "seed2", nimg=600, curve=(3, 2, 1), settings=settings)
    check(full, over)
    with pytest.raises(RunError, match="seed2"):
        check(full, over, short)

"""Several seeds by one ``acgan train``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from run_helpers import (
    TINY,
    Child,
    acgan,
    latest_payload,
    sets,
    stats_rows,
    train_args,
    tree,
)

from acgan import api

SHORT: dict[str, Any] = {"train.total_nimg": 64, "every.log_nimg": 32, "monitor.num_per_class": 0}


def test_seeds_make_a_directory_each(workdir: Path) -> None:
    changes = {**SHORT, "train.total_nimg": 32}
    result = acgan(*train_args("runs/both", changes, "--seeds", "0,3"))
    assert result.exit_code == 0, result.output
    payloads = [latest_payload(Path(f"runs/both/seed{seed}")) for seed in (0, 3)]
    assert [payload["nimg"] for payload in payloads] == [32, 32]
    first, second = (payload["state"]["generator"]["to_image.weight"] for payload in payloads)
    assert not first.equal(second)
    assert acgan(*train_args("alone", {**changes, "seed": 3})).exit_code == 0
    assert second.equal(latest_payload(Path("alone"))["state"]["generator"]["to_image.weight"])
    # The same command again has nothing to do; one more seed trains that one.
    assert acgan(*train_args("runs/both", changes, "--seeds", "0,3,4")).exit_code == 0
    assert sorted(path.name for path in Path("runs/both").iterdir()) == ["seed0", "seed3", "seed4"]


def test_seeds_by_default_go_under_the_recipe(workdir: Path) -> None:
    result = acgan("train", str(TINY), "--seeds", "1", *sets(SHORT), "--max-time", "0")
    assert result.exit_code == 0, result.output
    assert [str(path) for path in Path("runs").glob("*/*")] == ["runs/tiny/seed1"]


def test_seeds_do_not_go_into_a_run(workdir: Path) -> None:
    arguments = ("train", str(TINY), *sets({**SHORT, "train.total_nimg": 32}))
    assert acgan(*arguments).exit_code == 0
    before = tree(workdir)
    for more in ((), ("--dry-run",)):
        result = acgan(*arguments, "--seeds", "1,2", *more)
        assert result.exit_code == 1
        assert "--seeds: runs/tiny is a run of one seed" in result.stderr
        assert "--run-dir" in result.stderr
    assert tree(workdir) == before


def test_a_dry_run_of_seeds_looks_at_their_directories(workdir: Path) -> None:
    arguments = ("train", str(TINY), "--seeds", "1,2")
    assert acgan(*arguments, *sets({**SHORT, "train.total_nimg": 32}), "--max-time", "0").exit_code == 0
    result = acgan(*arguments, "--dry-run", *sets(SHORT))
    assert result.exit_code == 0, result.output
    assert "would train in runs/tiny/seed1, runs/tiny/seed2 (" in result.stdout
    result = acgan(*arguments, "--dry-run", *sets({**SHORT, "optim.generator.lr": 1.0}))
    assert result.exit_code == 1
    assert "runs/tiny/seed1: holds a run with another configuration" in result.stderr


def test_max_time_counts_the_whole_invocation(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    train = api.train

    def watch(*args: Any, **keywords: Any) -> Any:
        given.append(keywords["max_time_sec"])
        return train(*args, **keywords)

    monkeypatch.setattr(api, "train", watch)
    command = train_args("run", {"train.total_nimg": 32}, "--seeds", "0,1", "--max-time")
    assert acgan(*command, "0").exit_code == 0
    assert len(given) == 1, "no time is left for the second"
    assert acgan(*command, "100").exit_code == 0
    assert given[2] < given[1] <= 100, "what the first took is gone"


def test_a_signal_stops_all_seeds(workdir: Path) -> None:
    child = Child(train_args("run", {}, "--seeds", "0,1"), workdir / "log")
    child.wait_for(lambda: len(stats_rows(workdir / "run" / "seed0")) > 1)
    child.send(signal.SIGTERM)
    assert child.wait() == 75
    assert not (workdir / "run" / "seed1").exists()

"""A rehearsal times each kind of step as the training takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acgan.api import dry_run
from acgan.config import RunConfig, load

TINY = Path(__file__).parents[2] / "integration" / "tiny.yaml"


@pytest.mark.parametrize(("d_steps", "every"), [(1, 1), (1, 4), (2, 2), (4, 4), (3, 2), (4, 1)])
def test_a_step_without_the_penalty_is_one(d_steps: int, every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    due: list[bool] = []
    real = dry_run.discriminator_step

    def step(gan: Any, guard: Any, iteration: int, sub_step: int) -> Any:
        found = real(gan, guard, iteration, sub_step)
        due.append("r1" in found)
        return found

    monkeypatch.setattr(dry_run, "discriminator_step", step)
    overrides = (f"train.d_steps={d_steps}", f"loss.penalty.every={every}", "evaluate.extractor=null")
    dry_run.rehearse(load(RunConfig, TINY, overrides), "cpu")
    assert due == [every == 1, every == 1, True, True]

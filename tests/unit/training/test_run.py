"""A run counts images, and says what is due and when it is over."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from test_run_best import Counter

from acgan.training.checkpoint import read_latest
from acgan.training.product import Intervals
from acgan.training.run import TrainingRun


class Nothing:
    """A product that is not looked at."""

    file_name, remedy = "product.safetensors", ""

    def export(self, path: Path, nimg: int, score: object) -> None:
        path.write_bytes(b"product")


def _run(directory: Path, **changes: Any) -> TrainingRun:
    return TrainingRun(
        directory,
        intervals=Intervals(100, 40, 40, 40, 40),
        state=Counter(),
        product=Nothing(),  # type: ignore[arg-type]  # as much of one as is asked for
        meta={},
        device=torch.device("cpu"),
        **changes,
    )


def test_what_is_due_needs_no_multiple_of_the_batch(tmp_path: Path) -> None:
    run, due = _run(tmp_path), []
    while not run.finished():
        run.advance(16)
        due.append((run.nimg, run.due(40)))
    # Where 40 and 80 are passed, and at the end.
    assert [nimg for nimg, is_due in due if is_due] == [48, 80, 112]
    assert run.due(1000), "everything is due at the end"


def test_a_resumed_run_counts_on(tmp_path: Path) -> None:
    first = _run(tmp_path)
    with first.running():
        first.advance(16)
        first.trained_sec = 1000.0  # as of earlier invocations
        first.save_checkpoint()
    second = _run(tmp_path, checkpoint=read_latest(tmp_path / "checkpoints", pytest.fail))
    assert (second.iteration, second.nimg) == (1, 16)
    assert second.trained_sec >= 1000


@pytest.mark.parametrize(("left", "stop"), [(None, False), (-1.0, True), (1000.0, False)])
def test_the_deadline_asks_to_stop_and_finishes_nothing(
    left: float | None, stop: bool, tmp_path: Path
) -> None:
    run = _run(tmp_path, deadline=None if left is None else time.monotonic() + left)
    assert run.asked_to_stop() is stop
    assert not run.finished()

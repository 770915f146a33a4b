"""The best state of a run: its file and its score stay a pair, whatever stops the run in between. And its clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from acgan.errors import NotFiniteError
from acgan.signals import StopSignal
from acgan.training.best import Best
from acgan.training.checkpoint import read_latest
from acgan.training.product import Intervals
from acgan.training.run import TrainingRun
from acgan.training.tracking import Tick
from acgan.types import Evaluation, Score

EVERY = 10
NAME = "fcd_val"


class Counter:
    """A state that is the number of images it has seen."""

    def __init__(self) -> None:
        self.seen = torch.zeros(1)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.seen = state["seen"].clone()

    def networks(self) -> tuple[nn.Module, ...]:
        return ()


class Training:
    """One invocation of a run whose scores are given, and its product.

    Args:
        directory: Of the run.
        values: Score by images shown; where there is none, nothing is scored.
        validation: Fingerprint of the images they are of.
        changes: Of the intervals.
    """

    file_name, remedy = "product.safetensors", ""

    def __init__(
        self, directory: Path, values: Mapping[int, float], validation: str | None = "images", **changes: Any
    ):
        self.counter = Counter()
        self.messages: list[str] = []
        intervals = {"total_nimg": 60, "checkpoint_nimg": 3 * EVERY, **changes}
        meta = {} if validation is None else {"validation_fingerprint": validation}
        self.values = values
        directory.mkdir(exist_ok=True)
        self.run = TrainingRun(
            directory,
            intervals=Intervals(log_nimg=EVERY, sample_nimg=1000, evaluate_nimg=EVERY, **intervals),
            state=self.counter,
            product=self,
            meta=meta,
            device=torch.device("cpu"),
            checkpoint=read_latest(directory / "checkpoints", pytest.fail),
            listeners=[self._hear],
        )

    def until(self, nimg: int) -> TrainingRun:
        """Train until so many images, then stop as a kill does: nothing else is written."""
        with self.run.running():
            while self.run.nimg < nimg and not self.run.finished():
                self.run.advance(EVERY)
                self.counter.seen += EVERY
                self.run.evaluate()
                self.run.log()
                if self.run.due(self.run.intervals.checkpoint_nimg):
                    self.run.save_checkpoint()
        return self.run

    def _hear(self, tick: Tick) -> None:
        self.messages += tick.messages

    def sample(self) -> Tensor:
        return torch.zeros(1, 2, 2, dtype=torch.uint8)

    def evaluate(self, share: float, stop: StopSignal) -> Evaluation:
        value = self.values.get(self.run.nimg)
        return Evaluation({}, score=None if value is None else Score(NAME, value))

    def export(self, path: Path, nimg: int, score: Score | None) -> None:
        provenance = {"nimg": nimg, "score": vars(score) if score is not None else None}
        metadata = {"acgan": json.dumps({"provenance": provenance})}
        save_file({"seen": self.counter.seen}, path, metadata=metadata)


def best_file(directory: Path) -> tuple[float, Best] | None:
    """What the best file's weights are of, and what it says it is."""
    file = directory / "product-best.safetensors"
    if not file.exists():
        return None
    with safe_open(file, framework="pt") as opened:
        provenance = json.loads(opened.metadata()["acgan"])["provenance"]
        return opened.get_tensor("seen").item(), Best(**provenance["score"], nimg=provenance["nimg"])


def assert_pair(directory: Path, value: float, nimg: int) -> None:
    """The best file and the latest checkpoint agree on the best state."""
    expected = Best(NAME, value, nimg)
    assert best_file(directory) == (nimg, expected)
    payload = read_latest(directory / "checkpoints", pytest.fail)
    assert payload is not None
    assert payload["scores"]["best"] == vars(expected)


def test_a_better_state_after_the_checkpoint_waits_for_the_next(tmp_path: Path) -> None:
    first = {10: 5.0, 20: 4.0, 30: 4.5, 40: 3.0, 50: 2.0}
    Training(tmp_path, first).until(50)  # the checkpoint is of 30
    assert_pair(tmp_path, 4.0, 20)
    # What comes after the checkpoint comes otherwise, as on a GPU, and worse.
    again = Training(tmp_path, {40: 6.0, 50: 7.0, 60: 8.0})
    assert again.run.scores.best == Best(NAME, 4.0, 20)
    again.until(60)
    assert_pair(tmp_path, 4.0, 20)
    assert not [message for message in again.messages if "anew" in message]


def test_it_takes_its_place_with_the_checkpoint(tmp_path: Path) -> None:
    training = Training(tmp_path, {10: 5.0, 40: 4.0, 60: 3.0})
    training.until(20)
    assert best_file(tmp_path) is None, "as there is no product yet"
    training.until(30)
    assert_pair(tmp_path, 5.0, 10)
    training.until(60)
    assert_pair(tmp_path, 3.0, 60)
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.safetensors")] == []


def test_a_kill_between_the_checkpoint_and_the_best_is_made_up_for(tmp_path: Path) -> None:
    Training(tmp_path, {10: 5.0, 40: 4.0}).until(60)
    file = tmp_path / "product-best.safetensors"
    file.rename(tmp_path / "checkpoints" / file.name)
    Training(tmp_path, {})
    assert_pair(tmp_path, 4.0, 40)


def test_where_an_older_checkpoint_goes_on_the_best_starts_anew(tmp_path: Path) -> None:
    """The file is of a state that the older checkpoint knows nothing of."""
    Training(tmp_path, {20: 5.0, 50: 1.0}).until(60)
    for file in (tmp_path / "checkpoints").glob("60.*"):
        file.unlink()
    again = Training(tmp_path, {40: 6.0})
    assert again.run.scores.best is None
    again.until(60)
    assert_pair(tmp_path, 6.0, 40)
    assert [message for message in again.messages if "the best starts anew" in message] == again.messages
    assert len(again.messages) == 1


@pytest.mark.parametrize("damaged", [True, False])
def test_a_best_file_that_is_gone_or_damaged_is_not_counted_on(damaged: bool, tmp_path: Path) -> None:
    Training(tmp_path, {20: 5.0}).until(30)
    file = tmp_path / "product-best.safetensors"
    file.unlink()
    if damaged:
        file.write_text("no safetensors")
    assert Training(tmp_path, {}).run.scores.best is None


def test_other_validation_images_start_the_best_anew(tmp_path: Path) -> None:
    Training(tmp_path, {10: 5.0}, "images", patience_nimg=40).until(30)
    again = Training(tmp_path, {40: 6.0, 50: 7.0}, "other images", patience_nimg=40)
    again.until(60)
    assert not again.run.out_of_patience
    assert_pair(tmp_path, 6.0, 40)
    assert len(again.messages) == 1
    assert "the validation images are others" in again.messages[0]


def test_patience_does_not_end_what_is_at_its_end(tmp_path: Path) -> None:
    values = {10: 5.0, **dict.fromkeys((20, 30, 40, 50, 60), 6.0)}
    whole = Training(tmp_path / "whole", values, patience_nimg=50).until(60)
    assert whole.nimg == 60
    assert whole.finished()
    assert not whole.out_of_patience
    assert not Training(tmp_path / "whole", values, patience_nimg=50).run.out_of_patience
    early = Training(tmp_path / "early", values, patience_nimg=40).until(60)
    assert early.nimg == 50
    assert early.out_of_patience
    assert Training(tmp_path / "early", values, patience_nimg=40).run.out_of_patience


def test_an_interval_between_two_batches_is_due_once_it_is_passed(tmp_path: Path) -> None:
    run, due = Training(tmp_path, {}).run, []
    for _ in range(6):
        run.advance(EVERY)
        due.append(run.due(25))
    assert due == [False, False, True, False, True, True]  # the last is the end


def test_the_clock_goes_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, advance = SimpleNamespace(now=0.0, monotonic=lambda: clock.now), TrainingRun.advance

    def slowly(run: TrainingRun, batch_size: int) -> None:
        clock.now += 2
        advance(run, batch_size)

    monkeypatch.setattr("acgan.training.pace.time", clock)
    monkeypatch.setattr(TrainingRun, "advance", slowly)
    Training(tmp_path, {}).until(40)  # the checkpoint is of 30
    clock.now += 1000
    Training(tmp_path, {}).until(60)
    rows = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [row["time/trained_sec"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert [row["time/images_per_sec"] for row in rows] == [5] * 6


@pytest.mark.parametrize("method", ["evaluate", "save_samples", "log", "save_checkpoint"])
def test_nothing_is_written_of_a_training_that_is_not_finite(method: str, tmp_path: Path) -> None:
    run = Training(tmp_path, {EVERY: 1.0}).run
    run.advance(EVERY)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    run.guard.check("discriminator", 0, {"adversarial": torch.tensor(float("nan"))})
    with pytest.raises(NotFiniteError, match=r"iteration 0 \(discriminator: adversarial\)"):
        getattr(run, method)()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before

"""The loop that trains a classifier learns, goes on where it was, and lets nothing through that is not finite."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from classifier_task import (
    BATCH,
    CPU,
    OPTIONS,
    SIDE,
    K,
    make_task,
    norm_net,
    plain_net,
    same,
    state_of,
)
from torch import Tensor, nn

from acgan.runtime import FiniteGuard
from acgan.training.classifier_loop import ClassifierTask, train_classifier_task
from acgan.training.product import Intervals
from acgan.types import Batch, ImageStore


@dataclasses.dataclass
class StubRun:
    """As much of a run as the loop needs."""

    iterations: int
    guard: FiniteGuard = dataclasses.field(default_factory=lambda: FiniteGuard(CPU))
    iteration: int = 0
    nimg: int = 0
    log: list[dict[str, Tensor]] = dataclasses.field(default_factory=list)
    at_each: Callable[[], None] = lambda: None
    cut_short: bool = False
    intervals = Intervals(9, 9, 9, 9, 9)

    def finished(self) -> bool:
        return self.iteration >= self.iterations

    def asked_to_stop(self) -> bool:
        return False

    def record(self, phase: str, values: dict[str, Tensor]) -> None:
        assert phase == "train"
        self.log.append(values)

    def advance(self, images: int) -> None:
        self.iteration += 1
        self.nimg += images
        self.at_each()

    def due(self, interval: int) -> bool:
        return False


def _train(task: ClassifierTask, run: StubRun) -> StubRun:
    train_classifier_task(task, run)  # type: ignore[arg-type]
    return run


def _separable() -> ImageStore:
    """Classes of plain colours with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % K
    images = rng.integers(0, 100, (60, 3, SIDE, SIDE))
    images[np.arange(60), labels] += 120
    return ImageStore(images.astype(np.uint8), labels, ("red", "green", "blue"), "0" * 32)


@pytest.mark.parametrize("net", [plain_net, norm_net], ids=["plain", "BatchNorm"])
def test_training_learns_what_can_be_learned(net: Callable[[], nn.Module]) -> None:
    store = _separable()
    task = make_task(net, dtype=torch.float32, store=store, iterations=40, rates=(2e-2, 2e-2))
    task.network.eval()  # a loop puts it into training mode
    run = _train(task, StubRun(40))
    assert (run.iteration, run.nimg) == (40, 40 * BATCH)
    assert run.log[0]["loss_main"] > 0.5
    assert run.log[-1]["loss_main"] < 0.1
    assert run.log[-1]["loss_3"] < run.log[0]["loss_3"]
    task.network.eval()
    with torch.no_grad():
        logits = task.network(torch.from_numpy(store.images / 127.5 - 1).float())
    assert (logits.argmax(dim=1).numpy() == store.labels).all()


def test_the_loop_takes_up_where_the_run_is() -> None:
    whole, parts = make_task(**OPTIONS["all"]), make_task(**OPTIONS["all"])
    _train(whole, StubRun(4))
    first = StubRun(2)
    _train(parts, first)
    resumed = make_task(**OPTIONS["all"])
    resumed.load_state_dict(parts.state_dict())
    _train(resumed, StubRun(4, iteration=2))
    assert same(state_of(whole), state_of(resumed))
    assert resumed.networks() == (resumed.network,)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("bad", "term"),
    [(float("nan"), "loss_main"), (float("inf"), "gradient")],  # tanh of an infinite value is 1
)
def test_what_is_not_finite_reaches_neither_weights_nor_moments(
    bad: float, term: str, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task()
    batch = ClassifierTask.batch
    bad_step = 0 if first else 2

    def spoilt(self: ClassifierTask, step: int, part: slice) -> Batch:
        found = batch(self, step, part)
        if step == bad_step:
            found.images[0, 0, 0, 0] = bad
        return found

    monkeypatch.setattr(ClassifierTask, "batch", spoilt)
    before: list[list[Tensor]] = [state_of(task)]
    run = StubRun(bad_step + 2, at_each=lambda: before.append(state_of(task)))  # good again, but masked
    _train(task, run)
    good, after = before[bad_step], before[-1]
    if first:  # AdamW made its moments meanwhile: all zero
        good = good + [torch.zeros_like(tensor) for tensor in after[len(good) :]]
    assert same(good, after)
    assert run.guard.found.item() == 1
    assert run.guard.first_bad() == (bad_step, f"classifier: {term}")
    if not first:
        assert not same(before[1], before[2])  # good steps do move

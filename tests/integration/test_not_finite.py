"""A loss or gradient that is not finite never reaches the weights, and ends the training with exit code 3."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from run_helpers import acgan_train, checkpoints, differences, generator_tensors, latest_payload, trained
from torch import Tensor

from acgan.losses import CLASSIFICATION
from acgan.losses.adversarial import ADVERSARIAL, Relativistic
from acgan.losses.classification import CrossEntropy
from acgan.losses.penalties import PENALTIES, ZeroCentered
from acgan.training.run import TrainingRun
from acgan.types import Term

CHANGES: dict[str, Any] = {
    "loss.classification.kind": "cross_entropy",
    "train.total_nimg": 320,
    "train.portions": 1,  # a loss is called once a step
    "every.checkpoint_nimg": 64,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
}


class Poison:
    """Multiplies a loss, from its n-th call on, by a value; or its gradient alone."""

    def __init__(self, call: int, value: float, only_gradient: bool = False, once: bool = False):
        self.calls, self.call, self.value = 0, call, value
        self.only_gradient, self.once = only_gradient, once

    def __call__(self, loss: Tensor) -> Tensor:
        self.calls += 1
        if self.calls < self.call or (self.once and self.calls > self.call):
            return loss
        if self.only_gradient:
            loss.register_hook(lambda gradient: gradient * self.value)
            return loss
        return loss * self.value


def poison_adversarial(monkeypatch: pytest.MonkeyPatch, side: str, poison: Poison) -> None:
    original = getattr(Relativistic, side)
    poisoned = type("Poisoned", (Relativistic,), {side: lambda self, *args: poison(original(self, *args))})
    monkeypatch.setitem(ADVERSARIAL, "relativistic", poisoned)


def poison_classes(monkeypatch: pytest.MonkeyPatch, side: str, poison: Poison) -> None:
    original = getattr(CrossEntropy, side)

    def loss(self: CrossEntropy, *args: Any) -> dict[str, Tensor]:
        return {name: poison(value) for name, value in original(self, *args).items()}

    monkeypatch.setitem(CLASSIFICATION, "cross_entropy", type("Poisoned", (CrossEntropy,), {side: loss}))


def poison_penalty(monkeypatch: pytest.MonkeyPatch, side: str, poison: Poison) -> None:
    def penalty(self: ZeroCentered, *args: Any) -> dict[str, Term]:
        terms = ZeroCentered.__call__(self, *args)
        return {name: Term(poison(term.value), term.weight) for name, term in terms.items()}

    monkeypatch.setitem(PENALTIES, "zero_centered", type("Poisoned", (ZeroCentered,), {"__call__": penalty}))


NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def no_uncounted_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting the operations of a training calls losses, too, before the first iteration."""
    monkeypatch.setattr("acgan.api.gan.training_flops", lambda gan: {})


# Iteration 5 has no penalty (0, 4 and 8 have). A penalty has two parts, so its third due time begins with call 5; and
# it calls the class loss of G on either side, which so has its tenth call in iteration 5.
@pytest.mark.parametrize(
    ("where", "side", "poison", "iteration", "term"),
    [
        (poison_adversarial, "discriminator", lambda: Poison(6, NAN), 5, "discriminator: adversarial"),
        (poison_adversarial, "discriminator", lambda: Poison(6, INF), 5, "discriminator: adversarial"),
        (poison_adversarial, "discriminator", lambda: Poison(6, NAN, True), 5, "discriminator: gradient"),
        (poison_adversarial, "generator", lambda: Poison(6, NAN), 5, "generator: adversarial"),
        (poison_adversarial, "generator", lambda: Poison(6, NAN, True), 5, "generator: gradient"),
        (poison_adversarial, "generator", lambda: Poison(6, NAN, False, True), 5, "generator: adversarial"),
        (poison_classes, "discriminator", lambda: Poison(6, NAN), 5, "discriminator: class_real"),
        (poison_classes, "generator", lambda: Poison(10, INF), 5, "generator: class_fake"),
        (poison_penalty, "", lambda: Poison(5, NAN), 8, "discriminator: r1"),
        (poison_penalty, "", lambda: Poison(6, NAN), 8, "discriminator: r2"),
    ],
)
def test_the_run_ends_naming_iteration_and_term_with_good_weights(
    where: Callable[..., None],
    side: str,
    poison: Callable[[], Poison],
    iteration: int,
    term: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        where(patch, side, poison())
        result = acgan_train(run, CHANGES)
    assert result.exit_code == 3, result.output
    assert f"iteration {iteration} ({term})" in result.stderr
    last_good = iteration * 16 // 64 * 64
    assert f"{last_good} images" in result.stderr
    assert checkpoints(run)[-1] == last_good

    expected = trained(tmp_path / "expected", {**CHANGES, "train.total_nimg": last_good})
    state, expected_state = latest_payload(run)["state"], latest_payload(expected)["state"]
    assert not differences(state, expected_state)
    assert not differences(generator_tensors(run), generator_tensors(expected))

    # The cause removed, the run goes on from there.
    trained(run, {**CHANGES, "train.total_nimg": last_good + 32})


@pytest.mark.parametrize("call", [11, 12])
def test_one_portion_of_the_batch_is_enough(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison_adversarial(monkeypatch, "discriminator", Poison(call, NAN, once=True))
    result = acgan_train(tmp_path / "run", {**CHANGES, "train.portions": 2})
    assert result.exit_code == 3, result.output
    assert "iteration 5 (discriminator: adversarial)" in result.stderr


def test_weights_are_masked_between_the_bad_step_and_its_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No log, sample or checkpoint for long after the bad step: nothing bad may be saved, or trained on."""
    poison_adversarial(monkeypatch, "generator", Poison(2, NAN, once=True))
    intervals = ("log_nimg", "checkpoint_nimg", "sample_nimg", "evaluate_nimg")
    changes = {**CHANGES, **{f"every.{interval}": 1000 for interval in intervals}}
    seen: list[dict[str, dict[str, Tensor]]] = []
    advance = TrainingRun.advance

    def watch(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        seen.append(
            copy.deepcopy({part: run.state.state_dict()[part] for part in ("generator", "discriminator")})
        )

    monkeypatch.setattr(TrainingRun, "advance", watch)
    result = acgan_train(tmp_path / "run", changes)
    assert result.exit_code == 3
    assert "iteration 1 (generator: adversarial)" in result.stderr
    assert "no checkpoint yet" in result.stderr
    assert checkpoints(tmp_path / "run") == []
    assert len(seen) == 20
    # In iteration 1 D still took its step, G did not.
    assert differences(seen[0]["discriminator"], seen[1]["discriminator"])
    assert not differences(seen[0]["generator"], seen[1]["generator"])
    assert not differences(seen[1], seen[-1])


def test_a_real_divergence(tmp_path: Path) -> None:
    """A learning rate so large that it overflows, with the Wasserstein loss, which is unbounded."""
    changes = {
        **CHANGES,
        "loss.adversarial.kind": "wgan_gp",
        "loss.penalty": {"kind": "gradient_penalty"},
        "optim.discriminator.lr": 1e12,
        "optim.generator.lr": 1e12,
        "every.checkpoint_nimg": 16,
    }
    result = acgan_train(tmp_path / "run", changes)
    assert result.exit_code == 3, result.output
    assert "not finite" in result.stderr
    assert "optim.*.lr" in result.stderr
    for file in checkpoints(tmp_path / "run")[-1:]:
        assert file < 320
        state = latest_payload(tmp_path / "run")["state"]
        for part in ("generator", "discriminator", "ema"):
            assert all(torch.isfinite(tensor).all() for tensor in state[part].values())


def test_batch_statistics_of_a_bad_step_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison_adversarial(monkeypatch, "discriminator", Poison(3, NAN))
    changes = {
        **CHANGES,
        "model.generator": {"kind": "dcgan", "channels": 8},
        "model.discriminator": {"kind": "dcgan", "channels": 8},
        "loss.penalty": None,
        "every.checkpoint_nimg": 32,
    }
    assert acgan_train(tmp_path / "run", changes).exit_code == 3
    assert all(torch.isfinite(tensor).all() for tensor in generator_tensors(tmp_path / "run").values())

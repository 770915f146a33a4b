"""Iterations of both loops, and the findings on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gan_helpers import CPU, gan_store, tiny_gan

from acgan import parallel
from acgan.benchmarking import loops, training
from acgan.benchmarking.loops import (
    D_STEP,
    D_STEP_PENALTY,
    G_STEP,
    MEAN,
    READING,
    OurLoop,
    PlainIterations,
    Stopwatch,
    as_started,
    cycle,
    turn,
)
from acgan.benchmarking.pictures import write_pictures
from acgan.benchmarking.rates import Rates
from acgan.benchmarking.training import OURS, PLAIN, Contest, iteration_flops, make_contest, measure_training
from acgan.errors import ConfigError
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step

EVERY_3 = ("loss.penalty={kind: zero_centered, on: [real, fake], gamma: 0.5, every: 3}", "train.d_steps=2")
RATES = Rates({}, {}, {("one core", "float32"): 10.0, ("one core", "bf16"): 20.0})


def plain_of(gan: Gan, folder: Path, threads: int = 1) -> PlainIterations:
    files = write_pictures(gan_store(), folder / "pictures", 99)
    return PlainIterations(gan, files, mirror=False, balance=False, threads=threads)


def contest_of(gan: Gan, folder: Path) -> Contest:
    files = write_pictures(gan_store(), folder / "pictures", 99)
    return make_contest(gan, files, mirror=False, balance=False, threads=1)


def test_our_iterations_are_those_of_a_training() -> None:
    ours, expected = tiny_gan(*EVERY_3), tiny_gan(*EVERY_3)
    guard = FiniteGuard(CPU)
    turn(OurLoop(ours), 2, CPU)
    for iteration in range(2):  # as train_gan does
        expected.follow_schedules(iteration * 8)
        for sub_step in range(2):
            discriminator_step(expected, guard, iteration, sub_step)
        generator_step(expected, guard, iteration)
        expected.ema.update(expected.generator, (iteration + 1) * 8, 8)
    for network, other in zip(ours.networks(), expected.networks(), strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_parts_of_an_iteration_are_timed_and_the_penalty_is_due_as_often(tmp_path: Path) -> None:
    gan = tiny_gan(*EVERY_3)
    assert cycle(gan) == 3
    for loop, more in ((OurLoop(gan), {}), (plain_of(gan, tmp_path), {READING: 6})):
        watch = Stopwatch(CPU)
        turn(loop, cycle(gan), CPU, watch)
        counts = {part: len(times) for part, times in watch.times.items()}
        assert counts == {D_STEP_PENALTY: 2, D_STEP: 4, G_STEP: 3, MEAN: 3, **more}
        assert min(min(times) for times in watch.times.values()) > 0
    assert cycle(tiny_gan("loss.penalty=null")) == 1


def test_the_plain_loop_computes_with_torchs_own_threads(tmp_path: Path) -> None:
    plain, seen = plain_of(tiny_gan(), tmp_path, threads=2), []
    for step in ("discriminator_step", "generator_step", "average"):
        setattr(plain.loop, step, lambda *_, **__: seen.append(torch.get_num_threads()))
    with parallel.using_cores(2):
        turn(plain, 1, CPU)
        assert seen == [2, 2, 2]
        assert torch.get_num_threads() == 1
        with as_started(2):
            assert sys.getswitchinterval() == pytest.approx(0.005)
        with pytest.raises(ValueError, match="x"), as_started(2):
            raise ValueError("x")
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("loss.penalty=null",), 10 + 5),
        (("loss.penalty.every=4",), 10 + (50 - 10) / 4 + 5),
        (("loss.penalty.every=4", "train.d_steps=2"), 2 * (10 + (50 - 10) / 4) + 5),
    ],
)
def test_operations_of_an_iteration(changes: tuple[str, ...], expected: float) -> None:
    gan = tiny_gan(*changes)
    flops = {D_STEP: 10, G_STEP: 5, **({D_STEP_PENALTY: 50} if gan.objective.penalty is not None else {})}
    assert iteration_flops(flops, gan) == expected


def test_a_term_that_the_plain_loop_lacks_is_refused(tmp_path: Path) -> None:
    gan = tiny_gan("loss.lecam={}")
    with pytest.raises(ConfigError, match=r"loss\.lecam.*--set loss\.lecam=null"):
        contest_of(gan, tmp_path)


def test_findings_on_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_TURN_SEC", 0.0)
    gan = tiny_gan(*EVERY_3)
    contest = contest_of(gan, tmp_path)
    assert (contest.iterations, contest.images) == (3, 24)
    with parallel.using_cores(1):
        findings = measure_training(contest, RATES, rounds=2, threads=1)
    assert [len(ratio.rounds) for ratio in findings.ratios] == [2, 2]
    assert findings.ratios[0].name == "images/s, acgan : plain loop"
    steps, speed = findings.tables["an iteration"], findings.tables["speed"]
    assert list(steps) == [READING, D_STEP, D_STEP_PENALTY, G_STEP, MEAN]
    assert set(steps[READING]) == {f"{PLAIN} (ms)"}
    for kind in (D_STEP, D_STEP_PENALTY, G_STEP):
        assert set(steps[kind]) == {f"{OURS} (ms)", f"{PLAIN} (ms)", "GFLOP"}
    assert steps[D_STEP]["GFLOP"] < steps[D_STEP_PENALTY]["GFLOP"]
    assert steps[G_STEP]["GFLOP"] > 0
    per_image = (
        iteration_flops({kind: steps[kind]["GFLOP"] for kind in (D_STEP, D_STEP_PENALTY, G_STEP)}, gan) / 8
    )
    for name in (OURS, PLAIN):
        assert speed[name]["GFLOP/s"] == pytest.approx(speed[name]["images/s"] * per_image)
    assert speed[OURS]["share of the convolution rate"] == pytest.approx(speed[OURS]["GFLOP/s"] / 10.0)
    assert speed[OURS]["peak memory (GiB)"] > 0.05
    assert "rounds: 2" in findings.compared


def test_a_turn_has_whole_cycles_for_about_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, counts = loops.turn, []

    def timed(loop: Any, iterations: int, *more: Any) -> Any:
        counts.append(iterations)
        real(loop, iterations, *more)
        return loops.Spent(0.25, 0.25)

    monkeypatch.setattr(training, "turn", timed)
    contest = contest_of(tiny_gan(*EVERY_3), tmp_path)
    assert counts == [3, 3, 3], "of ours two, of which the second is timed"
    assert contest.iterations == 3 * 3, "0.7 seconds are about three times 0.25"

"""Findings on training: acgan's steps against the plain loop."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from acgan import runtime
from acgan.benchmarking.findings import Findings
from acgan.benchmarking.flops import count_flops
from acgan.benchmarking.loops import (
    D_STEP,
    D_STEP_PENALTY,
    G_STEP,
    PARTS,
    Loop,
    OurLoop,
    PlainIterations,
    Stopwatch,
    cycle,
    turn,
)
from acgan.benchmarking.rates import Rates, places
from acgan.benchmarking.timing import Spent, in_turns, median_sec, ratios_of
from acgan.errors import ConfigError
from acgan.training.gan import Gan

OURS, PLAIN = "acgan", "plain loop"
#: A turn of a loop lasts about so long, and no round begins after so long.
_TURN_SEC, _BUDGET_SEC = 0.7, 60.0


@dataclass(frozen=True)
class Contest:
    """Two loops that have taken their first steps.

    Attributes:
        gan: The training; its networks are trained.
        ours: Iterations of acgan.
        plain: Iterations of the plain loop.
        iterations: Iterations of a turn.
        peak_bytes: Memory at the peak before the plain loop needed any.
    """

    gan: Gan
    ours: OurLoop
    plain: PlainIterations
    iterations: int
    peak_bytes: int

    @property
    def images(self) -> int:
        """Images of a turn."""
        return self.iterations * self.gan.batch_size

    @property
    def loops(self) -> dict[str, Loop]:
        """Both loops by name."""
        return {OURS: self.ours, PLAIN: self.plain}

    def turns(self) -> dict[str, Callable[[], Spent]]:
        """A function for each loop that takes a turn and returns its time."""
        return {
            name: partial(turn, loop, self.iterations, self.gan.device) for name, loop in self.loops.items()
        }


def make_contest(
    gan: Gan, files: Sequence[tuple[Path, int]], *, mirror: bool, balance: bool, threads: int
) -> Contest:
    """Take the first steps of both loops, which are slower than later ones.

    Args:
        gan: The training.
        files: Picture files of the training images, with labels, for the plain loop.
        mirror: The plain loop flips images at random, too.
        balance: In the plain loop, too, all classes are equally frequent.
        threads: Number of torch's own threads for the plain loop.

    Raises:
        ConfigError: If the loss has a term that the plain loop lacks.
    """
    for name in gan.objective.regularisers:
        raise ConfigError(
            f"loss.{name}: training is compared with a plain loop, which has no such term. Leave it out: --set "
            f"loss.{name}=null."
        )
    device, ours = gan.device, OurLoop(gan)
    turn(ours, cycle(gan), device)
    peak_bytes = runtime.peak_memory_bytes(device)
    iterations = cycle(gan) * max(1, round(_TURN_SEC / turn(ours, cycle(gan), device).wall))
    plain = PlainIterations(gan, files, mirror=mirror, balance=balance, threads=threads)
    turn(plain, cycle(gan), device)
    return Contest(gan, ours, plain, iterations, peak_bytes)


def measure_training(contest: Contest, rates: Rates, *, rounds: int, threads: int) -> Findings:
    """Let both loops take turns, and time the parts of their iterations.

    Args:
        contest: The loops.
        rates: Rates of the machine.
        rounds: Number of rounds; fewer if they take long.
        threads: Number of torch's own threads in the plain loop, to tell.
    """
    gan = contest.gan
    sec = in_turns(contest.turns(), rounds, _BUDGET_SEC)
    steps = _parts(contest)
    flops = step_flops(contest.plain, gan)
    for kind, value in flops.items():
        steps[kind]["GFLOP"] = value / 1e9
    place = places(gan.device)[-1].name
    rate = rates.with_backward.get((place, gan.precision))  # there is none of float64
    speeds: dict[str, dict[str, float]] = {}
    for name, times in sec.items():
        images_per_sec = contest.images / median_sec(times)
        computed = images_per_sec / gan.batch_size * iteration_flops(flops, gan) / 1e9
        speeds[name] = {"images/s": images_per_sec, "GFLOP/s": computed}
    if rate is not None:
        speeds[OURS]["share of the convolution rate"] = speeds[OURS]["GFLOP/s"] / rate
    speeds[OURS]["peak memory (GiB)"] = contest.peak_bytes / 2**30
    return Findings(
        part="train",
        compared=f"acgan's steps, in {gan.precision}, with the loop that everyone writes: same networks and losses, "
        f"float32, pictures from files by a DataLoader, Adam tensor by tensor; torch's own threads: {threads}; in "
        f"turns of {contest.images:,} images, medians; rounds: {len(sec[OURS])}",
        ratios=ratios_of(f"images/s, {OURS} : {PLAIN}", sec[PLAIN], sec[OURS]),
        tables={"speed": speeds, "an iteration": steps},
        remarks=(
            "FLOP: of convolutions and matrix products, forward and backward, 2 for a multiplication and its addition, "
            "by the formulas of torch.utils.flop_counter, in the plain loop's steps",
            f"convolution rate: forward and backward in {gan.precision}, on {place}",
            "peak memory: of the process after acgan's first steps, with Python, torch and the images",
        ),
    )


def _parts(contest: Contest) -> dict[str, dict[str, float]]:
    """Milliseconds of each part of an iteration, of each loop."""
    steps: dict[str, dict[str, float]] = {part: {} for part in PARTS}
    for name, loop in contest.loops.items():
        watch = Stopwatch(contest.gan.device)
        turn(loop, contest.iterations, contest.gan.device, watch)
        for part, times in watch.times.items():
            steps[part][f"{name} (ms)"] = statistics.median(times) * 1e3
    return {part: cells for part, cells in steps.items() if cells}


def step_flops(plain: PlainIterations, gan: Gan) -> dict[str, int]:
    """Floating-point operations of each kind of step on a whole batch; the loop takes these steps."""
    (x, y), z, loop = plain.batch(), plain.latents(), plain.loop

    def of_d(penalty: bool) -> int:
        return count_flops(lambda: loop.discriminator_step(x, y, z, penalty=penalty))

    found = {D_STEP: of_d(False)}
    if gan.objective.penalty is not None:
        found[D_STEP_PENALTY] = of_d(True)
    return {**found, G_STEP: count_flops(lambda: loop.generator_step(x, y, z))}


def iteration_flops(flops: Mapping[str, int], gan: Gan) -> float:
    """Operations of a mean iteration: the penalty counts as often as it is due."""
    of_penalty = flops.get(D_STEP_PENALTY, flops[D_STEP]) - flops[D_STEP]
    return gan.d_steps * (flops[D_STEP] + of_penalty / gan.objective.penalty_every) + flops[G_STEP]

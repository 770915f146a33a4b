"""Iterations of a training, ours and the plain one, their parts timed if one asks."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from acgan.benchmarking.plain_loader import endless_batches
from acgan.benchmarking.plain_loop import PlainLoop
from acgan.benchmarking.timing import Spent, spent, wait_for
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.training.tracking import IntervalMeans

READING, D_STEP, D_STEP_PENALTY = "reading and decoding", "D step", "D step with penalty"
G_STEP, MEAN = "G step", "mean of the weights"
#: Parts of an iteration, in order.
PARTS = (READING, D_STEP, D_STEP_PENALTY, G_STEP, MEAN)
_PYTHONS_INTERVAL_SEC = 0.005
_LOADERS = 4
#: A context for a part of an iteration, by its name.
Watch = Callable[[str], AbstractContextManager[object]]


def unwatched(part: str) -> AbstractContextManager[object]:
    """A context that does nothing."""
    del part
    return contextlib.nullcontext()


class Stopwatch:
    """Seconds of each part, one number each time; waits for the device after each."""

    def __init__(self, device: torch.device):
        self._device = device
        self.times: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        wait_for(self._device)
        self.times.setdefault(part, []).append(time.perf_counter() - started)


class Loop(Protocol):
    """A training, iteration by iteration."""

    def iterate(self, watch: Watch) -> None:
        """One iteration: steps of D, a step of G, the mean of the weights."""


class OurLoop:
    """Iterations as ``train_gan`` makes them, without files."""

    def __init__(self, gan: Gan):
        self._gan, self._guard, self._iteration = gan, FiniteGuard(gan.device), 0
        self._log = IntervalMeans()
        gan.generator.train()
        gan.discriminator.train()

    def iterate(self, watch: Watch) -> None:
        gan, nimg = self._gan, self._iteration * self._gan.batch_size
        gan.follow_schedules(nimg)
        for sub_step in range(gan.d_steps):
            with watch(_kind(gan, self._iteration, sub_step)):
                self._log.add(discriminator_step(gan, self._guard, self._iteration, sub_step))
        with watch(G_STEP):
            self._log.add(generator_step(gan, self._guard, self._iteration))
        self._iteration += 1
        with watch(MEAN):
            gan.ema.update(gan.generator, nimg + gan.batch_size, gan.batch_size)


class PlainIterations:
    """Iterations of the plain loop, on picture files, with as many of torch's own threads as given."""

    def __init__(
        self, gan: Gan, files: Sequence[tuple[Path, int]], *, mirror: bool, balance: bool, threads: int
    ):
        self._gan, self._threads, self._iteration = gan, threads, 0
        self.loop = PlainLoop(gan)
        # Processes that load ahead are of use beside a GPU; on a CPU they take cores from the steps.
        workers = 0 if gan.device.type == "cpu" else _LOADERS
        self._batches = endless_batches(
            files, gan.batch_size, mirror=mirror, balance=balance, workers=workers
        )

    def batch(self) -> tuple[Tensor, Tensor]:
        """The next real images and their labels."""
        x, y = next(self._batches)
        return x.to(self._gan.device), y.to(self._gan.device)

    def latents(self) -> Tensor:
        """Latents of a batch."""
        return torch.randn(self._gan.batch_size, self._gan.generator.latent_dim, device=self._gan.device)

    def iterate(self, watch: Watch) -> None:
        gan, loop = self._gan, self.loop
        with as_started(self._threads):
            for sub_step in range(gan.d_steps):
                with watch(READING):
                    x, y = self.batch()
                kind = _kind(gan, self._iteration, sub_step)
                with watch(kind):
                    loop.discriminator_step(x, y, self.latents(), penalty=kind == D_STEP_PENALTY)
            with watch(G_STEP):
                loop.generator_step(x, y, self.latents())
            with watch(MEAN):
                loop.average(gan.batch_size)
        self._iteration += 1


def cycle(gan: Gan) -> int:
    """Iterations after which steps with and without the penalty come again in the same number."""
    return gan.objective.penalty_every if gan.objective.penalty is not None else 1


def turn(loop: Loop, iterations: int, device: torch.device, watch: Watch = unwatched) -> Spent:
    """Time of some iterations."""

    def work() -> None:
        for _ in range(iterations):
            loop.iterate(watch)

    return spent(work, device)


@contextlib.contextmanager
def as_started(threads: int) -> Iterator[None]:
    """Undo inside what ``parallel.using_cores`` sets for a training: torch's own threads, and Python's interval."""
    before, interval = torch.get_num_threads(), sys.getswitchinterval()
    torch.set_num_threads(threads)
    sys.setswitchinterval(_PYTHONS_INTERVAL_SEC)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        sys.setswitchinterval(interval)


def _kind(gan: Gan, iteration: int, sub_step: int) -> str:
    step = iteration * gan.d_steps + sub_step
    due = gan.objective.penalty is not None and step % gan.objective.penalty_every == 0
    return D_STEP_PENALTY if due else D_STEP

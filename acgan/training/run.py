"""What any training shares: the run directory, its lock, resume, signals, intervals and tracking."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgan import distributed, runtime
from acgan.atomic import write_atomically
from acgan.distributed import Ranks
from acgan.errors import Interrupted, NotFiniteError
from acgan.plots.grid import write_png
from acgan.runtime import FiniteGuard
from acgan.training.best import BestSoFar
from acgan.training.best_file import BestFile
from acgan.training.checkpoint import write_checkpoint
from acgan.training.hooks import Hooks, Intervals, Stateful
from acgan.training.signals import signals_heard
from acgan.training.tracking import IntervalMeans, Listener, Tick, Tracker
from acgan.types import Evaluation

_STOP_CHECK_ITERATIONS = 16  # between agreements of several ranks on whether to stop


@dataclass
class TrainingRun:
    """One training in its directory: counts images, and does what is due.

    Attributes:
        directory: The run directory, which exists and is locked.
        intervals: Length and intervals.
        state: What is trained, and saved in checkpoints.
        meta: Plain values saved in checkpoints besides (precision, threads, data fingerprint). Where its
            ``validation_fingerprint`` is not the checkpoint's, the best starts anew.
        hooks: What happens when.
        device: Of the state.
        ranks: This process among others.
        listeners: Called with each tick.
        deadline: ``time.monotonic()`` at which to stop, or None.
        iteration: Iterations so far.
        nimg: Images shown so far.
        trained_sec: Time in the loop up to this invocation; afterwards, with it.
    """

    directory: Path
    intervals: Intervals
    state: Stateful
    meta: Mapping[str, Any]
    hooks: Hooks
    device: torch.device
    ranks: Ranks = field(default_factory=Ranks)
    listeners: Sequence[Listener] = ()
    deadline: float | None = None
    iteration: int = field(default=0, init=False)
    nimg: int = field(default=0, init=False)
    trained_sec: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.guard = FiniteGuard(self.device)
        self.scores = BestSoFar()
        self.out_of_patience = False  # before the training's full length; all ranks agree
        self._best_file = BestFile(self.directory, self.hooks.product)
        self._means = IntervalMeans()
        self._clock = time.monotonic()
        self._tick_clock, self._tick_nimg = self._clock, 0  # samples, evaluations and checkpoints left out
        self._previous_nimg = 0
        self._saved_nimg = -1
        self._signal: int | None = None
        self._messages: list[str] = []
        self._evaluated: dict[str, float] = {}
        self._told: tuple[Mapping[str, float], float] = ({}, 0.0)
        self._tracker: Tracker | None = None

    def resume(self, payload: Mapping[str, Any] | None) -> None:
        """Continue from a checkpoint's payload, or begin where there is none."""
        if payload is not None:
            self.state.load_state_dict(payload["state"])
            self.iteration, self.nimg = payload["iteration"], payload["nimg"]
            self.trained_sec = payload["trained_sec"]
            self._means.load_state_dict(payload["means"], self.device)
            self._saved_nimg = self.nimg
            if "scores" in payload:  # a run of a version without them goes on as well
                self.scores.load_state_dict(payload["scores"])
        self._settle_best(payload["meta"] if payload is not None else {})
        self.out_of_patience = self._patience_is_over()
        self._previous_nimg = self._tick_nimg = self.nimg
        self._tracker = Tracker(self.directory, nimg=self.nimg, active=self.ranks.first)

    def _settle_best(self, meta: Mapping[str, Any]) -> None:
        """Go on from the checkpoint's best, unless it is another one's file or its score is of other images."""
        best, name = self.scores.best, "validation_fingerprint"
        lost = self.ranks.first and not self._best_file.settle(best)
        if distributed.any_rank(lost, self.ranks, self.device):
            why = f"{self._best_file.file} is not of the state that the checkpoint calls the best ({best})"
        elif best is not None and name in meta and meta[name] != self.meta.get(name):
            why = f"the validation images are others than those of {best}"
        else:
            return
        self.scores = BestSoFar()
        self._messages.append(f"the best starts anew: {why}")

    def describe(self, name: str, text: str) -> None:
        """Record a text, such as the configuration, in TensorBoard."""
        assert self._tracker is not None, "resume() comes first"
        self._tracker.text(name, text, self.nimg)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The time of training: signals ask it to stop, and however it ends, records are closed.

        Raises:
            Interrupted: At the end, where a signal had asked to stop.
        """
        self._clock = self._tick_clock = time.monotonic()
        with signals_heard(self._on_signal):
            try:
                yield
            finally:
                self.trained_sec += time.monotonic() - self._clock
                assert self._tracker is not None, "resume() comes first"
                self._tracker.close()
        if self._signal is not None and not self.ended:
            name = signal.Signals(self._signal).name
            raise Interrupted(
                f"{name}: stopped after {self.nimg:,} images; the same command resumes from there.",
                exit_code=130 if self._signal == signal.SIGINT else 75,
            )

    @property
    def ended(self) -> bool:
        """Whether the training came to its end: its length, or that of its patience."""
        return self.nimg >= self.intervals.total_nimg or self.out_of_patience

    def finished(self) -> bool:
        """Whether the training is over, or has been asked to stop; all ranks agree."""
        if self.ended:
            return True
        stop = self._signal is not None or (self.deadline is not None and time.monotonic() >= self.deadline)
        if self.ranks.world > 1:
            if self.iteration % _STOP_CHECK_ITERATIONS:
                return False
            stop = distributed.any_rank(stop, self.ranks, self.device)
            if stop and distributed.any_rank(self._signal is not None, self.ranks, self.device):
                self._signal = self._signal or signal.SIGTERM  # another rank's
        if stop:
            self._assert_finite()
            self._save()
            self._write_sample()
            if self._messages:
                self._tell(*self._told)  # a warning does not wait for the next interval, which may never come
        return stop

    def record(self, prefix: str, values: Mapping[str, Tensor]) -> None:
        """Count scalars, which stay on the device, into the means of the log interval."""
        self._means.add({f"{prefix}/{name}": value for name, value in values.items()})

    def advance(self, batch_size: int) -> None:
        """Count one iteration."""
        self.iteration += 1
        self._previous_nimg = self.nimg
        self.nimg += batch_size

    def do_what_is_due(self) -> None:
        """Evaluate, log, sample and checkpoint, each at its interval and at the end.

        Raises:
            NotFiniteError: If the finite guard's flag is up; the last good checkpoint stays in place.
        """
        if self._due(self.intervals.evaluate_nimg):
            self._assert_finite()
            with self._aside():
                self._evaluate()  # first, since it may find that this is the end
        log, save = self._due(self.intervals.log_nimg), self._due(self.intervals.checkpoint_nimg)
        sample = self._due(self.intervals.sample_nimg)
        if log or save or sample:
            self._assert_finite()
        if sample:
            with self._aside():
                self._write_sample()
        if log:
            self._write_stats()
        if save:
            with self._aside():
                self._save()

    def _due(self, interval: int) -> bool:
        return self.ended or self.nimg // interval != self._previous_nimg // interval

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """Time that does not count where speed is told."""
        begun = time.monotonic()
        yield
        self._tick_clock += time.monotonic() - begun

    def _assert_finite(self) -> None:
        bad = self.guard.first_bad()
        if bad is None:
            return
        iteration, term = bad
        saved = (
            f"the checkpoint at {self._saved_nimg:,} images" if self._saved_nimg > 0 else "no checkpoint yet"
        )
        raise NotFiniteError(
            f"training is not finite: iteration {iteration} ({term}). The weights are those of the step before; "
            f"{saved} stays in place. {self.hooks.remedy}, and start anew with --fresh."
        )

    def _write_stats(self) -> None:
        now = time.monotonic()
        stats = self._means.read(self.ranks)
        speed = (self.nimg - self._tick_nimg) / max(now - self._tick_clock, 1e-9)
        memory = runtime.peak_memory_bytes(self.device)
        assert self._tracker is not None
        untracked = {
            "time/images_per_sec": speed,
            "time/trained_sec": self.trained_sec + now - self._clock,
            "memory/peak_bytes": float(memory),
        }
        self._tracker.scalars(self.nimg, stats, untracked)
        self._tell(stats, speed)
        self._tick_clock, self._tick_nimg = time.monotonic(), self.nimg

    def _evaluate(self) -> None:
        if self.hooks.evaluate is not None and self.ranks.first:
            self._write_evaluation(self.hooks.evaluate())
        if self.intervals.patience_nimg is not None:
            self.out_of_patience = distributed.any_rank(self._patience_is_over(), self.ranks, self.device)

    def _patience_is_over(self) -> bool:
        patience = self.intervals.patience_nimg
        shorter = self.nimg < self.intervals.total_nimg  # at its full length it needs nothing else to end it
        return patience is not None and shorter and self.scores.waited_nimg >= patience

    def _write_evaluation(self, evaluation: Evaluation) -> None:
        assert self._tracker is not None
        stats, messages, score = dict(evaluation.stats), list(evaluation.messages), evaluation.score
        if score is not None:
            if self.scores.take(score, self.nimg):
                self._best_file.write(lambda path: self.hooks.export(path, self.nimg, score))
            if math.isfinite(score.value):
                stats[f"evaluate/{score.name}"] = score.value
            else:
                messages.append(f"{score.name} is not finite ({score.value}) and counts as no better")
            messages += filter(None, [self.scores.remark()])
        if stats:
            self._tracker.scalars(self.nimg, stats, {})
            self._evaluated |= stats
        for message in messages:
            self._tracker.text("warnings", message, self.nimg)
        self._messages += messages

    def _write_sample(self) -> None:
        if not self.ranks.first:
            return
        image = self.hooks.sample()
        assert self._tracker is not None
        self._tracker.image("samples", image, self.nimg)
        directory = self.directory / "samples"
        directory.mkdir(exist_ok=True)
        write_atomically(directory / f"{self.nimg:09d}.png", lambda path: write_png(image, path))

    def _save(self) -> None:
        distributed.assert_ranks_agree(self.state.networks(), self.ranks)
        if self._saved_nimg == self.nimg:
            return
        means = self._means.state_dict(self.ranks)
        if self.ranks.first:
            payload = {
                "state": self.state.state_dict(),
                "meta": dict(self.meta),
                "iteration": self.iteration,
                "nimg": self.nimg,
                "trained_sec": self.trained_sec + time.monotonic() - self._clock,
                "means": means,
                "scores": self.scores.state_dict(),
            }
            # The checkpoint comes last: what a kill leaves undone before it, a resumed run does again.
            assert self._tracker is not None
            self._tracker.flush()
            product = self.directory / self.hooks.product
            write_atomically(product, lambda path: self.hooks.export(path, self.nimg, None))
            write_checkpoint(self.directory / "checkpoints", self.nimg, payload)
            self._best_file.confirm()
        self._saved_nimg = self.nimg

    def _tell(self, stats: Mapping[str, float], speed: float) -> None:
        self._told = (stats, speed)
        tick = Tick(
            self.nimg, self.intervals.total_nimg, stats, speed, tuple(self._messages), self._evaluated
        )
        self._messages, self._evaluated = [], {}
        if self.ranks.first:
            for listener in self.listeners:
                listener(tick)

    def _on_signal(self, number: int) -> None:
        self._signal = number

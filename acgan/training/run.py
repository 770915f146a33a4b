"""One training in its run directory: counts, resume, signals, logs, samples, scores and checkpoints."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from acgan import distributed, runtime
from acgan.atomic import write_atomically
from acgan.distributed import Ranks
from acgan.errors import Interrupted, NotFiniteError, RunError, first_line
from acgan.plots.grid import write_png
from acgan.runtime import FiniteGuard
from acgan.signals import CutShortError, StopSignal
from acgan.training.best import BestSoFar
from acgan.training.best_state import BestState
from acgan.training.pace import Pace
from acgan.training.product import Intervals, Product, Stateful
from acgan.training.saved_state import SavedState
from acgan.training.stopping import StopRequests
from acgan.training.tracking import IntervalMeans, Listener, Tick, Tracker
from acgan.types import Evaluation

_EARLY_LOOK = 0.05  # share of a training: what collapses at once is told soon
#: Marks records of a look at a stop, which a training that was not stopped has none of.
AT_STOP = "monitor/at_stop"


class TrainingRun:
    """One training in its directory. A loop counts images by ``advance`` and calls what is ``due``.

    Args:
        directory: The run directory, which exists and is locked.
        intervals: Length and intervals.
        state: The state that is trained, and saved in checkpoints.
        product: Result that is sampled, scored and written on the way.
        meta: Plain values saved in checkpoints besides (precision, data fingerprint). Where its
            ``validation_fingerprint`` is not the checkpoint's, the best starts anew.
        device: Device of the state.
        ranks: This process among others.
        checkpoint: Payload of the checkpoint to go on from; None begins anew.
        listeners: Called with each tick.
        on_images: Called with (shown, total) images after each iteration; nothing is read from the device for it.
        deadline: ``time.monotonic()`` at which to stop, or None.
        texts: Texts for TensorBoard by name, such as the configuration.
        say: Receives remarks for people.

    Attributes:
        out_of_patience: True if the training ends early since scores no longer improve; all ranks agree.
        cut_short: True if a signal cut the evaluation after the last iteration short, now or before a resume: it is
            to be made again, and then whatever else is due.
        pace: Time in the loop, and speed.
        stats: Means of the last log interval.
        requests: Requests to stop early.
    """

    def __init__(
        self,
        directory: Path,
        *,
        intervals: Intervals,
        state: Stateful,
        product: Product,
        meta: Mapping[str, Any],
        device: torch.device,
        ranks: Ranks = Ranks(),  # noqa: B008  # frozen
        checkpoint: Mapping[str, Any] | None = None,
        listeners: Sequence[Listener] = (),
        on_images: Callable[[int, int], None] = lambda shown, total: None,
        deadline: float | None = None,
        texts: Mapping[str, str] = MappingProxyType({}),
        say: Callable[[str], None] = lambda message: None,
    ):
        self.directory, self.intervals, self.state, self.product = directory, intervals, state, product
        self.meta, self.device, self.ranks = meta, device, ranks
        self.listeners, self.on_images, self.say = listeners, on_images, say
        self.iteration = self.nimg = 0
        self.stats: Mapping[str, float] = {}
        self.guard = FiniteGuard(device)
        self._best = BestState(directory, product, intervals)
        self._means = IntervalMeans()
        self._previous_nimg = 0
        self.cut_short = False
        self._saved = SavedState(directory, product)
        self.requests = StopRequests(ranks, device, deadline)
        self._messages: list[str] = []
        self._evaluated: dict[str, float] = {}
        if checkpoint is not None:
            self._continue_from(checkpoint)
            if ranks.first:
                self._messages += self._saved.mend()
        lost = self._best.go_on(checkpoint, meta, ranks, device)
        if lost is not None:
            self._messages.append(lost)
        self.out_of_patience = self._best.patience_is_over(self.nimg)
        self.pace = Pace(self.nimg, 0.0 if checkpoint is None else checkpoint["trained_sec"])
        # After an evaluation that was cut short, what is recorded of that moment is recorded anew.
        recorded = self._previous_nimg if self.cut_short else self.nimg
        self._tracker = Tracker(directory, nimg=recorded, active=ranks.first)
        self._looked_at = self.nimg  # or resumed at, which was looked at then
        self._messages += self._tracker.damage
        for name, text in texts.items():
            self._tracker.text(name, text, self.nimg)
        distributed.broadcast_parameters(state.networks(), ranks)
        if checkpoint is not None and not self.finished():
            say(f"{directory}: going on from {self.nimg:,} images.")

    def _continue_from(self, checkpoint: Mapping[str, Any]) -> None:
        try:
            self.state.load_state_dict(checkpoint["state"])
        except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"{self.directory}: its checkpoint at {checkpoint['nimg']:,} images is of other networks "
                f"({first_line(error)}). Start anew with --fresh, which moves this run aside."
            ) from error
        self.iteration, self.nimg = checkpoint["iteration"], checkpoint["nimg"]
        self._means.load_state_dict(checkpoint["means"], self.device)
        since = checkpoint.get("cut_short_since")
        self.cut_short = since is not None
        self._saved = SavedState(self.directory, self.product, nimg=self.nimg, cut_short=self.cut_short)
        self._previous_nimg = self.nimg if since is None else since

    @property
    def scores(self) -> BestSoFar:
        """The scores so far."""
        return self._best.scores

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Context of the training: signals ask it to stop, and records are closed however it ends.

        Raises:
            Interrupted: At the end, if a signal asked to stop.
        """
        self.pace.start()
        with self.requests.heard():
            try:
                yield
                distributed.barrier(self.ranks)  # all ranks find what the first one wrote
                if self._messages:
                    self._tell()  # the next interval may never come
            finally:
                self.pace.stop(self.nimg)
                self._tracker.close()
        number = self.requests.signal
        if number is not None and not self.finished():
            name = signal.Signals(number).name
            raise Interrupted(
                f"{name}: stopped after {self.nimg:,} images; the same command resumes from there.",
                exit_code=130 if number == signal.SIGINT else 75,
            )
        if self.out_of_patience and self.ranks.first:
            self.say(
                f"{self.directory}: stopped at {self.nimg:,} images, since {self.scores.waited_nimg:,} images brought "
                f"nothing better than {self.scores.best}, and train.patience_nimg is "
                f"{self.intervals.patience_nimg:,}. To go on, raise it or set it to null."
            )

    def finished(self) -> bool:
        """True at the end of the training's length or patience, with all that is due done."""
        return self._at_the_end() and not self.cut_short

    def _at_the_end(self) -> bool:
        return self.nimg >= self.intervals.total_nimg or self.out_of_patience

    def asked_to_stop(self) -> bool:
        """True if a signal or the deadline asks for an early stop; all ranks agree."""
        return self.requests.asked(self.iteration)

    def stop(self) -> None:
        """Save everything at an early stop, then say if something goes badly wrong."""
        self.say(f"{self.requests.reason}: stopping, and writing a checkpoint.")
        self.save_checkpoint()
        self.save_samples()
        # Whoever sends SIGTERM or SIGHUP does not wait, and of a state that was looked at nothing new is found.
        waits = self.requests.signal in (None, signal.SIGINT) and not self.cut_short
        if self.ranks.first and waits and self.nimg != self._looked_at:
            found = self.product.look(self._share, StopSignal())
            if found is not None:
                self._take(replace(found, stats={**found.stats, AT_STOP: 1.0} if found.stats else {}))

    def record(self, prefix: str, values: Mapping[str, Tensor]) -> None:
        """Count scalars, which stay on the device, into the means of the log interval."""
        self._means.add({f"{prefix}/{name}": value for name, value in values.items()})

    def advance(self, batch_size: int) -> None:
        """Count one iteration."""
        self.iteration += 1
        self._previous_nimg = self.nimg
        self.nimg += batch_size
        self.on_images(self.nimg, self.intervals.total_nimg)

    def take_up(self) -> None:
        """Begin again with what was due after the last iteration, whose evaluation was cut short."""
        self.cut_short = False

    def due(self, interval: int) -> bool:
        """True if the last iteration completed an interval in images, and at the end."""
        return self._at_the_end() or self.nimg // interval != self._previous_nimg // interval

    def due_early(self) -> bool:
        """True if the last iteration completed a twentieth of the training, before the first evaluation."""
        early = self.intervals.total_nimg * _EARLY_LOOK
        return self._previous_nimg < early <= self.nimg < self.intervals.evaluate_nimg

    def look(self) -> None:
        """Say if something goes badly wrong; a signal cuts it short, as ``evaluate``.

        Raises:
            NotFiniteError: If the finite guard's flag is up; the next four raise it too.
        """
        self._assert_finite()
        with self.pace.aside():
            self._find(self.product.look)

    def evaluate(self) -> None:
        """Score the product, keep it if it is the best, and check the patience.

        A signal cuts it short on all ranks: job schedulers kill 30 seconds after it. The end of the time does not: with
        an evaluation longer than that time, no invocation would get past it.
        """
        self._assert_finite()
        with self.pace.aside():
            self._find(self.product.evaluate)
        if self.intervals.patience_nimg is not None:
            self.out_of_patience = distributed.any_rank(
                self._best.patience_is_over(self.nimg), self.ranks, self.device
            )

    def _find(self, search: Callable[[float, StopSignal], Evaluation | None]) -> None:
        """Take the findings of the first rank, unless a signal cuts the search short."""
        found = None
        if self.ranks.first:
            try:
                found = search(self._share, self.requests.stop)
            except CutShortError:
                self.cut_short = True
        self.cut_short = self.requests.agree_on_cut(self.cut_short)
        if not self.cut_short:
            self._looked_at = self.nimg
        if found is not None:
            self._take(found)

    def save_samples(self) -> None:
        """Write a grid to ``samples/`` and to TensorBoard."""
        self._assert_finite()
        if not self.ranks.first:
            return
        with self.pace.aside():
            image = self.product.sample()
            directory = self.directory / "samples"
            directory.mkdir(exist_ok=True)
            mark = {"grid of": self.product.file_name, "nimg": self.nimg}
            file = directory / f"{self.nimg:09d}.png"
            write_atomically(file, lambda path: write_png(image, path, mark))
            self._tracker.picture("samples", file, self.nimg)

    def log(self) -> None:
        """Write the means of the interval to ``stats.jsonl`` and TensorBoard, and tell listeners."""
        self._assert_finite()
        images_per_sec = self.pace.measure(self.nimg)
        self.stats = self._means.read(self.ranks)
        untracked = {
            "time/images_per_sec": images_per_sec,
            "time/trained_sec": self.pace.trained_sec,
            "memory/peak_bytes": float(runtime.peak_memory_bytes(self.device)),
        }
        self._tracker.scalars(self.nimg, self.stats, untracked)
        self._tell()
        self.pace.tick(self.nimg)

    def save_checkpoint(self) -> None:
        """Write the product and a checkpoint, unless there is one of this moment."""
        self._assert_finite()
        distributed.assert_ranks_agree(self.state.networks(), self.ranks)
        if self._saved.is_of(self.nimg, self.cut_short):
            return
        with self.pace.aside():
            means = self._means.state_dict(self.ranks)
            if self.ranks.first:
                self._tracker.flush()
                self._saved.write(self._payload(means))
                self._best.confirm()
        self._saved.nimg, self._saved.cut_short = self.nimg, self.cut_short

    def _payload(self, means: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "state": self.state.state_dict(),
            "meta": dict(self.meta),
            "iteration": self.iteration,
            "nimg": self.nimg,
            "trained_sec": self.pace.trained_sec,
            "means": means,
            "scores": self.scores.state_dict(),
            "cut_short_since": self._previous_nimg if self.cut_short else None,
        }

    def _take(self, evaluation: Evaluation) -> None:
        """Record an evaluation, and keep the product if it is the best so far."""
        stats, messages, score = dict(evaluation.stats), list(evaluation.messages), evaluation.score
        if score is not None:
            messages += self._best.take(score, self.nimg)
            if math.isfinite(score.value):
                stats[f"evaluate/{score.name}"] = score.value
        if stats:
            self._tracker.scalars(self.nimg, stats, {})
            self._evaluated |= stats
        for message in messages:
            self._tracker.text("warnings", message, self.nimg)
        self._announce(messages, evaluation.remarks)

    def _announce(self, warnings: Sequence[str], remarks: Sequence[str]) -> None:
        """Tell remarks at once, and warnings with the next tick."""
        self._messages += warnings
        for remark in remarks:
            self.say(f"{self.nimg:,} images: {remark}")

    @property
    def _share(self) -> float:
        """Share of the training that is over."""
        return self.nimg / self.intervals.total_nimg

    def _assert_finite(self) -> None:
        bad = self.guard.first_bad()
        if bad is None:
            return
        iteration, term = bad
        nimg = self._saved.nimg
        saved = f"the checkpoint at {nimg:,} images" if nimg > 0 else "no checkpoint yet"
        raise NotFiniteError(
            f"training is not finite: iteration {iteration} ({term}). The weights are those of the step before; "
            f"{saved} stays in place. {self.product.remedy}, and start anew with --fresh."
        )

    def _tell(self) -> None:
        total, messages = self.intervals.total_nimg, tuple(self._messages)
        tick = Tick(self.nimg, total, self.stats, self.pace.images_per_sec, messages, self._evaluated)
        self._messages, self._evaluated = [], {}
        if self.ranks.first:
            for listener in self.listeners:
                listener(tick)

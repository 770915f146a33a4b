"""Training loop of a classifier: one step on the summed loss, then whatever is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from acgan import parallel, runtime
from acgan.augment import Augmentation
from acgan.distributed import Ranks
from acgan.losses import SummedLoss
from acgan.models import AuxClassifier
from acgan.runtime import FiniteGuard
from acgan.training.gradients import Gradients
from acgan.training.run import TrainingRun
from acgan.training.schedule import WarmupDecay
from acgan.training.step import (
    BatchMean,
    Computed,
    Feed,
    Portion,
    align_moments,
    parameter_dtype,
    update,
)
from acgan.training.working import WorkingCopy
from acgan.types import Batch, Term, Terms


@dataclass
class ClassifierTask:
    """State that one iteration reads and changes.

    Attributes:
        optimizer: AdamW; the highest learning rate of each group is its ``max_lr``.
        normalise: Conversion of images in [-1, 1] to the network's range.
        total_nimg: Length of the training in images, for the schedule.
        micro_batch: Images at once on this rank.
        portion_size: Most images that one core computes at once; it follows from the batch, not from the machine.
        working: Its copy computes the passes of a step.
        run_network: The working copy, perhaps compiled.
        all_cores: All cores compute a micro-batch together, since it cannot be computed in portions. Only then do the
            last bits depend on their number.
    """

    network: AuxClassifier
    loss: SummedLoss
    optimizer: AdamW
    schedule: WarmupDecay
    feed: Feed
    augmentation: Augmentation
    normalise: Callable[[Tensor], Tensor]
    device: torch.device
    precision: str
    total_nimg: int
    micro_batch: int
    portion_size: int
    working: WorkingCopy[AuxClassifier]
    run_network: Callable[[Tensor], Mapping[str, Tensor]]
    ranks: Ranks = field(default_factory=Ranks)
    all_cores: bool = False

    def __post_init__(self) -> None:
        self.gradients = Gradients(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs; there is no random state."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        align_moments(self.optimizer)

    def networks(self) -> tuple[nn.Module, ...]:
        """The networks whose parameters all ranks hold alike."""
        return (self.network,)

    def batch(self, step: int, part: slice) -> Batch:
        """A part of the batch of a step, changed at random, in [-1, 1]."""
        batch = self.feed.batch(step, part, parameter_dtype(self.network))
        shape = (self.feed.batch_size, Augmentation.NUM_DRAWS)
        draws = self.feed.draws.generator("augment", step).random(shape, "float32")[part]
        uniform = runtime.send(torch.from_numpy(draws), self.device).to(batch.images.dtype)
        return Batch(self.augmentation(batch.images, uniform), batch.labels)


def train_classifier_task(task: ClassifierTask, run: TrainingRun) -> None:
    """Train until the end, a signal or the deadline, in iterations of one global batch."""
    task.network.train()
    task.working.copy.train()
    every = run.intervals
    while not run.finished():
        if run.asked_to_stop():
            run.stop()
            break
        if run.cut_short:
            run.take_up()
        else:
            run.record("train", classifier_step(task, run.guard, run.iteration))
            run.advance(task.feed.batch_size)
        if run.due(every.evaluate_nimg):
            run.evaluate()
        if run.cut_short:
            continue  # to the stop; a resumed training takes up here
        if run.due(every.sample_nimg):
            run.save_samples()
        if run.due(every.log_nimg):
            run.log()
        if run.due(every.checkpoint_nimg):
            run.save_checkpoint()


def classifier_step(task: ClassifierTask, guard: FiniteGuard, iteration: int) -> dict[str, Tensor]:
    """One step on the weighted sum of all heads' losses.

    Returns:
        Scalars to log, on the device, by name.
    """
    factor = task.schedule.factor(min((iteration + 0.5) * task.feed.batch_size / task.total_nimg, 1.0))
    for group in task.optimizer.param_groups:
        group["lr"] = group["max_lr"] * factor
    task.working.refresh()
    task.gradients.clear()
    log = BatchMean()
    for portions in task.feed.micro_batches(task.micro_batch, task.portion_size, task.ranks, iteration):
        with _torch_draws(task, iteration, portions[0].part.start):
            for computed in parallel.together(
                partial(_compute_portion, task), portions, all_cores=task.all_cores
            ):
                task.gradients.add(computed.gradients)
                log.add(computed)
    return update(task.gradients, task.optimizer, log, guard, "classifier", iteration, task.ranks)


def _compute_portion(task: ClassifierTask, portion: Portion) -> Computed:
    """Terms and gradients for a portion, computed on one core."""
    batch = task.batch(portion.iteration, portion.part)
    x = task.normalise(batch.images).contiguous(memory_format=torch.channels_last)
    with runtime.autocast(task.precision, task.device), portion.layer_draws("classifier"):
        outputs = task.run_network(x)
    terms = _terms(task.loss, outputs, batch.labels)
    gradients = task.gradients.of(terms.total * portion.share, task.working.copy)
    return Computed(portion.share, [terms], gradients)


@contextmanager
def _torch_draws(task: ClassifierTask, iteration: int, start: int) -> Iterator[None]:
    """Seed torch's generator by step and micro-batch, and put its state back afterwards.

    Dropout of torchvision's networks draws from it where they are not computed in portions, as on a GPU: other numbers
    for micro-batches than for the whole batch.
    """
    seed = int(task.feed.draws.generator("torch", iteration, start).integers(2**63))
    with torch.random.fork_rng([task.device] if task.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _terms(loss: SummedLoss, outputs: Mapping[str, Tensor], labels: Tensor) -> Terms:
    terms = {
        f"loss_{name}": Term(value, loss.weights[name]) for name, value in loss.terms(outputs, labels).items()
    }
    with torch.no_grad():
        stats = {
            f"accuracy_{name}": (logits.argmax(dim=1) == labels).float().mean()
            for name, logits in outputs.items()
        }
    return Terms(terms, stats)

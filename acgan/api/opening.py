"""Opening of a training: its directory, lock, checkpoint, images and device."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch

from acgan import distributed, parallel, runtime
from acgan.api.inputs import Resolved, tell_about
from acgan.api.places import KnownPaths, find_data, with_known_paths
from acgan.api.run_directory import check_usable, locked, settle
from acgan.assembly.images import load_data, prepare_dataset, with_few_told
from acgan.assembly.memory import MemoryEstimate, estimate_memory
from acgan.assembly.product import Provenance
from acgan.assembly.register import check_source, registered_parts
from acgan.code_version import code_version
from acgan.config import AnyConfig
from acgan.distributed import Ranks
from acgan.own_parts import OwnPart
from acgan.predicting import ImageClassifier, load_classifier
from acgan.reading import user_path
from acgan.sampling import ClassSampler, load_generator
from acgan.showing import warn_shown
from acgan.training.best import Best
from acgan.training.run import TrainingRun
from acgan.types import Dataset


class TrainOptions(TypedDict, total=False):
    """Options of a training's run that its configuration does not hold; all are optional.

    Attributes:
        run_dir: The run directory; by default ``runs/<recipe>[-<data name>]``, for classifiers ``runs/classify-…``.
        device: ``auto`` (the default), ``cpu``, ``cuda`` or ``mps``.
        max_time_sec: Seconds after which it stops with a checkpoint.
        init_from: A run or file whose first weights to start from.
        fresh: Move an existing run aside and start anew.
        on_data: Called with (done, total) while images are decoded.
        on_images: Called with (shown, total) images of the training after every iteration.
        say: Receives remarks for people.
        warn: Receives problems that do not end it, such as a broken checkpoint; by default ``warn_shown``.
    """

    run_dir: str | Path | None
    device: str
    max_time_sec: float | None
    init_from: str | Path | None
    fresh: bool
    on_data: Callable[[int, int], None] | None
    on_images: Callable[[int, int], None]
    say: Callable[[str], None]
    warn: Callable[[str], None]


@dataclass(frozen=True)
class OpenTraining:
    """A training that is about to start, in a directory that it has locked.

    Attributes:
        config: The configuration as it is written to the directory.
        here: The same, its paths as they are found from this folder: to build from.
        places: Places of its paths.
        checkpoint: Payload to go on from; None begins anew.
        source_fingerprint: Fingerprint of the source's training images, before a part is chosen or held out.
        init_from: A run or file whose weights to start from; None draws them, or goes on.
        memory: Memory that a new run needs at the least, if that is known.
        deadline: ``time.monotonic()`` at which to stop, or None.
        code: Versions and commits of acgan that trained it, the present one last.
        recipe: Recipe or file that was asked for; None for a configuration object.
    """

    config: AnyConfig
    here: Any
    places: KnownPaths
    directory: Path
    checkpoint: Mapping[str, Any] | None
    dataset: Dataset
    source_fingerprint: str
    device: torch.device
    precision: str
    ranks: Ranks
    init_from: Path | None
    memory: MemoryEstimate | None
    deadline: float | None
    fresh: bool
    on_images: Callable[[int, int], None]
    say: Callable[[str], None]
    warn: Callable[[str], None]
    code: tuple[str, ...]
    recipe: str | None

    @property
    def parts(self) -> dict[str, OwnPart]:
        """Parts of the configuration that scripts registered."""
        return registered_parts(self.here)

    @property
    def meta(self) -> Mapping[str, Any]:
        """Plain values of the checkpoint; empty at the start of a run."""
        return self.checkpoint["meta"] if self.checkpoint is not None else {}

    def provenance(self, origin: dict[str, Any] | None) -> Provenance:
        """Origin of the product; ``origin`` is that of a new run's first weights."""
        init_from = origin or self.meta.get("init_from")
        return Provenance(
            config=self.config,
            dataset=self.dataset,
            source_fingerprint=self.source_fingerprint,
            precision=self.precision,
            code=self.code,
            init_from=init_from,
            parts=self.parts,
        )

    def new_meta(self, provenance: Provenance) -> dict[str, Any]:
        """Plain values for new checkpoints."""
        validation = self.dataset.validation
        return {
            "precision": self.precision,
            "data_fingerprint": self.dataset.train.fingerprint,
            "validation_fingerprint": validation.fingerprint if validation is not None else None,
            "class_names": list(self.dataset.train.class_names),
            "init_from": provenance.init_from,
            "code": list(self.code),
        }

    def claim(self) -> None:
        """Write configuration and places to the directory, and move an old run aside if ``fresh``."""
        distributed.barrier(self.ranks)  # all have read what is there
        if self.ranks.first:
            settle(self.directory, self.config, self.places, self.fresh, self.say)
        distributed.barrier(self.ranks)


@dataclass(frozen=True)
class TrainResult:
    """The outcome of a training.

    Attributes:
        nimg: Images shown so far.
        finished: True if the training reached its end.
        stats: The last tick's means.
        trained_sec: Time in the loop, over all invocations.
        images_per_sec: Speed of this invocation, all intervals counted.
        best: The best score; None if nothing was scored, and on all ranks but the first.
        out_of_patience: True if ``train.patience_nimg`` ended it early.
    """

    directory: Path
    nimg: int
    finished: bool
    stats: Mapping[str, float]
    trained_sec: float
    images_per_sec: float
    best: Best | None
    out_of_patience: bool

    @classmethod
    def of(cls, run: TrainingRun) -> TrainResult:
        """Outcome of a finished run."""
        return cls(
            directory=run.directory,
            nimg=run.nimg,
            finished=run.finished(),
            stats=run.stats,
            trained_sec=run.pace.trained_sec,
            images_per_sec=run.pace.images_per_sec,
            best=run.scores.best if run.ranks.first else None,
            out_of_patience=run.out_of_patience,
        )

    def sampler(self, device: str | torch.device = "cpu", which: str | None = None) -> ClassSampler:
        """The generator that ``train`` made: the ``best`` if one was scored, else the ``last``."""
        return load_generator(self.directory, device, which)

    def classifier(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """The classifier that ``train_classifier`` made."""
        return load_classifier(self.directory, device=device)


@contextmanager
def open_training(
    resolved: Resolved, data: Any, options: TrainOptions, *, rehearsal: bool = False
) -> Iterator[OpenTraining]:
    """Hold the run directory, read its checkpoint, decode the images, and choose device and precision.

    Args:
        resolved: The configuration and the run directory.
        data: None for the configured source, or a torch Dataset.
        options: Options of the run; its directory is that of ``resolved``.
        rehearsal: Read no checkpoint, draw no generated images, and leave the directory as it is.

    Raises:
        UserError: For whatever the user can mend.
    """
    started = time.monotonic()
    if unknown := options.keys() - TrainOptions.__annotations__.keys():
        raise TypeError(
            f"no such options: {', '.join(sorted(unknown))}; there are {', '.join(TrainOptions.__annotations__)}"
        )
    device = runtime.choose_device(options.get("device", "auto"))
    ranks = distributed.start_ranks(device)
    say, warn = options.get("say", _silent), options.get("warn", warn_shown)
    if not ranks.first:
        say = warn = _silent
    config, directory = resolved.config, resolved.directory
    fresh, max_time = options.get("fresh", False), options.get("max_time_sec")
    if not rehearsal:
        check_usable(directory, config, fresh)  # before the lock, too: a refusal leaves no trace
    with (
        nullcontext() if rehearsal else locked(directory, ranks),
        parallel.using_cores(resolved.config.train.threads),
    ):
        earlier = None if rehearsal else check_usable(directory, config, fresh)
        check_source(config, directory)
        goes_on = not (fresh or rehearsal)
        checkpoint = earlier.read_checkpoint(warn) if earlier is not None and goes_on else None
        if earlier is not None and checkpoint is not None:
            config = earlier.with_own_length(config, resolved.lengths, checkpoint["nimg"], say)
        known = resolved.places
        if known is None and earlier is not None and earlier.places is not None:
            known = earlier.places.kept(earlier.config, config)
        here = with_known_paths(config, known)
        meta = checkpoint["meta"] if checkpoint is not None else {}
        # A resumed run keeps it. It comes before the data, which may be generated.
        precision = meta.get("precision") or runtime.resolve_precision(config.train.precision, device)
        if config.description and not rehearsal:
            say(f"{resolved.name}: {config.description}")
        progress, images, place = options.get("on_data"), data, None
        if data is None or isinstance(data, (str, os.PathLike)):
            images, chosen = None, resolved.places is None
            here, place = find_data(
                here, known, chosen=chosen, run=directory, progress=progress, say=say, warn=warn
            )
        source = load_data(here, images, progress)
        dataset = with_few_told(here, prepare_dataset(here, source, rehearsal=rehearsal))
        tell_about(dataset, say, warn)
        places = KnownPaths.of(here, source, place)
        if earlier is not None:
            earlier.check_images(config, meta, places, dataset, say)
            if checkpoint is not None:
                earlier.tell_schedules(config, checkpoint["nimg"], say)
        memory = None
        if checkpoint is None:  # a run that goes on had it, and may lack what its networks were built from
            memory = estimate_memory(here, dataset.train, device=device, precision=precision, ranks=ranks)
        if memory is not None:
            memory.check(device)
        yield OpenTraining(
            config=config,
            here=here,
            places=places,
            directory=directory,
            checkpoint=checkpoint,
            dataset=dataset,
            source_fingerprint=source.train.fingerprint,
            device=device,
            precision=precision,
            ranks=ranks,
            init_from=_init_from(options.get("init_from"), checkpoint, say),
            memory=memory,
            deadline=started + max_time if max_time is not None else None,
            fresh=fresh,
            on_images=options.get("on_images", _uncounted),
            say=say,
            warn=warn,
            code=_code_so_far(meta),
            recipe=resolved.recipe,
        )


def _uncounted(shown: int, total: int) -> None:
    del shown, total


def _silent(message: str) -> None:
    del message


def _init_from(
    given: str | os.PathLike[str] | None, checkpoint: Mapping[str, Any] | None, say: Callable[[str], None]
) -> Path | None:
    if given is not None and checkpoint is not None:
        say(f"--init-from {given}: not read again; the run goes on from its own checkpoint.")
        return None
    return user_path(given) if given is not None else None


def _code_so_far(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Versions that trained a run, the present one last."""
    before, now = tuple(meta.get("code", ())), code_version()
    return before if before[-1:] == (now,) else (*before, now)

"""Evaluation of generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

from acgan import distributed, parallel, runtime
from acgan.api.cas import classification_accuracy_score
from acgan.api.evaluate_options import CAS, EvaluateOptions
from acgan.api.evaluation_setup import EvaluationSetup, set_up
from acgan.api.inputs import described
from acgan.api.subjects import Subject
from acgan.code_version import code_version
from acgan.data import cache_dir
from acgan.evaluation import (
    Context,
    Judge,
    Pass,
    Reference,
    Scores,
    class_counts,
    look_at_reference,
    look_at_samples,
    mean_per_class,
    summarise_all,
    summarise_halves,
    summarise_passes,
    with_help,
)
from acgan.metrics.ms_ssim import num_scales
from acgan.showing import warn_shown
from acgan.types import ImageStore


@dataclass(frozen=True)
class Evaluated:
    """Scores, and the images for pictures.

    Attributes:
        reference: Real images; None if no metric needs them.
        passes: By subject, one a generation seed; only the first has its bank.
        training: Their training images, if copies were looked for.
    """

    scores: Scores
    reference: Reference | None
    passes: list[list[Pass]]
    subjects: list[Subject]
    training: ImageStore | None


def evaluate(
    runs: str | Path | Sequence[str | Path],
    options: EvaluateOptions | None = None,
    *,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warn_shown,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluated:
    """Score generators on real images that they were not trained on.

    Processes that ``torchrun`` started share the passes over images, and all return the same scores; the classifiers of
    ``cas`` are trained by the first, which alone has their accuracies.

    Args:
        runs: A run or file; several, or the directory of `acgan train --seeds`, are one method trained several times.
        options: Options; None is the defaults.
        say: Receives remarks for people.
        warn: Receives doubts about the data, the extractor and the worth of the scores.
        progress: Called with (done, total) images.

    Raises:
        UserError: For whatever the user can mend.
    """
    options = options or EvaluateOptions()
    setting = set_up(runs, options, say, warn)
    # Several of torch's own threads would wait for a core that another process keeps busy.
    with parallel.using_cores(None), distributed.work_shared() as ranks:
        reference, passes = _look(setting, progress)
    scores = _scores(setting, reference, passes)
    if CAS in options.metrics and ranks.first:
        say("training classifiers with and without samples")
        subject = setting.subjects[0]
        helped = classification_accuracy_score(
            subject.samples, setting.dataset, seeds=options.cas_seeds, steps=options.steps, network=options.judge,
            truncation=options.truncation, device=options.device, generator=subject.sha256,
            kept=cache_dir() / "cas", say=say, warn=warn,
        )  # fmt: skip
        scores = with_help(scores, helped.to_dict())
    return Evaluated(scores, reference, passes, setting.subjects, setting.training)


def _look(
    setting: EvaluationSetup, progress: Callable[[int, int], None]
) -> tuple[Reference | None, list[list[Pass]]]:
    """Look at the reference and at each subject's samples, if a metric needs them."""
    if setting.extractor is None:
        return None, []
    options, done = setting.options, 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, setting.num_looked_at)

    first, classifier = setting.subjects[0].samples, setting.classifier
    network, name = (None, None) if classifier is None else (classifier.classifier, classifier.name)
    judge = Judge(setting.extractor, network, first.class_names, advance)
    context = Context(setting.extractor, name, options.seed, nearest_k=setting.nearest_k)
    reference = look_at_reference(
        judge, context, setting.metrics, setting.store, setting.training, setting.counts
    )
    passes: list[list[Pass]] = [[] for _ in setting.subjects]
    for subject, of_subject in zip(setting.subjects, passes, strict=True):
        for repeat in range(options.repeats):
            found = look_at_samples(
                judge, context, setting.metrics, subject.samples, setting.counts, reference,
                seed=options.seed + repeat, truncation=options.truncation,
            )  # fmt: skip
            # Pictures need the first bank alone, and all banks would fill the memory.
            of_subject.append(found if passes[0] == [] else replace(found, bank=None))
    return reference, passes


def _scores(setting: EvaluationSetup, reference: Reference | None, passes: list[list[Pass]]) -> Scores:
    every = [one for run in passes for one in run]
    halves = [found for one in every for found in one.at_floor_count]
    floor = [] if reference is None else reference.floor
    class_names, scored = setting.store.class_names, setting.scored
    confusions = [one.confusion for one in every if one.confusion is not None]
    return Scores(
        provenance=_provenance(setting, reference),
        overall=summarise_passes(passes),
        floor=summarise_all([found.overall for found in floor]),
        at_floor_count=summarise_halves(every),
        per_class=mean_per_class([one.found for one in every], class_names, scored),
        floor_per_class=mean_per_class(floor, class_names, scored),
        at_floor_count_per_class=mean_per_class(halves, class_names, scored),
        confusion=np.sum(confusions, axis=0) if confusions else None,
    )


def _provenance(setting: EvaluationSetup, reference: Reference | None) -> dict[str, Any]:
    options, store, extractor = setting.options, setting.store, setting.extractor
    groups, counts = [] if reference is None else reference.bank.plan.groups, class_counts(store)
    return {
        "acgan": code_version(),
        "torch": torch.__version__,
        "machine": runtime.machine(),
        "device": str(runtime.choose_device(options.device)),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "generators": [subject.describe() for subject in setting.subjects],
        "reference": {
            "data": setting.dataset.name,
            "split": options.split,
            "num_images": len(store),
            "fingerprint": store.fingerprint,
            "resolution": store.resolution,
            "channels": store.channels,
            **described(setting.dataset.skipped),
        },
        "reference_spread": None if reference is None else reference.spread,
        "extractor": None if extractor is None else extractor.describe(),
        **(EvaluateOptions() if extractor is None else options).asked_for,
        "extractor_unlike": setting.unlike,
        "extractor_saw_reference": None if setting.unseen is None else not setting.unseen,
        "classifier": None if setting.classifier is None else setting.classifier.describe(),
        "num_images": sum(setting.counts),
        "floor_images": sum(len(group[group < 2]) for group in groups),
        "classes": setting.classes.describe(),
        "samples_by_class": [setting.counts[label] for label in setting.scored],
        "reference_by_class": [counts[label] for label in setting.scored],
        "label_prior": options.label_prior,
        "seed": options.seed,
        "repeats": options.repeats,
        "truncation": options.truncation,
        "nearest_k": setting.nearest_k,
        "units": "training seeds" if len(setting.subjects) > 1 else "generation seeds",
        "ms_ssim_scales": num_scales(store.resolution),
        "metrics": setting.metrics,
    }

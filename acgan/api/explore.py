"""Playing with trained generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from acgan.api.evaluate_options import EvaluateOptions
from acgan.api.inputs import tell_skipped
from acgan.api.judging import run_command
from acgan.api.real_images import real_images_of_generator
from acgan.api.subjects import Subject, find_subjects
from acgan.errors import UserError
from acgan.exploring import Explorer
from acgan.predicting import ImageClassifier, load_classifier, shipped
from acgan.sampling import ClassSampler
from acgan.types import ImageStore


def explorers(
    runs: Sequence[Path],
    *,
    which: str | None = None,
    classifier: str | None = None,
    device: str = "auto",
    say: Callable[[str], None] = lambda message: None,
) -> list[Explorer]:
    """Load generators to play with, each with a classifier and its training images where they are at hand.

    Args:
        runs: Runs of ``acgan train``, or their files.
        which: ``best`` or ``last`` of a run's generators; None is the best if one was scored.
        classifier: A run or file of ``acgan classify train``, or a shipped classifier's name; None is the shipped one
            for the data, if there is one.
        device: Device to compute on.
        say: Told what is not at hand, and why.

    Raises:
        UserError: If a run has no generator, or there is no such classifier.
    """
    from acgan.runtime import choose_device

    found = []
    for run in runs:
        (subject,) = find_subjects(run, which, choose_device(device), beside_real=False)
        assert isinstance(subject.samples, ClassSampler)
        judge = _judge(subject, classifier)
        if judge is None:
            say(f"{run}: no classifier judges its samples; name one with --classifier")
        found.append(Explorer(run.name, subject.samples, judge, _training(subject, say)))
    return found


def _judge(subject: Subject, classifier: str | None) -> ImageClassifier | None:
    name = classifier or subject.samples.origin.get("data")
    if classifier is None and name not in shipped():
        return None
    return load_classifier(str(name))


def _training(subject: Subject, say: Callable[[str], None]) -> ImageStore | None:
    heard: list[str] = []
    known: list[str] = []  # the training told them, too
    try:
        real = real_images_of_generator(subject, EvaluateOptions(), heard.append, heard.append, skip_with="")
        tell_skipped(real.whole.skipped, known.append)
        known += real.dataset.warnings
        return real.dataset.train
    except UserError as error:
        heard.append(f"{subject.path}: its training images are not at hand ({error})")
        return None
    finally:
        for message in heard:
            if message not in known:
                say(message)
        if known:
            say(_remarks_line(subject.path, len(known)))


def _remarks_line(path: Path, count: int) -> str:
    """One line for all remarks on training images, which are told at every training."""
    again = (
        f"; `{run_command(path, 'train', str(path), '--dry-run')}` tells them again" if path.is_dir() else ""
    )
    return f"{path}: its training told {count:,} {'remark' if count == 1 else 'remarks'} on its images{again}"

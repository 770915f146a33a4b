"""Options of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acgan.errors import ConfigError, did_you_mean
from acgan.extracting.choose import INCEPTION
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.metrics.catalogue import CATALOGUE, default_metrics
from acgan.predicting import shipped
from acgan.types import JUDGES, LABEL_PRIORS, ON_ERROR, REFERENCES, RESIZES, WHICH

#: Key of the metric that trains classifiers and needs no pass over the images.
CAS = "cas"
_CAS_SEEDS = 5


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of an evaluation.

    Attributes:
        data: A source as ``--data`` takes it, or a torch Dataset; None is the generator's training data. The classes
            that it shares with the generator are scored. Samples that something else generated need it.
        train_data: Images that the generator of given samples was trained on, as ``data``; None is the training part
            of ``data``. With it all of ``data`` is the reference, unless it has a test part of its own.
        split: Part of the data that is the reference: ``test``, ``train``, or ``train-all``, the whole training set as
            the source has it, with the images that a run holds out for validation or leaves out.
        metrics: Keys of ``CATALOGUE``; ``cas`` trains classifiers with and without samples.
        num_images: Number of samples; None is that of the reference, at most ``MAX_SAMPLES``.
        extractor: ``inception``, a shipped classifier's name, a classifier's run or file, or ``timm:NAME`` or
            ``torchvision:NAME`` with ``weights``; None takes Inception if its weights are at hand, else the one
            shipped for the data, else the one that scored the training.
        weights: File of the weights of Inception, or of a network of timm or torchvision; None is the hub's cache of
            Inception's, or a download.
        resize: ``bilinear``, or ``clean`` as clean-fid does: how images are brought to the size of Inception; None is
            ``bilinear``.
        label_prior: ``reference``, classes as often as in the reference, or ``uniform``.
        nearest_k: The neighbour that the balls of ``prdc`` reach to; None is ``evaluate.nearest_k`` of the run.
        repeats: Number of generation seeds.
        seed: First generation seed, and seed of all choices.
        truncation: Factor on the latents.
        which: ``best`` or ``last`` of a run's generators; None is the best where one was scored.
        device: Device to compute on.
        on_error: ``stop`` at a broken image, or ``skip`` and list it; None does as the training did.
        seeds: Seeds of cas's trainings, three or more; None is five from ``seed`` on.
        steps: Optimiser steps of each of cas's trainings; None is 6 passes over the real images, within [400, 1000].
        judge: Network that cas trains: ``small`` or ``resnet18``.
    """

    data: Any = None
    train_data: Any = None
    split: str = "test"
    metrics: Sequence[str] = field(default_factory=default_metrics)
    num_images: int | None = None
    extractor: str | None = None
    weights: str | Path | None = None
    resize: str | None = None
    label_prior: str = "reference"
    nearest_k: int | None = None
    repeats: int = 1
    seed: int = 0
    truncation: float = 1.0
    which: str | None = None
    device: str = "auto"
    on_error: str | None = None
    seeds: Sequence[int] | None = None
    steps: int | None = None
    judge: str = "small"

    @property
    def cas_seeds(self) -> Sequence[int]:
        """Seeds of cas's trainings."""
        return range(self.seed, self.seed + _CAS_SEEDS) if self.seeds is None else self.seeds

    @property
    def asked_for(self) -> dict[str, str | None]:
        """Names of the extractor and its files, for the provenance of scores: paths as they hold in any folder."""
        return {
            "extractor_asked_for": _anywhere(self.extractor),
            "weights_asked_for": _anywhere(None if self.weights is None else str(self.weights)),
            "resize_asked_for": self.resize,
        }

    def check(self) -> None:
        """Check all values.

        Raises:
            ConfigError: If one is out of its range.
        """
        known = tuple(CATALOGUE)
        unknown = [name for name in self.metrics if name not in known]
        if unknown:
            raise ConfigError(
                f"metrics: {unknown[0]!r} is no metric.{did_you_mean(unknown[0], known)} Expected {', '.join(known)}."
            )
        if not self.metrics:
            raise ConfigError(f"metrics: found none; expected some of {', '.join(known)}.")
        allowed: dict[str, tuple[str | None, ...]] = {
            "split": REFERENCES,
            "resize": (None, *RESIZES),
            "label_prior": LABEL_PRIORS,
            "which": (None, *WHICH),
            "on_error": (None, *ON_ERROR),
            "judge": JUDGES,
        }
        for key, choices in allowed.items():
            if getattr(self, key) not in choices:
                listed = ", ".join(str(choice) for choice in choices)
                raise ConfigError(f"{key}: found {getattr(self, key)!r}; expected one of {listed}.")
        self._check_cas()
        for key, least in (("num_images", 2), ("nearest_k", 1), ("repeats", 1), ("seed", 0), ("steps", 1)):
            value = getattr(self, key)
            if value is not None and value < least:
                raise ConfigError(f"{key}: found {value}; expected {least} or more.")

    def _check_cas(self) -> None:
        asked = {
            "seeds": self.seeds,
            "steps": self.steps,
            "judge": None if self.judge == "small" else self.judge,
        }
        given = [key for key, value in asked.items() if value is not None]
        if given and CAS not in self.metrics:
            raise ConfigError(
                f"{given[0]}: is of cas, which is not measured. Add cas to metrics, or leave it out."
            )
        if len(self.cas_seeds) < MIN_UNITS or len(set(self.cas_seeds)) < len(self.cas_seeds):
            raise ConfigError(
                f"seeds: found {', '.join(map(str, self.cas_seeds))}; expected {MIN_UNITS} or more, each once."
            )


def _anywhere(path: str | None) -> str | None:
    """A path that exists, absolute; a name as it is."""
    if path is None or path in (INCEPTION, *shipped()) or not Path(path).exists():
        return path
    return str(Path(path).resolve())

"""The collapse monitor and the validation score of a GAN in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from acgan import distributed
from acgan.config import RunConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError, UserError, did_you_mean
from acgan.evaluation import CollapseMonitor, ValidationScore
from acgan.extracting import (
    ClassifierExtractor,
    Extractor,
    choose_extractor,
    inception_weights_present,
    shipped_for,
    strange_in_words,
)
from acgan.extracting.choose import INCEPTION
from acgan.extracting.inception_weights import ways_out
from acgan.extracting.network import NETWORKS
from acgan.predicting import shipped
from acgan.types import Dataset, ImageStore

_AUTO = "auto"
_MIN_SCORED = 2  # a covariance needs two


def choose_score(
    config: RunConfig,
    *,
    data_name: str,
    class_names: Sequence[str],
    num_validation: int,
    device: torch.device,
    say: Callable[[str], None],
) -> str | None:
    """Choose the extractor of a training's score, without building or downloading it.

    ``evaluate.extractor: auto`` takes the classifier that is shipped for the data and knows all its classes, else
    Inception if its weights are present and the device is not a CPU, on which an evaluation takes many minutes.
    ``num_validation`` is the number of validation images; ``say`` is told why there is no score.

    Returns:
        A name for ``build_score_extractor``; None if there is no score.

    Raises:
        RunError: If the named extractor does not exist.
        ConfigError: If there is no score, but ``train.patience_nimg`` needs it.
    """
    wanted = config.evaluate.extractor
    if wanted is None or (wanted == _AUTO and not config.data.validation_share):
        return None
    if num_validation < _MIN_SCORED:
        why = (
            f"found {num_validation} validation images, expected {_MIN_SCORED} or more. Hold images out with "
            "data.validation_share, of classes with 5 and more."
        )
    elif wanted != _AUTO:
        return _there(wanted)
    else:
        file = shipped_for(data_name, class_names)
        if file is not None:
            return str(file)
        if inception_weights_present() and device.type != "cpu":
            return INCEPTION
        why = (
            f"no classifier is shipped for {data_name}, and evaluate.extractor auto takes Inception only where its "
            "weights are here and the device is not a CPU. Name one: inception, a shipped classifier, or a run of "
            "`acgan classify train`."
        )
    if config.train.patience_nimg is not None:
        raise ConfigError(f"train.patience_nimg goes by a score, and there is none: {why}")
    say(f"no score during training, so no best generator: {why}")
    return None


def build_score_extractor(chosen: str, device: torch.device, warn: Callable[[str], None]) -> Extractor:
    """The extractor that ``choose_score`` chose; Inception's weights are downloaded if missing.

    Raises:
        RunError: If it cannot be read or downloaded.
    """
    try:
        return choose_extractor(chosen, device=device, warn=warn)
    except RunError as error:
        why = str(error).removesuffix(ways_out())  # they name the options of other commands
        raise RunError(f"evaluate.extractor: {why.rstrip()} Mend that, or name another one.") from None


def _there(wanted: str) -> str:
    names = (INCEPTION, *shipped())
    if wanted.partition(":")[0] in NETWORKS and not Path(wanted).exists():
        raise RunError(
            f"evaluate.extractor {wanted}: found a network with weights in a file, which a training does not read; "
            f"expected {_AUTO}, {', '.join(names)}, or a run or file of `acgan classify train`. Score with it "
            f"afterwards: `acgan evaluate RUN --extractor {wanted} --weights FILE`."
        )
    if wanted not in names and not Path(wanted).exists():
        raise RunError(
            f"evaluate.extractor {wanted}: no such extractor, run or file; expected {_AUTO}, {', '.join(names)}, or a "
            f"run or file of `acgan classify train`.{did_you_mean(wanted, names)}"
        )
    return wanted


def build_monitor(config: RunConfig, store: ImageStore) -> CollapseMonitor | None:
    """The collapse monitor, or None if it is off."""
    if not config.monitor.num_per_class:
        return None
    return CollapseMonitor(store, **config.monitor.model_dump(), seed=config.seed)


def build_score(
    config: RunConfig,
    dataset: Dataset,
    *,
    device: torch.device,
    ranks: Ranks,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> ValidationScore | None:
    """The score on the validation images on the first rank, which scores; None if there is none, or on other ranks.

    Raises:
        RunError: If the extractor does not exist.
        ConfigError: If there is no score, but ``train.patience_nimg`` needs it.
    """
    score: ValidationScore | None = None
    problem: UserError | None = None
    if ranks.first:  # only one rank downloads weights
        try:
            score = _first_ranks_score(config, dataset, device, say, warn)
        except UserError as error:
            problem = error
    if distributed.any_rank(problem is not None, ranks, device):
        raise problem or RunError("evaluate.extractor: cannot be used; the first process says why.")
    return score


def _first_ranks_score(
    config: RunConfig,
    dataset: Dataset,
    device: torch.device,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> ValidationScore | None:
    store = dataset.validation
    chosen = choose_score(
        config,
        data_name=dataset.name,
        class_names=dataset.train.class_names,
        num_validation=len(store) if store is not None else 0,
        device=device,
        say=say,
    )
    if store is None or chosen is None:
        return None
    extractor = build_score_extractor(chosen, device, warn)
    if extractor.size not in (None, (store.channels, store.resolution)):
        channels, side = extractor.size
        say(f"evaluate.extractor takes {channels} x {side} x {side}: images are brought to that")
    if isinstance(extractor, ClassifierExtractor):
        unlike = extractor.unlike(store.class_names, store.channels, store.resolution)
        if unlike:
            warn(f"evaluate.extractor: {strange_in_words(extractor.name, unlike)}")
    return ValidationScore(
        extractor, store, dataset.train, num_images=config.evaluate.num_images, seed=config.seed
    )

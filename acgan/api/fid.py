"""The Fréchet distance between two sets of images: FID, or with a classifier's features FCD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import torch

from acgan import distributed, parallel, runtime
from acgan.api.fid_measuring import Measured, Progress, measure
from acgan.assembly import data_options
from acgan.assembly.packing_words import Packing
from acgan.code_version import code_version
from acgan.config.shared import DataConfig
from acgan.data import cache_dir, load_dataset
from acgan.errors import ConfigError, DataError
from acgan.extracting import Extractor, choose_extractor, metric_name
from acgan.fid import (
    Generated,
    Saved,
    Side,
    StatisticsCache,
    Stored,
    Wanted,
    check_fits,
    check_target,
    few_images,
    open_side,
    select,
    shared_metric,
    stored_of,
    warn_of_forms,
    warn_of_generated,
    warn_of_statistics,
    warn_of_strange_judge,
    write_statistics,
)
from acgan.metrics.frechet import frechet_distance
from acgan.predicting import shipped
from acgan.reading import to_json
from acgan.showing import warn_shown
from acgan.sides import MAX_SIDE, MIN_SIDE
from acgan.types import ON_ERROR, RESIZES, WHICH, WHOLE_AND_SPLITS


@dataclass(frozen=True)
class FidResult:
    """Result of ``acgan fid``.

    Attributes:
        metric: The distance's full name: ``fid``, ``fcd[digits@738debee]``; ``frechet`` if the features
            are unknown.
        value: The distance, at least 0; None if there is only one side.
        provenance: Both sides, the extractor, the seed, versions, machine and date.
    """

    metric: str
    value: float | None
    provenance: dict[str, Any]

    def to_json(self) -> str:
        """JSON text of everything."""
        values = {"metric": self.metric, "value": self.value, "provenance": self.provenance}
        return to_json(values)


def fid(
    a: str | Path,
    b: str | Path | None = None,
    *,
    num_images: int | None = None,
    seed: int = 0,
    split: str = "all",
    resolution: int | None = None,
    extractor: str | Path | Extractor | None = None,
    dims: int | None = None,
    weights: str | Path | None = None,
    resize: str | None = None,
    save_stats: str | Path | None = None,
    which: str | None = None,
    on_error: str = "stop",
    device: str | torch.device = "cpu",
    warn: Callable[[str], None] = warn_shown,
    progress: Progress = lambda given, done, total: None,
) -> FidResult:
    """Compute the Fréchet distance between two sets of images.

    Processes that ``torchrun`` started share the passes over images; the first writes, and all return the distance.

    Args:
        a: Images in a folder, .zip, .npz, .npy or any other data source; .npz of statistics; a run or generator file.
        b: The same; None only makes the statistics of ``a``.
        num_images: Most images of each side, drawn at random; the exact number of a generator. None takes all, and
            from a generator as many as the other side has, at most ``MAX_SAMPLES``.
        seed: Seed of the choice of images, and of latents.
        split: ``all``, or the ``train`` or ``test`` part. A side that has no parts is taken whole if the other has; if
            neither has, ``resolution`` is needed, and the part is the one that training would hold out or keep.
        resolution: Fit images as for training at this resolution; None compares them as they are stored, but beside
            a generator as its training prepared its own.
        extractor: ``inception``, a shipped classifier's name, a classifier's path, ``timm:NAME`` or
            ``torchvision:NAME`` with ``weights``, or an extractor; None chooses.
        dims: Number of Inception's features, one of ``INCEPTION_DIMS``; None is the largest.
        weights: File of Inception's weights, if it is not in the usual place, or of those of another network.
        resize: ``bilinear`` or ``clean``: how images are brought to Inception's size; None is ``bilinear``.
        save_stats: File for the statistics of ``a``, as pytorch-fid reads them.
        which: ``best`` or ``last`` of the generators of a run directory; None is the best if one was scored.
        on_error: ``stop`` at a broken image, or ``skip`` it; the provenance lists those that were skipped.
        device: Device to compute on.
        warn: Receives warnings about the worth of the score.
        progress: Called with the side's name, images done and images in all.

    Raises:
        UserError: For mistakes that the user can mend. Nothing is written then.
    """
    if b is None and save_stats is None:
        raise ConfigError("B is missing; expected two sides, or --save-stats to keep the statistics of A.")
    if resolution is not None and not MIN_SIDE <= resolution <= MAX_SIDE:
        raise ConfigError(f"--resolution: found {resolution}; expected a side from {MIN_SIDE} to {MAX_SIDE}.")
    if which not in (None, *WHICH):
        raise ConfigError(f"which: found {which!r}; expected {', '.join(WHICH)} or None.")
    if resize not in (None, *RESIZES):
        raise ConfigError(f"resize: found {resize!r}; expected {', '.join(RESIZES)} or None.")
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error: found {on_error!r}; expected one of {', '.join(ON_ERROR)}.")
    if split not in WHOLE_AND_SPLITS:
        raise ConfigError(f"split: found {split!r}; expected one of {', '.join(WHOLE_AND_SPLITS)}.")
    device = runtime.choose_device(device)
    if save_stats is not None:
        check_target(save_stats := Path(save_stats))
    given = [str(side) for side in (a, b) if side is not None]
    packing = {name: Packing(name, DataConfig(resolution=resolution)) for name in given}
    sides = []
    for name in given:
        with packing[name].told():
            sides.append(open_side(name, device, which))
    if which is not None and not any(isinstance(side, Generated) and side.of_run for side in sides):
        raise ConfigError(f"--which {which}: no side is a run directory. Leave it out.")
    for side in sides:
        for warning in (
            packing[side.given].after(side.raw.images.warnings) if isinstance(side, Stored) else ()
        ):
            warn(warning)
    wanted = Wanted(num_images, seed, split, resolution, DataConfig().fit)
    sides = select(given, sides, wanted, partial(_held_out, on_error=on_error, warn=warn), warn)
    chosen, metric = _agree(given, sides, extractor, dims, weights, resize, device, warn)
    cache = StatisticsCache(cache_dir() / "statistics", warn)
    value = None
    # Several of torch's own threads would wait for a core that another process keeps busy.
    with parallel.using_cores(None), distributed.work_shared() as ranks:
        measured = []
        for name, side in zip(given, sides, strict=True):
            with packing[name].told():
                measured.append(measure(name, side, chosen, metric, cache, on_error, progress, ranks))
        if b is not None:
            first, second = (one.saved for one in measured)
            value = frechet_distance(first.mean, first.covariance, second.mean, second.covariance)
    warn_of_forms(given, [one.origin.get("forms") for one in measured], warn)
    warn_of_generated(given, [one.origin for one in measured], warn)
    for one in measured:
        if few := few_images(one.given, one.num_images, one.saved.dims, metric):
            warn(few)
    if save_stats is not None and ranks.first:
        _save(save_stats, measured[0].saved, metric, value)
    return FidResult(metric, value, _provenance(measured, sides, chosen, seed))


def _save(file: Path, saved: Saved, metric: str, value: float | None) -> None:
    """Write statistics; an error tells the score."""
    try:
        write_statistics(file, saved)
    except OSError as error:
        score = "" if value is None else f" The score is {metric} {value:.6g}."
        raise DataError(
            f"--save-stats {file}: cannot be written ({error.strerror or error}). Choose another place.{score}"
        ) from error


def _held_out(
    side: Stored, split: str, resolution: int, on_error: str, warn: Callable[[str], None]
) -> Stored:
    """Part of a source that a training with the defaults holds out, or keeps."""
    config = DataConfig.model_validate({"source": side.given, "resolution": resolution, "on_error": on_error})
    packing = Packing(side.given, config)
    with packing.told():
        dataset = load_dataset(config.source, replace(data_options(config), skip_with="--on-error skip"))
    for warning in packing.after(dataset.warnings):
        warn(warning)
    store = dataset.test if split == "test" else dataset.train
    return stored_of(side.given, dataset.name, store, split, dataset.skipped)


def _agree(
    given: Sequence[str],
    sides: Sequence[Side],
    wanted: str | Path | Extractor | None,
    dims: int | None,
    weights: str | Path | None,
    resize: str | None,
    device: str | torch.device,
    warn: Callable[[str], None],
) -> tuple[Extractor | None, str]:
    """The extractor (None for statistics alone) and the name of the distance."""
    saved = [(name, side) for name, side in zip(given, sides, strict=True) if isinstance(side, Saved)]
    if len(saved) == len(sides):
        _refuse("statistics are made already", extractor=wanted, weights=weights, resize=resize)
        return None, shared_metric(saved, dims, warn)
    extractor = _extractor(sides, wanted, dims, weights, resize, device, warn)
    metric = metric_name(extractor.frechet, extractor)
    warn_of_statistics(given, sides, extractor, warn)
    warn_of_strange_judge(sides, extractor, warn)
    for name, side in saved:
        check_fits(name, side, extractor, metric, warn)
    return extractor, metric


def _refuse(why: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise ConfigError(f"--{name}: has no effect: {why}. Leave it out.")


def _extractor(
    sides: Sequence[Side],
    wanted: str | Path | Extractor | None,
    dims: int | None,
    weights: str | Path | None,
    resize: str | None,
    device: str | torch.device,
    warn: Callable[[str], None],
) -> Extractor:
    if wanted is not None and not isinstance(wanted, (str, Path)):
        _refuse("the extractor is made already", dims=dims, weights=weights, resize=resize)
        return wanted
    data_name, class_names = _data_of(sides)
    return choose_extractor(
        None if wanted is None else str(wanted),
        data_name=data_name,
        class_names=class_names,
        dims=dims,
        weights=weights,
        resize=resize,
        device=device,
        warn=warn,
    )


def _data_of(sides: Sequence[Side]) -> tuple[str | None, tuple[str, ...]]:
    """Name of the data, if possible one with an extractor, and its classes if a generator knows them."""
    generators = [side.sampler.info for side in sides if isinstance(side, Generated)]
    names = [side.raw.name for side in sides if isinstance(side, Stored)]
    names += [info.provenance["data"] for info in generators if "data" in info.provenance]
    known = [name for name in names if name in shipped()]
    return next(iter(known + names), None), generators[0].class_names if generators else ()


def _provenance(
    measured: Sequence[Measured], sides: Sequence[Side], extractor: Extractor | None, seed: int
) -> dict[str, Any]:
    known = [side.origin["extractor"] for side in measured if "extractor" in side.origin]
    return {
        **{
            name: {key: value for key, value in side.describe().items() if key not in ("metric", "extractor")}
            for name, side in zip("ab", measured, strict=False)
        },
        "extractor": extractor.describe() if extractor is not None else (known[0] if known else None),
        "seed": seed,
        "acgan": code_version(),
        "torch": torch.__version__,
        "machine": runtime.machine(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }

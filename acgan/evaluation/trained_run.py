"""Content of a run directory on its training, read without building anything: for comparisons and tables."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from acgan.atomic import best_name
from acgan.errors import RunError, bounded
from acgan.file_kinds import read_text
from acgan.metrics.catalogue import plain_name
from acgan.own_parts import PROVENANCE_FILE
from acgan.reading import is_finite_number
from acgan.sealed import (
    ChangedError,
    damage_of_line,
    is_damaged,
    read_description,
    read_json,
    read_lines,
)
from acgan.showing import command

#: Files of a run directory.
RUN_CONFIG, RUN_STATS, RUN_GENERATOR = "config.yaml", "stats.jsonl", "generator.safetensors"
#: Ends of the names of tensors that are counted or computed, not learned: of BatchNorm and spectral normalisation.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "parametrizations.weight.0.u")


@dataclass(frozen=True)
class TrainedRun:
    """A run of ``acgan train``.

    Attributes:
        directory: Its directory.
        config: Content of its ``config.yaml``.
        nimg: Images shown to its networks, up to its last generator; 0 if it has none yet.
        finished: True if that is its whole length, or its patience was over.
        seconds: Time that it trained; None if it has no records.
        parameters: Learned numbers of its generator; None if it has none yet.
        code: Versions of acgan that trained; empty if unknown.
        flops: Floating-point operations of the training; None if unknown.
        stats: Records of ``stats.jsonl``.
    """

    directory: Path
    config: Mapping[str, Any]
    nimg: int
    finished: bool
    seconds: float | None
    parameters: int | None
    code: str
    flops: int | None
    stats: tuple[Mapping[str, Any], ...]

    @property
    def seed(self) -> int:
        """Training seed."""
        return int(self.config.get("seed", 0))

    @property
    def total_nimg(self) -> int:
        """Images that its configuration asks for."""
        return int(self.config["train"]["total_nimg"])

    @property
    def progress(self) -> str:
        """In words: how far it is."""
        return f"{self.nimg:,} of {self.total_nimg:,} images"


def read_run(directory: Path) -> TrainedRun:
    """Read a run directory.

    Raises:
        RunError: It is none of ``acgan train``, or a file in it is damaged.
    """
    config = _read_config(directory / RUN_CONFIG)
    stats = tuple(read_stats(directory / RUN_STATS))
    nimg, parameters, code = _read_generator(directory / RUN_GENERATOR)
    total, patience = (config["train"].get(key) for key in ("total_nimg", "patience_nimg"))
    seconds = [record["time/trained_sec"] for record in stats if record.get("time/trained_sec") is not None]
    return TrainedRun(
        directory=directory,
        config=config,
        nimg=nimg,
        finished=nimg >= int(total)
        or (nimg > 0 and patience is not None and _waited(stats) >= int(patience)),
        seconds=float(seconds[-1]) if seconds else None,
        parameters=parameters,
        code=code,
        flops=_read_flops(directory, nimg),
        stats=stats,
    )


def is_run_directory(directory: Path) -> bool:
    """True for a directory with a configuration."""
    return (directory / RUN_CONFIG).is_file()


def runs_of_seeds(directory: Path) -> list[Path]:
    """Runs of ``acgan train --seeds`` in a directory, by seed."""
    numbers = {
        int(file.parent.name[4:]): file.parent
        for file in directory.glob(f"seed*/{RUN_CONFIG}")
        if file.parent.name[4:].isdecimal()
    }
    return [numbers[seed] for seed in sorted(numbers)]


def _is_of_training(config: Mapping[str, Any]) -> bool:
    """True if the numbers of a configuration that are computed with are there."""
    train = config.get("train")
    if not isinstance(train, dict):
        return False
    numbers = (config.get("seed", 0), train.get("total_nimg"), train.get("patience_nimg") or 0)
    return all(map(is_finite_number, numbers))


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(read_text(file))
    except FileNotFoundError:
        raise RunError(f"{file.parent}: not a run (it has no {RUN_CONFIG}).") from None
    except (OSError, ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        raise RunError(f"{file}: cannot be read ({bounded(error)}). Copy the run again.") from None
    if not isinstance(config, dict) or not _is_of_training(config):
        raise RunError(f"{file}: no configuration of a training. Copy the run again.")
    if config.get("task", "gan") != "gan":
        raise RunError(
            f"{file.parent}: a run of `acgan classify train`; expected a run of `acgan train`. "
            "`acgan classify evaluate` scores classifiers."
        )
    return config


def read_stats(file: Path) -> Iterator[Mapping[str, Any]]:
    """Records of a training.

    Raises:
        RunError: If a line is damaged; a last one that a kill cut short is left out.
    """
    for line in read_lines(file):
        if line.record is None:
            raise RunError(
                f"{damage_of_line(file, line)}. Copy the file again, or let `{command('train', str(file.parent))}` "
                "leave the line out."
            )
        yield line.record


@dataclass(frozen=True)
class MeasuredAccuracy:
    """Last accuracy of a training of a classifier, on images of a ``part`` that it is not trained on."""

    part: str
    value: float
    nimg: int


def accuracy_in(directory: Path) -> MeasuredAccuracy | None:
    """The last accuracy in a classifier's run, of test images before validation ones; None where it has none."""
    records = list(read_stats(directory / RUN_STATS))
    for part in ("test", "validation"):
        for record in reversed(records):
            if (value := record.get(f"{part}/accuracy")) is not None:
                return MeasuredAccuracy(part, float(value), int(record["nimg"]))
    return None


def _read_generator(file: Path) -> tuple[int, int | None, str]:
    """Images shown, learned numbers and versions of the code, of a generator's file."""
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        return 0, None, ""
    try:
        with safe_open(file, framework="numpy") as opened:
            origin = read_description((opened.metadata() or {})["acgan"])["provenance"]
            shapes = [
                opened.get_slice(name).get_shape()
                for name in opened.keys()  # noqa: SIM118
                if not name.endswith(_BUFFERS)
            ]
        if is_damaged(file):
            raise ValueError("its check does not match")
        return int(origin["nimg"]), sum(map(math.prod, shapes)), str(origin.get("acgan", ""))
    except (SafetensorError, OSError, ValueError, OverflowError, LookupError, TypeError) as error:
        raise RunError(f"{file}: not a whole generator's file ({error!r}). Copy it again.") from None


def images_shown_to(directory: Path) -> dict[str, int]:
    """Images shown to the generators of a run, by the names of their files; nothing of one that does not tell it."""
    from safetensors import SafetensorError, safe_open

    found = {}
    for name in (RUN_GENERATOR, best_name(RUN_GENERATOR)):
        if not (directory / name).is_file():
            continue
        with contextlib.suppress(SafetensorError, OSError, ValueError, OverflowError, LookupError, TypeError):
            with safe_open(directory / name, framework="numpy") as opened:
                origin = read_description((opened.metadata() or {})["acgan"])["provenance"]
            found[name] = int(origin["nimg"])
    return found


def _read_flops(directory: Path, nimg: int) -> int | None:
    """Operations of a training by its provenance, which serves tables alone: a damaged one tells nothing."""
    try:
        found = read_json(read_text(directory / PROVENANCE_FILE))
        return nimg * int(found["flops"]["a training image"])
    except (OSError, ValueError, OverflowError, LookupError, TypeError, ChangedError):
        return None


def _waited(stats: tuple[Mapping[str, Any], ...]) -> int:
    """Images from the best score of the training to the last one."""
    scored = [
        (record["nimg"], value)
        for record in stats
        for key, value in record.items()
        if is_validation_score(key) and isinstance(value, (int, float))
    ]
    if not scored:
        return 0
    best = min(value for _, value in scored)
    return int(scored[-1][0]) - int(next(nimg for nimg, value in scored if value == best))


def is_validation_score(key: str) -> bool:
    """True for the record of a score by which the best generator is chosen: ``evaluate/fcd2k_val[…]``."""
    return key.startswith("evaluate/") and plain_name(key).endswith("_val")


def is_best_file(name: str) -> bool:
    """True for the file of a run's best generator."""
    return name == best_name(RUN_GENERATOR)

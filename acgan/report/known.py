"""Values of a run's files, by their type: what pages look at comes through here, or is named as not read."""

from __future__ import annotations

import copy
import io
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from acgan.errors import RunError, bounded, problem_in_words
from acgan.showing import command

_LARGEST = 1e50  # squares and ratios of smaller numbers are finite, and axes can be drawn
_Number = Annotated[FiniteFloat, Field(gt=-_LARGEST, lt=_LARGEST)]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_TOLD = 3  # of many records


class _Section(BaseModel, strict=True):
    pass


class _Train(_Section):
    total_nimg: _Count | None = None


class _Data(_Section):
    source: str | None = None


class _Monitor(_Section):
    min_coverage: _Number | None = None
    max_duplicates: _Number | None = None


class _ClassLoss(_Section):
    weight_g: _Number | None = None


class _Loss(_Section):
    classification: _ClassLoss | None = None


class _Model(_Section):
    aux: dict[str, _Number] | None = None


class _Settings(_Section):
    """The keys of a configuration that pages look at, of GANs and of classifiers."""

    description: str | None = None
    train: _Train
    data: _Data | None = None
    monitor: _Monitor | None = None
    loss: _Loss | None = None
    model: _Model | None = None


class _Training(_Section):
    """The keys without which a configuration is none of a training."""

    task: Literal["gan", "classify"] = "gan"
    train: dict[str, Any]


def known_settings(file: Path, values: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    """A configuration without values of a wrong type, each of which is told.

    Args:
        file: Its file, for messages.
        values: Its values.
        missing: Receives the messages.

    Raises:
        RunError: It is no configuration of a training.
    """
    try:
        _Training.model_validate(values)
    except ValidationError as error:
        problem = problem_in_words(error.errors()[0])
        raise RunError(f"{file}: no configuration of a training: {problem}. Copy the run again.") from None
    kept: dict[str, Any] = copy.deepcopy(dict(values))
    try:
        _Settings.model_validate(kept)
    except ValidationError as error:
        for one in error.errors():
            _leave_out(kept, one["loc"])
            missing.append(f"{file}: not read: {problem_in_words(one)}.")
    return kept


def _leave_out(values: dict[str, Any], path: Sequence[Any]) -> None:
    *sections, key = path
    for section in sections:
        values = values[section]
    del values[key]


def known_records(
    file: Path, records: Iterable[Mapping[str, Any]], missing: list[str]
) -> tuple[Mapping[str, Any], ...]:
    """Records of finite numbers, of which none is left out in silence but NaN and infinity: a loss may be that.

    Args:
        file: Their file, for messages.
        records: Numbers by name, as ``read_stats`` has them.
        missing: Receives the messages.
    """
    kept, odd = [], []
    for record in records:
        nimg = record["nimg"]
        if nimg < 0:
            odd.append(f"nimg: found {nimg}; expected 0 or more")
            continue
        numbers = {key: value for key, value in record.items() if value is not None and math.isfinite(value)}
        large = [key for key, value in numbers.items() if key != "nimg" and abs(value) >= _LARGEST]
        odd += [f"{bounded(key)} at {nimg:,} images: found {numbers.pop(key):g}" for key in large]
        kept.append(numbers)
    missing += [f"{file}: not read: {one}, which no training writes." for one in odd[:_TOLD]]
    if len(odd) > _TOLD:
        missing.append(f"{file}: not read: {len(odd) - _TOLD:,} more numbers like these.")
    return tuple(kept)


def read_picture(file: Path) -> bytes:
    """The bytes of a PNG file.

    Raises:
        RunError: It is none, or damaged.
        OSError: It cannot be read.
    """
    content = file.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
                picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise RunError(
            f"{file}: no whole picture. `{command('evaluate', str(file.parent))}` draws it anew."
        ) from None
    return content

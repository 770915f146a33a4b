"""Building blocks of the configuration: base class of sections, ranges, and values that follow a schedule."""

from __future__ import annotations

import math
import unicodedata
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _class_name(value: object) -> object:
    """Accept numbers (YAML reads an unquoted ``0`` as one), refuse truth values, compose letters (macOS does not)."""
    if isinstance(value, bool):
        raise ValueError(f"YAML read a class name as the truth value {value}; put it in quotes")
    if isinstance(value, float):
        raise ValueError(f"YAML read a class name as the number {value}; put it in quotes")
    return unicodedata.normalize("NFC", str(value)) if isinstance(value, (int, str)) else value


ClassName = Annotated[str, BeforeValidator(_class_name)]


class BaseConfig(BaseModel):
    """Base class of the sections of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Points(tuple[tuple[int, float], ...]):
    """A schedule: (images shown, value) in order; linear between them, constant before and after."""

    type_name: ClassVar[str] = "[[nimg, value], …]"


def _is_whole(value: object) -> bool:
    """Accept whole floats too: YAML reads 1e5 as a float."""
    return type(value) is int or (isinstance(value, float) and value.is_integer())


def _scheduled(expected: str, low: float, high: float = math.inf, *, also_low: bool = True) -> PlainValidator:
    """A validator of a number in [low, high], or of points with such numbers; ``expected`` is the range in words.

    A single number may be ``low`` itself only if ``also_low``; the number of a point always may.
    """

    def number(value: object, also_low: bool) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"expected {expected}, or {Points.type_name}")
        if not low <= value <= high or (value == low and not also_low):
            raise ValueError(f"expected {expected}")
        return float(value)

    def check(value: object) -> float | Points:
        if not isinstance(value, (list, tuple)):
            return number(value, also_low)
        pairs = [pair for pair in value if isinstance(pair, (list, tuple)) and len(pair) == 2]
        times = [int(time) for time, _ in pairs if _is_whole(time)]
        rising = all(earlier < later for earlier, later in pairwise([-1, *times]))
        if not value or len(times) != len(value) or not rising:
            raise ValueError(
                f"expected {Points.type_name}, one or more, at whole numbers of images that rise"
            )
        return Points((time, number(one, True)) for time, (_, one) in zip(times, pairs, strict=True))

    return PlainValidator(check)


ScheduledPositive = Annotated[float | Points, _scheduled("a number above 0", 0, also_low=False)]
ScheduledNonNegative = Annotated[float | Points, _scheduled("a number of 0 or more", 0)]
ScheduledProbability = Annotated[float | Points, _scheduled("a number from 0 to 1", 0, 1)]

"""Building blocks of the configuration: base class of sections, ranges, and values that follow a schedule."""

from __future__ import annotations

import math
import operator
import os
import unicodedata
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Annotated, Any, ClassVar, TypeGuard, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

# Upper bounds are far above what anybody trains with, so that a slip of the pen does not fill the machine. What
# is below them and still too much for a machine is found by its memory. Factors and rates fit float32; one that is too
# high ends a training as not finite.
Positive = Annotated[int, Field(gt=0, le=10**12)]
BatchSize = Annotated[int, Field(gt=0, le=2**20)]
Width = Annotated[int, Field(gt=0, le=2**14)]
Every = Annotated[int, Field(gt=0, le=1_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
#: Largest factor or rate.
MOST = 1e30
PositiveFloat = Annotated[float, Field(gt=0, le=MOST)]
NonNegative = Annotated[float, Field(ge=0, le=MOST)]
Share = Annotated[float, Field(ge=0, lt=1)]


def _class_name(value: object) -> object:
    """Accept numbers (YAML reads an unquoted ``0`` as one), refuse truth values, compose letters (macOS does not)."""
    if isinstance(value, bool):
        raise ValueError(f"YAML read a class name as the truth value {value}; put it in quotes")
    if isinstance(value, float):
        raise ValueError(f"YAML read a class name as the number {value}; put it in quotes")
    return unicodedata.normalize("NFC", str(value)) if isinstance(value, (int, str)) else value


ClassName = Annotated[str, BeforeValidator(_class_name)]


#: A path, in which ``~`` is the home folder.
HomePath = Annotated[str, AfterValidator(os.path.expanduser)]


class BaseConfig(BaseModel):
    """Base class of the sections of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @classmethod
    def part_keys(cls) -> set[str]:
        """Keys that are handed to the part that the section configures, as keywords of its constructor."""
        return set(cls.model_fields) - {"kind"}


class Kinds:
    """The sections that a key takes, of one kind or several each: shipped ones, and those that scripts register.

    It stands in the annotation of the key, whose values are validated by the sections that are there at that time.
    """

    def __init__(self, shipped: Any):
        self.sections: list[type[BaseConfig]] = list(get_args(shipped)) or [shipped]

    def _validate(self, value: Any) -> Any:
        return _adapter(tuple(self.sections)).validate_python(value)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._validate)


@lru_cache
def _adapter(sections: tuple[type[BaseConfig], ...]) -> TypeAdapter[Any]:
    """The validator of a section of any kind."""
    union: Any = reduce(operator.or_, sections)
    if len(sections) > 1:
        union = Annotated[union, Field(discriminator="kind")]
    return TypeAdapter(union)


def fields_of(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a section by name, those that scripts register included."""
    more = getattr(section, "registered", {})
    return {**section.model_fields, **more} if more else section.model_fields


class Points(tuple[tuple[float, float], ...]):
    """A schedule: (share of the training, value) in order; linear between them, constant before and after."""

    type_name: ClassVar[str] = "[[share, value], …]"


def is_plain_number(value: object) -> TypeGuard[float]:
    """True for a number, which a truth value is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _scheduled(expected: str, low: float, high: float, *, also_low: bool = True) -> PlainValidator:
    """A validator of a number in [low, high], or of points with such numbers; ``expected`` is the range in words.

    A single number may be ``low`` itself only if ``also_low``; the number of a point always may.
    """

    def number(value: object, also_low: bool) -> float:
        if not is_plain_number(value) or not math.isfinite(value):
            raise ValueError(f"expected {expected}, or {Points.type_name}")
        if not low <= value <= high or (value == low and not also_low):
            raise ValueError(f"expected {expected}")
        return float(value)

    def check(value: object) -> float | Points:
        if not isinstance(value, (list, tuple)):
            return number(value, also_low)
        pairs = [pair for pair in value if isinstance(pair, (list, tuple)) and len(pair) == 2]
        shares = [share for share, _ in pairs if is_plain_number(share)]
        rising = all(earlier < later for earlier, later in pairwise([-1, *shares]))
        if not value or len(shares) != len(value) or not rising or not 0 <= shares[0] <= shares[-1] <= 1:
            raise ValueError(
                f"expected {Points.type_name}, one or more, at shares of the training that rise, from 0 to 1 "
                "(images divided by train.total_nimg)"
            )
        return Points(
            (float(share), number(one, True)) for share, (_, one) in zip(shares, pairs, strict=True)
        )

    return PlainValidator(check)


ScheduledPositive = Annotated[
    float | Points, _scheduled("a number above 0, up to 1e30", 0, MOST, also_low=False)
]
ScheduledNonNegative = Annotated[float | Points, _scheduled("a number from 0 to 1e12", 0, 1e12)]
ScheduledProbability = Annotated[float | Points, _scheduled("a number from 0 to 1", 0, 1)]

"""The configuration of `acgan sweep`: variants of a recipe, seeds, and the length of each training."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from acgan.config.base import BaseConfig, HomePath, Positive, PositiveFloat, Seed

#: Key of a variant that is none of the recipe: its own recipe.
_RECIPE = "recipe"
#: Keys of a training that the sweep decides, each with the sweep's own.
_DECIDED = {"seed": "seeds", "train.total_nimg": "budget", "data.source": "data"}


def _folder_name(value: object) -> object:
    """Accept what names a folder on every system; YAML reads ``0`` as a number."""
    name = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([\w +=.,-]*[\w+=-])?", name, re.ASCII):
        raise ValueError(
            f"the name {value!r} of a variant is that of its folder; expected letters, digits, spaces and _+=.,-"
        )
    return name


VariantName = Annotated[str, BeforeValidator(_folder_name)]


class BudgetConfig(BaseConfig):
    """Length of each training: one of the two."""

    nimg: Positive | None = None
    """Images that each run shows."""
    minutes: PositiveFloat | None = None
    """Images that a variant shows in so many minutes if it has its cores for itself, by rehearsals."""


class SweepEvaluateConfig(BaseConfig):
    """Options of `acgan evaluate` for each run."""

    which: Literal["last", "best"] = "last"
    """Generator of a run: the last one, after the whole budget, or the best by the validation images."""
    extractor: HomePath | None = None
    """As --extractor; null chooses one as `acgan evaluate` does."""
    num_images: Annotated[int, Field(ge=2, le=10**8)] | None = None
    """Samples; null: as many as the reference has images."""
    metrics: list[str] | None = None
    """As --metrics; null: what `acgan evaluate` measures by default."""


class SweepConfig(BaseConfig):
    """All settings of `acgan sweep`."""

    recipe: str = "digits"
    """Recipe or YAML file, as `acgan train` takes it."""
    data: str | None = None
    """Source of images, as --data of `acgan train`; null: the recipe's."""
    variants: dict[VariantName, dict[str, Any] | None] = Field({})
    """Names, each with the keys that it changes; `recipe` among them is a recipe in place of the sweep's."""
    set: dict[str, Any] = Field({})
    """Keys that all variants change."""
    seeds: list[Seed] = Field([0], min_length=1)
    """Random seeds; each variant is trained with each."""
    budget: BudgetConfig = BudgetConfig()
    """Length of each training: {nimg: 8000}, or {minutes: 4}."""
    evaluate: SweepEvaluateConfig | None = SweepEvaluateConfig()
    """Options of the evaluation after each training; null: none."""

    @model_validator(mode="after")
    def _is_possible(self) -> SweepConfig:
        if not self.variants:
            raise ValueError("variants: found none; expected names with keys, as {AC: {}, ADC: {…}}")
        _check_once(
            "variants", [name.lower() for name in self.variants], ", whatever the case of its letters"
        )
        _check_once("seeds", self.seeds)
        if (self.budget.nimg is None) == (self.budget.minutes is None):
            found = "none" if self.budget.nimg is None else "both nimg and minutes"
            raise ValueError(f"budget: found {found}; expected one of {{nimg: 8000}} and {{minutes: 4}}")
        for name in self.variants:
            if not isinstance(self.recipe_of(name), str):
                raise ValueError(
                    f"variants.{name}: recipe: found {self.recipe_of(name)!r}; expected a recipe or YAML file"
                )
        for where, keys in (("set", self.set), *((f"variants.{v}", k) for v, k in self.variants.items())):
            changed = _dotted(keys or {})
            _check_once(where, changed)
            for key, own in _DECIDED.items():
                if key in changed:
                    raise ValueError(
                        f"{where}: {key} is what the sweep's `{own}` sets; expected it there alone"
                    )
        return self

    def recipe_of(self, variant: str) -> str:
        """Recipe or YAML file of a variant: its own, or the sweep's."""
        recipe: str = (self.variants[variant] or {}).get(_RECIPE, self.recipe)
        return recipe

    def keys_of(self, variant: str) -> dict[str, Any]:
        """Keys of the recipe that a variant changes."""
        return {key: value for key, value in (self.variants[variant] or {}).items() if key != _RECIPE}


def _check_once(key: str, values: list[Any], hint: str = "") -> None:
    for value, count in Counter(values).most_common(1):
        if count > 1:
            raise ValueError(f"{key}: {value!r} is there {count} times; expected it once{hint}")


def _dotted(keys: dict[str, Any], prefix: str = "") -> list[str]:
    """All keys, dotted, those of given sections too."""
    return [
        name
        for key, value in keys.items()
        for name in (
            f"{prefix}{key}",
            *(_dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else ()),
        )
    ]

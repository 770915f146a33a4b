"""Rehearsals of a sweep's variants, and from their speed the images that each one shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from acgan.api.dry_run import rehearse
from acgan.atomic import write_text
from acgan.config import RunConfig, diff, with_values
from acgan.errors import ConfigError, NotFiniteError, UserError, bounded
from acgan.file_kinds import read_text
from acgan.reading import is_finite_number, to_json
from acgan.runtime import machine
from acgan.sealed import ChangedError, read_json, sealed_json
from acgan.sweep.plan import SweepPlan

_REHEARSALS = 5
_SPEEDS, _VARIANTS = "speeds.json", "variants"
_FASTEST = 1e9  # images a second, far above any

_Say = Callable[[str], None]


def lengths(plan: SweepPlan, threads: int, say: _Say) -> dict[str, int]:
    """Images that each variant shows, after a rehearsal of those that have not begun.

    Equal minutes do not depend on what else the machine does: they are the images that a variant shows in this time at
    the best speed of several rehearsals, however long that takes. The speeds are kept in ``speeds.json``.

    Args:
        plan: The sweep.
        threads: CPU cores of a run, where its configuration names none.
        say: Receives remarks for people.

    Raises:
        UserError: If a variant cannot be trained.
    """
    nimg, minutes = plan.sweep.budget.nimg, plan.sweep.budget.minutes
    if nimg is None:
        assert minutes is not None, "one of the two"
        speeds = _speeds(plan, threads, say)
        return {variant: max(1, round(60 * minutes * speed)) for variant, speed in speeds.items()}
    for variant in plan.sweep.variants:
        if not plan.has_begun(variant):
            try:
                _rehearse(plan, variant, threads)
            except NotFiniteError as error:  # it is a result, too
                say(str(error))
    return dict.fromkeys(plan.sweep.variants, nimg)


def _rehearse(plan: SweepPlan, variant: str, threads: int) -> float:
    """Images a second of a variant."""
    config = plan.config(variant)
    if config.train.threads is None:
        config = with_values(config, {"train.threads": threads})
    try:
        return rehearse(config, plan.device).images_per_sec
    except UserError as error:
        raise type(error)(f"variants.{variant}: {error}") from None


def _speeds(plan: SweepPlan, threads: int, say: _Say) -> dict[str, float]:
    """Images a second of each variant, the best of several rehearsals."""
    file = plan.folder / _SPEEDS
    known = _read_speeds(file)
    asked = {variant: _asked(plan, variant, threads) for variant in plan.sweep.variants}
    missing = [
        variant
        for variant, one in asked.items()
        if not plan.has_begun(variant) and one != known.get(variant, {}).get("of")
    ]
    best = dict.fromkeys(missing, 0.0)
    if missing:
        say(f"rehearsing {', '.join(missing)}")
    for _ in range(_REHEARSALS):
        for variant in missing:  # in turns, so that a busy moment slows all of them
            best[variant] = max(best[variant], _rehearse(plan, variant, threads))
    origin = {"machine": machine(), "torch": torch.__version__, "date": str(date.today())}
    known |= {v: {"images_per_sec": speed, **origin, "of": asked[v]} for v, speed in best.items()}
    lost = [variant for variant in asked if variant not in known]
    if lost:
        raise ConfigError(
            f"{file}: has no speed of {lost[0]}, of which a run is there; expected the file that the sweep wrote. "
            "Restore it, or choose another --out."
        )
    if missing:
        plan.folder.mkdir(parents=True, exist_ok=True)
        write_text(file, to_json(sealed_json({_VARIANTS: known})) + "\n")
    return {variant: known[variant]["images_per_sec"] for variant in asked}


def _read_speeds(file: Path) -> dict[str, Any]:
    """The speeds that are known, by variant; none without the file.

    Raises:
        ConfigError: If it is not what ``_speeds`` wrote.
    """
    try:
        values = read_json(read_text(file))
        known: dict[str, Any] = values.get(_VARIANTS, values)  # earlier versions wrote them as they are
        for variant, one in known.items():
            speed = one["images_per_sec"]
            if not is_finite_number(speed) or not 0 < speed <= _FASTEST or not isinstance(one["of"], dict):
                raise ValueError(f"{variant}: no speed")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ChangedError) as error:
        reason = str(error) if isinstance(error, ChangedError) else bounded(repr(error))
        raise ConfigError(
            f"{file}: cannot be read ({reason}); expected what the sweep wrote. Restore or delete it: then variants "
            "without runs are rehearsed again."
        ) from None
    return known


def _asked(plan: SweepPlan, variant: str, threads: int) -> dict[str, Any]:
    """Whatever a known speed holds for: device, cores, and the keys that are not the defaults."""
    changed = diff(RunConfig(), plan.config(variant))
    values = {key: value for key, (_, value) in changed.items()}
    return {"device": plan.device, "threads": threads, "config": json.loads(json.dumps(values))}

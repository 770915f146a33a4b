"""Checks that statistics fit together, the names of their scores, and warnings about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acgan.errors import DataError
from acgan.extracting import Extractor
from acgan.fid.statistics_file import Saved
from acgan.types import INCEPTION_DIMS

_ENOUGH_FOR_FID = 2048

Warn = Callable[[str], None]


def shared_metric(sides: Sequence[tuple[str, Saved]], dims: int | None, warn: Warn) -> str:
    """Name the distance between one or two sides' statistics, and warn if nothing tells the features.

    Raises:
        DataError: If they are of different features.
    """
    first, dims_of_first = sides[0][0], sides[0][1].dims
    for name, saved in sides:
        if saved.dims != (dims or dims_of_first):
            expected = f"--dims {dims}" if dims else f"the {dims_of_first:,} of {first}"
            raise DataError(f"{name} holds {saved.dims:,} features; expected {expected}.")
    unknown = [name for name, saved in sides if saved.origin is None]
    known = [saved.origin for _, saved in sides if saved.origin is not None]
    if len(known) == 2:
        _check_same(sides[1][0], known[1]["extractor"], known[0]["extractor"], first)
    if unknown and known and not is_fid(known[0]["metric"]):
        raise _of_another(unknown[0], known[0]["metric"])
    if unknown:
        warn(_unknown(unknown))
    return str(known[0]["metric"]) if known else "frechet"


def check_fits(given: str, saved: Saved, extractor: Extractor, metric: str, warn: Warn) -> None:
    """Check that saved statistics are of the extractor's features, and warn if nothing tells.

    Raises:
        DataError: If their features differ.
    """
    if saved.dims != extractor.dims:
        remedy = f"--dims {saved.dims} or " if saved.dims in INCEPTION_DIMS else ""
        raise DataError(
            f"{given} holds {saved.dims:,} features, and {extractor.name or 'Inception'} makes {extractor.dims:,}. "
            f"Choose {remedy}another --extractor, or make the statistics anew."
        )
    if saved.origin is not None:
        _check_same(given, saved.origin["extractor"], extractor.describe(), "the one chosen here")
    elif not is_fid(metric):
        raise _of_another(given, metric)
    else:
        warn(_unknown([given]))


def _check_same(given: str, found: Mapping[str, Any], expected: Mapping[str, Any], whose: str) -> None:
    plain = json.loads(json.dumps(expected))
    different = [key for key in sorted({*found, *plain}) if found.get(key) != plain.get(key)]
    if different:
        values = "; ".join(f"{key} {found.get(key)!r} and not {plain.get(key)!r}" for key in different)
        raise DataError(
            f"{given} was made with another extractor than {whose}: {values}. Compare what one extractor made: "
            "name it with --extractor, or make the statistics anew."
        )


def _of_another(given: str, metric: str) -> DataError:
    return DataError(
        f"{given} does not say of which extractor it is, so it is taken to be pytorch-fid's; {metric} is of another. "
        "Make its statistics with `acgan fid IMAGES --save-stats`."
    )


def _unknown(given: Sequence[str]) -> str:
    verb = "do not say which extractor they are" if len(given) > 1 else "does not say which extractor it is"
    return f"{' and '.join(given)} {verb} of; the score is right only if it is the same on both sides"


def is_fid(metric: str) -> bool:
    """True for distances of Inception's features, with any weights."""
    return metric.partition("[")[0] == "fid"


def few_images(given: str, num_images: int | None, dims: int, metric: str) -> str:
    """A warning that a side has too few images for a useful score; empty if it has enough.

    The Fréchet distance between samples is biased upwards, by about 1 / N (Chong, Forsyth 2020).
    """
    least = max(_ENOUGH_FOR_FID, dims) if is_fid(metric) else 2 * dims
    if num_images is None or num_images >= least:
        return ""
    return (
        f"{given} has {num_images:,} images, fewer than {least:,}: the score is biased, too high the more so the fewer "
        "there are. Compare it only with scores of as many images"
    )

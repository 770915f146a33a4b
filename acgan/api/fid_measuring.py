"""Statistics of one side of a Fréchet distance, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from acgan import distributed
from acgan.api.inputs import described
from acgan.code_version import code_version
from acgan.distributed import Ranks
from acgan.errors import DataError
from acgan.extracting import Extractor
from acgan.fid import Forms, Generated, Saved, Side, StatisticsCache, Stored, feature_statistics

#: What is found out about stored images while they are decoded.
_FOUND = ("num_images", "num_skipped", "skipped", "forms", "num_generated")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Measured:
    """Statistics of a side.

    Attributes:
        given: The user's name for it.
        origin: Where they come from.
        cached: True if they were made before.
    """

    given: str
    saved: Saved
    origin: dict[str, Any]
    cached: bool = False

    @property
    def num_images(self) -> int | None:
        """Number of images; None if statistics do not tell it."""
        count: int | None = self.origin["num_images"]
        return count

    def describe(self) -> dict[str, Any]:
        """Plain values for the provenance."""
        return {**self.origin, "cached": self.cached}


def measure(
    given: str,
    side: Side,
    extractor: Extractor | None,
    metric: str,
    cache: StatisticsCache,
    on_error: str,
    progress: Progress,
    ranks: Ranks,
) -> Measured:
    """Make the statistics of a side, or take them from the cache.

    Args:
        given: The user's name for the side.
        side: The side.
        extractor: Network that makes features; None if all sides are statistics.
        metric: Name of the distance.
        cache: Statistics that were made before.
        on_error: ``stop`` at an image that cannot be decoded, or ``skip`` it.
        progress: Called with the side's name, images done and images in all.
        ranks: Processes that share the work.

    Raises:
        DataError: If images cannot be decoded, or features are not finite.
    """
    if isinstance(side, Saved):
        known = dict(side.origin or {"num_images": None})
        return Measured(given, side, {**known, "kind": "statistics", "source": given})
    assert extractor is not None
    total = len(side)
    origin = {
        "metric": metric,
        "extractor": extractor.describe(),
        **side.describe(),
        "acgan": code_version(),
    }

    def tell(done: int) -> None:
        progress(given, done, total)

    def make() -> Saved:
        assert isinstance(side, Stored)
        return _decoded(given, side, extractor, on_error, origin, tell)

    if isinstance(side, Generated):
        drawn = feature_statistics(side.batches(extractor), extractor, tell)
        saved, cached = Saved(drawn.mean, drawn.covariance, origin), False
    elif side.drawn:  # random choices are seldom asked for again
        saved, cached = make(), False
    else:
        # The key stands for all images: statistics without some are not those.
        saved, cached = _kept(cache, side.key(extractor), make, lambda made: _count(made) == total, ranks)
    if not torch.isfinite(saved.mean).all():
        raise DataError(f"{given}: its features are not finite. Try --device cpu, or another --extractor.")
    # What is kept was found while decoding; all else is said as it is now, such as the path.
    origin |= {key: value for key, value in (saved.origin or {}).items() if key in _FOUND}
    return Measured(given, replace(saved, origin=origin), origin, cached)


def _kept(
    cache: StatisticsCache,
    key: Mapping[str, Any],
    make: Callable[[], Saved],
    keep: Callable[[Saved], bool],
    ranks: Ranks,
) -> tuple[Saved, bool]:
    """Statistics from the cache of the first process, or made by all of them together."""
    if ranks.world == 1:
        return cache.get(key, make, keep=keep)
    found: tuple[Saved, bool] | None = None
    if ranks.first:
        asked = False

        def make_together() -> Saved:
            nonlocal asked
            asked = bool(distributed.exchange_among_ranks(True))
            return make()

        found = cache.get(key, make_together, keep=keep)
        if not asked:
            distributed.exchange_among_ranks(False)
    elif distributed.exchange_among_ranks(None)[0]:
        make()
    of_first: tuple[Saved, bool] = distributed.exchange_among_ranks(found)[0]
    return of_first


def _count(saved: Saved) -> int | None:
    return None if saved.origin is None else saved.origin["num_images"]


def _decoded(
    given: str,
    side: Stored,
    extractor: Extractor,
    on_error: str,
    origin: Mapping[str, Any],
    tell: Callable[[int], None],
) -> Saved:
    """Statistics of stored images, with what was found while they were decoded."""
    skipped = list(side.skipped)
    forms = Forms()
    batches = side.batches(extractor, forms, skipped.append if on_error == "skip" else None)
    found = feature_statistics(batches, extractor, tell)
    if found.count < 2:
        raise DataError(
            f"{given}: {found.count} of its {len(side):,} images could be decoded; expected at least 2."
        )
    seen = {"num_images": found.count, "num_generated": forms.num_generated, **described(skipped)}
    if side.is_as_stored(extractor):
        seen["forms"] = forms.describe()
    return Saved(found.mean, found.covariance, {**origin, **seen})

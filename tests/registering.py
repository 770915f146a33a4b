"""Parts that tests register, which are forgotten afterwards: users have no way to do that, and need none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"


@contextlib.contextmanager
def forgotten_afterwards() -> Iterator[None]:
    """Context whose registered parts, and imported scripts, are forgotten at its end."""
    from acgan import losses, models
    from acgan.assembly import register
    from acgan.config.losses import ADVERSARIAL_KINDS, CLASSIFICATION_KINDS, PENALTY_KINDS, LossConfig
    from acgan.config.networks import DISCRIMINATOR_KINDS, GENERATOR_KINDS
    from acgan.data.load import FILE_SOURCES
    from acgan.evaluation import METRICS
    from acgan.metrics.catalogue import CATALOGUE
    from acgan.training.regularisers import REGULARISERS

    tables: list[dict[Any, Any]] = [
        *(losses.ADVERSARIAL, losses.CLASSIFICATION, losses.PENALTIES, REGULARISERS),
        *(models.AUX_HEADS, models.GENERATORS, models.TRUNKS, models.BACKBONES),
        *(FILE_SOURCES, METRICS, CATALOGUE, LossConfig.registered, register._OWN),
    ]
    kinds = (
        *(ADVERSARIAL_KINDS, CLASSIFICATION_KINDS, PENALTY_KINDS),
        *(DISCRIMINATOR_KINDS, GENERATOR_KINDS),
    )
    before = [dict(table) for table in tables], [list(one.sections) for one in kinds]
    modules, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        for table, content in zip(tables, before[0], strict=True):
            table.clear()
            table.update(content)
        for one, sections in zip(kinds, before[1], strict=True):
            one.sections[:] = sections
        added = {Path(folder) for folder in sys.path} - {Path(folder) for folder in path}
        for name in set(sys.modules) - modules:
            if Path(getattr(sys.modules[name], "__file__", None) or "").parent in added:
                del sys.modules[name]  # a script's, or a neighbour's; libraries stay
        sys.path[:] = path

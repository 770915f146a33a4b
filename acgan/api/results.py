"""Scores of many runs as a pandas frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from acgan.api.judging import scoring_way
from acgan.errors import ConfigError
from acgan.extras import install_command
from acgan.results import find_variants, long_rows

if TYPE_CHECKING:
    import pandas


def load_results(*directories: str | Path) -> pandas.DataFrame:
    """Scores of all runs below some directories, one row a score.

    Args:
        directories: Directories of variants (``DIR/VARIANT/seedN``), of seeds (``seedN``), or runs.

    Returns:
        A frame with the columns variant, seed, run, state (``best``, ``last`` or ``given samples``), images, minutes,
        parameters, flops, metric, class (None for all classes together) and value. Runs that have not ended, or have no
        scores, are left out: ``frame.attrs["left_out"]`` has them, with the reasons.

    Raises:
        ConfigError: pandas is not installed.
        RunError: There are no runs with scores, or they were evaluated in different ways.
    """
    try:
        import pandas
    except ImportError:
        raise ConfigError(
            f"load_results needs pandas, which is not installed: {install_command('results')}."
        ) from None
    if not directories:
        raise ConfigError("load_results: found no directory; expected at least one.")
    variants = find_variants(directories, way=scoring_way)
    frame = pandas.DataFrame(list(long_rows(variants)))
    frame.attrs["left_out"] = [reason for variant in variants for reason in variant.left_out]
    return frame

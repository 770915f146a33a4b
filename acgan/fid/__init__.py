"""The Fréchet distance between two sets of images, each a data source, a generator or saved statistics."""

from acgan.fid.agreement import check_fits, few_images, shared_metric
from acgan.fid.cache import StatisticsCache
from acgan.fid.forms import Forms, warn_of_forms, warn_of_generated
from acgan.fid.selection import Wanted, select, warn_of_statistics
from acgan.fid.sources import Generated, Side, Stored, open_side, stored_of
from acgan.fid.statistics_file import Saved, check_target, read_statistics, write_statistics
from acgan.fid.strangeness import warn_of_strange_judge
from acgan.fid.stream import feature_statistics

__all__ = [
    "Forms",
    "Generated",
    "Saved",
    "Side",
    "StatisticsCache",
    "Stored",
    "Wanted",
    "check_fits",
    "check_target",
    "feature_statistics",
    "few_images",
    "open_side",
    "read_statistics",
    "select",
    "shared_metric",
    "stored_of",
    "warn_of_forms",
    "warn_of_generated",
    "warn_of_statistics",
    "warn_of_strange_judge",
    "write_statistics",
]

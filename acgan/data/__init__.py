"""Data sources: decoded once into packed uint8 arrays, then fed to a training in batches."""

from acgan.data.batches import BatchOrder, DeviceImages
from acgan.data.builtin import BUILTIN_NAMES
from acgan.data.few import find_images, read_images
from acgan.data.load import (
    FILE_SOURCES,
    cache_dir,
    data_name,
    dataset_from_torch,
    load_dataset,
    sample_dataset,
)
from acgan.data.options import DataOptions, ReadOptions
from acgan.data.place import is_builtin, is_name, is_there, place_of
from acgan.data.raw import RawImages, open_raw
from acgan.data.store import fingerprint
from acgan.data.subset import extend, hold_out, limit_per_class, take

__all__ = [
    "BUILTIN_NAMES",
    "FILE_SOURCES",
    "BatchOrder",
    "DataOptions",
    "DeviceImages",
    "RawImages",
    "ReadOptions",
    "cache_dir",
    "data_name",
    "dataset_from_torch",
    "extend",
    "find_images",
    "fingerprint",
    "hold_out",
    "is_builtin",
    "is_name",
    "is_there",
    "limit_per_class",
    "load_dataset",
    "open_raw",
    "place_of",
    "read_images",
    "sample_dataset",
    "take",
]

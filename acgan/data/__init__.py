"""Data sources: decoded once into packed uint8 arrays, then fed to a training in batches."""

from acgan.data.batches import BatchOrder, DeviceImages
from acgan.data.few import find_images, read_images
from acgan.data.load import (
    FILE_SOURCES,
    cache_dir,
    data_name,
    load_dataset,
)
from acgan.data.looks import Look, look_at_classes
from acgan.data.options import DataOptions, ReadOptions
from acgan.data.place import is_builtin, is_name, is_there, place_of
from acgan.data.raw import RAW_FILES, RawImages, open_raw
from acgan.data.samples import load_samples
from acgan.data.sources.builtin import BUILTIN_NAMES
from acgan.data.sources.members import Limits
from acgan.data.sources.torch_dataset import dataset_from_torch
from acgan.data.splitting.class_sets import SAMPLES, ClassSets, match_dataset, match_source, source_classes
from acgan.data.splitting.subset import extend, hold_out, limit_per_class, regroup, take
from acgan.data.store import Cache, damage_of, fingerprint
from acgan.data.stylegan_zip import write_stylegan_zip

__all__ = [
    "BUILTIN_NAMES",
    "FILE_SOURCES",
    "RAW_FILES",
    "SAMPLES",
    "BatchOrder",
    "Cache",
    "ClassSets",
    "DataOptions",
    "DeviceImages",
    "Limits",
    "Look",
    "RawImages",
    "ReadOptions",
    "cache_dir",
    "damage_of",
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
    "load_samples",
    "look_at_classes",
    "match_dataset",
    "match_source",
    "open_raw",
    "place_of",
    "read_images",
    "regroup",
    "source_classes",
    "take",
    "write_stylegan_zip",
]

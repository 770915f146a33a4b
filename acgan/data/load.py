"""Loading of a ``Dataset`` from the path or name of a source."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from filelock import FileLock
from platformdirs import user_cache_path

from acgan.data.index import Index, Unlabelled
from acgan.data.layouts.detect import detect
from acgan.data.layouts.table import TABLE_READERS
from acgan.data.options import DataOptions, ReadOptions
from acgan.data.pack import pack, prepare
from acgan.data.sources.builtin import BUILTIN_NAMES, find_builtin
from acgan.data.sources.endings import image_endings
from acgan.data.sources.files import Folder, Zip
from acgan.data.sources.hints import file_remedy, other_contents
from acgan.data.sources.huggingface import HUB, HubSource, has_image_feature, split_name
from acgan.data.sources.list_file import ListSource
from acgan.data.sources.members import LIMITS
from acgan.data.sources.npz import NpzSource
from acgan.data.sources.parts import refuse_options
from acgan.data.sources.shards import SHARD_SOURCES, BesidePictures
from acgan.data.sources.tree import Container, Tree
from acgan.data.sources.tree_source import TreeSource
from acgan.data.store import CACHE_FORMAT, Cache, make_dataset
from acgan.errors import DataError, did_you_mean
from acgan.file_kinds import odd_kind
from acgan.reading import user_path
from acgan.types import Dataset


class Source(Protocol):
    """A place of labelled images."""

    def identity(self) -> str | None:
        """A digest that changes with the content, found without decoding; None means that nothing is cached."""

    def index(self) -> Index:
        """The labelled images, not decoded."""

    def unlabelled(self) -> Unlabelled:
        """All images, with labels or without, not decoded."""


_OWN_FORMAT = " A format of your own is known once its script is imported: `acgan --import SCRIPT.py …`."
#: Sources of recipes that are for the user's own images.
_YOURS = ("images", "imagenet")


def _one_shard(path: Path, options: ReadOptions) -> Source:
    return SHARD_SOURCES[path.suffix.lower()]([path], options, path)


def _parquet(path: Path, options: ReadOptions) -> Source:
    return _one_shard(path, options) if has_image_feature(path) else ListSource(path, options)


def _folder(path: Path, options: ReadOptions) -> Source:
    """A folder of pictures; or of shards, where there are no pictures, or none that tell classes."""
    folder = Folder(path, options.limits)
    tree = folder.tree()
    for ending, kind in SHARD_SOURCES.items():
        shards = [path.joinpath(*parts) for parts in tree.files if parts[-1].lower().endswith(ending)]
        if not shards or (ending == ".parquet" and not has_image_feature(shards[0])):
            continue
        if not tree.pictures:
            return kind(shards, options, path)
        if _tell_no_classes(folder, tree, options):
            return BesidePictures(kind(shards, options, path), tree)
    _check_contents(tree, str(path))
    return TreeSource(folder, options)


def _zip(path: Path, options: ReadOptions) -> Source:
    archive = Zip(path, options.limits)
    _check_contents(archive.tree(), str(path))
    return TreeSource(archive, options)


def _tell_no_classes(folder: Container, tree: Tree, options: ReadOptions) -> bool:
    """True for pictures such as a preview beside shards: in one folder at most, and without a list."""
    if len({tree.files[position][:-1] for position in tree.pictures}) > 1 or options.layout != "auto":
        return False
    try:
        detect(folder, tree, replace(options, columns={}))
    except DataError:
        return True
    return False


def _check_contents(tree: Tree, where: str) -> None:
    """Check that what lies in a folder or zip without pictures is not something else that is known.

    Raises:
        DataError: It is; the message has the remedy.
    """
    found = "" if tree.pictures else other_contents(tree, where)
    if found:
        raise DataError(f"{where} holds no images, but {found}.")


#: Sources that are one file, by its ending: to add a format, add a line.
FILE_SOURCES: dict[str, Callable[[Path, ReadOptions], Source]] = {
    ".zip": _zip,
    ".npz": NpzSource,
    **dict.fromkeys(TABLE_READERS, ListSource),
    ".parquet": _parquet,
    ".tar": _one_shard,
}


def cache_dir() -> Path:
    """The folder of files that can be made again, such as decoded sources: ``$ACGAN_CACHE`` if it is set."""
    override = os.environ.get("ACGAN_CACHE")
    return user_path(override) if override else user_cache_path("acgan")


def data_name(source: str) -> str:
    """A short name for a source, fit for a directory: ``mnist`` for ``mnist:ROOT``, else the path's own."""
    path = user_path(source)
    builtin = source.partition(":")[0]
    if not path.exists() and builtin in BUILTIN_NAMES:
        return builtin
    if not path.exists() and source.startswith(HUB):
        named, config = split_name(source)
        path = user_path(f"{named}-{config}" if config else named)
    name = path.stem if path.suffix.lower() in FILE_SOURCES and not path.is_dir() else path.resolve().name
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "data"


def load_dataset(
    source: str, options: DataOptions, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Decode a source, or read it from the cache.

    Args:
        source: A folder of class folders (train/ and test/ or val/ above them are its split), a zip of the
            same, a list of pictures, a file of ``FILE_SOURCES``; ``hf:NAME[:CONFIG]`` of the Hugging Face hub; or
            ``NAME`` or ``NAME:ROOT`` of a built-in set. A path that exists wins over a name.
        options: Options by which it is decoded.
        progress: Called with (images done, images in all) now and then while decoding.

    Raises:
        DataError: The source or an option cannot be used; the message says why and what to do.
    """
    found = find_source(source, options.reading)
    name = data_name(source)
    identity = found.identity()
    if identity is None:
        return make_dataset(name, pack(prepare(found.index(), options), options, None, progress))
    # Sources with a split of their own do not depend on the seed, so they are kept under a key without it.
    base_key = _key(
        identity,
        options.classes,
        options.resolution,
        options.channels,
        options.fit,
        options.on_error,
        options.layout,
        dict(options.columns),
        options.group,
        options.range,
        options.frames,
        sorted(image_endings()),  # more of them with other libraries
        *(["samples"] if options.samples else ()),
        *([options.limits.max_mb, options.limits.max_ratio] if options.limits != LIMITS else ()),
    )
    keys = {True: base_key, False: _key(base_key, options.test_share, options.seed)}
    # What lacks training images of a class must not be found by a training.
    scored = {own_split: _key(key, "scored") for own_split, key in keys.items()}
    folder = options.cache / "datasets"
    entries = Cache(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{base_key}.lock"):
            for key in (*keys.values(), *(scored.values() if options.for_scoring else ())):
                if (dataset := entries.read(key, name)) is not None:
                    return dataset
            index = prepare(found.index(), options)
            with entries.workspace(base_key) as scratch:
                packed = pack(index, options, scratch, progress)
                dataset = make_dataset(name, packed)
                key = (keys if packed.can_train else scored)[packed.own_split]
                entries.write(key, dataset, packed, scratch)
            # What is mapped lay in the scratch folder: map it where it is now.
            return (entries.read(key, name) or dataset) if isinstance(packed.images, np.memmap) else dataset
    except OSError as error:
        raise DataError(
            f"The cache folder {folder} cannot be written: {error.strerror or error}. Set ACGAN_CACHE to a folder"
            " with room for the decoded images."
        ) from error


def find_source(source: str, options: ReadOptions) -> Source:
    """Find the source that a path or name stands for.

    Raises:
        DataError: There is no such source.
    """
    path = user_path(source)
    if path.is_dir():
        return _folder(path, options)
    if odd := odd_kind(path):
        raise DataError(
            f"{source} is {odd}; expected a folder or a file, which is read more than once. Write what comes out of it"
            " into a file."
        )
    if path.exists():
        kind = FILE_SOURCES.get(path.suffix.lower())
        if kind is None:
            remedy = file_remedy(path.name)
            raise DataError(
                f"{source} is a file with the ending {path.suffix!r}; expected a folder or {', '.join(FILE_SOURCES)}."
                f"{f' {remedy[0].upper()}{remedy[1:]}.' if remedy else _OWN_FORMAT}"
            )
        return kind(path, options)
    if source.startswith(HUB):
        return HubSource(source, options)
    builtin = find_builtin(source, options.root)
    if builtin is not None:
        refuse_options(options, "built-in sets")
        return builtin
    if source in _YOURS:
        raise DataError(
            f"data.source: found {source!r}, which stands for images of your own; expected a folder that has one "
            "folder per class, a .zip of that, a .csv or what else docs/data.md has."
        )
    raise DataError(
        f"data.source: there is no path {source!r}, and no built-in data set of that name; expected the path of your"
        " images, or such a name."
        f"{did_you_mean(source.partition(':')[0], BUILTIN_NAMES)} Built-in:"
        f" {', '.join(BUILTIN_NAMES)}, each also as NAME:FOLDER. A set of the Hugging Face hub is hf:NAME."
    )


def _key(*parts: Any) -> str:
    content = json.dumps([CACHE_FORMAT, *parts])
    return blake2b(content.encode(), digest_size=16).hexdigest()

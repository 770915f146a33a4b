"""Sources that are many files of one kind, each with a portion of the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from acgan.data.index import Index, Unlabelled
from acgan.data.options import ReadOptions
from acgan.data.sources.huggingface import ParquetSource
from acgan.data.sources.tree import EXAMPLES, Tree
from acgan.data.sources.webdataset import WebDatasetSource
from acgan.types import LeftOut

Shards = ParquetSource | WebDatasetSource


class BesidePictures:
    """Shards beside loose pictures, which are left out.

    Args:
        shards: The shards.
        tree: The folder that holds both.
    """

    def __init__(self, shards: Shards, tree: Tree):
        self._shards = shards
        self._tree = tree

    def identity(self) -> str:
        return self._shards.identity()

    def index(self) -> Index:
        index = self._shards.index()
        assert index.reading is not None
        left_out = (*index.reading.left_out, self._left_out)
        return replace(index, reading=replace(index.reading, left_out=left_out))

    def unlabelled(self) -> Unlabelled:
        images = self._shards.unlabelled()
        return replace(images, left_out=(*images.left_out, self._left_out))

    @property
    def _left_out(self) -> LeftOut:
        names = ["/".join(self._tree.files[position]) for position in self._tree.pictures]
        return LeftOut(
            "pictures beside the shards, which tell no classes", len(names), tuple(names[:EXAMPLES])
        )


#: By the ending of the files, built from all of them, options, and the folder that they lie in (or the only file).
SHARD_SOURCES: dict[str, Callable[[Sequence[Path], ReadOptions, Path], Shards]] = {
    ".parquet": ParquetSource,
    ".tar": WebDatasetSource,
}

"""Options by which a source is decoded into a ``Dataset``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acgan.data.decode import Fit, OnError
from acgan.data.index import ClassChoice


@dataclass(frozen=True)
class DataOptions:
    """Options by which a source is decoded; the configuration has validated their values.

    Attributes:
        root: Folder of built-in sets, unless the source names one; None is the cache folder.
        classes: Classes to use, in this order: names, or ``{new name: [old names]}`` to merge. None takes all,
            sorted by code point; built-in sets and .npz files have an order of their own.
        resolution: Side of the square images in pixels; None chooses it.
        channels: 1 or 3; None is 1 if every image is gray, else 3.
        fit: "crop" brings the short side to the resolution and keeps the centre; "pad" keeps everything and adds
            a border. Both pad sets of 28 x 28 images to 32 x 32.
        on_error: "stop" makes a broken image an error; "skip" lists it in ``Dataset.skipped``.
        test_share: Share of each class that is held out if the source has no test split, in [0, 1).
        seed: Seed of the held-out share.
        cache: Cache folder, see ``cache_dir``.
    """

    root: Path | None
    classes: ClassChoice | None
    resolution: int | None
    channels: int | None
    fit: Fit
    on_error: OnError
    test_share: float
    seed: int
    cache: Path

    @property
    def builtin_root(self) -> Path:
        """Folder of built-in sets."""
        return self.root if self.root is not None else self.cache

"""Options by which a source is read and decoded into a ``Dataset``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acgan.data.decoding.decode import Frames, OnError, Range
from acgan.data.decoding.pixels import Fit
from acgan.data.index import ClassChoice
from acgan.data.sources.members import LIMITS, Limits


@dataclass(frozen=True)
class ReadOptions:
    """Options by which a source's images are found and labelled; nothing is decoded for that.

    Attributes:
        root: Folder of built-in sets, unless the source names one.
        pictures: Folder of the pictures of a list; None is the list's own.
        layout: "auto", "list", or a key of ``FOLDER_LAYOUTS``.
        columns: Columns of a list by their purpose: path, label, split, group.
        group: "folder", or a regular expression for paths: images of one group stay on one side of a split.
        skip: Pass over rows of a list whose picture is missing, with a warning, rather than stop.
        skip_with: As in ``DataOptions``.
        limits: Bounds of lists and of files in archives.
    """

    root: Path
    pictures: Path | None = None
    layout: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    skip: bool = False
    skip_with: str = ""
    limits: Limits = LIMITS


@dataclass(frozen=True)
class DataOptions:
    """Options by which a source is decoded; the configuration has validated their values.

    Attributes:
        root: Folder of built-in sets, unless the source names one, and of the pictures of a list; None is the
            cache folder for the first, and the list's own folder for the second.
        classes: Classes to use, in this order: names, or ``{new name: [old names]}`` to merge. None takes all,
            sorted by code point; built-in sets and .npz files have an order of their own.
        resolution: Side of the square images in pixels; None chooses it.
        channels: 1 or 3; None is 1 if every image is gray, else 3.
        fit: "crop" brings the short side to the resolution and keeps the centre; "pad" keeps everything and adds
            a border. Both pad sets of 28 x 28 images to 32 x 32 where the resolution is 32.
        on_error: "stop" makes a broken image an error; "skip" lists it in ``Dataset.skipped``.
        test_share: Share of each class that is held out if the source has no test split, in [0, 1).
        seed: Seed of the held-out share.
        cache: Cache folder, see ``cache_dir``.
        layout: As in ``ReadOptions``.
        columns: As in ``ReadOptions``.
        group: As in ``ReadOptions``.
        range: Values of images with more than 8 bits a channel that become black and white: "full" is that of the
            format, "auto" that of the whole data set; or a pair (black, white).
        frames: "first" takes one image of a file with several frames, "all" takes each frame.
        limits: As in ``ReadOptions``.
        for_scoring: True if nothing is trained: a class may then lack training images.
        samples: True for images that something generated, as they are told to be: no warning of generated ones.
        skip_with: The user's option for ``on_error``, which errors name; "" for none.
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
    layout: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    range: Range = "full"
    frames: Frames = "first"
    limits: Limits = LIMITS
    for_scoring: bool = False
    samples: bool = False
    skip_with: str = "--set data.on_error=skip"

    @property
    def reading(self) -> ReadOptions:
        """The options of finding and labelling."""
        root = self.root if self.root is not None else self.cache
        skip = self.on_error == "skip"
        return ReadOptions(
            root,
            self.root,
            self.layout,
            self.columns,
            self.group,
            skip=skip,
            skip_with=self.skip_with,
            limits=self.limits,
        )

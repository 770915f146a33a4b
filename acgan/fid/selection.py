"""Selection of the images of the two sides that are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from acgan.data.decoding.decode import Target
from acgan.data.decoding.pixels import Fit
from acgan.errors import ConfigError, DataError
from acgan.extracting import Extractor
from acgan.fid.sources import Generated, Side, Stored
from acgan.fid.statistics_file import Saved
from acgan.types import MAX_SAMPLES


@dataclass(frozen=True)
class Wanted:
    """The user's choices.

    Attributes:
        num: Number of images of each side, or None.
        seed: Seed of the choice and of latents.
        split: ``all``, ``train`` or ``test``.
        resolution: Resolution to fit images to; None leaves them as they are stored, but beside a generator.
        fit: Way to make them square where no generator's training says it.
    """

    num: int | None
    seed: int
    split: str
    resolution: int | None
    fit: Fit


def select(
    given: Sequence[str],
    sides: Sequence[Side],
    wanted: Wanted,
    held_out: Callable[[Stored, str, int], Stored],
    warn: Callable[[str], None],
) -> list[Side]:
    """Choose images of each side.

    Args:
        given: The user's names for the sides.
        sides: One or two.
        wanted: The user's choices.
        held_out: Makes the part (``train`` or ``test``) of a source without parts, as a training at a resolution does.
        warn: Receives warnings of options without effect.

    Raises:
        UserError: If a part does not exist, or a side has fewer than 2 images.
    """
    like = next((side.form for side in sides if isinstance(side, Generated)), None)
    chosen = [
        _stored(side, wanted, like) if isinstance(side, Stored) else side
        for side in _of_split(sides, wanted.split, wanted.resolution, held_out)
    ]
    # The default if the other side is a generator, or statistics without a number of images.
    counts = [count_of(side) or MAX_SAMPLES for side in chosen if not isinstance(side, Generated)]
    drawn = wanted.num or min([MAX_SAMPLES, *counts])
    chosen = [
        replace(side, num=drawn, seed=wanted.seed) if isinstance(side, Generated) else side for side in chosen
    ]
    _warn_of_resolution(chosen, wanted.resolution, warn)
    for name, side in zip(given, chosen, strict=True):
        count = count_of(side)
        if count is not None and count < 2:
            raise DataError(
                f"{name}: found {count} {'image' if count == 1 else 'images'}; expected at least 2, and some thousands "
                "for a score that says something."
            )
        if isinstance(side, Saved) and wanted.num not in (None, count):
            warn(f"{name} is statistics: -n {wanted.num:,} does not change how many images they are of")
    return chosen


def count_of(side: Side) -> int | None:
    """Number of images of a side; None if statistics do not tell it."""
    if isinstance(side, Saved):
        return side.origin["num_images"] if side.origin is not None else None
    return len(side)


def _warn_of_resolution(sides: Sequence[Side], resolution: int | None, warn: Callable[[str], None]) -> None:
    """Warn of a resolution that has no effect, or a misleading one."""
    if resolution is None:
        return
    if not any(isinstance(side, Stored) for side in sides):
        warn(f"--resolution {resolution} has no effect: no side is stored images")
        return
    for side in sides:
        made = side.sampler.generator.resolution if isinstance(side, Generated) else resolution
        if isinstance(side, Generated) and made != resolution:
            warn(
                f"{side.given} makes {made} x {made}, whatever --resolution {resolution}; --resolution {made} compares "
                "like with like"
            )


def warn_of_statistics(
    given: Sequence[str], sides: Sequence[Side], extractor: Extractor, warn: Callable[[str], None]
) -> None:
    """Warn of statistics of images that were prepared otherwise than those of the generator beside them."""
    made = next((side.form.resolution for side in sides if isinstance(side, Generated)), None)
    if made is None or (extractor.size is not None and extractor.size[1] == made):
        return
    for name, side in zip(given, sides, strict=True):
        origin = side.origin if isinstance(side, Saved) else None
        if origin is None or origin.get("kind") != "images" or origin.get("resolution") == made:
            continue
        form = (
            "as they are stored"
            if origin.get("resolution") is None
            else f"fitted to {origin['resolution']} px"
        )
        warn(
            f"{name} is statistics of images {form}, and the generator makes {made} x {made}: make them with "
            f"--resolution {made} to compare like with like"
        )


def _stored(side: Stored, wanted: Wanted, like: Target | None) -> Stored:
    """The chosen images of a side, prepared as wanted: beside a generator as its training prepared them."""
    side = side.limited(wanted.num, wanted.seed)
    if not len(side) or (wanted.resolution is None and like is None):
        return side
    if like is None:
        assert wanted.resolution is not None
        return side.at(Target(wanted.resolution, 3, wanted.fit, pad_28=False))
    return side.at(replace(like, resolution=wanted.resolution or like.resolution))


def _of_split(
    sides: Sequence[Side],
    split: str,
    resolution: int | None,
    held_out: Callable[[Stored, str, int], Stored],
) -> list[Side]:
    stored = [side for side in sides if isinstance(side, Stored)]
    if split == "all":
        return list(sides)
    if not stored:
        raise ConfigError(f"--split {split}: no side is a data source. Leave --split out.")
    if any(side.has_split for side in stored):
        return [_own_part(side, split) if isinstance(side, Stored) else side for side in sides]
    if len(stored) > 1:
        raise DataError(
            f"--split {split}: neither {stored[0].given} nor {stored[1].given} has a split of its own (train/ and "
            "test/, or a column split), and only one can be divided. Leave --split out, or name one of its parts."
        )
    if resolution is None:
        raise DataError(
            f"--split {split}: {stored[-1].given} has no split of its own (train/ and test/, or a column split). Leave "
            "--split out for all its images; or add --resolution: the test part is then what training holds out."
        )
    return [held_out(side, split, resolution) if isinstance(side, Stored) else side for side in sides]


def _own_part(side: Stored, split: str) -> Stored:
    """A part of a source; all images of a source without parts, such as a folder of samples."""
    if not side.has_split:
        return side
    part = side.part(split)
    if not len(part):
        raise DataError(f"--split {split}: {side.given} has no {split} images. Choose another part.")
    return part

"""Judgement of decoded images by their records: pictures by class, and warnings with numbers and remedies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acgan.data.decoding.decode import Frames, Range, Target
from acgan.data.decoding.pixels import FULL
from acgan.types import ClassPictures

_KEPT = 0.7  # share of the pictures' area that a crop should leave
_ENLARGED = 2  # factor up to which pictures are enlarged without a word
_FEW_IN_COLOUR = 0.05
_SMALL_PART = 0.25  # share of a range; less loses more than two of eight bits
_CUT_OFF = 0.01  # share of pixels that a chosen range cuts off without a warning
_TAIL = 0.05  # share of images that are passed over when the values in use are judged
_SHOWN = 3
_SMALLEST = 16  # resolution


@dataclass(frozen=True)
class Outcome:
    """Outcome of the decoding of N images.

    Attributes:
        seen: (N,) records, see ``SEEN``.
        labels: (N,) int64 in [0, K).
        class_names: K names.
        name: Name of an image by its number, for messages.
        target: The form that they were decoded to.
        range: ``data.range`` as it was given.
        frames: ``data.frames``.
        chose_colour: The channels were not given, and three were chosen.
    """

    seen: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    name: Callable[[int], str]
    target: Target
    range: Range
    frames: Frames
    chose_colour: bool

    def __len__(self) -> int:
        return len(self.seen)

    def examples(self, chosen: np.ndarray) -> str:
        """The first names of some images, given by a mask (N,)."""
        numbers = np.flatnonzero(chosen)
        shown = ", ".join(self.name(int(number)) for number in numbers[:_SHOWN])
        return f"{shown} and {len(numbers) - _SHOWN:,} more" if len(numbers) > _SHOWN else shown


def class_pictures(seen: np.ndarray, labels: np.ndarray, num_classes: int) -> tuple[ClassPictures, ...]:
    """Sizes and modes of the pictures of each class.

    Args:
        seen: (N,) records.
        labels: (N,) int64.
        num_classes: K.
    """
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=num_classes))
    return tuple(_pictures(seen[members]) for members in np.split(order, ends[:-1]))


def _pictures(seen: np.ndarray) -> ClassPictures:
    if not len(seen):
        return ClassPictures((0, 0), (0, 0), {})
    modes, counts = np.unique(seen["mode"], return_counts=True)
    widths, heights = ((int(seen[side].min()), int(seen[side].max())) for side in ("width", "height"))
    named = zip(modes.tolist(), counts.tolist(), strict=True)
    return ClassPictures(widths, heights, {mode.decode(): count for mode, count in named})


def judge(outcome: Outcome) -> tuple[list[str], list[str]]:
    """Remarks on what decoding did to the pictures, and warnings of what it may have spoilt."""
    if not len(outcome):
        return [], []
    notes, warnings = _range(outcome)
    for check in (_reduced, _plain, _more_frames, _crop, _enlarged, _few_in_colour):
        warning = check(outcome)
        warnings += [warning] if warning else []
    return notes, warnings


def _range(outcome: Outcome) -> tuple[list[str], list[str]]:
    """On values of images with more than 8 bits a channel."""
    deep = outcome.seen["deep"]
    if not deep.any():
        if outcome.range == "full" or outcome.seen["reduced"].any():
            return [], []
        remark = f"{_setting(outcome)} changes nothing: no image has more than 8 bits a channel"
        return ([remark], []) if outcome.range == "auto" else ([], [f"{remark}."])
    notes: list[str] = []
    warnings: list[str] = []
    cut, matters = _cut_off(outcome)
    if cut:
        (warnings if matters else notes).append(cut)
    narrow = _narrow(outcome)
    warnings += [narrow] if narrow else []
    return notes, warnings


def _cut_off(outcome: Outcome) -> tuple[str, bool]:
    """A sentence on values that lie outside of the range, and whether it is more than a remark."""
    seen = outcome.seen
    deep = seen[seen["deep"]]
    cut = (seen["below"] > 0) | (seen["above"] > 0)
    count = int(cut.sum())
    if not count:
        return "", False
    black, white = outcome.target.black_white or FULL
    low, high = deep["low"].min(), deep["high"].max()
    below, above = float(deep["below"].mean()), float(deep["above"].mean())
    pixels = " and ".join(
        f"{_percent(share)} of the pixels were {word}"
        for share, word in ((below, f"below {in_digits(black)}"), (above, f"above {in_digits(white)}"))
        if share
    )
    sentence = (
        f"{_of(count, len(deep))} with more than 8 bits a channel {_have(count)} values that {_setting(outcome)} cuts"
        f" off: {pixels}, and the values go from {in_digits(low)} to {in_digits(high)} ({outcome.examples(cut)})"
    )
    if outcome.range == "full":
        return f"{sentence}. Keep them all with --set data.range=auto, or with {_set_range(low, high)}.", True
    matters = below + above >= _CUT_OFF
    return (f"{sentence}. Keep them all with {_set_range(low, high)}." if matters else sentence), matters


def _narrow(outcome: Outcome) -> str:
    """On values that use a small part of the range; a few images that use more do not hide it."""
    deep = outcome.seen[outcome.seen["deep"]]
    black, white = outcome.target.black_white or FULL
    ends = float(deep["low"].min()), float(deep["high"].max())
    most = (
        float(np.quantile(deep["low"], _TAIL, method="lower")),
        float(np.quantile(deep["high"], 1 - _TAIL, method="higher")),
    )

    def used(low: float, high: float) -> float:
        return max(0.0, (min(high, white) - max(low, black)) / (white - black))

    if used(*most) > _SMALL_PART:
        return ""
    everywhere = used(*ends) <= _SMALL_PART
    low, high = ends if everywhere else most
    few = len(deep) == 1
    who = "the only image" if few else f"{'the' if everywhere else 'most of the'} {len(deep):,} images"
    span = f"{in_digits(black)} to {in_digits(white)}"
    return (
        f"{who[0].upper()}{who[1:]} with more than 8 bits a channel {'uses' if few else 'use'} values from"
        f" {in_digits(low)} to {in_digits(high)} only, {_percent(used(low, high))} of the range ({span}), so that"
        " little contrast is left."
        f" Spread them with {'--set data.range=auto, or with ' if outcome.range != 'auto' and everywhere else ''}"
        f"{_set_range(low, high)}."
    )


def _reduced(outcome: Outcome) -> str:
    """On colour images with 16 bits a channel, of which Pillow reads the upper 8."""
    reduced = outcome.seen["reduced"]
    if not reduced.any():
        return ""
    high = int(np.quantile(outcome.seen["high"][reduced], 1 - _TAIL, method="higher"))
    count = int(reduced.sum())
    who = (
        f"{_of(count, len(outcome))} {_are(count)} in colour with 16 bits a channel, of which only the upper 8 can be"
        " read"
    )
    mend = f"({outcome.examples(reduced)}). Save them with 8 bits a channel, scaled as they should look."
    if high <= _SMALL_PART * 255:
        return f"{who}, and these reach {high} of 255, so that little contrast is left {mend}"
    return f"{who}, and data.range does not apply to them {mend}" if outcome.range != "full" else ""


def _plain(outcome: Outcome) -> str:
    plain = outcome.seen["plain"]
    count = int(plain.sum())
    if not count:
        return ""
    who = f"{_of(count, len(outcome))} {_are(count)} of one colour"
    return f"{who} ({outcome.examples(plain)}). Look at them, and remove what is empty."


def _more_frames(outcome: Outcome) -> str:
    several = outcome.seen["frames"] > 1
    count, frames = int(several.sum()), int(outcome.seen["frames"][several].sum())
    if outcome.frames == "all" or not count:
        return ""
    who = "1 file has" if count == 1 else f"{count:,} files have"
    return (
        f"{who} several frames, {frames:,} in all, and only the first{'' if count == 1 else ' of each'} is used"
        f" ({outcome.examples(several)}). Make an image of each frame with --set data.frames=all."
    )


def _crop(outcome: Outcome) -> str:
    if outcome.target.fit != "crop" or outcome.target.pad_28:
        return ""
    width, height = outcome.seen["width"], outcome.seen["height"]
    kept = np.minimum(width, height) / np.maximum(width, height)
    if kept.mean() >= _KEPT:
        return ""
    num_classes = len(outcome.class_names)
    counts = np.bincount(outcome.labels, minlength=num_classes)
    means = np.bincount(outcome.labels, kept, num_classes) / np.maximum(counts, 1)
    hit = [label for label in np.argsort(means, kind="stable").tolist() if counts[label]][:_SHOWN]
    told = ", ".join(f"{outcome.class_names[label]} {_percent(means[label])}" for label in hit)
    least = f" (least of {told})" if num_classes > 1 else ""
    return (
        f"The crop to a square leaves {_percent(kept.mean())} of the pictures' area on average{least}."
        " Keep whole pictures with --set data.fit=pad."
    )


def _enlarged(outcome: Outcome) -> str:
    target = outcome.target
    cropped = target.fit == "crop"
    side = (np.minimum if cropped else np.maximum)(outcome.seen["width"], outcome.seen["height"])
    small = side * _ENLARGED < target.resolution
    count = int(small.sum())
    if target.pad_28 or not count:
        return ""
    half = f"half of data.resolution ({target.resolution} pixels)"
    if cropped:
        what = f"{_are(count)} enlarged more than twofold, with a short side of less than {half}"
    else:
        what = f"{_are(count)} less than {half} on the long side, so that most of the square is border"
    nearer = 1 << int(np.log2(_ENLARGED * np.median(side[small])))
    mend = f"Choose a resolution nearer to {'it' if count == 1 else 'them'} with --set data.resolution={nearer}, or"
    mend = mend if _SMALLEST <= nearer < target.resolution else "Find larger pictures, or"
    them = "it" if count == 1 else "them"
    return f"{_of(count, len(outcome))} {what} ({outcome.examples(small)}). {mend} leave {them} out."


def _few_in_colour(outcome: Outcome) -> str:
    colour = ~outcome.seen["gray"]
    count = int(colour.sum())
    if not outcome.chose_colour or not 0 < count <= _FEW_IN_COLOUR * len(outcome):
        return ""
    return (
        f"{_of(count, len(outcome))} {_are(count)} in colour, and all others gray ({outcome.examples(colour)}). If"
        " colour means nothing here, make all gray with --set data.channels=1."
    )


def _of(count: int, total: int) -> str:
    if count == total:
        return "The only image" if total == 1 else f"All {total:,} images"
    return f"{count:,} of {total:,} images ({_percent(count / total)})"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _percent(share: float) -> str:
    percent = 100 * float(share)
    return f"{percent:.0f}%" if percent >= 10 or not percent else f"{percent:.2g}%"


def in_digits(value: float) -> str:
    """A value in a sentence: whole if it is, else with six digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def _set_range(low: float, high: float) -> str:
    ends = ",".join(in_digits(value).replace(",", "") for value in (low, high))
    return f'--set "data.range=[{ends}]"'


def _setting(outcome: Outcome) -> str:
    if isinstance(outcome.range, str):
        return f"data.range={outcome.range}"
    return f"data.range=[{','.join(in_digits(value).replace(',', '') for value in outcome.range)}]"

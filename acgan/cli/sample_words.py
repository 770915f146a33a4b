"""Words of ``acgan sample`` on the images that it drew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from acgan.cli.output import echo
from acgan.showing import shown

if TYPE_CHECKING:
    from acgan.sampling.selection import DrawnPortion, Selection

_CLASSES_NAMED = 10


def tell_drawn(selection: Selection, written: Sequence[DrawnPortion], out: str, seconds: float) -> None:
    """Tell what was drawn: how many images of which classes, how fast, and what to know of them."""
    from acgan.sampling.files import form_of

    drawn = sum(len(portion.indices) for portion in written)
    echo(
        f"{_count(drawn, 'image', 'images')} of {_count(len(selection.counts), 'class', 'classes')} "
        f"({_names(selection.class_names)}) in {out} ({drawn / max(seconds, 1e-9):,.0f} images/s)"
    )
    if not form_of(out):
        _tell_folders(selection)
    if form_of(out) == ".png":
        tell_letters(selection.class_names)
    if selection.confidence is not None:
        _tell_choice(selection, written)


def tell_letters(names: Sequence[str]) -> None:
    """Warn of names whose letters a page shows as boxes."""
    from acgan.plots.fonts import letters_missing

    warning = letters_missing(names)
    if warning is not None:
        echo(f"warning: {warning}", err=True)


def _tell_folders(selection: Selection) -> None:
    """Tell the classes whose folder cannot have their name."""
    from acgan.sampling.folder import told_folders

    for words in told_folders(selection.sampler.class_names, list(selection.counts)):
        echo(words)


def _tell_choice(selection: Selection, written: Sequence[DrawnPortion]) -> None:
    for label, count in selection.counts.items():
        # What was drawn with the last kept one and comes after it was not needed.
        tried = 1 + max(
            portion.indices[-1] for portion in written if portion.label == label and portion.indices
        )
        name = shown(selection.sampler.class_names[label])
        echo(f"{name}: {count:,} kept of {tried:,} drawn ({count / tried:.0%})")
    echo(
        "Images that a classifier is sure of are more alike than all are: their scores are not the generator's."
    )


def _names(names: Sequence[str]) -> str:
    rest = len(names) - _CLASSES_NAMED
    return ", ".join(map(shown, names[:_CLASSES_NAMED])) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"

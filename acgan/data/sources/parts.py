"""Sources that name their parts: the part to train on, the part that is held out, and those that are not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acgan.data.index import Index, Reader, held_out_part, shortened
from acgan.data.layouts.names import doubtful_labels, part_of
from acgan.data.options import ReadOptions
from acgan.data.sources.files import class_name
from acgan.data.sources.labels import MANY
from acgan.errors import DataError
from acgan.types import LeftOut, Reading


@dataclass(frozen=True)
class Part:
    """A part of a source.

    Attributes:
        name: Its name as the source writes it; "" for the whole of a source without parts.
        count: Number of its images.
        labels: (count,) whole numbers or strings; None where the part has no labels.
        missing: (count,) bool, true for images without a label; None where each has one.
        groups: (count,) strings or numbers: images of one group stay on one side of a split.
    """

    name: str
    count: int
    labels: np.ndarray | None = None
    missing: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def present(self) -> np.ndarray:
        """(count,) bool, true for images with a label."""
        return np.full(self.count, self.labels is not None) if self.missing is None else ~self.missing

    def labelled(self) -> np.ndarray:
        """The labels that are there."""
        return np.empty(0, np.int64) if self.labels is None else self.labels[self.present]


@dataclass(frozen=True)
class _Choice:
    train: Part
    held: Part | None
    unused: tuple[Part, ...]
    unlabelled: tuple[Part, ...]

    @property
    def used(self) -> list[Part]:
        return [self.train] if self.held is None else [self.train, self.held]


def index_parts(
    parts: Sequence[Part],
    open_reader: Callable[[Sequence[Part]], Reader],
    *,
    where: str,
    class_names: Sequence[str] | None,
    reading: Reading,
) -> Index:
    """Index the images to train on and those held out.

    The part ``test`` is held out where it is labelled, else ``val`` where it is labelled, else no part is. Other
    parts are not used: the labelled ones are counted in ``Reading.unused``, the others in ``Reading.left_out``.

    Args:
        parts: All parts; one alone is trained on, whatever its name.
        open_reader: Receives the parts that are used, and reads their images, numbered one after another.
        where: The source, for messages.
        class_names: Names of the labels 0, 1, …; None takes the labels themselves, sorted.
        reading: The way of reading, to which the parts that are not used are added.

    Raises:
        DataError: No part is to be trained on, or it has no labels, or a label has no name.
    """
    chosen = _choose(parts, where)
    if not chosen.train.present.any() and chosen.train.count:
        raise DataError(
            f"{where}: {chosen.train.name or 'the source'} has no labels; a class a picture is needed."
        )
    _check_kinds([*chosen.used, *chosen.unused], where)
    present = np.concatenate([part.present for part in chosen.used])
    given = np.concatenate([part.labelled() for part in chosen.used])
    labels, names = _number(given, class_names, where)
    doubtful = doubtful_labels(list(map(str, np.unique(given).tolist()))) if class_names is None else []
    held_out = None
    if chosen.held is not None:
        held_out = np.repeat([False, True], [part.count for part in chosen.used])[present]
    return Index(
        reader=open_reader(chosen.used),
        rows=np.flatnonzero(present),
        labels=labels,
        class_names=names,
        held_out=held_out,
        notes=tuple(_notes(chosen)),
        warnings=(*_warnings(chosen.used, where), *doubtful),
        groups=_groups(chosen.used, present),
        reading=replace(
            reading,
            left_out=(*reading.left_out, *_left_out(chosen)),
            unused={part.name: _counts(part, class_names, where) for part in chosen.unused},
        ),
    )


def part_column(parts: Iterable[tuple[str, int]]) -> np.ndarray:
    """The part of each image for ``Unlabelled``, "train", "test" or "".

    Args:
        parts: Name and number of images of each part, in the order of the images.
    """
    parts = list(parts)
    meant = [part_of(name) for name, _ in parts]
    held = held_out_part([part for part in meant if part])
    told = {held: "test", "train": "train", "": ""} if "train" in meant else {}
    kept = [told.get(part or "", "") for part in meant]
    return np.repeat(np.array(kept, dtype=object), [count for _, count in parts]).astype(str)


def refuse_options(options: ReadOptions, what: str, columns: Sequence[str] = ()) -> None:
    """Refuse options of reading that a source does not know.

    Args:
        options: The options.
        what: The kind of source, in the plural.
        columns: Keys of ``data.columns`` that it knows.

    Raises:
        DataError: One of the others is set.
    """
    known = f" Known there: {', '.join(f'data.columns.{key}' for key in columns)}." if columns else ""
    for key, given, default in (
        *((f"columns.{key}", name, None) for key, name in options.columns.items() if key not in columns),
        ("group", options.group, None),
        ("layout", options.layout, "auto"),
    ):
        if given != default:
            raise DataError(
                f"data.{key}: found {given!r}, which says nothing about {what}. Leave it out.{known}"
            )


def _choose(parts: Sequence[Part], where: str) -> _Choice:
    if len(parts) == 1:
        return _Choice(parts[0], None, (), ())
    meant: dict[str, Part] = {}
    for part in parts:
        meant.setdefault(part_of(part.name) or "", part)
    if "train" not in meant:
        found = shortened([part.name for part in parts], MANY)
        raise DataError(
            f"{where} has the parts {found}; expected one that is called train, or one part alone. Rename them."
        )
    train = meant["train"]
    others = [part for part in parts if part is not train]
    labelled = [part for part in others if not _is_unlabelled(part, train)]
    held = meant.get(held_out_part([name for name, part in meant.items() if part in labelled]))
    unlabelled = tuple(part for part in others if part not in labelled)
    return _Choice(train, held, tuple(part for part in labelled if part is not held), unlabelled)


def _is_unlabelled(part: Part, train: Part) -> bool:
    """True without labels; so are those whose labels are all negative, where training images have none such."""
    labels, trained = part.labelled(), train.labelled()
    if not len(labels):
        return True
    if not (_is_number(labels) and _is_number(trained)):
        return False
    return bool(labels.max() < 0 <= trained.min(initial=0))


def _check_kinds(parts: Sequence[Part], where: str) -> None:
    """Check that all labels are numbers, or all strings: the same class would get two names."""
    kinds = {part.name: _is_number(part.labelled()) for part in parts}
    if len(set(kinds.values())) > 1:
        numbers = [name for name, numeric in kinds.items() if numeric]
        strings = [name for name, numeric in kinds.items() if not numeric]
        raise DataError(
            f"{where} has numbers as labels in {' and '.join(numbers)}, and strings in {' and '.join(strings)}."
            " Write them alike."
        )


def _is_number(labels: np.ndarray) -> bool:
    return labels.dtype.kind in "iu"


def _number(
    given: np.ndarray, class_names: Sequence[str] | None, where: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels from 0 on, and the names of all classes."""
    if class_names is not None:
        names = tuple(class_name(name) for name in class_names)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise DataError(f"{where} has two classes named {twice[0]!r}. Give each its own name.")
        _check_range(given, len(names), where)
        return given.astype(np.int64), names
    found, positions = np.unique(given, return_inverse=True)
    if _is_number(found):
        return positions.astype(np.int64), tuple(map(str, found.tolist()))
    composed = np.array([class_name(str(name)) for name in found.tolist()], dtype=object)
    different, merged = np.unique(composed, return_inverse=True)
    return merged[positions].astype(np.int64), tuple(different.tolist())


def _check_range(given: np.ndarray, count: int, where: str) -> None:
    if not _is_number(given):
        raise DataError(f"{where} has labels that are strings and names for numbers; give one of them.")
    if len(given) and not 0 <= given.min() <= given.max() < count:
        raise DataError(
            f"{where} has labels from {given.min()} to {given.max()} and {count} class names; expected labels from"
            f" 0 to {count - 1}."
        )


def _groups(used: Sequence[Part], present: np.ndarray) -> np.ndarray | None:
    given = [part.groups for part in used if part.groups is not None]
    if len(given) < len(used):
        return None
    return np.unique(np.concatenate(given)[present], return_inverse=True)[1].astype(np.int64)


def _counts(part: Part, class_names: Sequence[str] | None, where: str) -> dict[str, int]:
    """Number of images by class."""
    labels, names = _number(part.labelled(), class_names, f"{where}: {part.name}")
    counts = np.bincount(labels, minlength=len(names))
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def _notes(chosen: _Choice) -> list[str]:
    notes = []
    if chosen.unused and chosen.held:
        names = " and ".join(part.name for part in chosen.unused)
        notes.append(f"unused: {names} ({chosen.held.name} is what is held out)")
    elif chosen.unused:
        notes.append(f"unused: {' and '.join(part.name for part in chosen.unused)}")
    notes += [f"unused: {part.name}, which has no labels" for part in chosen.unlabelled]
    return notes


def _left_out(chosen: _Choice) -> list[LeftOut]:
    whole = [
        LeftOut(f"pictures of {part.name}, which has no labels", part.count) for part in chosen.unlabelled
    ]
    lacking = [(part, int((~part.present).sum())) for part in chosen.used]
    return whole + [LeftOut(_without_label(part), count) for part, count in lacking if count]


def _without_label(part: Part) -> str:
    return f"pictures of {part.name} without a label" if part.name else "pictures without a label"


def _warnings(used: Sequence[Part], where: str) -> list[str]:
    lacking = [(part, int((~part.present).sum())) for part in used]
    return [
        f"{where}: {count:,} of {part.count:,} {_without_label(part)} left out"
        for part, count in lacking
        if count
    ]

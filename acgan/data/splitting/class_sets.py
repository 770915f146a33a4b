"""Classes of data beside the classes that a trained network knows: what can be scored, and what cannot."""

from __future__ import annotations

import contextlib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from acgan.data.index import ClassChoice, Index, shortened
from acgan.data.load import find_source
from acgan.data.options import DataOptions
from acgan.data.splitting.subset import regroup
from acgan.errors import DataError
from acgan.types import NOT_IN_FOLDERS, SAMPLER_FILE, Dataset

#: In the place of a network's kind: samples that something else generated, and their classes.
SAMPLES = "samples"
_SHOWN = 20

Groups = dict[str, list[str]]


@dataclass(frozen=True)
class ClassSets:
    """Classes of data beside those that a network knows.

    Attributes:
        known: The network's classes, in its order.
        scored: Those of them of which there are images.
        left_out: Number of images of each class that the network does not know.
    """

    known: tuple[str, ...]
    scored: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def lacking(self) -> tuple[str, ...]:
        """The network's classes of which there are no images."""
        return tuple(name for name in self.known if name not in set(self.scored))

    def narrowed(self, counts: np.ndarray | Sequence[int]) -> ClassSets:
        """The same for a part of the data: ``counts`` (K,) are its images of the network's classes."""
        scored = tuple(name for name, count in zip(self.known, counts, strict=True) if count)
        return replace(self, scored=scored)

    def describe(self) -> dict[str, Any]:
        """Plain values for the provenance of scores."""
        return {
            "known": list(self.known),
            "scored": list(self.scored),
            "not_scored": list(self.lacking),
            "left_out": dict(self.left_out),
        }

    def remarks(self, whose: str, part: str) -> list[str]:
        """Sentences on the classes that are not scored.

        Args:
            whose: Kind of the network: ``generator`` or ``classifier``; ``SAMPLES`` where there is none.
            part: Part of the data with a blank behind, ``"test "``; empty for all of it.
        """
        found = []
        if self.left_out:
            counts = [
                f"{name} ({count:,} {'image' if count == 1 else 'images'})"
                for name, count in self.left_out.items()
            ]
            them = "it" if len(counts) == 1 else "them"
            why = (
                f"there are no samples of {them}" if whose == SAMPLES else f"the {whose} does not know {them}"
            )
            found.append(f"left out, because {why}: {shortened(counts, _SHOWN)}")
        if self.lacking:
            found.append(f"not scored: no {part}images of {shortened(self.lacking, _SHOWN)}")
        return found

    def doubts(self, whose: str) -> list[str]:
        """Sentences on classes that are left out though one of the network's has nearly the same name."""
        knows = "samples have" if whose == SAMPLES else f"{whose} knows"
        mend = "Give it that name to have it scored"
        if whose == SAMPLES:
            mend += f", or put {SAMPLER_FILE} back beside the folders that `acgan sample` wrote"
        return [
            f"the class {found!r} of the data is left out: did you mean {known!r}? The {knows} that one. {mend}"
            for found, known in _alike(self.left_out, self.lacking)
        ]


def match_classes(
    known: Sequence[str], found: Mapping[str, int], choice: ClassChoice | None, *, data: str, whose: str
) -> tuple[ClassSets, Groups]:
    """Match a network's classes with those of data, by name.

    Args:
        known: The network's classes, in its order.
        found: Number of images of each class of the data, above 0.
        choice: The choice of classes when the network was trained: its merges hold where their names are there.
        data: Name of the data, for the error.
        whose: As for ``ClassSets.remarks``.

    Returns:
        The classes, and for each that is scored the names in the data that make it up.

    Raises:
        DataError: They have none in common.
    """
    members = members_of(choice) if choice is not None else {}
    taken = {name for names in members.values() for name in names}
    groups: Groups = {}
    for name in known:
        names = [old for old in members.get(name, [name]) if old in found]
        if not names and name in found and name not in taken:
            names = [name]  # such as samples, which have the merged class's own name
        if names:
            groups[name] = names
    used = {name for names in groups.values() for name in names}
    left_out = {name: count for name, count in found.items() if name not in used}
    sets = ClassSets(tuple(known), tuple(groups), left_out)
    if not groups:
        owner = "samples'" if whose == SAMPLES else f"{whose}'s"
        pairs = [f"{a!r}: did you mean {b!r}?" for a, b in _alike(left_out, sets.lacking)]
        raise DataError(
            f"{data}: none of its classes ({shortened(list(found), _SHOWN)}) is one of the {owner} "
            f"({shortened(known, _SHOWN)}); expected at least one of the same name. "
            f"{' '.join([*pairs, ''])}Choose other images, or rename their classes."
        )
    return sets, groups


def match_source(
    source: str, options: DataOptions, known: Sequence[str], *, whose: str
) -> tuple[ClassSets, DataOptions]:
    """Match a network's classes with those of a source, without decoding it.

    Args:
        source: As for ``load_dataset``.
        options: Options by which the network's training decoded its images.
        known: The network's classes.
        whose: As for ``ClassSets.remarks``.

    Returns:
        The classes, and the options by which the images to score are decoded.

    Raises:
        DataError: The source cannot be read, or has none of the classes.
    """
    index, options = _index(source, options, known)
    counts = np.bincount(index.labels, minlength=len(index.class_names)).tolist()
    found = {name: count for name, count in zip(index.class_names, counts, strict=True) if count}
    sets, groups = match_classes(known, found, options.classes, data=source, whose=whose)
    everything = {name: [name] for name in index.class_names}
    chosen = everything if options.classes is None else members_of(options.classes)
    # What is held out of a fixed split depends on all the classes: the others are left out after it is drawn.
    if not index.fixed_split and list(groups.items()) != list(chosen.items()):
        options = replace(options, classes=[{name: names} for name, names in groups.items()])
    return sets, replace(options, for_scoring=True)


def _index(source: str, options: DataOptions, known: Sequence[str]) -> tuple[Index, DataOptions]:
    """The content of a source, and the options by which it was read.

    Layout, columns and groups of the training are those of its own source, so another one is also read without them,
    if they do not fit it or make classes that the network does not know. A doubt about the layout, such as with a
    folder of a single class, is none if all the folders have names that the network knows.
    """
    names = {*known, *(old for names in members_of(options.classes or ()).values() for old in names)}
    plain = replace(options, layout="auto", columns={}, group=None)
    try:
        index = find_source(source, options.reading).index()
        if options.reading == plain.reading or names.intersection(index.class_names):
            return index, options
    except DataError:
        index = None
    for other in (plain, replace(plain, layout="classes")):
        with contextlib.suppress(DataError):
            found = find_source(source, other.reading).index()
            if set(found.class_names) <= names:
                return found, other
    return index if index is not None else find_source(source, options.reading).index(), options


def source_classes(source: str, options: DataOptions) -> tuple[str, ...]:
    """Names of the classes of a source, in its order.

    Raises:
        DataError: The source cannot be read.
    """
    return find_source(source, options.reading).index().class_names


def match_dataset(
    dataset: Dataset, known: Sequence[str], choice: ClassChoice | None, *, whose: str
) -> tuple[ClassSets, Dataset]:
    """Match a network's classes with those of decoded images, and leave the others out.

    Args:
        dataset: The images.
        known: The network's classes.
        choice: The choice of classes when the network was trained, or None.
        whose: As for ``ClassSets.remarks``.

    Raises:
        DataError: They have none in common.
    """
    stores = (dataset.train, dataset.test)
    labels, names = np.concatenate([store.labels for store in stores]), dataset.train.class_names
    counts = np.bincount(labels, minlength=len(names)).tolist()
    found = {name: count for name, count in zip(names, counts, strict=True) if count}
    sets, groups = match_classes(known, found, choice, data=dataset.name, whose=whose)
    train, test = (regroup(store, groups) for store in stores)
    validation = None if dataset.validation is None else regroup(dataset.validation, groups)
    used = [names.index(name) for chosen in groups.values() for name in chosen]
    kept = np.isin(dataset.train.labels, used)
    real, made = kept[: dataset.num_real], kept[dataset.num_real :]
    return sets, replace(
        dataset,
        train=train,
        test=test,
        validation=validation,
        num_generated=int(made.sum()),
        groups=None if dataset.groups is None else dataset.groups[real],
    )


def members_of(choice: ClassChoice) -> Groups:
    """The old names that make up each class of a choice."""
    members: Groups = {}
    for one in choice:
        members |= {one: [one]} if isinstance(one, str) else {new: list(old) for new, old in one.items()}
    return members


def _alike(found: Mapping[str, int], lacking: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in case, blanks, marks or the composition of their letters alone."""
    by_key: dict[str, list[str]] = defaultdict(list)
    for name in lacking:
        by_key[_bare(name)].append(name)
    return [(name, other) for name in found for other in by_key.get(_bare(name), ())]


def _bare(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(
        letter for letter in folded if not letter.isspace() and letter not in f"_-{NOT_IN_FOLDERS}"
    ).strip(".")

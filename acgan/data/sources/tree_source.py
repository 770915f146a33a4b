"""Sources that are folders or zips of pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from acgan.data.index import Index, Unlabelled, empty_note, held_out_part, index_by_name, shortened
from acgan.data.layouts.branches import Labelled, counted
from acgan.data.layouts.detect import detect
from acgan.data.layouts.folders import parts_of_all
from acgan.data.layouts.names import doubtful_labels, part_of
from acgan.data.layouts.sampled import with_sampled_names
from acgan.data.options import ReadOptions
from acgan.data.sources.endings import remedy_for, unread_pictures
from acgan.data.sources.files import class_name
from acgan.data.sources.tree import EXAMPLES, Container, Parts, Readable, Tree, endings
from acgan.data.splitting.groups import group_numbers
from acgan.errors import DataError
from acgan.types import LeftOut, Reading


class TreeSource:
    """A folder or archive of pictures, whatever its layout."""

    def __init__(self, container: Container, options: ReadOptions):
        self._container = container
        self._options = options

    @cached_property
    def _tree(self) -> Tree:
        return self._container.tree()

    def identity(self) -> str:
        return self._container.identity()

    def index(self) -> Index:
        found = detect(self._container, self._tree, self._options)
        _check_twins(self._container.where, self._tree, found)
        found = with_sampled_names(self._container, self._tree, found)
        found = replace(found, warnings=(*_held_out_alone(self._tree, found), *found.warnings))
        return make_index(self._container, self._tree, found, self._options)

    def unlabelled(self) -> Unlabelled:
        positions = self._tree.pictures
        if not positions:
            raise DataError(
                f"{self._container.where} holds no images. Images end in .png, .jpg and the like."
            )
        try:
            found = detect(self._container, self._tree, self._options)
            told = found.parts if held_out_part(found.parts) else ()
            part_of = dict(zip(found.positions, told, strict=False))
        except DataError:  # nobody asks for classes here
            part_of = parts_of_all(self._tree)
        held = held_out_part(list(part_of.values()))
        words = {held: "test", "train": "train", "": ""}
        parts = [words.get(part_of.get(position, ""), "") for position in positions]
        files = [self._tree.files[position] for position in positions]
        unread = unread_pictures(file[-1] for file in self._tree.files)
        doubt = f"{self._container.where}: pictures that cannot be read here are left out: {unread}"
        return Unlabelled(
            self._container.reader(files),
            np.array(parts),
            left_out=(*_other_files(self._tree), *self._tree.left_out),
            warnings=(doubt,) if unread else (),
        )


def _check_twins(where: str, tree: Tree, found: Labelled) -> None:
    """Check that no folder is two classes, or two parts, because a link beside it leads to it.

    Raises:
        DataError: One is; its pictures would count for the other name.
    """
    for link, place in tree.twins if found.layout != "list" else ():
        below = [
            number
            for number, position in enumerate(found.positions)
            if tree.files[position][: len(place)] == place
        ]
        is_class = place[-1] in {found.names[number] for number in below}
        are_parts = bool(below) and None not in (part_of(link[-1]), part_of(place[-1]))
        if is_class or are_parts:
            raise DataError(
                f"{where}: {'/'.join(link)} and {'/'.join(place)} are one folder, as a link leads to it, so its "
                f"pictures could be of either {'class' if is_class else 'part'}. Remove one of the two."
            )


def make_index(container: Readable, tree: Tree, found: Labelled, options: ReadOptions) -> Index:
    """The index of labelled pictures, with all that is worth saying about them."""
    held = held_out_part(found.parts)
    used = [number for number, part in enumerate(found.parts) if part in ("train", held)]
    unused: dict[str, Counter[str]] = defaultdict(Counter)
    for name, part in zip(found.names, found.parts, strict=True):
        if part not in ("train", held):
            unused[part][class_name(name)] += 1
    files = [tree.files[found.positions[number]] for number in used]
    names = [class_name(found.names[number]) for number in used]
    notes = [*found.notes, *unused_notes(unused, held)]
    by_content = sum(parts in tree.by_content for parts in files)
    if by_content:
        notes.append(
            f"read as images by what they hold, without the ending of one: {counted(by_content, 'file')}"
        )
    linked = ["/".join(parts) for parts in files if parts in tree.linked]
    if linked:
        be = (
            "is a link, and counts like a file of its own"
            if len(linked) == 1
            else "are links, and count like files of their own"
        )
        notes.append(f"{counted(len(linked), 'picture')} {be}: {shortened(linked, EXAMPLES)}")
    empty = sorted(
        {class_name(folder[-1]) for folder in found.folders} - {class_name(name) for name in found.names}
    )
    notes += [empty_note(empty)] if empty else []
    groups, told = _groups(
        files, [found.groups[number] for number in used] if found.groups else None, options
    )
    notes += told
    return index_by_name(
        container.reader(files),
        names,
        np.array([found.parts[number] == held for number in used], dtype=bool) if held else None,
        notes,
        warnings=(*found.warnings, *doubtful_labels(found.names), *_lost(container.where, tree, empty)),
        groups=groups,
        order=list(map(class_name, found.order)),
        reading=Reading(
            layout=found.layout,
            why=found.why,
            labels=found.label_source,
            parts=found.part_source if held else "",
            left_out=(*found.left_out, *_other_files(tree), *tree.left_out),
            unused={part: dict(counts) for part, counts in unused.items()},
        ),
    )


def _held_out_alone(tree: Tree, found: Labelled) -> tuple[str, ...]:
    """A warning about pictures for training that all lie in the folder of another part."""
    if set(found.parts) != {"train"}:
        return ()
    above = set.intersection(*({*tree.files[position][:-1]} for position in found.positions))
    return tuple(
        f"all pictures with a label lie in {name}/, which is named like a {part} part: they are used for training too"
        for name in sorted(above)
        if (part := part_of(name)) in ("val", "test")
    )


def unused_notes(unused: dict[str, Counter[str]], held: str) -> list[str]:
    """A remark on labelled parts that are not used."""
    return [
        f"unused: {part}, {counts.total():,} images ({held} is what is held out)"
        for part, counts in unused.items()
    ]


def _groups(
    files: Sequence[Parts], listed: Sequence[str] | None, options: ReadOptions
) -> tuple[np.ndarray | None, list[str]]:
    """(N,) numbers of groups, by ``data.group`` or else by a list's column, and remarks on them."""
    if options.group is not None:
        numbers, unmatched = group_numbers(["/".join(parts) for parts in files], options.group)
        told = f"data.group is not found in {unmatched:,} of {len(files):,} paths: these pictures are by themselves"
        if unmatched == len(files):
            raise DataError(
                f"data.group: {options.group!r} is found in none of {len(files):,} paths, such as "
                f"{'/'.join(files[0])!r}. Mend the regular expression, or leave it out."
            )
        return numbers, [told] if unmatched else []
    if listed is None:
        return None, []
    # Pictures without a group are groups of their own.
    named = [group or f"\0{number}" for number, group in enumerate(listed)]
    return np.unique(np.array(named, dtype=object), return_inverse=True)[1].astype(np.int64), []


def _other_files(tree: Tree) -> tuple[LeftOut, ...]:
    """Files without the ending of an image, by ending."""
    others = sorted(set(range(len(tree.files))) - set(tree.pictures))
    by_ending: dict[str, list[str]] = defaultdict(list)
    for position in others:
        (ending,) = endings(tree, [position])
        by_ending[ending].append("/".join(tree.files[position]))
    return tuple(
        LeftOut(
            f"files ending in {ending}" if ending else "files without an ending",
            len(names),
            tuple(names[:EXAMPLES]),
        )
        for ending, names in sorted(by_ending.items())
    )


def _lost(where: str, tree: Tree, empty: Sequence[str]) -> list[str]:
    """A warning about pictures that cannot be read here.

    Raises:
        DataError: All pictures of a class are of such a kind.
    """
    unreadable = [position for position, parts in enumerate(tree.files) if remedy_for(parts[-1])]
    if not unreadable:
        return []
    told = unread_pictures(tree.files[position][-1] for position in unreadable)
    lost = sorted(
        {class_name(part) for position in unreadable for part in tree.files[position][:-1]} & set(empty)
    )
    if lost:
        raise DataError(
            f"{where}: all pictures of {shortened(lost)} have an ending that cannot be read here: {told}. Convert "
            "them, or move these folders away."
        )
    return [f"pictures that cannot be read here are left out: {told}"]

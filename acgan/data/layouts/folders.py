"""Layouts of folders that tell labels: to add one, add a function and a line to ``FOLDER_LAYOUTS``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, Labelled, be, branch_of, counted, listed
from acgan.data.layouts.names import beside_part, part_of
from acgan.data.layouts.signs import SIGNS, signs
from acgan.data.sources.tree import EXAMPLES, Parts, Tree
from acgan.types import LeftOut


def read_classes(tree: Tree) -> Labelled | None:
    """One folder per class."""
    branch = branch_of(tree).unwrapped()
    if not branch.tops:
        return None
    place = _place(branch.prefix)
    return Labelled(
        layout="classes",
        **_placed({"train": branch}),
        why=f"the folders {place} are classes: {shortened(list(branch.tops), 6)}",
        label_source=f"the folders {place}",
        part_source="",
        doubts=signs(branch),
        warnings=_merged([branch]),
        left_out=_left("pictures that lie in no class folder", tree, branch.loose),
        folders=_class_folders(tree, [branch.prefix]),
    )


def read_splits(tree: Tree) -> Labelled | None:
    """Folders of parts, such as train/ and test/, with one folder per class in each."""
    branch = branch_of(tree).unwrapped()
    found = _find_parts(branch)
    if "train" not in found.labelled:
        return None
    together = Branch((), tuple(picture for inner in found.labelled.values() for picture in inner.pictures))
    labelled = [found.labelled[part] for part in ("train", "val", "test") if part in found.labelled]
    own = [f"{inner.prefix[len(branch.prefix)]}/" for inner in labelled]
    unlabelled = [position for top in found.unlabelled.values() for position, _ in top.pictures]
    others = [position for top in found.others.values() for position, _ in top.pictures]
    return Labelled(
        layout="splits",
        **_placed(found.labelled),
        why=f"{listed(own)} {be(own)} named like {'parts' if len(own) > 1 else 'a part'} of a set, with a folder per "
        "class inside",
        label_source=f"the folders in {listed(own)}",
        part_source=listed(own) if len(own) > 1 else "",
        doubts=(
            *found.doubts,
            *(told for sign in SIGNS if sign.name != "single" and (told := sign.look(together))),
        ),
        notes=tuple(
            f"{name}/ has no class folders, so it is not held out: {counted(len(top.pictures), 'picture')} left out"
            for name, top in found.unlabelled.items()
        ),
        warnings=_merged(found.labelled.values()),
        left_out=(
            *_left("pictures in parts without class folders", tree, unlabelled),
            *_left("pictures in folders beside the parts", tree, others),
            *_left("pictures that lie in no class folder", tree, [*branch.loose, *together.loose]),
        ),
        folders=_class_folders(tree, [inner.prefix for inner in found.labelled.values()]),
    )


@dataclass(frozen=True)
class _FoundParts:
    """Top folders by what they are: labelled parts (their class folders), parts without labels, and others."""

    labelled: dict[str, Branch]
    unlabelled: dict[str, Branch]
    others: dict[str, Branch]
    doubts: tuple[str, ...]


def _find_parts(branch: Branch) -> _FoundParts:
    labelled: dict[str, Branch] = {}
    unlabelled: dict[str, Branch] = {}
    others: dict[str, Branch] = {}
    doubts: list[str] = []
    parts = {name: part_of(name) for name in branch.tops}
    named = {beside_part(name) for name, part in parts.items() if part is not None}
    if len(named) > 1:  # as train_station and test_tube, against seg_train and seg_test
        doubts.append(
            f"the parts are not named alike: {listed([name for name in parts if parts[name] is not None])}"
        )
    tops = {name: top.unwrapped().tops for name, top in branch.tops.items() if parts[name] and not top.flat()}
    several = {folder for folders in tops.values() if len(folders) > 1 for folder in folders}
    classes = {folder for name, folders in tops.items() if parts[name] == "train" for folder in folders}
    for name, top in branch.tops.items():
        part, inner = parts[name], top.unwrapped(several)
        if part is None:
            others[name] = top
            doubts.append(f"{name} lies beside them and is no part")
        elif not part or top.flat() or (len(inner.tops) == 1 and not set(inner.tops) & classes):
            unlabelled[name] = top
        elif part in labelled:
            doubts.append(f"{labelled[part].prefix[len(branch.prefix)]} and {name} both stand for {part}")
        else:
            labelled[part] = inner
            if 10 * len(inner.loose) > len(
                inner.pictures
            ):  # more than strays: perhaps name is a class itself
                doubts.append(
                    f"{len(inner.loose):,} of {len(inner.pictures):,} pictures in {name} lie in no folder"
                )
    return _FoundParts(labelled, unlabelled, others, tuple(doubts))


def parts_by_folder(tree: Tree) -> dict[int, str]:
    """Part of each picture by its top folder, whatever lies in it; empty unless these are parts, one for training."""
    branch = branch_of(tree).unwrapped()
    parts = {name: part_of(name) for name in branch.tops}
    if branch.loose or None in parts.values() or "train" not in parts.values():
        return {}
    return {position: parts[name] or "" for name, top in branch.tops.items() for position, _ in top.pictures}


def read_leaves(tree: Tree) -> Labelled | None:
    """The innermost folders are classes; folders above them may be parts."""
    inside = [position for position in tree.pictures if len(tree.files[position]) > 1]
    if not inside:
        return None
    parts = [next(filter(None, map(part_of, tree.files[position][:-2])), "train") for position in inside]
    return Labelled(
        layout="leaves",
        positions=inside,
        names=[tree.files[position][-2] for position in inside],
        parts=parts,
        why="the innermost folders, which hold the pictures, are classes",
        label_source="the innermost folders",
        part_source="folders above them that are named like parts" if set(parts) != {"train"} else "",
        left_out=_left(
            "pictures that lie in no class folder", tree, sorted(set(tree.pictures) - set(inside))
        ),
    )


def _placed(parts: dict[str, Branch]) -> dict[str, Any]:
    """Positions, labels and parts of the pictures in the class folders of each part."""
    placed = [
        (position, path[0], part)
        for part, branch in parts.items()
        for position, path in branch.pictures
        if len(path) > 1
    ]
    placed.sort()
    return {
        "positions": [position for position, _, _ in placed],
        "names": [name for _, name, _ in placed],
        "parts": [part for _, _, part in placed],
    }


def _merged(branches: Iterable[Branch]) -> tuple[str, ...]:
    """A warning about classes whose pictures come from several folders of one part."""
    merged: Counter[str] = Counter()
    for branch in branches:
        for name, top in branch.tops.items():
            inner = Counter("/".join((name, *path[:-1])) for _, path in top.pictures)
            if len(inner) > 1:
                merged.update({folder: count for folder, count in inner.items() if folder != name})
    if not merged:
        return ()
    told = [f"{folder} ({counted(count, 'picture')})" for folder, count in sorted(merged.items())]
    return (
        f"{counted(len(merged), 'sub-folder')} {'is' if len(merged) == 1 else 'are'} read as part of the class "
        f"above: {shortened(told, 4)}. If they are classes, use --set data.layout=leaves.",
    )


def _left(reason: str, tree: Tree, positions: Sequence[int]) -> tuple[LeftOut, ...]:
    if not positions:
        return ()
    names = ["/".join(tree.files[position]) for position in positions[:EXAMPLES]]
    return (LeftOut(reason, len(positions), tuple(names)),)


def _class_folders(tree: Tree, prefixes: Sequence[Parts]) -> frozenset[Parts]:
    """The folders directly below some folders."""
    return frozenset(folder for folder in tree.folders if folder[:-1] in prefixes)


def _place(prefix: Parts) -> str:
    return f"in {'/'.join(prefix)}/" if prefix else "at the top"


#: Layouts of folders by the key of ``data.layout``.
FOLDER_LAYOUTS: dict[str, Callable[[Tree], Labelled | None]] = {
    "classes": read_classes,
    "splits": read_splits,
    "leaves": read_leaves,
}

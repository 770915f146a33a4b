"""Layouts of folders that tell labels: to add one, add a function and a line to ``FOLDER_LAYOUTS``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from acgan.data.index import held_out_part, shortened
from acgan.data.layouts.branches import Branch, Labelled, be, branch_of, counted, listed
from acgan.data.layouts.folder_warnings import masks_beside, merge_warnings, met
from acgan.data.layouts.names import beside_part, folder_parts, part_of
from acgan.data.layouts.signs import signs
from acgan.data.sources.tree import EXAMPLES, Parts, Tree
from acgan.types import LeftOut


def read_classes(tree: Tree) -> Labelled | None:
    """One folder per class, perhaps with folders of parts in each."""
    branch = branch_of(tree).unwrapped()
    if not branch.tops:
        return None
    place = _place(branch.prefix)
    inner = _parts_inside(branch)
    placed = _placed({"train": branch})
    if inner:
        placed["parts"] = [inner[position] for position in placed["positions"]]
    return Labelled(
        layout="classes",
        **placed,
        why=f"the folders {place} are classes: {shortened(list(branch.tops), 6)}"
        + (", with folders of parts in each" if inner else ""),
        label_source=f"the folders {place}",
        part_source="the folders in those of the classes" if inner else "",
        doubts=signs(branch, without=("nested", "alternate") if inner else ()),
        warnings=(
            *(() if inner else merge_warnings([branch])),
            *masks_beside(tree, placed["positions"]),
        ),
        left_out=_left_rest(tree, placed["positions"]),
        folders=_class_folders(tree, [branch.prefix]),
    )


def _parts_inside(branch: Branch) -> dict[int, str]:
    """Part of each picture by a folder in that of its class; empty unless all lie so, some of them for training."""
    inside = [(position, path) for position, path in branch.pictures if len(path) > 1]
    if any(len(path) != 3 for _, path in inside):
        return {}
    parts = folder_parts({path[1] for _, path in inside})
    if len({*map(beside_part, parts)}) > 1:  # as train_station and test_tube
        return {}
    found = {position: parts[path[1]] or "" for position, path in inside}
    return found if "train" in found.values() and len({*found.values()}) > 1 and all(found.values()) else {}


def read_splits(tree: Tree) -> Labelled | None:
    """Folders of parts, such as train/ and test/, with one folder per class in each."""
    branch = branch_of(tree).unwrapped()
    found = _find_parts(branch)
    if "train" not in found.labelled:
        return None
    together = Branch((), tuple(picture for inner in found.labelled.values() for picture in inner.pictures))
    labelled = [found.labelled[part] for part in ("train", "val", "test") if part in found.labelled]
    own = [f"{inner.prefix[len(branch.prefix)]}/" for inner in labelled]
    placed = _placed(found.labelled)
    beside = [
        ("pictures in parts without class folders", _positions(found.unlabelled.values())),
        ("pictures in folders beside the parts", _positions(found.others.values())),
        ("pictures in folders for a part that another folder is", _positions(found.second.values())),
    ]
    return Labelled(
        layout="splits",
        **placed,
        why=f"{listed(own)} {be(own)} named like {'parts' if len(own) > 1 else 'a part'} of a set, with a folder per "
        "class inside",
        label_source=f"the folders in {listed(own)}",
        part_source=listed(own) if len(own) > 1 else "",
        doubts=(*found.doubts, *signs(together, without=("single",))),
        notes=found.notes,
        warnings=(
            *merge_warnings(found.labelled.values()),
            *(
                f"{name}/ stands for a part that another folder is: {counted(len(top.pictures), 'picture')} left out"
                for name, top in found.second.items()
            ),
            *masks_beside(tree, placed["positions"]),
        ),
        left_out=(
            *(left for reason, positions in beside for left in _left(reason, tree, positions)),
            *_left_rest(tree, [*placed["positions"], *(one for _, positions in beside for one in positions)]),
        ),
        folders=_class_folders(tree, [inner.prefix for inner in found.labelled.values()]),
    )


@dataclass
class _FoundParts:
    """Top folders by what they are.

    Attributes:
        labelled: The class folders of each part.
        unlabelled: Parts without class folders.
        second: Folders that stand for a part that another folder was taken for.
        others: Folders that are no parts.
        doubts, notes: See ``Labelled``.
    """

    labelled: dict[str, Branch] = field(default_factory=dict)
    unlabelled: dict[str, Branch] = field(default_factory=dict)
    second: dict[str, Branch] = field(default_factory=dict)
    others: dict[str, Branch] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _find_parts(branch: Branch) -> _FoundParts:
    found = _FoundParts()
    parts = folder_parts(branch.tops)
    named = {beside_part(name) for name, part in parts.items() if part is not None}
    if len(named) > 1:  # as train_station and test_tube, against seg_train and seg_test
        alike = listed([name for name in parts if parts[name] is not None])
        found.doubts += (f"the parts are not named alike: {alike}",)
    tops = {name: top.unwrapped().tops for name, top in branch.tops.items() if parts[name] and not top.flat()}
    several = {folder for folders in tops.values() if len(folders) > 1 for folder in folders}
    classes = {folder for name, folders in tops.items() if parts[name] == "train" for folder in folders}
    for name, top in branch.tops.items():
        part, inner = parts[name], top.unwrapped(several)
        only = next(iter(inner.tops)) if len(inner.tops) == 1 and not top.flat() else ""
        if part is None:
            found.others[name] = top
            found.doubts += (f"{name} lies beside them and is no part",)
        elif not part or top.flat() or (only and only not in classes):
            found.unlabelled[name] = top
            why = f"'s only folder, {only}, is no class of train" if only else "/ has no class folders"
            found.notes += (
                f"{name}{why}, so it is not held out: {counted(len(top.pictures), 'picture')} left out",
            )
        elif part in found.labelled:
            found.second[name] = top
            first = found.labelled[part].prefix[len(branch.prefix)]
            found.doubts += (f"{first} and {name} both stand for {part}",)
        else:
            found.labelled[part] = inner
            loose = counted(len(inner.loose), "picture")
            if 10 * len(inner.loose) > len(
                inner.pictures
            ):  # more than strays: perhaps name is a class itself
                found.doubts += (f"{loose} of {len(inner.pictures):,} in {name} lie in no folder",)
    if found.doubts:  # data.classes may settle it where all else is sure
        found.doubts += _lacking(found.labelled)
    return found


def _lacking(labelled: Mapping[str, Branch]) -> tuple[str, ...]:
    """A doubt about classes of the held-out part that the training part lacks: these may be no classes."""
    held = held_out_part(labelled)
    if not held or "train" not in labelled:
        return ()
    lacking = sorted(set(labelled[held].tops) - set(labelled["train"].tops))
    return (f"{shortened(lacking)} of {held} {be(lacking)} not in train",) if lacking else ()


def parts_by_folder(tree: Tree) -> dict[int, str]:
    """Part of each picture by the folders that it lies in, whatever else lies in them.

    A folder for testing in one for training is for testing. Folders that all pictures lie in do not count.

    Returns:
        Part by position, "" for a part without labels; empty unless there is a part that is not for training. Pictures
        that lie in no folder of a part are not in it.
    """
    above = {position: tree.files[position][:-1] for position in tree.pictures}
    if not above:
        return {}
    first, last = min(above.values()), max(above.values())
    depth = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    parts = folder_parts({name for folders in above.values() for name in folders[depth:]})
    if not {*parts.values()} - {"train", None}:
        return {}
    found = {position: {parts[name] for name in folders[depth:]} for position, folders in above.items()}
    order = ("test", "val", "", "train")
    return {
        position: next(part for part in order if part in own)
        for position, own in found.items()
        if not own.isdisjoint(order)
    }


def parts_of_all(tree: Tree) -> dict[int, str]:
    """Part of each picture by its top folder, where all top folders are parts, one of them for training; else none."""
    branch = branch_of(tree).unwrapped()
    parts = folder_parts(branch.tops)
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
        warnings=(*met(tree, inside), *masks_beside(tree, inside)),
        left_out=_left_rest(tree, inside),
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


def _positions(branches: Iterable[Branch]) -> list[int]:
    return [position for branch in branches for position, _ in branch.pictures]


def _left_rest(tree: Tree, told: Iterable[int]) -> tuple[LeftOut, ...]:
    """The pictures that are not told of otherwise."""
    return _left("pictures that lie in no class folder", tree, sorted(set(tree.pictures) - set(told)))


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

"""Layouts of folders that tell labels, and the signs that a layout is not what it seems."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from acgan.data.index import shortened
from acgan.data.names import are_chunks, is_container, part_of
from acgan.data.tree import EXAMPLES, Parts, Tree
from acgan.types import LeftOut


@dataclass(frozen=True)
class Labelled:
    """Labelled pictures of a tree, as one layout reads them.

    Attributes:
        layout: Its key.
        positions: Positions in ``Tree.files``.
        names: Label of each.
        parts: Part of each: "train", "val" or "test".
        why, label_source, part_source: See ``Reading``.
        doubts: Reasons why this layout may be wrong, each a clause; empty where there is none.
        notes: Remarks for the user.
        warnings: Doubts about single pictures or labels.
        left_out: Pictures that this layout does not use.
        folders: The folders of classes, to tell empty ones.
        groups: Group of each by the list's own column, or None.
        order: Names of the classes in their order; () sorts them.
    """

    layout: str
    positions: Sequence[int]
    names: Sequence[str]
    parts: Sequence[str]
    why: str
    label_source: str
    part_source: str
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    folders: frozenset[Parts] = frozenset()
    groups: Sequence[str] | None = None
    order: tuple[str, ...] = ()

    def describe(self) -> str:
        """The reading in a clause, for the choice between several."""
        classes = sorted(set(self.names))
        count = f"{len(classes)} {'class' if len(classes) == 1 else 'classes'}"
        return f"{count} ({shortened(classes, 6)}) from {self.label_source}"


@dataclass(frozen=True)
class Branch:
    """The pictures below a folder.

    Attributes:
        prefix: The folder.
        pictures: Position in ``Tree.files`` and path below the folder of each.
    """

    prefix: Parts
    pictures: tuple[tuple[int, Parts], ...]

    @cached_property
    def tops(self) -> dict[str, Branch]:
        """The folders directly below that have pictures at any depth."""
        inside: dict[str, list[tuple[int, Parts]]] = defaultdict(list)
        for position, parts in self.pictures:
            if len(parts) > 1:
                inside[parts[0]].append((position, parts[1:]))
        return {name: Branch((*self.prefix, name), tuple(found)) for name, found in sorted(inside.items())}

    @cached_property
    def loose(self) -> tuple[int, ...]:
        """Positions of the pictures that lie directly in the folder."""
        return tuple(position for position, parts in self.pictures if len(parts) == 1)

    def unwrapped(self) -> Branch:
        """The innermost folder that has all pictures, and no picture directly in it unless it has no folders."""
        branch = self
        while len(branch.tops) == 1 and not branch.loose:
            (inner,) = branch.tops.values()
            if inner.loose:
                break
            branch = inner
        return branch

    def flat(self) -> bool:
        """True if no folder below tells a class: pictures lie in the folder, or all in one below it."""
        inner = self.unwrapped()
        return len(inner.tops) < 2


def branch_of(tree: Tree) -> Branch:
    """All pictures of a tree."""
    return Branch((), tuple((position, tree.files[position]) for position in tree.pictures))


@dataclass(frozen=True)
class _Sign:
    """A sign that top folders are no classes: a clause for the user, or "" where it is absent."""

    name: str
    look: Callable[[Branch], str]


def _parts(branch: Branch) -> str:
    named = [name for name in branch.tops if part_of(name) is not None]
    others = len(branch.tops) - len(named)
    if not named:
        return ""
    # A train among buses and cars: it has no classes inside, and several folders beside it are no parts.
    if len(named) == 1 and others > 1 and all(top.loose and not top.tops for top in branch.tops.values()):
        return ""
    return f"{_listed(named)} {_be(named)} named like {'a part' if len(named) == 1 else 'parts'} of a set"


def _chunks(branch: Branch) -> str:
    return f"{_listed(branch.tops)} look like numbered chunks" if are_chunks(branch.tops) else ""


def _containers(branch: Branch) -> str:
    named = [name for name in branch.tops if is_container(name)]
    return f"{_listed(named)} {_be(named)} no usual name of a class" if named else ""


def _single(branch: Branch) -> str:
    if len(branch.tops) != 1:
        return ""
    return f"all pictures lie in one folder, {next(iter(branch.tops))}"


def _nested(branch: Branch) -> str:
    """Folders that hold folders rather than pictures could be classes, or groups of classes."""
    groups = [
        name
        for name, top in branch.tops.items()
        if len(top.tops) > 1 and 2 * len(top.loose) < len(top.pictures)
    ]
    if not groups or 2 * len(groups) < len(branch.tops):
        return ""
    inner = Counter(name for group in groups for name in branch.tops[group].tops)
    repeated = [name for name, count in inner.items() if count > 1]
    same = f", with equal names such as {shortened(repeated, 3)}" if repeated else ""
    return f"{_listed(groups)} {'holds' if len(groups) == 1 else 'hold'} several folders each{same}"


def is_nested(tree: Tree) -> bool:
    """True if the top folders hold folders rather than pictures."""
    return bool(_nested(branch_of(tree).unwrapped()))


def _loose(branch: Branch) -> str:
    count, whole = len(branch.loose), len(branch.pictures)
    return f"{count:,} of {whole:,} pictures lie in no folder" if 2 * count > whole else ""


#: Signs that the top folders are not classes: to add one, add a line.
SIGNS = (
    _Sign("parts", _parts),
    _Sign("chunks", _chunks),
    _Sign("containers", _containers),
    _Sign("single", _single),
    _Sign("nested", _nested),
    _Sign("loose", _loose),
)


def signs(branch: Branch) -> tuple[str, ...]:
    """Clauses that tell why the top folders may not be classes."""
    return tuple(found for sign in SIGNS if (found := sign.look(branch)))


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
    parts = {name: part_of(name) for name in branch.tops}
    trains = [name for name, part in parts.items() if part == "train"]
    if not trains or all(branch.tops[name].flat() for name in trains):
        return None
    labelled: dict[str, Branch] = {}
    doubts: list[str] = []
    unlabelled: list[int] = []
    others: list[int] = []
    classes = {folder for name in trains for folder in branch.tops[name].unwrapped().tops}
    for name, top in branch.tops.items():
        part, inner = parts[name], top.unwrapped()
        if part is None:
            others += [position for position, _ in top.pictures]
            doubts.append(f"{name} lies beside {_listed(trains)} and is no part")
        elif not part or (top.flat() and not set(inner.tops) & classes):
            unlabelled += [position for position, _ in top.pictures]
        elif part in labelled:
            doubts.append(f"{labelled[part].prefix[len(branch.prefix)]} and {name} both stand for {part}")
        else:
            labelled[part] = inner
    together = Branch((), tuple(picture for inner in labelled.values() for picture in inner.pictures))
    doubts += [found for sign in SIGNS if sign.name != "single" and (found := sign.look(together))]
    own = " and ".join(f"{inner.prefix[len(branch.prefix)]}/" for inner in labelled.values())
    return Labelled(
        layout="splits",
        **_placed(labelled),
        why=f"{own} {'are' if len(labelled) > 1 else 'is'} named like parts of a set, with a folder per class inside",
        label_source=f"the folders in {own}",
        part_source=own if len(labelled) > 1 else "",
        doubts=tuple(doubts),
        warnings=_merged(labelled.values()),
        left_out=(
            *_left("pictures in parts without class folders", tree, unlabelled),
            *_left("pictures in folders beside the parts", tree, others),
            *_left("pictures that lie in no class folder", tree, [*branch.loose, *together.loose]),
        ),
        folders=_class_folders(tree, [inner.prefix for inner in labelled.values()]),
    )


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
    told = [f"{folder} ({_count(count, 'picture')})" for folder, count in sorted(merged.items())]
    return (
        f"{_count(len(merged), 'sub-folder')} {'is' if len(merged) == 1 else 'are'} read as part of the class "
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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _listed(names: Iterable[str]) -> str:
    """Names as ``a, b and c``, shortened."""
    names = list(names)
    if len(names) > 4:
        return shortened(names, 3)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _be(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


#: Layouts of folders by the key of ``data.layout``.
FOLDER_LAYOUTS: dict[str, Callable[[Tree], Labelled | None]] = {
    "classes": read_classes,
    "splits": read_splits,
    "leaves": read_leaves,
}

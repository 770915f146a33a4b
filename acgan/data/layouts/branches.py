"""Pictures below a folder, and labelled pictures as one layout reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from acgan.data.index import shortened
from acgan.data.layouts.names import is_container, part_of
from acgan.data.sources.tree import Parts, Tree
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

    def unwrapped(self, classes: Collection[str] = ()) -> Branch:
        """The folder inside all wrappers: folders that hold one folder of folders, and hardly a picture beside it.

        Args:
            classes: Names that are known to be classes, and so no wrappers.
        """
        branch = self
        while len(branch.tops) == 1 and branch.few_loose():
            ((name, inner),) = branch.tops.items()
            grouped = len(inner.tops) > 1 or any(top.tops for top in inner.tops.values())
            if (inner.loose and not (grouped and inner.few_loose())) or name in classes:
                break
            if branch.loose and part_of(name) is not None:  # what lies beside a part is of another one
                break
            branch = inner
        return branch

    def few_loose(self) -> bool:
        """True if hardly a picture lies directly in the folder: none, or strays such as a preview."""
        return len(self.loose) <= min(max(3, len(self.pictures) // 20), len(self.pictures) // 4)

    def flat(self) -> bool:
        """True if no folder below tells a class: there is none, or only one such as ``images``."""
        tops = self.unwrapped().tops
        return not tops or (len(tops) == 1 and all(is_container(name) or part_of(name) for name in tops))


def branch_of(tree: Tree) -> Branch:
    """All pictures of a tree."""
    return Branch((), tuple((position, tree.files[position]) for position in tree.pictures))


def counted(number: int, noun: str) -> str:
    """A number with its noun, as in "1 picture" and "2 pictures"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Iterable[str]) -> str:
    """Names as ``a, b and c``, shortened."""
    names = list(names)
    if len(names) > 4:
        return shortened(names, 3)
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def be(names: Sequence[str]) -> str:
    """The verb that goes with that many names."""
    return "is" if len(names) == 1 else "are"

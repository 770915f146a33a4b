"""Signs that the top folders of a tree are not classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from statistics import median

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, be, branch_of, listed
from acgan.data.layouts.names import (
    CLASS_WORDS,
    IMAGE_WORDS,
    are_chunks,
    are_pairs,
    is_container,
    is_negated,
    part_of,
)
from acgan.data.sources.tree import Tree


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
    alone = len(named) == 1 and named[0].casefold() in CLASS_WORDS and others > 1
    if alone and all(top.loose and not top.tops for top in branch.tops.values()):
        return ""
    return f"{listed(named)} {be(named)} named like {'a part' if len(named) == 1 else 'parts'} of a set"


def _chunks(branch: Branch) -> str:
    return f"{listed(branch.tops)} look like numbered chunks" if are_chunks(branch.tops) else ""


def _containers(branch: Branch) -> str:
    named = [name for name in branch.tops if is_container(name) and not is_negated(name, branch.tops)]
    if not named:
        return ""
    told = "a usual name of a class" if len(named) == 1 else "usual names of classes"
    return f"{listed(named)} {be(named)} not {told}"


def _single(branch: Branch) -> str:
    if len(branch.tops) != 1:
        return ""
    return f"all pictures lie in one folder, {next(iter(branch.tops))}"


def _pairs(branch: Branch) -> str:
    """Folders that hold several pictures of each thing, such as ``input`` and ``target``."""
    return f"{listed(branch.tops)} are not usual names of classes" if are_pairs(branch.tops) else ""


def _repeated(branch: Branch) -> str:
    """A top folder that holds folders with the names of other top folders: a copy of the set, or a part of it."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in branch.tops:
        alike[name.casefold()].append(name)
    found = {}
    for name, top in branch.tops.items():
        inside = {folder for _, path in top.pictures for folder in path[:-1]} - {name}
        others = {other for folder in inside for other in alike.get(folder.casefold(), ())} - {name}
        if others:
            found[name] = others
    if not found:
        return ""
    equal = sorted(set().union(*found.values()))
    told = "holds" if len(found) == 1 else "hold"
    return (
        f"{listed(list(found))} {told} folders with the names of others, such as {shortened(equal, 3)}: move "
        f"{'it' if len(found) == 1 else 'them'} away, or give it alone"
    )


@dataclass(frozen=True)
class _Inside:
    """The folders in top folders that hold folders rather than pictures.

    Attributes:
        single: Top folders with one folder inside, or one inside another: the names of these.
        several: Top folders with several folders inside all wrappers: the names of these.
    """

    single: dict[str, set[str]]
    several: dict[str, set[str]]

    def repeated(self) -> list[str]:
        """Names that several of the top folders hold, but not all of them."""
        holders = {**self.single, **self.several}
        count = Counter(folder for folders in holders.values() for folder in folders)
        return sorted(name for name, number in count.items() if 1 < number < len(holders))


def _inside(branch: Branch) -> _Inside:
    single: dict[str, set[str]] = {}
    several: dict[str, set[str]] = {}
    for name, top in branch.tops.items():
        inner = top.unwrapped()
        if not inner.tops or 2 * len(inner.loose) >= len(inner.pictures):
            continue
        wrappers = set(inner.prefix[len(top.prefix) :])
        if len(inner.tops) > 1:
            several[name] = set(inner.tops)
        else:
            single[name] = (wrappers | set(inner.tops)) - {name}
    return _Inside(single, several)


def _nested(branch: Branch) -> str:
    """Folders that hold several folders rather than pictures could be classes, or groups of classes."""
    inside = _inside(branch)
    groups = list(inside.several)
    if not groups or (2 * len(groups) < len(branch.tops) and not _as_large(branch, groups)):
        return ""
    inner = Counter(name for folders in inside.several.values() for name in folders)
    repeated = [name for name, count in inner.items() if count > 1]
    same = f", with equal names such as {shortened(sorted(repeated), 3)}" if repeated else ""
    return f"{listed(groups)} {'holds several folders' if len(groups) == 1 else 'hold several folders each'}{same}"


def _as_large(branch: Branch, groups: Collection[str]) -> bool:
    """True if the folders in some top folders hold as many pictures as the other top folders do: classes as well."""
    inner = [
        len(folder.pictures) for name in groups for folder in branch.tops[name].unwrapped().tops.values()
    ]
    return median(inner) >= median(
        len(top.pictures) for name, top in branch.tops.items() if name not in groups
    )


def _alternate(branch: Branch) -> str:
    """Folders with one folder in each, of a few names: the inner ones may be the classes."""
    inside = _inside(branch)
    repeated = inside.repeated()
    if not inside.single or not repeated or 2 * len(inside.single) < len(branch.tops):
        return ""
    return f"{listed(inside.single)} hold one folder each, with names that recur: {shortened(repeated, 3)}"


def _masks(branch: Branch) -> str:
    """Classes that hold folders of masks and the like beside pictures."""
    holders, masks = [], set()
    for name, top in branch.tops.items():
        inner = top.unwrapped()
        beside = {
            folder for folder in inner.tops if is_container(folder) and folder.lower() not in IMAGE_WORDS
        }
        if beside and (inner.loose or len(inner.tops) > len(beside)):
            holders.append(name)
            masks |= beside
    if not holders:
        return ""
    told, hold = listed(sorted(masks)), "holds" if len(holders) == 1 else "hold"
    return f"{listed(holders)} {hold} {told} beside pictures: move {told} out of the set"


def is_nested(tree: Tree) -> bool:
    """True if the innermost folders could be the classes, rather than the top ones."""
    branch = branch_of(tree).unwrapped()
    leaves = {tree.files[position][-2] for position in tree.pictures if len(tree.files[position]) > 1}
    if any(is_container(name) or part_of(name) is not None for name in leaves):
        return False
    return any(look(branch) for look in (_nested, _alternate, _repeated))


def _loose(branch: Branch) -> str:
    count, whole = len(branch.loose), len(branch.pictures)
    return f"{count:,} of {whole:,} pictures lie in no folder" if 2 * count > whole else ""


#: Signs that the top folders are not classes: to add one, add a line.
SIGNS = (
    _Sign("parts", _parts),
    _Sign("chunks", _chunks),
    _Sign("containers", _containers),
    _Sign("pairs", _pairs),
    _Sign("single", _single),
    _Sign("nested", _nested),
    _Sign("alternate", _alternate),
    _Sign("repeated", _repeated),
    _Sign("masks", _masks),
    _Sign("loose", _loose),
)


def signs(branch: Branch, without: Collection[str] = ()) -> tuple[str, ...]:
    """Clauses that tell why the top folders may not be classes; some signs may be left out by name."""
    return tuple(found for sign in SIGNS if sign.name not in without and (found := sign.look(branch)))

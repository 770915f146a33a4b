"""Signs that the top folders of a tree are not classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, be, branch_of, listed
from acgan.data.layouts.names import are_chunks, is_container, part_of
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
    if len(named) == 1 and others > 1 and all(top.loose and not top.tops for top in branch.tops.values()):
        return ""
    return f"{listed(named)} {be(named)} named like {'a part' if len(named) == 1 else 'parts'} of a set"


def _chunks(branch: Branch) -> str:
    return f"{listed(branch.tops)} look like numbered chunks" if are_chunks(branch.tops) else ""


def _containers(branch: Branch) -> str:
    named = [name for name in branch.tops if is_container(name)]
    return f"{listed(named)} {be(named)} no usual name of a class" if named else ""


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
    return f"{listed(groups)} {'holds several folders' if len(groups) == 1 else 'hold several folders each'}{same}"


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

"""Warnings about pictures that class folders may not be right about."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from acgan.data.index import shortened
from acgan.data.layouts.branches import Branch, counted
from acgan.data.layouts.names import part_of
from acgan.data.sources.tree import Parts, Tree


def merge_warnings(branches: Iterable[Branch]) -> tuple[str, ...]:
    """A warning about classes whose pictures come from several folders of one part."""
    below: Counter[str] = Counter()
    for branch in branches:
        for name, top in branch.tops.items():
            inner = Counter("/".join((name, *path[:-1])) for _, path in top.pictures)
            if len(inner) > 1:
                below.update({folder: count for folder, count in inner.items() if folder != name})
    if not below:
        return ()
    told = [f"{folder} ({counted(count, 'picture')})" for folder, count in sorted(below.items())]
    return (
        f"{counted(len(below), 'sub-folder')} {'is' if len(below) == 1 else 'are'} read as part of the class "
        f"above: {shortened(told, 4)}. If they are classes, use --set data.layout=leaves.",
    )


def met(tree: Tree, positions: Sequence[int]) -> tuple[str, ...]:
    """A warning about classes whose pictures come from folders of one name in several places."""
    places: dict[str, set[Parts]] = defaultdict(set)
    for position in positions:
        *above, name, _ = tree.files[position]
        places[name].add(tuple(folder for folder in above if part_of(folder) is None))
    several = {name: sorted(folders) for name, folders in sorted(places.items()) if len(folders) > 1}
    if not several:
        return ()
    told = [
        f"{name} ({shortened(['/'.join(folder) or 'the top' for folder in several[name]], 3)})"
        for name in several
    ]
    count = "1 class is" if len(told) == 1 else f"{len(told):,} classes are"
    return (
        f"{count} read from folders of one name in several places: {shortened(told, 4)}. Rename "
        "the folders that are different classes.",
    )


_OF_MASK = re.compile(
    r"(.+?)[-_ .](mask|seg|segmentation|gt|groundtruth|label|labels)([-_ .]?\d+)?\.[^.]+", re.IGNORECASE
)


def masks_beside(tree: Tree, positions: Sequence[int]) -> tuple[str, ...]:
    """A warning about pictures that are named like masks of others in their folder: ``a_mask.png`` of ``a.png``."""
    named = {
        position: found[1]
        for position in positions
        if (found := _OF_MASK.fullmatch(tree.files[position][-1]))
    }
    if not named:
        return ()
    stems = {
        (*tree.files[position][:-1], tree.files[position][-1].rpartition(".")[0]) for position in positions
    }
    masks = [
        "/".join(tree.files[position])
        for position, stem in named.items()
        if (*tree.files[position][:-1], stem) in stems
    ]
    if not masks:
        return ()
    return (
        f"{len(masks):,} {'file is' if len(masks) == 1 else 'files are'} named like masks of others, and used as "
        f"pictures: {shortened(masks, 3)}. Move them out of the set if they are masks.",
    )

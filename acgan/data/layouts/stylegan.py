"""StyleGAN's ``dataset.json``, in folders and archives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acgan.data.layouts.branches import Labelled, branch_of
from acgan.data.layouts.label_values import several_labels
from acgan.data.layouts.lists import parts_of
from acgan.data.sources.tree import EXAMPLES, Container, Parts, Tree
from acgan.errors import DataError, bounded
from acgan.reading import parse_json
from acgan.types import LeftOut

STYLEGAN = "dataset.json"


def read_stylegan(container: Container, tree: Tree) -> Labelled | None:
    """StyleGAN's ``dataset.json``: ``{"labels": [["00000/img00000000.png", 6], …]}``.

    ``acgan data pack`` adds the names of classes, ``class_names``, and the held-out files, ``test``.

    Returns:
        The reading; None without such a file, or where it tells no labels.

    Raises:
        DataError: The file names a picture that is not there, or one in two classes.
    """
    branch = branch_of(tree).unwrapped()
    present = set(tree.files)
    prefixes = [branch.prefix[:depth] for depth in range(len(branch.prefix) + 1)]
    file = next((found for prefix in prefixes if (found := (*prefix, STYLEGAN)) in present), None)
    if file is None:
        return None
    where = f"{container.where}/{'/'.join(file)}"
    try:
        saved = parse_json(container.content(file))
        pairs = [(str(name), _label(label)) for name, label in saved["labels"]]
        names = [str(name) for name in saved.get("class_names", ())]
        test = set(map(str, saved.get("test", ())))
    except (ValueError, KeyError, TypeError):  # another program's file, or no labels
        return None
    placed = _placed(pairs, file, tree, where)
    if names and not all(0 <= label < len(names) for _, label in pairs):
        raise DataError(f"{where} has {len(names)} class_names and labels beyond them. Make it anew.")
    unnamed = [position for position in tree.pictures if position not in placed]
    examples = tuple("/".join(tree.files[position]) for position in unnamed[:EXAMPLES])
    return Labelled(
        layout="list",
        positions=sorted(placed),
        names=[names[placed[at][1]] if names else str(placed[at][1]) for at in sorted(placed)],
        parts=["test" if placed[at][0] in test else "train" for at in sorted(placed)],
        why=f"{STYLEGAN} names the pictures and their classes, as StyleGAN has it",
        label_source=f"{STYLEGAN}{'' if names else ', numbers of classes'}",
        part_source=STYLEGAN if test else "",
        left_out=(LeftOut("pictures that no list names", len(unnamed), examples),) if unnamed else (),
        order=tuple(names),
    )


def _placed(
    pairs: Sequence[tuple[str, int]], file: Parts, tree: Tree, where: str
) -> dict[int, tuple[str, int]]:
    """Name and label of each picture by its position."""
    positions = {tree.files[position]: position for position in tree.pictures}
    placed: dict[int, tuple[str, int]] = {}
    missing, twice = [], []
    for name, label in pairs:
        position = positions.get((*file[:-1], *parts_of(name)))
        if position is None:
            missing.append(name)
        elif placed.setdefault(position, (name, label))[1] != label:
            twice.append(name)
    if missing:
        one = "picture that is" if len(missing) == 1 else "pictures that are"
        raise DataError(
            f"{where} names {len(missing):,} {one} not there, such as {bounded(missing[0])!r}. Make it anew."
        )
    if twice:
        raise several_labels(where, len(twice), len(placed), f"such as {bounded(twice[0])!r}")
    return placed


def _label(value: Any) -> int:
    """A class number, also of a one-hot vector."""
    if isinstance(value, list):
        if sorted(value)[:-1] != [0] * (len(value) - 1) or max(value) != 1:
            raise ValueError("neither a number nor a one-hot vector")
        return value.index(1)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("no class number")
    return value

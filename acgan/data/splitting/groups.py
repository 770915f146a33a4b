"""Groups of images that stay on one side of a split: patients, videos, folders, copies."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

FOLDER = "folder"


def group_numbers(paths: Sequence[str], group: str) -> tuple[np.ndarray, int]:
    """Number the groups of images by their paths.

    Args:
        paths: N paths relative to the source, with forward slashes.
        group: "folder" is the folder that holds the image. Else a regular expression, searched for in the path: its
            first capture group, or the whole match if it has none, is the group.

    Returns:
        (N,) int64 in [0, groups), and the number of paths that the expression does not match; each of these is a
        group of its own.
    """
    if group == FOLDER:
        found: list[str | None] = [path.rpartition("/")[0] for path in paths]
    else:
        expression = re.compile(group)
        found = [_searched(expression, path) for path in paths]
    unmatched = found.count(None)
    # A path is no other path's, and the first part of the key tells it from a group of that name.
    keys = [(0, path) if name is None else (1, name) for path, name in zip(paths, found, strict=True)]
    number: dict[tuple[int, str], int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64), unmatched


def _searched(expression: re.Pattern[str], path: str) -> str | None:
    match = expression.search(path)
    # A capture group that takes no part in the match names nothing.
    return None if match is None else match[1 if expression.groups else 0]


def tie(copies: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Number images so that copies share a number, and images of one group do, and so whatever these chain together.

    Args:
        copies: (N,) int64 from 0 on; exact copies share a number.
        groups: (N,) int64, or None where there are only copies.

    Returns:
        (N,) int64 in [0, numbers).
    """
    if groups is None:
        return copies
    group = np.unique(groups, return_inverse=True)[1] + copies.max(initial=-1) + 1
    # A graph of copies and groups, in which each image is an edge.
    nodes = int(group.max(initial=-1)) + 1
    edges = coo_matrix((np.ones(len(copies), dtype=np.int8), (copies, group)), shape=(nodes, nodes))
    tied = connected_components(edges, directed=False)[1][copies]
    return np.unique(tied, return_inverse=True)[1].astype(np.int64)

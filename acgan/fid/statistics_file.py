"""Files of feature statistics, shared with pytorch-fid: ``mu`` (F,) and ``sigma`` (F, F)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acgan.atomic import write_atomically
from acgan.data.sources.arrays import array_names, read_array
from acgan.errors import DataError
from acgan.reading import parse_json

KEYS = ("mu", "sigma")
_ORIGIN = "acgan"
_ROUNDING = 1e-5  # of the largest value: files computed in float32 are no covariances to the last digit
_SAID = {"metric": str, "extractor": dict, "num_images": int}
_SAID_OF_EXTRACTOR = {"name": str, "sha256": str, "dims": int, "resize": str, "precision": str}
_REMEDY = "Make it anew with `acgan fid IMAGES --save-stats FILE.npz`."


@dataclass(frozen=True)
class Saved:
    """Statistics of the features of N images.

    Attributes:
        mean: (F,) float64.
        covariance: (F, F) float64, unbiased.
        origin: Their origin: ``metric``, ``extractor`` (its ``describe()``), ``num_images``, ``source``,
            ``split`` and more; None for files without it, such as pytorch-fid's.
    """

    mean: Tensor
    covariance: Tensor
    origin: Mapping[str, Any] | None = None

    @property
    def dims(self) -> int:
        """F."""
        return len(self.mean)


def read_statistics(file: Path) -> Saved:
    """Read statistics, pytorch-fid's or ours.

    Raises:
        DataError: If they are incomplete, or not a mean and a covariance.
    """
    names = array_names(file)
    missing = [key for key in KEYS if key not in names]
    if missing:
        raise DataError(
            f"{file} has no {' and no '.join(missing)}; expected mu (F,) and sigma (F, F). {_REMEDY}"
        )
    mean, covariance = (read_array(file, key, _REMEDY) for key in KEYS)
    origin = _read_origin(file) if _ORIGIN in names else None
    problem = _problem(mean, covariance) or _origin_problem(origin, len(mean))
    if problem:
        raise DataError(f"{file} {problem}. {_REMEDY}")
    return Saved(
        torch.from_numpy(mean.astype(np.float64)), torch.from_numpy(covariance.astype(np.float64)), origin
    )


def _read_origin(file: Path) -> Any:
    text = str(read_array(file, _ORIGIN, _REMEDY)[()])
    try:
        return parse_json(text)
    except ValueError as error:
        raise DataError(f"{file} has an entry {_ORIGIN!r} that is no JSON: {error}. {_REMEDY}") from error


def write_statistics(file: Path, saved: Saved) -> None:
    """Write statistics, completely or not at all; an existing file is replaced."""
    origin: dict[str, Any] = {} if saved.origin is None else {_ORIGIN: json.dumps(saved.origin)}

    def write(path: Path) -> None:
        with open(path, "wb") as handle:  # given a path, NumPy would add an ending to it
            np.savez(handle, mu=saved.mean.numpy(), sigma=saved.covariance.numpy(), **origin)

    write_atomically(file, write)


def check_target(file: Path) -> None:
    """Check, before anything is computed, that statistics can be written to a file.

    Raises:
        DataError: If they cannot.
    """
    if file.suffix.lower() != ".npz":
        raise DataError(
            f"--save-stats {file}: found the ending {file.suffix!r}; expected a name that ends in .npz."
        )
    if not file.parent.is_dir():
        raise DataError(f"--save-stats {file}: there is no such folder. Make it, or choose another place.")
    if file.exists() and (not file.is_file() or not set(KEYS) <= array_names(file)):
        raise DataError(f"--save-stats {file}: exists and holds no statistics. Choose another name.")


def _problem(mean: np.ndarray, covariance: np.ndarray) -> str:
    """The reason why arrays are not a mean and a covariance; empty if they are."""
    shapes = f"mu of shape {mean.shape} and sigma of shape {covariance.shape}"
    if mean.ndim != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        return f"has {shapes}; expected (F,) and (F, F)"
    kinds = mean.dtype.kind + covariance.dtype.kind
    if set(kinds) - set("fiu"):
        return f"has mu of type {mean.dtype} and sigma of type {covariance.dtype}; expected numbers"
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        return "has values that are not finite"
    slack = _ROUNDING * np.abs(covariance).max()
    if (np.abs(covariance - covariance.T) > slack).any():
        return "has a sigma that is not symmetric; expected a covariance"
    if (covariance.diagonal() < 0).any():
        return "has negative variances on the diagonal of sigma; expected a covariance"
    deviations = np.sqrt(covariance.diagonal())
    if (np.abs(covariance) > np.outer(deviations, deviations) + slack).any():
        return "has covariances in sigma larger than its variances allow; expected a covariance"
    return ""


def _says(origin: Any, kinds: Mapping[str, type]) -> bool:
    return isinstance(origin, Mapping) and all(
        isinstance(origin.get(key), kind) for key, kind in kinds.items()
    )


def _origin_problem(origin: Any, dims: int) -> str:
    if origin is None:
        return ""
    if not _says(origin, _SAID) or not _says(origin["extractor"], _SAID_OF_EXTRACTOR):
        return f"has an entry {_ORIGIN!r} that does not say how it was made"
    if origin["extractor"].get("dims") != dims:
        return f"has {dims} features, and says that its extractor makes {origin['extractor'].get('dims')}"
    return ""

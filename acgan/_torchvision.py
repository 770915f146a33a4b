"""Import of torchvision beside a CPU build of torch.

torchvision's default wheel is linked against the CUDA build of torch. Beside a CPU build its own library cannot
load, and ``import torchvision`` then fails with "operator torchvision::nms does not exist", because it registers
fake kernels for operators that the library would have declared. Declaring them first mends the import; nothing
here uses them. Where the library loads, nothing is done.

``import acgan`` sees to it, so that the user's own ``import torchvision`` works as well.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[Any] = []  # operators live as long as their library


class _MendedFirst(MetaPathFinder):
    """Finds nothing; the first ``import torchvision`` passes here, and its operators are declared before it goes on."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            if not library_loads():
                _declare()
        return None


def mend_when_imported() -> None:
    """Declare torchvision's operators before it is imported, where its library does not load."""
    if "torchvision" not in sys.modules and not any(isinstance(one, _MendedFirst) for one in sys.meta_path):
        sys.meta_path.insert(0, _MendedFirst())


def library_loads() -> bool:
    """True if torchvision's own library loads beside this torch, or there is none."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # not installed: let the import say so
    folder = Path(next(iter(spec.submodule_search_locations)))
    for library in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd")):
        try:
            torch.ops.load_library(library)
        except OSError:
            return False
    return True


def _declare() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for schema in _MISSING_OPERATORS:
        library.define(schema)
    _declared.append(library)

"""Import torchvision through here.

torchvision's default wheel is linked against the CUDA build of torch. Beside a CPU build its own library cannot
load, and ``import torchvision`` then fails with "operator torchvision::nms does not exist", because it registers
fake kernels for operators that the library would have declared. Declaring them first mends the import; nothing
here uses them. Where the library loads, nothing is done.
"""

import importlib.util
import sys
from pathlib import Path

import torch

_MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def library_loads() -> bool:
    """True if torchvision's own library loads beside this torch, or there is none."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # not installed: let the import below say so
    folder = Path(next(iter(spec.submodule_search_locations)))
    for library in (*folder.glob("_C*.so"), *folder.glob("_C*.pyd")):
        try:
            torch.ops.load_library(library)
        except OSError:
            return False
    return True


if "torchvision" not in sys.modules and not library_loads():
    _declared = torch.library.Library("torchvision", "DEF")
    for _schema in _MISSING_OPERATORS:
        _declared.define(_schema)

import torchvision  # noqa: E402

__all__ = ["library_loads", "torchvision"]

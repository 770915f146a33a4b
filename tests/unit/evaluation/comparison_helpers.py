"""Evaluations to be compared, as their files have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from acgan.evaluation import EvaluationFile

X = "[digits@738debee]"
FCD, RECALL = f"fcd{X}", f"recall{X}"
LOW, HIGH = (1.0, 1.1, 0.9, 1.05, 0.95), (2.0, 2.1, 1.9, 2.05, 1.95)
PER_CLASS = {"0": {"ms_ssim": 0.1, FCD: None}, "1": {"ms_ssim": 0.2, FCD: 3.0}}


def content(
    overall: dict[str, Sequence[float | None]] | None = None,
    *,
    generators: Sequence[str] = ("a" * 64,),
    units: str = "generation seeds",
    per_class: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Evaluation as ``acgan evaluate`` writes it, with values by metric, one a unit."""
    overall = {FCD: LOW} if overall is None else overall
    network = {
        "name": "digits@738debee",
        "sha256": "e" * 64,
        "dims": 64,
        "resize": "16 px, crop",
        "precision": "float32",
    }
    made = [
        {"path": "run", "sha256": sha256, "nimg": 7, "training_seed": seed, "which": "last"}
        for seed, sha256 in enumerate(generators)
    ]
    reference = {"data": "digits", "split": "test", "num_images": 269, "fingerprint": "f" * 32}
    return {
        "format": 1,
        "provenance": {
            "acgan": "0.1.0",
            "generators": made,
            "reference": {**reference, "resolution": 16, "channels": 1},
            "extractor": network,
            "classifier": dict(network),
            "num_images": 269,
            "label_prior": "reference",
            "seed": 0,
            "repeats": 5,
            "truncation": 1.0,
            "nearest_k": 5,
            "units": units,
        },
        "overall": {
            metric: {
                "value": None if None in values else float(np.mean(values)),
                "std": None,
                "values": list(values),
            }
            for metric, values in overall.items()
        },
        "floor": {metric: {"value": 0.5, "std": 0.1} for metric in overall if metric == FCD},
        "at_floor_count": {},
        "per_class": per_class or {},
    }


def evaluation(*args: Any, **kwargs: Any) -> EvaluationFile:
    return EvaluationFile.model_validate(content(*args, **kwargs))


def other(*args: Any, **kwargs: Any) -> EvaluationFile:
    """Of another generator."""
    return evaluation(*args, **{"generators": ["b" * 64], **kwargs})

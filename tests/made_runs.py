"""Run directories with made-up results, for comparisons whose truth is known: nothing is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save_file

EYES = "[digits@738debee]"
FCD, RECALL, DENSITY = f"fcd{EYES}", f"recall{EYES}", f"density{EYES}"
VALIDATION = f"evaluate/fcd2k_val{EYES}"
NETWORK = {
    "name": "digits@738debee",
    "sha256": "e" * 64,
    "dims": 64,
    "resize": "16 px, crop",
    "precision": "float32",
}
PARAMETERS = 7  # learned numbers of a made generator
Values = Mapping[str, Sequence[float | None]]


def make_run(
    directory: Path,
    *,
    seed: int = 0,
    nimg: int = 1000,
    total: int = 1000,
    best_at: int | None = None,
    curve: Sequence[float] = (),
    settings: Mapping[str, Any] | None = None,
    code: str = "0.1.0",
) -> Path:
    """A run directory as ``acgan train`` leaves it, without anything to draw with.

    Args:
        best_at: Images shown to its best generator; None for a run without scores.
        curve: Scores of the training at equal distances.
        settings: Changes of the configuration, by dotted key.
    """
    directory.mkdir(parents=True)
    train = {"total_nimg": total, "batch_size": 10, "patience_nimg": None}
    config: dict[str, Any] = {"task": "gan", "seed": seed, "train": train, "loss": {"weight_g": 0.3}}
    for key, value in (settings or {}).items():
        section, _, name = key.partition(".")
        config.setdefault(section, {})[name] = value
    (directory / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    steps = len(curve) or 1
    records: list[dict[str, float]] = []
    for number in range(1, steps + 1):
        shown = nimg * number // steps
        if curve:
            records.append({"nimg": shown, VALIDATION: curve[number - 1]})
        records.append({"nimg": shown, "D/adversarial": 1.0 / number, "time/trained_sec": 0.06 * shown})
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (directory / "stats.jsonl").write_text(lines, encoding="utf-8")
    if nimg:
        _write_generator(directory / "generator.safetensors", seed, nimg, code, directory)
    if best_at is not None:
        _write_generator(directory / "generator-best.safetensors", seed, best_at, code, directory)
    return directory


def _write_generator(file: Path, seed: int, nimg: int, code: str, directory: Path) -> None:
    tensors = {"weight": np.ones((2, 3), np.float32), "bias": np.ones(1, np.float32)}
    # Counted or computed, not learned.
    tensors["norm.running_mean"] = np.ones(5, np.float32)
    tensors["conv.parametrizations.weight.0.u"] = np.ones(4, np.float32)
    origin = {"nimg": nimg, "seed": seed, "acgan": code, "of": str(directory)}
    save_file(tensors, file, metadata={"acgan": json.dumps({"provenance": origin})})


def generator_record(directory: Path, which: str = "last") -> dict[str, Any]:
    """A run's generator, as the provenance of an evaluation describes it."""
    file = directory / ("generator-best.safetensors" if which == "best" else "generator.safetensors")
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        origin = json.loads(opened.metadata()["acgan"])["provenance"]
    return {
        "path": str(directory),
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "nimg": origin["nimg"],
        "training_seed": origin["seed"],
        "data": "digits",
        "data_fingerprint": "d" * 32,
    }


def make_evaluation(
    home: Path,
    overall: Values,
    runs: Sequence[Path] = (),
    *,
    which: str = "last",
    per_class: Mapping[str, Mapping[str, float | None]] | None = None,
    file: str = "evaluation.json",
    **provenance: Any,
) -> Path:
    """Write what ``acgan evaluate`` writes of these runs, with values one a unit by metric."""
    records = [generator_record(run, which) for run in (runs or [home])]
    content = {
        "format": 1,
        "provenance": {
            "acgan": "0.1.0",
            "generators": records,
            "reference": {"data": "digits", "split": "test", "num_images": 269, "fingerprint": "f" * 32},
            "extractor": NETWORK,
            "classifier": NETWORK,
            "num_images": 269,
            "floor_images": 135,
            "label_prior": "reference",
            "truncation": 1.0,
            "units": "training seeds" if len(records) > 1 else "generation seeds",
            "samples_by_class": [70] * len(per_class or {}),
            "reference_by_class": [70] * len(per_class or {}),
            **provenance,
        },
        "overall": {
            metric: {"value": _mean(values), "std": None, "values": list(values)}
            for metric, values in overall.items()
        },
        "floor": {metric: {"value": 9.2, "std": 0.5} for metric in overall},
        "at_floor_count": {
            metric: {"value": _mean(values), "std": 0.5} for metric, values in overall.items()
        },
        "per_class": per_class or {},
    }
    path = home / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def make_method(
    directory: Path,
    overall: Values,
    *,
    which: str = "last",
    provenance: Mapping[str, Any] | None = None,
    **run: Any,
) -> Path:
    """A directory of ``acgan train --seeds`` with an evaluation of all its runs together."""
    count = len(next(iter(overall.values())))
    runs = [make_run(directory / f"seed{seed}", seed=seed, **run) for seed in range(count)]
    make_evaluation(directory, overall, runs, which=which, **(provenance or {}))
    return directory


def make_variant(
    directory: Path, overall: Values, per_class: Mapping[str, Values] | None = None, **run: Any
) -> Path:
    """A directory of runs, each with an evaluation of its own, as a sweep leaves them."""
    count = len(next(iter(overall.values())))
    for seed in range(count):
        made = make_run(directory / f"seed{seed}", seed=seed, **run)
        own = {metric: (values[seed],) for metric, values in overall.items()}
        classes = {
            name: {metric: values[seed] for metric, values in of_class.items()}
            for name, of_class in (per_class or {}).items()
        }
        make_evaluation(made, own, per_class=classes)
    return directory


def _mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else float(np.mean([value for value in values if value is not None]))

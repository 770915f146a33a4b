"""The generators that an evaluation is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.config import RunConfig, diff, validate
from acgan.errors import ConfigError, RunError
from acgan.sampling import ClassSampler, find_generator, load_generator
from acgan.weights_file import sha256

#: Runs that differ in nothing else are one method trained several times.
_MAY_DIFFER = ("seed", "description")


@dataclass(frozen=True)
class Subject:
    """A generator to evaluate.

    Attributes:
        path: The run or file.
        file: The generator's file.
        sampler: It.
        config: Of its training.
    """

    path: Path
    file: Path
    sampler: ClassSampler
    config: RunConfig

    def describe(self) -> dict[str, Any]:
        """For provenance."""
        origin = self.sampler.info.provenance
        return {
            "path": str(self.path),
            "file": self.file.name,
            "sha256": sha256(self.file),
            "nimg": origin["nimg"],
            "training_seed": origin["seed"],
            "data": origin["data"],
            "data_fingerprint": origin["data_fingerprint"],
        }


def find_subjects(paths: Sequence[str | Path], which: str | None, device: Any) -> list[Subject]:
    """Load generators; a directory of `acgan train --seeds` stands for the runs in it.

    Args:
        paths: Run directories or files.
        which: ``best`` or ``last`` of a run's generators; None is the best where one was scored.
        device: Where to compute.

    Raises:
        RunError: If there is no generator.
        ConfigError: If several are not of one configuration and data.
    """
    found = [run for path in paths for run in _runs(Path(path))]
    subjects = [_load(path, which, device) for path in found]
    first = subjects[0]
    for other in subjects[1:]:
        changed = [key for key in diff(first.config, other.config) if key not in _MAY_DIFFER]
        a, b = (one.describe() for one in (first, other))
        if a["data_fingerprint"] != b["data_fingerprint"]:
            changed.append("the training images")
        if changed:
            raise ConfigError(
                f"{other.path}: differs from {first.path} in {', '.join(changed)}; expected runs of one configuration "
                "with several seeds. Evaluate each by itself and compare them with `acgan compare`."
            )
        if a["sha256"] == b["sha256"]:
            raise ConfigError(
                f"{other.path}: the same generator as {first.path}; expected each of them once."
            )
    return subjects


def _runs(path: Path) -> list[Path]:
    seeds = [entry for entry in path.glob("seed*") if re.fullmatch(r"seed\d+", entry.name) and entry.is_dir()]
    if seeds and not (path / "config.yaml").exists():
        return sorted(seeds, key=lambda entry: int(entry.name[4:]))
    return [path]


def _load(path: Path, which: str | None, device: Any) -> Subject:
    file = find_generator(path, which)
    sampler = load_generator(file, device)
    origin = sampler.info.provenance
    if "config" not in origin:
        raise RunError(f"{file}: does not say how it was trained; expected a generator of `acgan train`.")
    config = validate(RunConfig, origin["config"], str(file))
    shape = {"resolution": sampler.generator.resolution, "channels": sampler.generator.image_channels}
    return Subject(
        path, file, sampler, config.model_copy(update={"data": config.data.model_copy(update=shape)})
    )

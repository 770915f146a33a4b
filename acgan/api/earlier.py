"""The run that a directory holds, and its images, which may have moved."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.api.places import KnownPaths
from acgan.assembly.images import DATASET
from acgan.atomic import best_name
from acgan.config import LENGTH_KEYS, AnyConfig, schedules, value_of, with_values
from acgan.config.recipes import COMMANDS, CONFIG_FILE
from acgan.data import place_of
from acgan.errors import RunError
from acgan.sealed import read_lines
from acgan.training.checkpoint import read_latest
from acgan.training.schedule import Curve
from acgan.types import Dataset
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE

_CLASSES_SHOWN = 10
_TOTAL = "train.total_nimg"
_CHECKPOINTS, _STATS = "checkpoints", "stats.jsonl"
_PRODUCTS = tuple(
    name for kind in (GENERATOR_FILE, CLASSIFIER_FILE) for name in (kind.name, best_name(kind.name))
)


@dataclass(frozen=True)
class Earlier:
    """The run that a directory holds.

    Attributes:
        directory: The run directory.
        config: Its configuration.
        places: Places of its paths; None of a run of a version that did not write them.
    """

    directory: Path
    config: AnyConfig
    places: KnownPaths | None

    @property
    def source(self) -> str | None:
        """Place of its data; None of a torch Dataset."""
        if self.places is not None:
            return self.places.source
        return place_of(self.config.data.source, self.config.data.root)

    def read_checkpoint(self, warn: Callable[[str], None]) -> dict[str, Any] | None:
        """Payload of the checkpoint to go on from; None if the run was stopped before its first one.

        Raises:
            RunError: If there are results and no checkpoint: a training would begin anew, over them.
        """
        folder = self.directory / _CHECKPOINTS
        checkpoint = read_latest(folder, warn)
        if checkpoint is not None or not (results := self._results()):
            return checkpoint
        where = "is missing"
        if folder.exists():
            readable = folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
            where = "has none (NIMG.pt and NIMG.pt.sha256)" if readable else "cannot be read"
        anew = "--fresh, which moves this run aside"
        if any(name in _PRODUCTS for name in results):
            anew += f"; with its weights: {self._from_its_weights(self.config)}"
        raise RunError(
            f"{self.directory}: no checkpoint to go on from, and results that a new training would replace "
            f"({', '.join(results)}): {folder} {where}. Put the checkpoints back to go on. To start anew: {anew}."
        )

    def _results(self) -> list[str]:
        """Files that are there only if a checkpoint was written before."""
        found = [name for name in _PRODUCTS if (self.directory / name).exists()]
        records = [line.record for line in read_lines(self.directory / _STATS) if line.record is not None]
        return [*found, _STATS] if any(map(self._is_past_a_checkpoint, records)) else found

    def _is_past_a_checkpoint(self, record: Mapping[str, Any]) -> bool:
        """True for the record of an iteration after one that was to leave a checkpoint."""
        return bool(record["nimg"] - self.config.train.batch_size >= self.config.every.checkpoint_nimg)

    def check_images(
        self,
        config: AnyConfig,
        meta: Mapping[str, Any],
        now: KnownPaths,
        dataset: Dataset,
        say: Callable[[str], None],
    ) -> None:
        """Check that the training images are those of the run so far, wherever they are now.

        Args:
            config: The configuration to go on with.
            meta: Plain values of the run's checkpoint; empty if it has none.
            now: The present places of the configuration's paths.
            dataset: The part of the data that is trained on, with what is added.
            say: Told if they moved.

        Raises:
            RunError: If they are others.
        """
        moved = now.source != self.source
        if meta:
            trained, present = meta["data_fingerprint"], dataset.train.fingerprint
        elif moved and self.places is not None:
            trained, present = str(self.places.fingerprint), str(now.fingerprint)
        else:
            return  # nothing is trained yet, so that images that changed in their place are as good
        if trained != present:
            raise RunError(
                f"{self.directory}: the training images are not those of the run so far (fingerprint {trained[:8]}, "
                f"now {present[:8]}{self._differences(now)}). {self._remedies(config)}"
            )
        if moved:
            where = f"now {_shown(now.source)}, before {_shown(self.source)}"
            say(f"{self.directory}: the training images have moved ({where}), and are the same")

    def with_own_length(
        self, config: AnyConfig, given: Collection[str], nimg: int, say: Callable[[str], None]
    ) -> AnyConfig:
        """The configuration with the run's own length and patience, where the command gives none.

        Args:
            config: The configuration that the command asks for.
            given: Those of ``LENGTH_KEYS`` that the command itself gives.
            nimg: Images of the checkpoint.
            say: Told which of the run's values stay.

        Raises:
            RunError: The run is finished, and the recipe is longer: it would train on unasked.
        """
        own = {
            key: value_of(self.config, key)
            for key in LENGTH_KEYS
            if key in config.harmless
            and key not in given
            and value_of(self.config, key) != value_of(config, key)
        }
        ended, asked = self.config.train.total_nimg, config.train.total_nimg
        if _TOTAL in own and ended and asked and ended <= nimg and ended < asked:
            raise RunError(
                f"{self.directory}: this run is finished: it ended at its {_TOTAL} of {ended:,} images. The command "
                f"gives no length, and its recipe says {asked:,}. To train it on, add --set {_TOTAL}={asked}. To leave "
                f"it at its length, add --set {_TOTAL}={ended}. For another run: --run-dir, or --fresh, which moves "
                "this one aside."
            )
        for key, value in own.items():
            told = "null" if value is None else f"{value:,}"
            say(
                f"{self.directory}: keeps its own {key}, {told}, since the command gives none; --set {key}=… changes it"
            )
        return with_values(config, own)

    def tell_schedules(self, config: AnyConfig, nimg: int, say: Callable[[str], None]) -> None:
        """Tell the schedules that another length stretches, and their values at the present number of images."""
        before, now = self.config.train.total_nimg, config.train.total_nimg
        if before == now or not before or not now:
            return
        told = []
        for key, points in schedules(config).items():
            old, new = (Curve.of(points, total_nimg).at(nimg) for total_nimg in (before, now))
            told.append(f"{key} {old:.4g} -> {new:.4g}")
        if told:
            say(
                f"{self.directory}: train.total_nimg {before:,} -> {now:,}: schedules are shares of the training and "
                f"stretch with it; at {nimg:,} images: {', '.join(told)}"
            )

    def _differences(self, now: KnownPaths) -> str:
        found = []
        if now.source != self.source:
            found.append(f"data.source: {_shown(self.source)} -> {_shown(now.source)}")
        if self.places is not None:
            before, present = self.places.images, now.images
            changed = [name for name in {**before, **present} if before.get(name) != present.get(name)]
            found += [
                f"{name}: {before.get(name, 0):,} -> {present.get(name, 0):,} images"
                for name in changed[:_CLASSES_SHOWN]
            ]
            if len(changed) > _CLASSES_SHOWN:
                found.append(f"and so {len(changed) - _CLASSES_SHOWN} more")
        return "".join(f"; {text}" for text in found)

    def _remedies(self, config: AnyConfig) -> str:
        start = self._from_its_weights(config, "--data", config.data.source)
        return (
            f"Restore them to go on with this run. To start a new run with its weights on these images: {start}. To "
            "start anew here: --fresh, which moves this run aside."
        )

    def _from_its_weights(self, config: AnyConfig, *more: str) -> str:
        """The command that starts another run from the weights of this one."""
        if config.data.source == DATASET:
            return "hand over init_from and another run_dir"
        file, run = str(self.directory / CONFIG_FILE), str(self.directory)
        words = [file, *more, "--init-from", run, "--run-dir", "NEW"]
        return f"`{COMMANDS[config.task]} {shlex.join(words)}`"


def _shown(place: str | None) -> str:
    """A place as users write it."""
    return DATASET if place is None else place.removesuffix(":")

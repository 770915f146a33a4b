"""The runs of a sweep, checked before any of them begins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acgan import api
from acgan.atomic import write_text
from acgan.config import RunConfig, diff, load, to_yaml
from acgan.config.recipes import CONFIG_FILE, check_is_file, recipes
from acgan.config.sweep import SweepConfig
from acgan.errors import ConfigError, UserError, did_you_mean
from acgan.file_kinds import read_text
from acgan.reading import parse_json, user_path

_DONE = "sweep.json"
_SWEEP_FILE = "sweep.yaml"
#: Keys in which a run that is there may differ from what the sweep asks for.
_FREE = ("description", "train.threads")
#: Checkpoints of a run, so that a kill costs no more than a part of it; and looks at its generator, for curves.
_LOOKS = 4

_Say = Callable[[str], None]


@dataclass(frozen=True)
class SweepRun:
    """One run: a variant with a seed.

    Attributes:
        name: Name for people.
        directory: Run directory.
        train: Arguments of ``acgan`` that train it.
        evaluate: Arguments of ``acgan`` that evaluate it; none if it is not evaluated.
    """

    name: str
    directory: Path
    train: tuple[str, ...]
    evaluate: tuple[str, ...]

    def is_done(self) -> bool:
        """True once just this was trained and evaluated."""
        try:
            return bool(parse_json(read_text(self.directory / _DONE)) == self._words())
        except (OSError, ValueError):
            return False

    def note_done(self) -> None:
        """Remember that it was trained and evaluated."""
        write_text(self.directory / _DONE, json.dumps(self._words(), indent=2) + "\n")

    def _words(self) -> dict[str, Any]:
        return {key: list(value) for key, value in asdict(self).items() if key in ("train", "evaluate")}


def read_sweep(name: str, overrides: Sequence[str] = ()) -> SweepConfig:
    """The sweep of a file, or of the name of a shipped one.

    Args:
        name: Path of a YAML file, or a name.
        overrides: ``KEY=VALUE`` texts for keys of the sweep.

    Raises:
        ConfigError: Naming the key, what was found and what was expected.
    """
    file, known = user_path(name), recipes("sweep")
    check_is_file(file)
    if not file.is_file():
        if name not in known:
            raise ConfigError(
                f"no sweep {name!r}; expected a YAML file, or one of {', '.join(known)}.{did_you_mean(name, known)}"
            )
        file = known[name]
    return load(SweepConfig, file, overrides)


@dataclass(frozen=True)
class SweepPlan:
    """A sweep in a folder.

    Attributes:
        sweep: Its configuration.
        folder: Folder of all files.
        device: A value of ``--device``.
        imports: Values of ``--import``.
    """

    sweep: SweepConfig
    folder: Path
    device: str = "auto"
    imports: tuple[str, ...] = ()

    def overrides(self, variant: str) -> tuple[str, ...]:
        """Changes of the recipe by a variant, as ``KEY=VALUE`` texts."""
        keys = self.sweep.set, self.sweep.keys_of(variant)
        found = [f"{key}={json.dumps(value)}" for own in keys for key, value in own.items()]
        # A run that stopped early would have had another budget than the others.
        patient = any(text.startswith("train.patience_nimg=") for text in found)
        return tuple(found) if patient else ("train.patience_nimg=null", *found)

    def config(self, variant: str, seed: int | None = None, nimg: int | None = None) -> RunConfig:
        """The configuration of a variant, or of one of its runs.

        Raises:
            ConfigError: If it is impossible.
        """
        more = () if nimg is None else self._of_run(variant, seed or 0, nimg)
        try:
            config: RunConfig = api.resolve(
                self.sweep.recipe_of(variant),
                self.sweep.data,
                (*self.overrides(variant), *more),
                run_dir=self.folder,
            ).config
        except UserError as error:
            raise ConfigError(f"variants.{variant}: {error}") from None
        return config

    def directory(self, variant: str, seed: int) -> Path:
        """The directory of a run."""
        return self.folder / variant / f"seed{seed}"

    def has_begun(self, variant: str) -> bool:
        """True if a run of the variant is there."""
        return any((self.directory(variant, seed) / CONFIG_FILE).exists() for seed in self.sweep.seeds)

    def check(self, say: _Say) -> None:
        """Check whatever can be wrong with a variant's configuration.

        Raises:
            ConfigError: If one is impossible.
        """
        if (self.folder / CONFIG_FILE).exists():
            raise ConfigError(
                f"--out {self.folder}: is a run; expected a folder for the runs of a sweep. Name another one."
            )
        self._evaluate_options().check()
        configs = {variant: self.config(variant) for variant in self.sweep.variants}
        names = list(configs)
        for number, name in enumerate(names):
            for other in names[:number]:
                if configs[name] == configs[other]:
                    say(f"variants {other} and {name} have the same configuration")

    def runs(self, lengths: Mapping[str, int]) -> list[SweepRun]:
        """Every run, given the images that each variant shows; all variants of a seed before the next seed.

        Raises:
            ConfigError: If a run is there that is another one.
        """
        found = []
        for seed in self.sweep.seeds:
            for variant in self.sweep.variants:
                directory, nimg = self.directory(variant, seed), lengths[variant]
                self._check_same(directory, self.config(variant, seed, nimg))
                words = (*self.overrides(variant), *self._of_run(variant, seed, nimg))
                data = () if self.sweep.data is None else ("--data", self.sweep.data)
                sets = tuple(word for text in words for word in ("--set", text))
                place = ("--run-dir", str(directory), "--device", self.device, "--quiet")
                imports = tuple(word for script in self.imports for word in ("--import", script))
                train = (*imports, "train", self.sweep.recipe_of(variant), *data, *place, *sets)
                evaluate = (
                    *imports,
                    "evaluate",
                    str(directory),
                    "--device",
                    self.device,
                    "--quiet",
                    *self._evaluate(),
                )
                found.append(
                    SweepRun(
                        f"{variant}, seed {seed}",
                        directory,
                        train,
                        evaluate if self.sweep.evaluate is not None else (),
                    )
                )
        return found

    def write(self) -> None:
        """Write the sweep's configuration to its folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / _SWEEP_FILE, to_yaml(self.sweep))

    def _of_run(self, variant: str, seed: int, nimg: int) -> tuple[str, ...]:
        every = self.config(variant).every
        most = max(1, nimg // _LOOKS)
        return (
            f"seed={seed}",
            f"train.total_nimg={nimg}",
            f"every.checkpoint_nimg={min(every.checkpoint_nimg, most)}",
            f"every.evaluate_nimg={min(every.evaluate_nimg, most)}",
        )

    def _evaluate(self) -> Iterator[str]:
        """Options of ``acgan evaluate``."""
        if (options := self.sweep.evaluate) is None:
            return
        yield from ("--which", options.which)
        if options.extractor is not None:
            yield from ("--extractor", options.extractor)
        if options.num_images is not None:
            yield from ("-n", str(options.num_images))
        if options.metrics is not None:
            yield from ("--metrics", ",".join(options.metrics))

    def _evaluate_options(self) -> api.EvaluateOptions:
        given = {} if self.sweep.evaluate is None else self.sweep.evaluate.model_dump(exclude_none=True)
        return api.EvaluateOptions(**given)

    def _check_same(self, directory: Path, config: RunConfig) -> None:
        file = directory / CONFIG_FILE
        if not file.exists():
            return
        changed = {key: pair for key, pair in diff(load(RunConfig, file), config).items() if key not in _FREE}
        if changed:
            told = ", ".join(f"{key} {before} -> {now}" for key, (before, now) in changed.items())
            raise ConfigError(
                f"{directory}: is a run of another sweep ({told}); the runs of a sweep are compared, so none goes on "
                "from another. Undo these changes, choose another --out, or move the run away."
            )

"""The commands to type after a training."""

from __future__ import annotations

from pathlib import Path

import yaml

from acgan.api.places import KnownPaths
from acgan.config import CONFIGS, AnyConfig, RunConfig, diff, load
from acgan.config.recipes import find_recipe
from acgan.data import data_name, is_name, place_of
from acgan.extracting import extractor_at_hand
from acgan.own_parts import import_words, recorded_parts
from acgan.report.commands import command
from acgan.sampling import load_generator

#: Keys of the data that say how a training goes through its images, not which images these are.
_OF_A_TRAINING = ("data.source", "data.mirror", "data.balance", "data.validation_share")
_ONE_LINE = 1 << 30  # of YAML, characters


def run_command(directory: Path, *words: str) -> str:
    """A command on a run as one types it, with the scripts that register its parts."""
    return command(*import_words(recorded_parts(directory)), *words)


def judging_commands(directory: Path, config: RunConfig) -> list[str]:
    """Commands that tell how good a run's images are: ``evaluate``, after a judge's training where no features are."""
    names = load_generator(directory).class_names
    source = source_to_type(directory, config, KnownPaths.read(directory))
    if extractor_at_hand(data_name(config.data.source), names, config.evaluate.extractor) is not None:
        return [run_command(directory, "evaluate", str(directory))]
    judge = f"{directory}-judge"
    changes = [word for setting in data_settings(config) for word in ("--set", setting)]
    return [
        run_command(directory, "classify", "train", "--data", source, "--run-dir", judge, *changes),
        run_command(directory, "evaluate", str(directory), "--extractor", judge),
    ]


def source_to_type(directory: Path, config: RunConfig, places: KnownPaths | None) -> str:
    """The source of a run's data as one types it beside the run's directory: where the run had it, if not from here."""
    given, place = config.data.source, None if places is None else places.source
    if place is None or is_name(place):
        return given
    found = not directory.is_absolute() and place_of(given, config.data.root, directory) == place
    return given if found else place


def data_settings(config: RunConfig) -> list[str]:
    """Settings by which a classifier reads the images of a training as it did, as ``--set`` takes them."""
    return _data_settings(load(CONFIGS["classify"], find_recipe("folder", "classify")), config)


def show_data_command(config: RunConfig) -> str:
    """The command that shows the images of a training, read as it did."""
    changes = [word for one in _data_settings(RunConfig(), config) for word in ("--set", one)]
    return command("data", "show", config.data.source.removesuffix(":"), *changes)


def _data_settings(defaults: AnyConfig, config: RunConfig) -> list[str]:
    return [
        f"{key}={_as_yaml(value)}"
        for key, (_, value) in diff(defaults, config).items()
        if key.startswith("data.") and key not in _OF_A_TRAINING
    ]


def _as_yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=_ONE_LINE)
    return text.removesuffix("...\n").strip()

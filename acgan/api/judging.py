"""The commands to type after a training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from acgan.api.places import KnownPaths
from acgan.api.provenance_file import read_run_provenance
from acgan.config import CONFIGS, AnyConfig, ClassifierConfig, RunConfig, diff, load
from acgan.config.recipes import CONFIG_FILE, find_recipe
from acgan.data import data_name, is_name, place_of
from acgan.errors import RunError, UserError
from acgan.evaluation import evaluation_file, is_run_directory, runs_of_seeds
from acgan.extracting import extractor_at_hand
from acgan.own_parts import PROVENANCE_FILE, import_words, recorded_parts
from acgan.report.commands import judge_of
from acgan.showing import command
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, ClassifierInfo

#: Keys of the data that say how a training goes through its images, not which images these are.
_OF_A_TRAINING = ("data.source", "data.mirror", "data.balance", "data.validation_share")
_ONE_LINE = 1 << 30  # of YAML, characters


def run_command(directory: Path, *words: str) -> str:
    """A command on a run as one types it, with the scripts that register its parts."""
    return command(*import_words(recorded_parts(directory)), *words)


def judging_commands(directory: Path, config: RunConfig, scored: Path | None = None) -> list[str]:
    """Commands that tell how good a run's images are: ``evaluate``, after a judge's training where no features are.

    Args:
        directory: The run.
        config: Its configuration.
        scored: Directory of its seeds, which are scored together; None is the run.
    """
    names = GENERATOR_FILE.read_info(GENERATOR_FILE.find(directory)).class_names
    evaluate, judge = ("evaluate", str(scored or directory)), judge_of(directory)
    if extractor_at_hand(data_name(config.data.source), names, config.evaluate.extractor) is not None:
        return [run_command(directory, *evaluate)]
    scores = run_command(directory, *evaluate, "--extractor", judge)
    info = _classifier_of(judge, names)
    if info is not None and _is_finished(judge, info):
        return [scores]
    if info is not None:
        return [run_command(Path(judge), "classify", "train", judge), scores]
    source = source_to_type(directory, config, KnownPaths.read(directory))
    of_other_images = ["--fresh"] if (Path(judge) / CLASSIFIER_FILE.name).exists() else []
    words = ("--data", source, "--run-dir", judge, *_changes(config), *of_other_images)
    return [run_command(directory, "classify", "train", *words), scores]


def scoring_way(directory: Path) -> str:
    """Way to the scores of a run, or of all seeds in a directory, for a sentence."""
    seeds = runs_of_seeds(directory)
    run = seeds[0] if seeds else directory
    try:
        config = load(CONFIGS["gan"], run / CONFIG_FILE)
        assert isinstance(config, RunConfig), "of a GAN"
        how = judging_commands(run, config, directory if seeds else None)
    except (UserError, OSError):  # told by the command itself
        how = [command("evaluate", str(directory))]
    return ", and then ".join(f"`{one}`" for one in how)


def check_scored(directory: Path) -> None:
    """Check that a run, or a directory of seeds, has scores.

    Raises:
        RunError: It has none; tells the way to them.
    """
    file = evaluation_file(directory)
    if directory.is_dir() and not file.exists() and (is_run_directory(directory) or runs_of_seeds(directory)):
        raise RunError(
            f"{file}: no such file; expected scores of a generator. {scoring_way(directory)} makes them."
        )


def is_judge(judge: str, class_names: Sequence[str]) -> bool:
    """True if there is a classifier of these classes in a run directory, trained to its end."""
    info = _classifier_of(judge, class_names)
    return info is not None and _is_finished(judge, info)


def _classifier_of(judge: str, class_names: Sequence[str]) -> ClassifierInfo | None:
    """A run's classifier, if it can be read and knows these classes."""
    file = Path(judge) / CLASSIFIER_FILE.name
    try:
        _, info = CLASSIFIER_FILE.read(file)
    except (UserError, OSError):
        return None
    return info if set(class_names) <= set(info.class_names) else None


def _is_finished(judge: str, info: ClassifierInfo) -> bool:
    """True if a run's classifier has the length that its configuration asks for, or nothing tells it."""
    try:
        config = load(CONFIGS["classify"], Path(judge) / CONFIG_FILE)
        images = read_run_provenance(Path(judge) / PROVENANCE_FILE)["data"]["images"]["train"]
    except (UserError, OSError, LookupError):
        return True
    assert isinstance(config, ClassifierConfig)
    if config.synthetic is not None:  # its images count generated ones
        return True
    return int(info.provenance.get("nimg", 0)) >= config.train.whole_length(sum(images.values()))


def classifier_command(config: RunConfig, data: object) -> str:
    """The command that trains a classifier of a run's images, or of others.

    Args:
        config: Configuration of the run.
        data: A source as ``--data`` takes it, or images that have none; None is the run's.
    """
    if data is None:
        return command("classify", "train", "--data", config.data.source, *_changes(config))
    source = str(data) if isinstance(data, (str, os.PathLike)) else "SOURCE"
    return command("classify", "train", "--data", source)


def _changes(config: RunConfig) -> list[str]:
    return [word for setting in data_settings(config) for word in ("--set", setting)]


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

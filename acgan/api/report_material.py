"""Material of a report on a run: its configuration, its data as read, and its networks, where they are at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from acgan.api.class_table import count_classes, left_out_line, reading_line
from acgan.api.classifier_on_test import evaluated_on
from acgan.api.data import contact_sheet
from acgan.api.inputs import summary_line, tell_skipped
from acgan.api.judging import data_settings, is_judge, source_to_type
from acgan.api.places import KnownPaths, find_data, with_known_paths
from acgan.api.provenance_file import read_run_provenance
from acgan.assembly.images import data_options, prepare_dataset, with_few_told
from acgan.assembly.packing_words import names_set
from acgan.config import CONFIGS, AnyConfig, ClassifierConfig, RunConfig, diff, load, to_yaml
from acgan.config.reading import read
from acgan.config.recipes import CONFIG_FILE, find_recipe
from acgan.data import load_dataset
from acgan.errors import DataError, RunError, UserError
from acgan.evaluation import EVALUATION_FILE, read_scores
from acgan.extracting import extractor_at_hand
from acgan.own_parts import PROVENANCE_FILE, import_words, recorded_parts
from acgan.report.classifier import ClassifierMaterial
from acgan.report.commands import judge_of
from acgan.report.gan import GanMaterial
from acgan.report.gather import ChangedKey, DataRead, KnownRun, RunSettings, gather_run, or_told
from acgan.report.together import Together
from acgan.sampling import load_generator
from acgan.types import Dataset
from acgan.weights.starting import started_from

_Tell = Callable[[str], None]
_QUICK_TEST, _QUICK_SHEET = 2_000, 10_000  # images of a quick report: judged, and listed again
_LONGEST_VALUE = 300  # characters
_NO_SET = " --set is an option of trainings: a report reads the images as its run read them."


def known_run(directory: Path) -> KnownRun:
    """All that a run directory tells by itself.

    Raises:
        RunError: It is no run, or its configuration cannot be read.
    """
    file = directory / CONFIG_FILE
    if not file.is_file():
        raise RunError(
            f"{directory}: not a run (it has no {CONFIG_FILE}); expected the directory of a training."
        )
    missing: list[str] = []
    nothing: dict[str, Any] = {}
    provenance = or_told(lambda: _provenance(directory), nothing, missing)
    run = gather_run(directory, read(file)[0], provenance, missing)
    began = started_from({**run.provenance, "config": run.config})
    run = replace(run, imports=import_words(recorded_parts(directory)), started_from=began)
    return _with_length(run) if run.is_classifier else _with_way_to_scores(run)


def _with_length(run: KnownRun) -> KnownRun:
    """The run of a classifier, with the images that its epochs have."""
    config, real = or_told(lambda: _config(run), None, []), sum(run.training_images.values())
    # The counts are of generated images too.
    if not isinstance(config, ClassifierConfig) or config.synthetic is not None or not real:
        return run
    return replace(run, length=config.train.whole_length(real))


def _with_way_to_scores(run: KnownRun) -> KnownRun:
    """The run, with what its commands need to score it here."""
    try:
        places = KnownPaths.read(run.directory)
        config = _config(run)
    except (UserError, OSError):  # told where the configuration itself is shown
        return run
    assert isinstance(config, RunConfig), "the run is of a GAN"
    config = with_known_paths(config, places)
    name = run.provenance.get("data", {}).get("name", config.data.source)
    there = extractor_at_hand(name, list(run.training_images), config.evaluate.extractor)
    return replace(
        run,
        data_settings=tuple(data_settings(config)),
        extractor_at_hand=there is not None,
        judge_at_hand=is_judge(judge_of(run.directory), list(run.training_images)),
        source=source_to_type(run.directory, config, places),
    )


def _provenance(directory: Path) -> dict[str, Any]:
    file = directory / PROVENANCE_FILE
    if not file.exists():
        raise RunError(
            f"{file}: no such file, so that versions, machine and times are not known. The next training in "
            f"{directory} writes it anew."
        )
    return read_run_provenance(file)


def gan_material(
    run: KnownRun, data: Dataset | None, device: str | torch.device, quick: bool, say: _Tell, warn: _Tell
) -> GanMaterial:
    """All that the report of a GAN's run shows; what cannot be had is noted in ``run.missing``."""
    config = or_told(lambda: _config(run), None, run.missing)
    settings = None if config is None else _settings(run, config)
    dataset = _dataset(run, config, data, say, warn)
    sampler = or_told(lambda: load_generator(run.directory, device), None, run.missing)
    return GanMaterial(
        run,
        settings,
        _as_read(run, config, dataset, quick),
        sampler,
        None if dataset is None else dataset.train,
    )


def compared_material(
    runs: Sequence[KnownRun], data: Dataset | None, device: str | torch.device, say: _Tell, warn: _Tell
) -> list[GanMaterial]:
    """All that a page of several runs shows: their generators, and the training images of the first that has any."""
    found = []
    for run in runs:
        config = None if data is not None else or_told(lambda run=run: _config(run), None, run.missing)  # type: ignore[misc]
        data = _dataset(run, config, data, say, warn)
        sampler = or_told(lambda run=run: load_generator(run.directory, device), None, run.missing)  # type: ignore[misc]
        found.append(GanMaterial(run, None, None, sampler, None if data is None else data.train))
    return found


def scores_together(paths: Sequence[Path], runs: Sequence[KnownRun]) -> Together | None:
    """The evaluation of all trainings of a directory of seeds, where the page is of that one; None without one."""
    if len(paths) != 1 or not (paths[0] / EVALUATION_FILE).exists():
        return None
    scores = or_told(lambda: read_scores(paths[0]), None, runs[0].missing)
    return None if scores is None else Together(paths[0], scores)


def classifier_material(
    run: KnownRun,
    data: Dataset | None,
    device: str | torch.device,
    quick: bool,
    say: _Tell,
    warn: _Tell,
) -> ClassifierMaterial:
    """All that the report of a classifier's run shows; what cannot be had is noted in ``run.missing``."""
    config = or_told(lambda: _config(run), None, run.missing)
    settings = None if config is None else _settings(run, config)
    dataset = _dataset(run, config, data, say, warn)
    judged = None
    if dataset is not None:
        judged = or_told(
            lambda: evaluated_on(run.directory, dataset, device, _QUICK_TEST if quick else None),
            None,
            run.missing,
        )
    return ClassifierMaterial(run, settings, _as_read(run, config, dataset, quick), judged)


def _config(run: KnownRun) -> AnyConfig:
    return load(CONFIGS["classify" if run.is_classifier else "gan"], run.directory / CONFIG_FILE)


def _settings(run: KnownRun, config: AnyConfig) -> RunSettings:
    name = run.provenance.get("recipe")
    recipe, shown = None, "the defaults"
    if isinstance(name, str):
        try:
            recipe = load(type(config), find_recipe(name, config.task))
            shown = f"the recipe {name}"
        except (UserError, OSError, ValueError):  # a file that is gone or of an earlier version, or no path
            run.missing.append(
                f"The recipe {name} is not at hand; the configuration is compared with the defaults."
            )
    if recipe is None:
        recipe = load(type(config), None)
    changed = tuple(
        ChangedKey(key, _value(before), _value(after))
        for key, (before, after) in diff(recipe, config).items()
    )
    return RunSettings(shown, changed, to_yaml(config))


def _value(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _dataset(
    run: KnownRun, config: AnyConfig | None, data: Dataset | None, say: _Tell, warn: _Tell
) -> Dataset | None:
    """The data as the training had them; None where they are not at hand, or are others."""
    if data is not None or config is None:
        return data
    found = or_told(lambda: _read(run, config, say, warn), None, run.missing)
    known = run.provenance.get("data", {}).get("fingerprint")
    if found is not None and known is not None and found.train.fingerprint != known:
        run.missing.append("The data have changed since the training: what is shown of them is of today.")
    return found


def _read(run: KnownRun, config: AnyConfig, say: _Tell, warn: _Tell) -> Dataset:
    here = _found(run, config, say, warn)
    try:
        dataset = load_dataset(here.data.source, replace(data_options(here.data), skip_with=""))
    except DataError as error:
        raise DataError(f"{error}{_NO_SET if names_set(str(error)) else ''}") from error
    return with_few_told(here, prepare_dataset(here, dataset, rehearsal=True))


def _found(run: KnownRun, config: AnyConfig, say: _Tell, warn: _Tell) -> Any:
    """The configuration with the data as this folder finds it."""
    places = KnownPaths.read(run.directory)
    return find_data(with_known_paths(config, places), places, chosen=False, say=say, warn=warn)[0]  # type: ignore[type-var]


def _as_read(
    run: KnownRun, config: AnyConfig | None, dataset: Dataset | None, quick: bool
) -> DataRead | None:
    if dataset is None or config is None:
        return None
    counts = count_classes(dataset)
    remarks = [summary_line(dataset)]
    if dataset.report is not None:
        remarks.append(reading_line(dataset.report.reading))
        remarks += map(left_out_line, dataset.report.reading.left_out)
    remarks += [*(f"Doubt: {one}" for one in dataset.warnings), *dataset.notes]
    broken: list[str] = []
    tell_skipped(dataset.skipped, broken.append)
    remarks += ["\n".join(broken)] if broken else []  # a note tells their number
    left_out = quick and len(dataset.train) > _QUICK_SHEET
    sheet = None if left_out else or_told(lambda: _sheet(run, config, dataset), None, run.missing)
    rows = tuple((name, tuple(numbers)) for name, numbers in counts.rows())
    return DataRead(dataset.name, counts.parts, rows, tuple(remarks), sheet, left_out)


def _sheet(run: KnownRun, config: AnyConfig, dataset: Dataset) -> bytes | None:
    places = KnownPaths.read(run.directory)
    if places is None or places.source is None:  # images that Python handed over have no originals
        return None
    here = _found(run, config, lambda _: None, lambda _: None)
    return contact_sheet(here.data, dataset)

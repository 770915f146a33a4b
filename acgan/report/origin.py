"""Sections on where a run comes from: its data, configuration, provenance, and the commands that make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acgan.report.commands import command_on, evaluate_command, judge_command, needs_judge
from acgan.report.gather import DataRead, KnownRun, RunSettings
from acgan.report.judgement import Advice
from acgan.report.pictures import drawn_page
from acgan.report.section import Cell, Section, TextTable, named_values

_CLASSES = 200  # of the table of classes


def data_section(run: KnownRun, data: DataRead | None) -> Section:
    """The data as they were read."""
    title = "The data, as they were read"
    if data is None:
        return Section("data", title, {"data": None})
    *classes, total = [
        (Cell(name), *(Cell(f"{number:,}", number) for number in numbers)) for name, numbers in data.rows
    ]
    rows = tuple(classes[:_CLASSES])
    table = TextTable(f"{data.name}: images by class and part", ("class", *data.parts), rows, total)
    sheet = None if data.sheet is None else drawn_page(data.sheet)
    left_out = len(classes) - len(rows)
    values = {
        "data": data, "table": table, "sheet": sheet, "left_out": left_out, "directory": run.directory,
    }  # fmt: skip
    return Section("data", title, values)


def settings_section(settings: RunSettings | None) -> Section:
    """The configuration as a difference from the recipe."""
    title = "The configuration"
    if settings is None:
        return Section("settings", title, {"settings": None})
    rows = tuple((Cell(one.key), Cell(one.recipe), Cell(one.run)) for one in settings.changed)
    table = TextTable(
        f"Keys that are not as in {settings.recipe}", ("key", settings.recipe, "this run"), rows
    )
    return Section("settings", title, {"settings": settings, "table": table if rows else None})


def provenance_section(run: KnownRun) -> Section:
    """Versions, machine and times of each training that made the run."""
    tables = [
        named_values(
            f"Training {number} of {len(run.invocations)}", list(_invocation(one)), ("what", "value")
        )
        for number, one in enumerate(run.invocations, start=1)
    ]
    facts = list(_facts(run))
    whole = [named_values("The run", facts, ("what", "value"))] if facts else []
    return Section("provenance", "Provenance", {"tables": (*whole, *tables), "known": bool(run.provenance)})


def _facts(run: KnownRun) -> Iterator[tuple[str, str]]:
    known = run.provenance
    if known:
        yield "seed", f"{known['seed']}"
        if run.started_from is not None:
            yield "started from", run.started_from
        yield "data", f"{known['data']['name']}, fingerprint {known['data']['fingerprint']}"
        for name, number in known["parameters"].items():
            yield f"learned numbers of the {name}", f"{number:,}"
    if known.get("trained_sec") is not None:
        yield "time of training", f"{known['trained_sec'] / 60:.1f} minutes"
    if run.scores is not None:
        yield from _evaluation(run)


def _evaluation(run: KnownRun) -> Iterator[tuple[str, str]]:
    assert run.scores is not None
    origin = run.scores.provenance
    for one in origin["generators"]:
        shown = "" if one.get("nimg") is None else f", at {one['nimg']:,} images"
        yield "evaluated generator", f"{one.get('file', '')}{shown}; SHA-256 {one['sha256']}"
    reference = origin["reference"]
    number, data = reference.get("num_images"), reference.get("data")
    count = "" if number is None else f"{number:,} "
    of = "" if data is None else f" of {data}"
    yield "evaluated against", f"{count}{reference['split']} images{of}"
    for key, title in (("extractor", "features of"), ("classifier", "class accuracy by")):
        if origin.get(key) is not None:
            yield title, _network(origin[key])
    saw = origin.get("extractor_saw_reference")
    if saw is not None:
        yield "features were trained on these images", "yes" if saw else "no"
    repeats = origin.get("repeats") or 1
    yield (
        "seed of the samples",
        f"{origin.get('seed')}, drawn {'once' if repeats == 1 else f'{repeats:,} times'}",
    )
    yield "evaluated on", f"{origin.get('date')}, acgan {origin.get('acgan')}"


def _network(known: Mapping[str, Any]) -> str:
    """An extractor or a classifier: its name, and what tells it from any other."""
    name = known["name"] or "Inception, as FID has it"
    return f"{name}; {known['dims']:,} features of images of {known['resize']}; SHA-256 {known['sha256']}"


def _invocation(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, title in (
        ("command", "command"),
        ("started", "started"),
        ("ended", "ended"),
        ("acgan", "acgan"),
        ("python", "Python"),
        ("processor", "processor"),
        ("gpu", "GPU"),
        ("device", "device"),
        ("precision", "precision"),
        ("cores", "cores"),
        ("threads", "threads"),
        ("processes", "processes"),
    ):
        if one.get(key) is not None:
            yield title, f"{one[key]}"
    if one.get("nimg") is not None:
        yield "images shown", "{:,} to {:,}".format(*one["nimg"])
    yield "packages", ", ".join(f"{name} {version}" for name, version in one["packages"].items())


def commands_section(run: KnownRun) -> Section:
    """The commands to make the run again, and to use it."""
    directory = str(run.directory)
    words = ("classify", "train") if run.is_classifier else ("train",)
    found = [
        Advice(
            "Train the same again, in another directory",
            command_on(run, *words, f"{directory}/config.yaml", "--run-dir", f"{directory}-again"),
        ),
        Advice("Go on with this training", command_on(run, *words, directory)),
    ]
    if run.is_classifier:
        found += [
            Advice("Score it on test images", command_on(run, "classify", "evaluate", directory)),
            Advice(
                "Tell the classes of images", f"{command_on(run, 'classify', 'predict', directory)} IMAGE..."
            ),
        ]
    else:
        found += [
            Advice("Draw a page of samples", command_on(run, "sample", directory, "--out", "samples.png")),
            Advice(
                "Draw 64 images of each class into folders",
                command_on(run, "sample", directory, "--out", "samples/"),
            ),
        ]
        if needs_judge(run):
            found.append(Advice("Train a classifier of the same images, a judge", judge_command(run)))
        found.append(Advice("Score it, class by class", evaluate_command(run)))
    found.append(Advice("Write this report again", command_on(run, "report", directory)))
    typed = [Advice("As it was typed", str(one["command"])) for one in run.invocations]
    return Section("commands", "Commands", {"commands": (*typed, *found)})

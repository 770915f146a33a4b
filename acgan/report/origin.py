"""Sections on where a run comes from: its data, configuration, provenance, and the commands that make it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acgan.reading import is_finite_number
from acgan.report.gather import DataRead, KnownRun, RunSettings
from acgan.report.pictures import drawn_page
from acgan.report.section import Cell, Section, TextTable, named_values
from acgan.report.words import Advice, command

_CLASSES = 200  # of the table of classes


def data_section(data: DataRead | None) -> Section:
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
    return Section("data", title, {"data": data, "table": table, "sheet": sheet, "left_out": left_out})


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
    return Section("provenance", "Provenance", {"tables": (*whole, *tables)})


def _facts(run: KnownRun) -> Iterator[tuple[str, str]]:
    known = run.provenance
    if "seed" in known:
        yield "seed", f"{known['seed']}"
    data = known.get("data")
    if isinstance(data, dict):
        yield "data", f"{data.get('name')}, fingerprint {data.get('fingerprint')}"
    parameters = known.get("parameters")
    for name, number in parameters.items() if isinstance(parameters, dict) else ():
        yield f"learned numbers of the {name}", _amount(number)
    if is_finite_number(known.get("trained_sec")):
        yield "time of training", f"{known['trained_sec'] / 60:.1f} minutes"
    if run.scores is not None:
        yield from _evaluation(run)


def _evaluation(run: KnownRun) -> Iterator[tuple[str, str]]:
    assert run.scores is not None
    origin = run.scores.provenance
    for one in origin.get("generators", ()):
        yield (
            "evaluated generator",
            f"{one.get('file')}, {str(one.get('sha256'))[:8]}, at {one.get('nimg')} images",
        )
    reference = origin.get("reference", {})
    yield (
        "evaluated against",
        f"{reference.get('num_images')} {reference.get('split')} images of {reference.get('data')}",
    )
    extractor = origin.get("extractor")
    if isinstance(extractor, dict):
        yield "features of", f"{extractor.get('name') or 'FID Inception'}, {str(extractor.get('sha256'))[:8]}"
    yield "seed of the samples", f"{origin.get('seed')}, {origin.get('repeats')} times"
    yield "evaluated on", f"{origin.get('date')}, acgan {origin.get('acgan')}"


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
    nimg, packages = one.get("nimg"), one.get("packages")
    if isinstance(nimg, list) and len(nimg) == 2:
        yield "images shown", f"{_amount(nimg[0])} to {_amount(nimg[1])}"
    if isinstance(packages, dict):
        yield "packages", ", ".join(f"{name} {version}" for name, version in packages.items())


def _amount(number: Any) -> str:
    """A number of a file that anyone may have changed."""
    return f"{number:,}" if is_finite_number(number) else str(number)


def commands_section(run: KnownRun) -> Section:
    """The commands to make the run again, and to use it."""
    directory = str(run.directory)
    words = ("classify", "train") if run.is_classifier else ("train",)
    found = [
        Advice(
            "Train the same again, in another directory",
            command(*words, f"{directory}/config.yaml", "--run-dir", f"{directory}-again"),
        ),
        Advice("Go on with this training", command(*words, directory)),
    ]
    if run.is_classifier:
        found += [
            Advice("Score it on test images", command("classify", "evaluate", directory)),
            Advice("Tell the classes of images", f"{command('classify', 'predict', directory)} IMAGE..."),
        ]
    else:
        found += [
            Advice("Draw a page of samples", command("sample", directory, "--out", "samples.png")),
            Advice(
                "Draw 64 images of each class into folders", command("sample", directory, "--out", "samples/")
            ),
            Advice("Score it, class by class", command("evaluate", directory)),
        ]
    found.append(Advice("Write this report again", command("report", directory)))
    typed = [Advice("As it was typed", str(one["command"])) for one in run.invocations if one.get("command")]
    return Section("commands", "Commands", {"commands": (*typed, *found)})

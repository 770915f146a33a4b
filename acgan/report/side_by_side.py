"""The report of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acgan.errors import UserError
from acgan.evaluation import Comparison, compare, evaluation_file, read_evaluation, with_runs
from acgan.evaluation.class_findings import worst_class
from acgan.evaluation.findings import named
from acgan.metrics.catalogue import full_title, plain_name
from acgan.report.commands import command_on, commands_to_scores
from acgan.report.figures import lines_figure
from acgan.report.gan import GanMaterial
from acgan.report.gather import KnownRun
from acgan.report.judgement import Judgement
from acgan.report.looks import drawn, real_images_of
from acgan.report.page import Page
from acgan.report.pictures import Strip, StripCounts, strip
from acgan.report.section import Cell, Section, TextTable
from acgan.report.together import Together
from acgan.report.words import judge_gan

_PAIRS = 10  # of runs that are compared


@dataclass(frozen=True)
class NamedStrip:
    """Images of a run."""

    name: str
    picture: Strip


@dataclass(frozen=True)
class ComparedClass:
    """Images of a class, a strip for each run, and real ones."""

    name: str
    strips: tuple[NamedStrip, ...]


@dataclass(frozen=True)
class ComparedPair:
    """Two runs in the words of ``acgan compare``.

    Attributes:
        title: Both names.
        headline: What the comparison is of; or why there is none.
        table: Differences by metric; None where they cannot be compared.
        differs: What else differs.
        notes: Remarks.
    """

    title: str
    headline: str
    table: TextTable | None = None
    differs: TextTable | None = None
    notes: tuple[str, ...] = ()


def compared_page(materials: Sequence[GanMaterial], together: Together | None = None) -> Page:
    """The report of several runs: verdicts, what is more than chance, samples, curves, configurations.

    Args:
        materials: The runs.
        together: An evaluation of all of them; None if there is none.
    """
    runs = [one.run for one in materials]
    names = _names(runs)
    sections = [
        Section(
            "verdicts",
            "Which run is better?",
            {"table": _verdicts(runs, names, together), "pairs": _pairs(runs, names, together)},
        ),
        *([] if together is None else together.sections(runs)),
        _samples(materials, names),
        _training(runs, names),
        _differences(materials, names),
        _each(materials, names, together),
    ]
    missing = [f"{name}: {one}" for name, run in zip(names, runs, strict=True) for one in run.missing]
    lines = (f"{len(runs)} runs: {', '.join(str(run.directory) for run in runs)}",)
    return Page(f"{len(runs)} runs side by side", lines, sections, missing)


def _names(runs: Sequence[KnownRun]) -> list[str]:
    """Names that tell the runs apart."""
    paths = [run.directory.resolve() for run in runs]
    for parts in (1, 2):  # of a sweep: VARIANT/seedN
        short = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(short)) == len(short):
            return short
    return [str(run.directory) for run in runs]


def _verdicts(runs: Sequence[KnownRun], names: Sequence[str], together: Together | None) -> TextTable:
    rows = []
    for run, name in zip(runs, names, strict=True):
        judged, scores = _judged(run, together), run.scores
        worst = None if scores is None else worst_class(scores)
        rows.append(
            (
                Cell(name),
                Cell(f"{judged.sentence} {judged.stale or ''}".strip()),
                _distance(run, together),
                Cell("not known" if worst is None else f"{worst.name}, by {worst.by}"),
                Cell(f"{run.nimg:,}", run.nimg),
            )
        )
    headings = ("run", "verdict", "distance (real images)", "worst class", "images shown")
    return TextTable("Each run by itself, beside real images", headings, tuple(rows))


def _judged(run: KnownRun, together: Together | None) -> Judgement:
    """The verdict on a run; of one that was evaluated with others alone, where theirs stands."""
    judged = judge_gan(run)
    if run.scores is not None or together is None or together.place_of(run) is None:
        return judged
    sentence = (
        "Not evaluated by itself, but together with the other trainings: see “All these trainings together”."
    )
    return replace(judged, sentence=sentence, basis="")


def _distance(run: KnownRun, together: Together | None) -> Cell:
    if run.scores is None:
        shared = None if together is None else together.distance_of(run)
        return Cell("not evaluated") if shared is None else shared
    score, floor = (named(part, "fid", "fcd", "fd") for part in (run.scores.at_floor_count, run.scores.floor))
    if score is None or score.value is None:
        return Cell("not measured")
    beside = "" if floor is None or floor.value is None else f" ({floor.value:.3f})"
    kind = next(plain_name(name).upper() for name, one in run.scores.at_floor_count.items() if one is score)
    return Cell(f"{kind} {score.value:.3f}{beside}", score.value)


def _pairs(runs: Sequence[KnownRun], names: Sequence[str], together: Together | None) -> list[ComparedPair]:
    """The first run against each other one; nothing where they are trainings of one method."""
    if together is not None and all(together.place_of(run) is not None for run in runs):
        return [
            ComparedPair(
                "Trainings of one method",
                "They differ by their seeds alone, and were evaluated together: their spread is in the "
                "intervals below. Compare methods: `acgan compare` takes two such folders.",
            )
        ]
    others = list(zip(runs[1:], names[1:], strict=True))[:_PAIRS]
    return [_pair(runs[0], run, names[0], name) for run, name in others]


def _pair(a: KnownRun, b: KnownRun, name_a: str, name_b: str) -> ComparedPair:
    title = f"A is {name_a}, B is {name_b}"
    bare = [run for run in (a, b) if not evaluation_file(run.directory).exists()]
    if bare:
        ways = "; ".join(
            f"{run.directory} has no scores: {commands_to_scores(run)} makes them" for run in bare
        )
        return ComparedPair(title, f"Whether they differ by more than chance is not known. {ways}.")
    try:
        side_a, side_b = (
            with_runs(read_evaluation(evaluation_file(run.directory)), run.directory) for run in (a, b)
        )
        found = compare(side_a, side_b, (name_a, name_b))
    except UserError as error:
        return ComparedPair(title, f"Whether they differ by more than chance is not known. {error}")
    differs = TextTable(
        "What differs besides the scores",
        ("what", "A", "B"),
        tuple((Cell(one.what), Cell(one.a), Cell(one.b)) for one in found.differs),
    )
    headline = f"{found.headline[:1].upper()}{found.headline[1:]}."
    return ComparedPair(title, headline, _in_table(found), differs if found.differs else None, found.notes)


def _in_table(found: Comparison) -> TextTable:
    rows = []
    for row in found.rows:
        difference = row.difference
        means = [sum(values) / len(values) for values in (row.a, row.b)]
        rows.append(
            (
                Cell(full_title(row.metric)),
                *(Cell(f"{mean:.4g}", mean) for mean in means),
                Cell(f"{difference.value:+.3g}", difference.value),
                Cell(f"{difference.low:+.3g} to {difference.high:+.3g}"),
                Cell(row.tested.in_words(row.metric, "A", "B")),
            )
        )
    headings = ("score", "A", "B", "B − A", "95 % interval", "more than chance?")
    return TextTable(f"Differences, over {found.units}", headings, tuple(rows))


def _samples(materials: Sequence[GanMaterial], names: Sequence[str]) -> Section:
    drawers = [
        (name, one.sampler) for name, one in zip(names, materials, strict=True) if one.sampler is not None
    ]
    classes: list[ComparedClass] = []
    left_out = 0
    if drawers:
        shared = [
            name for name in drawers[0][1].class_names if all(name in one.class_names for _, one in drawers)
        ]
        shape = max((one.image_shape for _, one in drawers), key=lambda shape: shape[1])
        room = replace(StripCounts.fitting(max(1, len(shared)), shape, len(drawers) + 1), more=0)
        shared, left_out = shared[: room.classes], max(0, len(shared) - room.classes)
        images = {
            name: drawn(one, [one.class_names.index(label) for label in shared], room.first)
            for name, one in drawers
            if shared
        }
        real = next((one.real for one in materials if one.real is not None), None)
        for place, label in enumerate(shared):
            strips = [
                NamedStrip(name, strip(of_run[place], f"{room.first} samples of class {label} by {name}"))
                for name, of_run in images.items()
            ]
            found = real_images_of(real, label, room)
            if found is not None:
                strips.append(
                    NamedStrip("real images", strip(found, f"{len(found)} real images of class {label}"))
                )
            classes.append(ComparedClass(label, tuple(strips)))
    values = {"classes": classes, "left_out": left_out}
    return Section("samples", "Samples, class by class", values, "compared_samples")


def _training(runs: Sequence[KnownRun], names: Sequence[str]) -> Section:
    figures = []
    kinds = dict.fromkeys(run.score_name for run in runs if run.score_name is not None)
    titles = {
        kind: f"{plain_name(kind).removeprefix('evaluate/')} on validation images (lower is better)"
        for kind in kinds
    }
    titles |= {"G/adversarial": "Adversarial loss of G", "G/class_fake": "Class loss of G"}
    for kind, title in titles.items():
        lines = {name: curve for name, run in zip(names, runs, strict=True) if (curve := run.curve(kind))}
        if lines:
            ends = ", ".join(f"{name} {curve[-1][1]:.4g}" for name, curve in lines.items())
            figures.append(lines_figure(title, lines, alt=f"{title}, over images shown. At the end: {ends}."))
    marks: dict[str, tuple[int, ...]] = {}
    values = {
        "figures": figures, "best": None, "marks": marks, "nimg": max(run.nimg for run in runs), "total": None,
    }  # fmt: skip
    return Section("training", "How the trainings went", values)


def _differences(materials: Sequence[GanMaterial], names: Sequence[str]) -> Section:
    texts = [_flat(one.run.config) for one in materials]
    keys = list(dict.fromkeys(key for values in texts for key in values))
    rows = tuple(
        (Cell(key), *(Cell(values.get(key, "–")) for values in texts))
        for key in keys
        if len({values.get(key) for values in texts}) > 1
    )
    table = TextTable("Keys that are not the same in all runs", ("key", *names), rows) if rows else None
    return Section("settings", "What differs in the configurations", {"table": table}, "compared_settings")


def _flat(values: object, prefix: str = "") -> dict[str, str]:
    if isinstance(values, dict) and values:
        found: dict[str, str] = {}
        for key, value in values.items():
            found |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    return {prefix: f"{values}"}


def _each(materials: Sequence[GanMaterial], names: Sequence[str], together: Together | None) -> Section:
    rows = [
        (name, _judged(one.run, together), command_on(one.run, "report", str(one.run.directory)))
        for name, one in zip(names, materials, strict=True)
    ]
    return Section("each", "Each run by itself", {"rows": rows})

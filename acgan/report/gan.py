"""Sections of the report of a GAN's run, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acgan.evaluation.class_findings import by_class, counts, lacking_in_words
from acgan.evaluation.result import Scores
from acgan.metrics.catalogue import plain_name
from acgan.metrics.prdc import expected_coverage
from acgan.report.commands import commands_to_scores
from acgan.report.figures import bars_figure, matrix_figure
from acgan.report.gather import DataRead, KnownRun, RunSettings
from acgan.report.history import diversity_section, training_section
from acgan.report.looks import nearest_pairs, rows_of_classes, walks_of
from acgan.report.origin import commands_section, data_section, provenance_section, settings_section
from acgan.report.page import Page
from acgan.report.pictures import drawn_page
from acgan.report.section import Cell, Section, TextTable, classes_table, number_cell, scores_table
from acgan.report.watched import with_counts
from acgan.report.words import judge_gan
from acgan.sampling import ClassSampler
from acgan.types import ImageStore

_BARS = 30  # classes of a figure
_CONFUSIONS = 10


@dataclass(frozen=True)
class GanMaterial:
    """All that the report of a GAN's run shows.

    Attributes:
        run: What its directory tells.
        settings: Its configuration; None where that cannot be read.
        data: Its data as read; None where they are not at hand.
        sampler: Its generator; None where there is none.
        real: Its training images; None where they are not at hand.
    """

    run: KnownRun
    settings: RunSettings | None
    data: DataRead | None
    sampler: ClassSampler | None
    real: ImageStore | None


def gan_page(material: GanMaterial) -> Page:
    """The report of one run."""
    run = material.run
    return Page(f"Report of {run.name}", tuple(facts(run)), gan_sections(material), run.missing)


def facts(run: KnownRun) -> Iterator[str]:
    """Lines below the title."""
    yield run.config.get("description") or "A generator of images by class."
    total = run.total_nimg
    shown = f"{run.nimg:,} images shown in training" + ("" if total is None else f", of {total:,} asked for")
    data = run.provenance.get("data", {})
    about = [f"data {data['name']}" if data.get("name") else "", shown, f"run directory {run.directory}"]
    yield "; ".join(one for one in about if one)


def gan_sections(material: GanMaterial) -> list[Section]:
    """All sections, the verdict first."""
    run = material.run
    return [
        Section("verdict", "Are the images any good?", {"judged": judge_gan(run)}),
        samples_section(material),
        training_section(run),
        classes_section(run),
        confusion_section(run),
        diversity_section(run),
        _nearest(material),
        _walks(material),
        data_section(run, material.data),
        settings_section(material.settings),
        provenance_section(run),
        commands_section(run),
    ]


def samples_section(material: GanMaterial) -> Section:
    """Samples of each class beside real images of it."""
    sampler, real = material.sampler, material.real
    values: dict[str, object] = {"rows": (), "generated": 0, "why": None, "no_real": real is None}
    if sampler is None:
        values["why"] = "There is no generator to draw with."
    else:
        rows = rows_of_classes(sampler, real)
        values |= {"rows": rows, "left_out": len(sampler.class_names) - len(rows), "which": _which(sampler)}
    return Section("samples", "Samples beside real images", values)


def _which(sampler: ClassSampler) -> str:
    score, nimg = sampler.origin.get("score"), sampler.origin.get("nimg")
    state = "the best state of the training" if score else "the last state of the training"
    return f"{state}, after {nimg:,} images" if isinstance(nimg, int) else state


def classes_section(run: KnownRun) -> Section:
    """Bars of each class against its own floor, and all scores."""
    scores = run.scores
    if scores is None:
        return Section(
            "classes",
            "Class by class",
            {"figures": (), "tables": (), "notes": (), "way": commands_to_scores(run)},
        )
    panels = list(_panels(scores))
    figures = [
        bars_figure(
            one.title,
            *_worst_first(one.values, one.floors, higher=one.higher),
            alt=_in_words(one.title, one.values, one.floors),
        )
        for one in panels
    ]
    tables = [scores_table(scores)]
    if scores.per_class:
        tables.append(classes_table(scores))
    notes = (*_of_halves(scores, panels), *_without_bar(scores, panels))
    return Section(
        "classes",
        "Class by class",
        {
            "figures": figures,
            "tables": tables,
            "notes": notes,
            "way": commands_to_scores(run),
            "stale": run.stale,
        },
    )


@dataclass(frozen=True)
class BarPanel:
    """Bars of a score.

    Attributes:
        title: Its title.
        values: Values by class.
        floors: What real images have, by class.
        higher: True if higher is better.
        of_halves: True if half of the samples stand beside half of the real images.
    """

    title: str
    values: dict[str, float]
    floors: dict[str, float]
    higher: bool
    of_halves: bool = False

    @property
    def name(self) -> str:
        """Name of the score alone."""
        return self.title.split(" (")[0].split(":")[0]


def _panels(scores: Scores) -> Iterator[BarPanel]:
    """Bars of each score that has values and floors."""
    for plain, title, higher in (
        ("class_accuracy", "Class accuracy: of the class that was asked for (higher is better)", True),
        ("fid", "FID (lower is better)", False),
        ("fcd", "FCD (lower is better)", False),
        ("fd", "FD (lower is better)", False),
    ):
        values = by_class(scores.at_floor_count_per_class, plain)
        floors = by_class(scores.floor_per_class, plain)
        if values and floors:
            yield BarPanel(title, values, floors, higher, of_halves=True)
    covered = by_class(scores.per_class, "coverage")
    if covered:
        floors = {name: expected_coverage(*counts(scores, name), scores.nearest_k) for name in covered}
        title = "Coverage: real images that samples come near to (higher is better)"
        yield BarPanel(title, covered, floors, True)
    alike, real = by_class(scores.per_class, "ms_ssim"), by_class(scores.per_class, "ms_ssim_real")
    if alike and real:
        title = "MS-SSIM: how alike images of a class are (as real images is best)"
        yield BarPanel(title, alike, real, False)


def _of_halves(scores: Scores, panels: list[BarPanel]) -> Iterator[str]:
    """A sentence on bars that have other numbers than the table by class."""
    names = [panel.name for panel in panels if panel.of_halves]
    if names:
        total, half = (int(scores.provenance[key]) for key in ("num_images", "floor_images"))
        yield (
            f"The bars of {' and '.join(names)} are means over halves of the samples, {half:,} of {total:,}, because "
            "the marks are of as many real images, and only equal numbers compare. The table by class has all samples: "
            "its numbers differ, the more so the fewer images a class has."
        )


def _without_bar(scores: Scores, panels: list[BarPanel]) -> Iterator[str]:
    """Sentences on classes that have no bar, those of the same classes together."""
    without: dict[tuple[str, ...], list[str]] = {}
    for panel in panels:
        left_out = tuple(name for name in scores.per_class if name not in panel.values)
        without.setdefault(left_out, []).append(panel.name)
    for left_out, names in without.items():
        if left_out:
            few = with_counts({name: min(counts(scores, name)) for name in left_out}, "image")
            yield f"No bar of {' and '.join(names)} for {few}: too few samples or held-out real images to measure it."
    if scores.not_scored:
        yield f"Neither bars nor scores of {lacking_in_words(scores)}."


def _worst_first(
    values: dict[str, float], floors: dict[str, float], *, higher: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """All classes in their order; of many, the ones that lie furthest behind their floors."""
    if len(values) <= _BARS:
        return values, floors
    sign = 1 if higher else -1
    order = sorted(values, key=lambda name: sign * (values[name] - floors.get(name, values[name])))[:_BARS]
    return {name: values[name] for name in order}, floors


def _in_words(title: str, values: dict[str, float], floors: dict[str, float]) -> str:
    parts = [
        f"{name} {value:.3g}" + (f" (real {floors[name]:.3g})" if name in floors else "")
        for name, value in list(values.items())[:_BARS]
    ]
    return f"{title}. {', '.join(parts)}."


def confusion_section(run: KnownRun) -> Section:
    """Classes that samples are taken for."""
    scores = run.scores
    values: dict[str, object] = {
        "figure": None,
        "table": None,
        "way": commands_to_scores(run),
        "there": False,
        "stale": run.stale,
    }
    if scores is not None and scores.confusion is not None:
        names = list(scores.class_names)
        if len(names) != len(scores.confusion):  # a file that another acgan wrote
            names = [f"class {number}" for number in range(len(scores.confusion))]
        total, right = int(scores.confusion.sum()), int(scores.confusion.trace())
        alt = f"Confusion matrix of {total:,} samples: {right:,} are taken for the class that was asked for."
        values |= {
            "there": True,
            "figure": matrix_figure(scores.confusion, names, rows="class asked for", alt=alt),
            "table": confusions_table(scores.confusion, names, "asked for"),
            "total": total,
            "right": right,
        }
    return Section("confusion", "Which classes are taken for others", values)


def confusions_table(confusion: np.ndarray, names: list[str], asked: str) -> TextTable | None:
    """The most frequent confusions, by the share of their row."""
    totals = confusion.sum(axis=1)
    shares = confusion / np.maximum(totals, 1)[:, None]
    np.fill_diagonal(shares, 0)
    places = np.argsort(-shares, axis=None, kind="stable")[:_CONFUSIONS]
    found = [divmod(place, len(names)) for place in places.tolist() if shares.flat[place] > 0]
    if not found:
        return None
    rows = tuple(
        (
            Cell(names[row]),
            Cell(names[column]),
            Cell(f"{confusion[row, column]:,} of {totals[row]:,}", int(confusion[row, column])),
            number_cell(float(shares[row, column]), ".1%"),
        )
        for row, column in found
    )
    return TextTable("The most frequent confusions", (asked, "seen as", "images", "share"), rows)


def _nearest(material: GanMaterial) -> Section:
    sampler, real = material.sampler, material.real
    pairs = nearest_pairs(sampler, real) if sampler is not None and real is not None else None
    scores = material.run.scores
    copies = {} if scores is None else {plain_name(name): one.value for name, one in scores.overall.items()}
    return Section(
        "nearest",
        "Nearest training images",
        {
            "pairs": pairs,
            "there": sampler is not None,
            "copies": copies,
            "stale": material.run.stale,
            "way": commands_to_scores(material.run),
            "picture": None if material.run.nearest is None else drawn_page(material.run.nearest),
        },
    )


def _walks(material: GanMaterial) -> Section:
    walks = [] if material.sampler is None else walks_of(material.sampler)
    return Section("walks", "Walks", {"walks": walks})

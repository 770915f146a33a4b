"""The report of a classifier's run: by class, calibration, confusion, worst mistakes, and what each head knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acgan.evaluation import ClassifierScores
from acgan.metrics.classification import CALIBRATION_BINS
from acgan.report.classifier_words import judge_classifier, recalls_of
from acgan.report.commands import command_on
from acgan.report.figures import bars_figure, lines_figure, matrix_figure, reliability_figure
from acgan.report.gan import confusions_table
from acgan.report.gather import DataRead, KnownRun, RunSettings
from acgan.report.origin import commands_section, data_section, provenance_section, settings_section
from acgan.report.page import Page
from acgan.report.pictures import Strip, StripCounts, strip
from acgan.report.section import Cell, Section, TextTable, number_cell
from acgan.types import ImageStore

_MISTAKES = 24
_BARS = 30


@dataclass(frozen=True)
class ClassifierMaterial:
    """All that the report of a classifier's run shows.

    Attributes:
        run: What its directory tells.
        settings: Its configuration; None where that cannot be read.
        data: Its data as read; None where they are not at hand.
        judged: Its scores on test images, and these; None where they are not at hand.
    """

    run: KnownRun
    settings: RunSettings | None
    data: DataRead | None
    judged: tuple[ClassifierScores, ImageStore] | None


@dataclass(frozen=True)
class Mistake:
    """A test image that the classifier is wrong about, and sure."""

    picture: Strip
    true: str
    seen: str
    confidence: float


def classifier_page(material: ClassifierMaterial) -> Page:
    """The report of a classifier's run."""
    run, judged = material.run, material.judged
    scores = None if judged is None else judged[0]
    line = f"{run.nimg:,} images shown in training; run directory {run.directory}"
    sections = [
        Section("verdict", "Is the classifier any good?", {"judged": judge_classifier(run, scores)}),
        _classes(run, scores),
        _calibration(run, scores),
        _confusion(run, scores),
        _mistakes(judged),
        _heads(run, scores),
        _training(run),
        data_section(run, material.data),
        settings_section(material.settings),
        provenance_section(run),
        commands_section(run),
    ]
    about = run.config.get("description") or "A classifier of images."
    return Page(f"Report of {run.name}", (about, line), sections, run.missing)


def _classes(run: KnownRun, scores: ClassifierScores | None) -> Section:
    if scores is None:
        return Section(
            "classes", "Class by class", {"figures": (), "tables": (), "run": run}, "classifier_classes"
        )
    recalls = recalls_of(scores)
    kept = dict(sorted(recalls.items(), key=lambda one: one[1])[:_BARS]) if len(recalls) > _BARS else recalls
    accuracy = scores.main.balanced_accuracy
    figure = bars_figure(
        "Share of each class that is recognised (recall)",
        kept,
        dict.fromkeys(kept, accuracy),
        names=("recall", "mean of the classes"),
        alt=f"Recall by class: {', '.join(f'{name} {value:.1%}' for name, value in kept.items())}.",
    )
    rows = tuple(
        (
            Cell(name),
            Cell(f"{one.images:,}", one.images),
            *(number_cell(v, ".4f") for v in (one.precision, one.recall, one.f1)),
        )
        for name, one in scores.scored.items()
    )
    table = TextTable("Scores of each class", ("class", "images", "precision", "recall", "F1"), rows)
    values = {"figures": (figure,), "tables": (table,), "run": run}
    return Section("classes", "Class by class", values, "classifier_classes")


def _calibration(run: KnownRun, scores: ClassifierScores | None) -> Section:
    figure = None
    if scores is not None:
        figure = reliability_figure(
            scores.confidence,
            scores.right,
            bins=CALIBRATION_BINS,
            alt=f"Share that is right by confidence. On average it is {scores.confidence.mean():.1%} sure and "
            f"{scores.main.accuracy:.1%} right; expected calibration error {scores.main.ece:.3f}.",
        )
    ece = None if scores is None else scores.main.ece
    return Section("calibration", "How far its confidence can be trusted", {"figure": figure, "ece": ece})


def _confusion(run: KnownRun, scores: ClassifierScores | None) -> Section:
    values: dict[str, object] = {
        "figure": None,
        "table": None,
        "way": f"`{command_on(run, 'classify', 'evaluate', str(run.directory))} --data SOURCE`",
        "there": False,
        "what": "test images",
        "stale": None,
    }
    if scores is not None:
        counts, names = scores.main.confusion, list(scores.class_names)
        total, right = int(counts.sum()), int(counts.trace())
        alt = f"Confusion matrix of {total:,} test images: {right:,} are recognised."
        values |= {
            "there": True,
            "figure": matrix_figure(counts, names, rows="true class", alt=alt),
            "table": confusions_table(counts, names, "true class"),
            "total": total,
            "right": right,
        }
    return Section("confusion", "Which classes are taken for others", values)


def _mistakes(judged: tuple[ClassifierScores, ImageStore] | None) -> Section:
    found: list[Mistake] = []
    if judged is not None:
        scores, store = judged
        wrong = np.flatnonzero(~scores.right)
        order = wrong[np.argsort(-scores.confidence[wrong], kind="stable")]
        room = StripCounts.fitting(1, (store.channels, store.resolution, store.resolution), 1)
        count = min(_MISTAKES, max(4, room.first + room.more))
        names = scores.class_names
        for row in order[:count].tolist():
            true, seen = names[store.labels[row]], names[scores.predicted[row]]
            alt = f"An image of class {true} that is taken for {seen}"
            picture = strip(np.asarray(store.images[row])[None], alt)
            found.append(Mistake(picture, true, seen, float(scores.confidence[row])))
    values = {"mistakes": found, "there": judged is not None}
    return Section("mistakes", "The worst mistakes", values)


def _heads(run: KnownRun, scores: ClassifierScores | None) -> Section:
    table, weights = None, (run.config.get("model") or {}).get("aux") or {}
    if scores is not None and len(scores.heads) > 1:
        rows = tuple(
            (
                Cell(name),
                number_cell(accuracy, ".2%"),
                number_cell(accuracy - scores.heads["main"], "+.2%"),
                number_cell(weights.get(name), "g"),
            )
            for name, accuracy in scores.heads.items()
        )
        table = TextTable(
            "Accuracy of each head on the test images",
            ("head", "right", "beside main", "weight of its loss"),
            rows,
        )
    return Section("heads", "What each head knows", {"table": table, "there": scores is not None})


def _training(run: KnownRun) -> Section:
    figures = []
    for title, keys in (
        (
            "Loss of the main head",
            {"training": "train/loss_main", "validation": "validation/loss", "test": "test/loss"},
        ),
        (
            "Share that is right",
            {"training": "train/accuracy_main", "validation": "validation/accuracy", "test": "test/accuracy"},
        ),
    ):
        lines = {name: run.curve(key) for name, key in keys.items() if run.curve(key)}
        if lines:
            ends = ", ".join(f"{name} {curve[-1][1]:.3g}" for name, curve in lines.items())
            alt = f"{title} over images shown; at the end: {ends}."
            marks = {"resumed": run.resumes} if run.resumes else {}
            figures.append(lines_figure(title, lines, alt=alt, marks=marks))
    marks = {"resumed": run.resumes} if run.resumes else {}
    values = {"figures": figures, "best": None, "marks": marks, "nimg": run.nimg, "total": run.total_nimg}
    return Section("training", "How the training went", values)

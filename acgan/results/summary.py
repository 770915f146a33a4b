"""The table of variants: means, intervals, differences to a baseline with corrected tests, and cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from acgan.errors import ConfigError, RunError, did_you_mean
from acgan.evaluation import TestedDifference, equal_minutes, in_range, judge_together, limits, same_budget
from acgan.metrics.bootstrap import MIN_UNITS
from acgan.metrics.catalogue import plain_name
from acgan.metrics.significance import mean_interval
from acgan.results.helped import CAS_SCORES, Helped, helped, judged_differently
from acgan.results.variants import RunScores, Variant

_BASELINES = ("baseline", "base")


@dataclass(frozen=True)
class ResultRow:
    """A metric of a variant, of all classes or of one.

    Attributes:
        values: One a seed.
        interval: Student's 95 % interval of the mean; None of fewer than two seeds.
        tested: Difference to the baseline; None for the baseline, for a class, or below three seeds a side.
    """

    metric: str
    class_name: str | None
    variant: str
    values: tuple[float, ...]
    seeds: tuple[int, ...]
    mean: float
    std: float | None
    interval: tuple[float, float] | None
    tested: TestedDifference | None = None


@dataclass(frozen=True)
class Cost:
    """Cost of a variant: means over its runs; None if unknown."""

    variant: str
    runs: int
    images: float | None
    minutes: float | None
    parameters: int | None
    flops: float | None


@dataclass(frozen=True)
class ResultTable:
    """Result of ``acgan table``.

    Attributes:
        baseline: Variant that the others are compared with; None if there is but one.
        rows: By metric, class and variant.
        helped: Runs of which ``cas`` was measured.
        notes: Remarks worth a line: what is left out, what differs, and what could not be seen.
    """

    baseline: str | None
    rows: tuple[ResultRow, ...]
    costs: tuple[Cost, ...]
    notes: tuple[str, ...]
    helped: tuple[Helped, ...] = ()


def result_table(
    variants: Sequence[Variant],
    *,
    metrics: Collection[str] | None = None,
    baseline: str | None = None,
    per_class: bool = False,
    unequal: bool = False,
) -> ResultTable:
    """Summarise variants.

    Args:
        variants: The variants.
        metrics: Scores, without their extractor; None is all.
        baseline: Name of the variant that the others are compared with; None is the one called ``baseline`` or
            ``base``, else the first.
        per_class: Add the scores of each class.
        unequal: Compare variants that showed different numbers of images.

    Raises:
        ConfigError: There is no such baseline.
        RunError: Budgets are unequal, or no variant has one of the metrics.
    """
    scored = [variant for variant in variants if variant.scored]
    chosen = _baseline(scored, baseline)
    notes = [f"left out: {reason}" for variant in variants for reason in variant.left_out]
    notes += [words for variant in scored for words in variant.stopped]
    if chosen is not None:
        notes += _differing(chosen, scored, unequal)
    # Classifiers of real images tell nothing of a generator.
    chosen_metrics = [metric for metric in _metrics(scored, metrics) if metric != "cas_real"]
    if differing := judged_differently(scored):
        notes.append(
            f"cas was measured in several ways ({', '.join(differing)}), so runs are not compared by it"
        )
        chosen_metrics = [metric for metric in chosen_metrics if metric not in CAS_SCORES]
    rows = [
        row
        for metric in chosen_metrics
        for variant in scored
        if (row := _row(variant, metric, None)) is not None
    ]
    if not rows:
        raise RunError("no variant has values of these metrics. Evaluate them with the same --metrics.")
    rows = _tested(rows, chosen, notes)
    if per_class:
        rows += _class_rows(scored, metrics)
        notes.append("single classes come without tests: there are too many of them for a correction")
    notes += _missing(rows, scored)
    return ResultTable(
        None if chosen is None else chosen.name,
        tuple(rows),
        tuple(map(_cost, scored)),
        tuple(notes),
        helped(scored) if metrics is None or set(metrics) & set(CAS_SCORES) else (),
    )


def _baseline(variants: Sequence[Variant], name: str | None) -> Variant | None:
    names = [variant.name for variant in variants]
    if name is not None and name not in names:
        raise ConfigError(
            f"--baseline {name}: no variant of that name with scores.{did_you_mean(name, names)} There are "
            f"{', '.join(names)}."
        )
    if len(variants) < 2:
        return None
    named = [candidate for candidate in (name, *_BASELINES) if candidate in names]
    return variants[names.index(named[0])] if named else variants[0]


def _differing(baseline: Variant, variants: Sequence[Variant], unequal: bool) -> list[str]:
    """Remarks on variants that differ from the baseline in more than their settings."""
    notes = []
    ours = baseline.scored
    for variant in variants:
        theirs = variant.scored
        if bool(variant.budgets) != bool(baseline.budgets):
            unknown = baseline if variant.budgets else variant
            notes.append(
                f"{unknown.name} are given samples: how many images its training was shown is unknown, and compared "
                "with known numbers"
            )
            continue
        if variant.budgets and not same_budget(baseline.budgets, variant.budgets):
            minutes = equal_minutes((*variant.runs, *baseline.runs))
            text = (
                f"{variant.name} and {baseline.name} (the baseline) have "
                f"{'unequal budgets' if minutes is None else f'equal time, {minutes:g} minutes'}: "
                f"{in_range(variant.budgets)} | {in_range(baseline.budgets)} images shown"
            )
            if minutes is None and not unequal:
                raise RunError(f"{text}. Train them as long, or compare them all the same with --unequal.")
            notes.append(text)
        for what, found, expected in (
            ("states of the training", {one.best for one in theirs}, {one.best for one in ours}),
            (
                "training images",
                {one.data_fingerprint for one in theirs},
                {one.data_fingerprint for one in ours},
            ),
            ("code of the training", _code(theirs), _code(ours)),
        ):
            if found != expected:
                notes.append(f"{variant.name} differs from {baseline.name} (the baseline) in {what} as well")
    return notes


def _code(scored: Sequence[RunScores]) -> set[str]:
    return {one.run.code for one in scored if one.run is not None}


def _metrics(variants: Sequence[Variant], wanted: Collection[str] | None) -> list[str]:
    found = dict.fromkeys(metric for variant in variants for one in variant.scored for metric in one.overall)
    return [metric for metric in found if wanted is None or plain_name(metric) in wanted]


def _row(variant: Variant, metric: str, class_name: str | None) -> ResultRow | None:
    known: dict[int, float] = {}
    for one in variant.scored:
        scores = one.overall if class_name is None else one.per_class.get(class_name, {})
        value = scores.get(metric)
        if value is not None:
            known[one.seed] = value
    if not known:
        return None
    values = tuple(known.values())
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return ResultRow(
        metric,
        class_name,
        variant.name,
        values,
        tuple(known),
        float(np.mean(values)),
        std,
        mean_interval(values),
    )


def _tested(rows: list[ResultRow], baseline: Variant | None, notes: list[str]) -> list[ResultRow]:
    """Rows with their tests against the baseline, which are corrected together."""
    if baseline is None:
        return rows
    base = {row.metric: row for row in rows if row.variant == baseline.name}
    places = [
        place
        for place, row in enumerate(rows)
        if row.variant != baseline.name
        and row.metric in base
        and min(len(row.values), len(base[row.metric].values)) >= MIN_UNITS
    ]
    few = sorted({row.variant for row in rows if len(row.values) < MIN_UNITS})
    if few:
        notes.append(f"fewer than {MIN_UNITS} seeds, and so no test: {', '.join(few)}")
    if not places:
        return rows
    groups = [(base[rows[place].metric].values, rows[place].values) for place in places]
    notes += limits([(len(a), len(b)) for a, b in groups], "training seeds")
    tested = dict(zip(places, judge_together(groups, 0), strict=True))
    return [
        row if place not in tested else ResultRow(**{**vars(row), "tested": tested[place]})
        for place, row in enumerate(rows)
    ]


def _class_rows(variants: Sequence[Variant], metrics: Collection[str] | None) -> list[ResultRow]:
    keys = dict.fromkeys(
        (metric, class_name)
        for variant in variants
        for one in variant.scored
        for class_name, scores in one.per_class.items()
        for metric in scores
        if metrics is None or plain_name(metric) in metrics
    )
    found = (_row(variant, metric, name) for metric, name in sorted(keys) for variant in variants)
    return [row for row in found if row is not None]


def _missing(rows: Sequence[ResultRow], variants: Sequence[Variant]) -> list[str]:
    """Remarks on scores that some seeds, or all of a variant, lack."""
    overall = [row for row in rows if row.class_name is None]
    seen = {(row.metric, row.variant): row for row in overall}
    notes = []
    for metric in dict.fromkeys(row.metric for row in overall):
        for variant in variants:
            row = seen.get((metric, variant.name))
            if row is None:
                notes.append(f"{variant.name} has no {metric}")
            elif len(row.values) < len(variant.scored):
                notes.append(
                    f"{variant.name}: {metric} of {len(row.values)} of {len(variant.scored)} seeds: the others lack it"
                )
    return notes


def _cost(variant: Variant) -> Cost:
    minutes = [one.minutes for one in variant.scored if one.minutes is not None]
    flops = [one.run.flops for one in variant.scored if one.run is not None and one.run.flops is not None]
    parameters = [one.run.parameters for one in variant.scored if one.run is not None]
    known = [number for number in parameters if number is not None]
    return Cost(
        variant.name,
        len(variant.scored),
        float(np.mean(variant.budgets)) if variant.budgets else None,
        float(np.mean(minutes)) if minutes else None,
        max(known) if known else None,
        float(np.mean(flops)) if flops else None,
    )

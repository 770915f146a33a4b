"""The table of variants as Markdown, LaTeX, CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from acgan.atomic import write_atomically
from acgan.errors import ConfigError
from acgan.extras import install_command
from acgan.results.helped import Helped
from acgan.results.summary import Cost, ResultRow, ResultTable
from acgan.showing import shown

_HEADINGS = ("score", "variant", "seeds", "mean ±", "std", "difference", "p (Holm)", "verdict")
HELPED_HEADINGS = ("variant", "seed", "real", "samples", "both", "GAN-test", "gain", "95 % interval")
_COSTS = ("variant", "runs", "images", "minutes", "parameters", "TFLOP")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{letter: rf"\{letter}" for letter in "&%$#_{}"},
}


def columns(table: ResultTable) -> list[dict[str, Any]]:
    """One record a row, with every number in full; None where there is none."""
    costs = {cost.variant: cost for cost in table.costs}
    return [_record(row, table.baseline, costs[row.variant]) for row in table.rows]


def cells(row: ResultRow, baseline: str | None) -> tuple[str, ...]:
    """A row in short, for people: variant, seeds, mean, deviation, difference, probability, verdict."""
    reach = "" if row.interval is None else f" ±{(row.interval[1] - row.interval[0]) / 2:.2g}"
    std = "-" if row.std is None else f"{row.std:.2g}"
    beside: tuple[str, ...] = ("-", "-", "baseline" if row.variant == baseline else "-")
    if row.tested is not None and baseline is not None:
        words = row.tested.in_words(row.metric, baseline, row.variant)
        beside = (f"{row.tested.difference.value:+.3g}", f"{row.tested.p_holm:.2g}", words)
    return (row.variant, str(len(row.values)), f"{row.mean:.4g}{reach}", std, *beside)


def cost_cells(cost: Cost) -> tuple[str, ...]:
    """A variant's cost in short."""
    images = "-" if cost.images is None else f"{cost.images:,.0f}"
    minutes = "-" if cost.minutes is None else f"{cost.minutes:,.1f}"
    parameters = "-" if cost.parameters is None else f"{cost.parameters:,}"
    flops = "-" if cost.flops is None else f"{cost.flops / 1e12:,.3g}"
    return (cost.variant, str(cost.runs), images, minutes, parameters, flops)


def helped_cells(one: Helped) -> tuple[str, ...]:
    """Gain of classifiers by a run's samples, in percent and points."""
    accuracies = ("-" if value is None else f"{100 * value:.1f} %" for value in one.accuracies)
    gain, low, high = (f"{100 * value:+.1f}" for value in one.gain)
    interval = f"{low} to {high}" + (", undertrained" if one.undertrained else "")
    return (one.variant, str(one.seed), *accuracies, gain, interval)


def explained(table: ResultTable) -> list[str]:
    """Meaning of the columns, and the notes."""
    lines = [
        "±: half of a 95 % interval of the mean, over training seeds by Student's t; std: their standard deviation"
    ]
    if table.baseline is not None:
        lines.append(
            f"difference: to {table.baseline}; p: permutation test after Holm's correction over all rows"
        )
    if table.helped:
        lines.append(
            "real, samples, both: accuracy of classifiers that were trained on them; GAN-test: of the first on "
            "samples; gain: both minus real, in points, over seeds of classifiers; undertrained: not enough to conclude"
        )
    return [*lines, *(f"note: {note}" for note in table.notes)]


def as_markdown(table: ResultTable) -> str:
    """Markdown: the scores, the use to classifiers, the cost, and what they mean."""
    scores = [_HEADINGS, *((_name(row), *cells(row, table.baseline)) for row in table.rows)]
    costs = [_COSTS, *map(cost_cells, table.costs)]
    cas = [HELPED_HEADINGS, *map(helped_cells, table.helped)]
    helps = ["", *_pipes(cas)] if table.helped else []
    lines = [
        *_pipes(scores),
        *helps,
        "",
        *_pipes(costs),
        "",
        *(f"- {_one_line(line)}" for line in explained(table)),
    ]
    return "\n".join(lines) + "\n"


def as_latex(table: ResultTable) -> str:
    """LaTeX tables (tabular), with what they mean as comments; names are escaped."""
    scores = [_HEADINGS, *((_name(row), *cells(row, table.baseline)) for row in table.rows)]
    costs = [_COSTS, *map(cost_cells, table.costs)]
    comments = [f"% {_one_line(line)}" for line in explained(table)]
    cas = [HELPED_HEADINGS, *map(helped_cells, table.helped)]
    helps = ["", *_tabular(cas, "lrrrrrrr")] if table.helped else []
    lines = [*comments, *_tabular(scores, "llrlrrrl"), *helps, "", *_tabular(costs, "lrrrrr")]
    return "\n".join(lines) + "\n"


def as_csv(table: ResultTable) -> str:
    """CSV of ``columns``."""
    records = columns(table)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    for record in records:
        lists = {key: " ".join(map(str, value)) for key, value in record.items() if isinstance(value, list)}
        writer.writerow({**record, **lists})
    return text.getvalue()


def write_parquet(table: ResultTable, file: Path) -> None:
    """Write a Parquet file of ``columns``.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            f"--format parquet: needs pyarrow, which is not installed: {install_command('results')}. Or take --format "
            "csv."
        ) from None
    content = arrow.Table.from_pylist(columns(table))
    write_atomically(file, lambda path: parquet.write_table(content, path))


def _record(row: ResultRow, baseline: str | None, cost: Cost) -> dict[str, Any]:
    low, high = row.interval or (None, None)
    tested = row.tested
    difference = None if tested is None else tested.difference
    return {
        "metric": row.metric,
        "class": row.class_name,
        "variant": row.variant,
        "mean": row.mean,
        "std": row.std,
        "low": low,
        "high": high,
        "baseline": baseline,
        "difference": None if difference is None else difference.value,
        "difference_low": None if difference is None else difference.low,
        "difference_high": None if difference is None else difference.high,
        "p": None if tested is None else tested.p,
        "p_holm": None if tested is None else tested.p_holm,
        "smallest_seen": None if tested is None else tested.smallest_seen,
        "verdict": None if tested is None else tested.verdict,
        "seeds": list(row.seeds),
        "values": list(row.values),
        "images": cost.images,
        "minutes": cost.minutes,
        "parameters": cost.parameters,
        "flops": cost.flops,
    }


def _name(row: ResultRow) -> str:
    return row.metric if row.class_name is None else f"{row.metric} of {row.class_name}"


def _pipes(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *rest = [
        "| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in row) + " |" for row in rows
    ]
    return [head, "|" + "---|" * len(rows[0]), *rest]


def _tabular(rows: Sequence[Sequence[str]], alignment: str) -> list[str]:
    head, *rest = [" & ".join(map(escaped, row)) + r" \\" for row in rows]
    return [
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\hline",
        head,
        r"\hline",
        *rest,
        r"\hline",
        r"\end{tabular}",
    ]


def escaped(text: str) -> str:
    """A text in which LaTeX finds no commands."""
    return "".join(_LATEX.get(letter, letter) for letter in _one_line(text))


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()))

"""Sections on the course of a GAN's training: score, losses, and the history of its collapse monitor."""

from __future__ import annotations

from acgan.metrics.catalogue import plain_name
from acgan.report.figures import lines_figure
from acgan.report.gather import KnownRun, StatCurve
from acgan.report.section import Cell, Section, TextTable, number_cell
from acgan.report.watched import early_looks, not_looked_at

_CURVE_STATES = 600  # points of a curve: more would be no finer


def training_section(run: KnownRun) -> Section:
    """Score and losses over images shown."""
    figures, best = [], run.best
    marks = {"resumed": run.resumes, "warning of the monitor": run.warned_at}
    marks = {name: places for name, places in marks.items() if places}
    if best is not None:
        curve = run.curve(f"evaluate/{best.name}")
        figures.append(
            lines_figure(
                f"{plain_name(best.name)} (lower is better)",
                {"score on validation images": _thinned(curve)},
                alt=f"Score {best.name} over images shown, {len(curve)} values, from {curve[0][1]:.4g} to "
                f"{curve[-1][1]:.4g}. The best is {best.value:.4g} at {best.nimg:,} images.",
                marks=marks,
                best=(best.nimg, best.value),
            )
        )
    for title, keys in _LOSSES:
        lines = {name: _thinned(run.curve(key)) for name, key in keys.items() if run.curve(key)}
        if lines:
            ends = ", ".join(f"{name} {curve[-1][1]:.3g}" for name, curve in lines.items())
            alt = f"{title} over images shown; at the end: {ends}."
            figures.append(lines_figure(title, lines, alt=alt, marks=marks))
    return Section(
        "training",
        "How the training went",
        {"figures": figures, "best": best, "marks": marks, "nimg": run.nimg, "total": run.total_nimg},
    )


_LOSSES = (
    ("Adversarial losses", {"D, the discriminator": "D/adversarial", "G, the generator": "G/adversarial"}),
    ("Class losses", {"D, on real images": "D/class_real", "G, on samples": "G/class_fake"}),
    (
        "Share of images whose class D tells rightly",
        {"real images": "D/class_accuracy_real", "samples": "D/class_accuracy_fake"},
    ),
)


def _thinned(curve: StatCurve) -> StatCurve:
    """At most some hundred points, the last one included."""
    step = max(1, -(-len(curve) // _CURVE_STATES))
    kept = curve[::-1][::step][::-1]
    return tuple(kept)


def diversity_section(run: KnownRun) -> Section:
    """The history of the collapse monitor."""
    limits = run.config.get("monitor") or {}
    figures = []
    for what, title, key, word in (
        ("coverage", "Coverage: share of real images that samples come near to", "min_coverage", "lowest"),
        ("duplicates", "Near-duplicates among the samples of a class", "max_duplicates", "highest"),
    ):
        curves = [curve for curve in run.monitored(what).values() if curve]
        if not curves or len({len(curve) for curve in curves}) > 1:
            continue
        mean, low, high = (_over(curves, how) for how in (lambda v: sum(v) / len(v), min, max))
        outer = low if word == "lowest" else high
        limit = limits.get(key)
        figures.append(
            lines_figure(
                title,
                {"mean of the classes": mean, f"{word} class": outer},
                alt=f"{title}, over images shown; at the end the mean of the classes is {mean[-1][1]:.0%}, the "
                f"{word} {outer[-1][1]:.0%}.",
                bands={"mean of the classes": (low, high)},
                limit=None if limit is None else ("warns here", float(limit)),
            )
        )
    return Section(
        "diversity",
        "Diversity, and what the monitor saw",
        {
            "figures": figures,
            "table": _last_look(run),
            "warned": run.warned_at,
            "left_out": not_looked_at(run),
            "early": early_looks(run),
        },
    )


def _over(curves: list[StatCurve], how: object) -> StatCurve:
    assert callable(how)
    return tuple((points[0][0], how([value for _, value in points])) for points in zip(*curves, strict=True))


def _last_look(run: KnownRun) -> TextTable | None:
    found = {what: run.monitored(what) for what in ("coverage", "duplicates", "realistic")}
    if not found["coverage"]:
        return None
    nimg = max(curve[-1][0] for curve in found["coverage"].values() if curve)
    rows = tuple(
        (
            Cell(name),
            *(
                number_cell(curve[-1][1] if (curve := found[what].get(name)) else None, ".0%")
                for what in ("coverage", "duplicates", "realistic")
            ),
        )
        for name in dict.fromkeys([*run.training_images, *found["coverage"]])
    )
    headings = ("class", "real images covered", "near-duplicates", "like real images")
    return TextTable(f"The monitor's last look, at {nimg:,} images", headings, rows)

"""Tables of made variants whose truth is known: 2 to 10 seeds, ties, one seed, unfinished ones, missing metrics."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import FCD, PARAMETERS, RECALL, make_evaluation, make_method, make_run, make_variant
from scipy import stats

from acgan.errors import ConfigError, RunError
from acgan.results import (
    ResultRow,
    ResultTable,
    as_csv,
    as_latex,
    as_markdown,
    columns,
    find_variants,
    result_table,
)


def normal(mean: float, count: int, seed: int) -> tuple[float, ...]:
    return tuple(mean + np.random.default_rng(seed).normal(size=count))


def table(*directories: Path, **options: object) -> ResultTable:
    return result_table(find_variants(directories), **options)  # type: ignore[arg-type]


def row(found: ResultTable, variant: str, metric: str = FCD, class_name: str | None = None) -> ResultRow:
    [one] = [
        one
        for one in found.rows
        if (one.variant, one.metric, one.class_name) == (variant, metric, class_name)
    ]
    return one


def by_permutation(a: Sequence[float], b: Sequence[float]) -> float:
    found = stats.permutation_test(
        (a, b),
        lambda x, y: abs(np.mean(x) - np.mean(y)),
        n_resamples=np.inf,
        alternative="greater",
        vectorized=False,
    )
    return float(found.pvalue)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_numbers_agree_with_scipy(count: int, tmp_path: Path) -> None:
    scores = {name: normal(5 + 3 * place, count, place) for place, name in enumerate(("plain", "x", "y"))}
    recalls = {name: normal(0.5, count, 9 + place) for place, name in enumerate(scores)}
    for name in scores:
        make_variant(tmp_path / name, {FCD: scores[name], RECALL: recalls[name]})
    found = table(tmp_path)
    assert found.baseline == "plain"
    for name, values in scores.items():
        one = row(found, name)
        assert one.values == values
        assert one.mean == pytest.approx(np.mean(values), abs=1e-9)
        assert one.std == pytest.approx(np.std(values, ddof=1), abs=1e-9)
        expected = stats.t.interval(0.95, count - 1, loc=np.mean(values), scale=stats.sem(values))
        assert one.interval == pytest.approx(expected, abs=1e-9)
    if count < 3:
        assert all(one.tested is None for one in found.rows)
        assert any("fewer than 3 seeds, and so no test: plain, x, y" in note for note in found.notes)
        return
    tested = [one for one in found.rows if one.tested is not None]
    assert len(tested) == 4  # two metrics of two variants, corrected together
    raw = [by_permutation((scores if one.metric == FCD else recalls)["plain"], one.values) for one in tested]
    order = np.argsort(raw)
    corrected = np.minimum(1, np.maximum.accumulate(np.array(raw)[order] * np.arange(4, 0, -1)))
    for place, one in enumerate(tested):
        assert one.tested is not None
        assert one.tested.p == pytest.approx(raw[place], abs=1e-9)
        assert one.tested.p_holm == pytest.approx(corrected[list(order).index(place)], abs=1e-9)
        difference = np.mean(one.values) - np.mean((scores if one.metric == FCD else recalls)["plain"])
        assert one.tested.difference.value == pytest.approx(difference, abs=1e-9)


TRUTHS = {
    "same": (normal(5, 10, 1), "not distinguishable"),
    "shifted": (normal(2, 10, 2), "distinguishable"),
    # One collapse in ten of a method that is better else: the mean tells neither way.
    "collapsing": ((*normal(4, 9, 3), 15.0), "not distinguishable"),
    "tied": (normal(5, 10, 0), "not distinguishable"),
}


def test_verdicts_of_ten_seeds_are_the_truth(tmp_path: Path) -> None:
    make_variant(tmp_path / "baseline", {FCD: normal(5, 10, 0)})
    for name, (values, _) in TRUTHS.items():
        make_variant(tmp_path / name, {FCD: values})
    found = table(tmp_path)
    assert found.baseline == "baseline"  # by its name, not its place
    verdicts = {one.variant: one.tested.verdict for one in found.rows if one.tested is not None}
    assert verdicts == {name: verdict for name, (_, verdict) in TRUTHS.items()}
    assert min(row(found, "collapsing").values) < 5 < max(row(found, "collapsing").values)


def test_a_collapse_that_three_seeds_did_not_show_leans_at_most(tmp_path: Path) -> None:
    make_variant(tmp_path / "stable", {FCD: (5.0, 5.1, 4.9)})
    make_variant(tmp_path / "x", {FCD: (3.0, 3.1, 2.9)})
    found = table(tmp_path, baseline="stable")
    one = row(found, "x")
    assert one.tested is not None
    assert one.tested.verdict == "leans"
    assert any("up to 63% of trainings may not have shown in 3" in note for note in found.notes)


def test_one_seed_has_a_mean_and_no_more(tmp_path: Path) -> None:
    make_variant(tmp_path / "a", {FCD: (5.0,)})
    make_variant(tmp_path / "b", {FCD: (4.0, 4.5, 5.0)})
    one = row(table(tmp_path), "a")
    assert (one.mean, one.std, one.interval, one.tested) == (5.0, None, None, None)


def test_what_has_not_ended_or_has_no_scores_is_left_out_by_name(tmp_path: Path) -> None:
    variant = make_variant(tmp_path / "a", {FCD: (5.0, 4.0, 4.5)})
    unfinished = make_run(variant / "seed3", seed=3, nimg=400)
    make_evaluation(unfinished, {FCD: (99.0,)})
    bare = make_run(variant / "seed4", seed=4)
    found = table(tmp_path)
    assert row(found, "a").seeds == (0, 1, 2)
    assert f"left out: {unfinished}: not trained to the end (400 of 1,000 images)" in found.notes
    assert any(note.startswith(f"left out: {bare}: no scores") for note in found.notes)


def test_runs_that_were_all_stopped_count_where_the_longest_was(tmp_path: Path) -> None:
    variant = tmp_path / "a"
    for seed, nimg, value in ((0, 400, 5.0), (1, 402, 6.0), (2, 90, 99.0)):
        make_evaluation(make_run(variant / f"seed{seed}", seed=seed, nimg=nimg), {FCD: (value,)})
    found = table(tmp_path)
    assert (row(found, "a").seeds, row(found, "a").mean) == ((0, 1), 5.5)
    assert f"{variant / 'seed0'}: stopped at 400 of 1,000 images" in found.notes
    assert f"left out: {variant / 'seed2'}: not trained to the end (90 of 1,000 images)" in found.notes


def test_missing_metrics_are_named(tmp_path: Path) -> None:
    make_variant(tmp_path / "a", {FCD: (5.0, 4.0, 4.5), RECALL: (0.5, None, 0.6)})
    make_variant(tmp_path / "b", {FCD: (5.0, 4.0, 4.5)})
    found = table(tmp_path)
    assert row(found, "a", RECALL).seeds == (0, 2)
    assert f"b has no {RECALL}" in found.notes
    assert any(f"a: {RECALL} of 2 of 3 seeds" in note for note in found.notes)
    with pytest.raises(RunError, match="no variant has values"):
        table(tmp_path, metrics={"kid"})


def test_an_evaluation_of_all_seeds_together_counts_as_one_of_each(tmp_path: Path) -> None:
    make_method(tmp_path / "a", {FCD: (5.0, 4.0, 4.5)})
    make_variant(tmp_path / "b", {FCD: (5.0, 4.0, 4.5)})
    found = table(tmp_path / "a", tmp_path / "b")
    assert row(found, "a").values == row(found, "b").values == (5.0, 4.0, 4.5)


def test_runs_of_seeds_named_one_by_one_are_a_variant(tmp_path: Path) -> None:
    variant = make_variant(tmp_path / "a", {FCD: (5.0, 4.0, 4.5)})
    other = make_run(tmp_path / "b")
    make_evaluation(other, {FCD: (3.0, 5.0)})  # two generation seeds of one training
    found = table(variant / "seed2", variant / "seed0", other)
    assert row(found, "a").seeds == (2, 0)
    assert row(found, "b").values == (4.0,)


def test_unequal_budgets_are_refused(tmp_path: Path) -> None:
    make_variant(tmp_path / "a", {FCD: (5.0, 4.0, 4.5)})
    make_variant(tmp_path / "b", {FCD: (5.0, 4.0, 4.5)}, nimg=8000, total=8000)
    with pytest.raises(RunError, match=r"unequal budgets: 8,000 \| 1,000 images shown.*--unequal"):
        table(tmp_path)
    assert any("unequal budgets" in note for note in table(tmp_path, unequal=True).notes)


def test_runs_of_a_variant_differ_in_their_seeds_alone(tmp_path: Path) -> None:
    make_run(tmp_path / "a" / "seed0")
    other = make_run(tmp_path / "a" / "seed1", seed=1, settings={"loss.weight_g": 1.0})
    again = make_run(tmp_path / "b" / "seed1")
    make_run(tmp_path / "b" / "seed0")
    with pytest.raises(RunError, match=rf"{other}: differs from .* in loss.weight_g"):
        table(tmp_path / "a")
    with pytest.raises(RunError, match=rf"{again}: of training seed 0"):
        table(tmp_path / "b")


def test_other_ways_of_evaluation_are_refused(tmp_path: Path) -> None:
    make_variant(tmp_path / "a", {FCD: (5.0,)})
    run = make_run(tmp_path / "b")
    make_evaluation(run, {FCD: (5.0,)}, num_images=100)
    with pytest.raises(RunError, match=r"different ways(?s:.*)num_images: 269 \| 100"):
        table(tmp_path)


def test_a_baseline_that_is_not_there_is_refused(tmp_path: Path) -> None:
    make_variant(tmp_path / "plain", {FCD: (5.0,)})
    with pytest.raises(ConfigError, match=r"--baseline plein: no variant .* Did you mean 'plain'"):
        table(tmp_path, baseline="plein")


@pytest.mark.parametrize("what", ["nothing", "no runs"])
def test_a_directory_without_runs_is_refused(what: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such directory" if what == "nothing" else "no runs in it"):
        table(tmp_path / "nothing" if what == "nothing" else tmp_path)


def test_classes_on_demand_without_tests(tmp_path: Path) -> None:
    for name, shift in (("a", 0.0), ("b", 1.0)):
        classes = {"cat": {FCD: (1.0 + shift, 2.0, 3.0)}, "dog": {FCD: (None, None, None)}}
        make_variant(tmp_path / name, {FCD: (5.0, 4.0, 4.5)}, per_class=classes)
    found = table(tmp_path, per_class=True)
    one = row(found, "b", class_name="cat")
    assert (one.values, one.tested) == ((2.0, 2.0, 3.0), None)
    assert [one.class_name for one in found.rows if one.class_name] == ["cat", "cat"]
    assert all(one.class_name is None for one in table(tmp_path).rows)


def test_cost(tmp_path: Path) -> None:
    make_variant(tmp_path / "a", {FCD: (5.0, 4.0)})
    [cost] = table(tmp_path).costs
    assert (cost.runs, cost.images, cost.parameters) == (2, 1000, PARAMETERS)
    assert cost.minutes == pytest.approx(1.0)


@pytest.fixture
def named(tmp_path: Path) -> ResultTable:
    make_variant(tmp_path / "base", {FCD: (5.0, 4.0, 4.5)})
    make_variant(tmp_path / "50%_of_{x}|y", {FCD: (2.0, 2.1, 2.2)})
    return table(tmp_path)


def test_latex_escapes_names(named: ResultTable) -> None:
    text = as_latex(named)
    assert r"50\%\_of\_\{x\}|y & 3 & 2.1 $\pm$0.25" in text
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert not any("50%" in line or "_of_" in line.replace(r"\_", "") for line in body)


def test_markdown_has_a_cell_for_each_heading(named: ResultTable) -> None:
    lines = [line.replace(r"\|", "") for line in as_markdown(named).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {9, 7}


def test_names_that_would_steer_a_terminal_or_end_a_comment(named: ResultTable) -> None:
    odd = replace(named, notes=("a\n\\input{x}\x1b\u202e",))
    assert "% note: a \\input{x}\\x1b\\u202e" in as_latex(odd).splitlines()
    assert "- note: a \\input{x}\\x1b\\u202e" in as_markdown(odd).splitlines()
    variant = replace(named.rows[0], variant="a\x1b\n|")
    assert "| a\\x1b \\| |" in as_markdown(replace(named, rows=(variant,)))


def test_csv_has_every_number_in_full(named: ResultTable) -> None:
    read = list(csv.DictReader(io.StringIO(as_csv(named))))
    records = columns(named)
    assert [float(one["mean"]) for one in read] == [one["mean"] for one in records]
    assert [one["values"].split() for one in read] == [list(map(str, one["values"])) for one in records]
    assert json.loads(json.dumps(records)) == records


def with_cas(directory: Path, both: float, steps: int, verdict: str = "helps: …") -> None:
    """Add what ``cas`` writes to the scores of a run."""
    file = directory / "evaluation.json"
    values = json.loads(file.read_text())
    for name, value in {"cas_real": 0.8, "cas_synthetic": 0.6, "cas_both": both, "gan_test": 0.9}.items():
        values["overall"][name] = {"value": value, "std": 0.01, "values": []}
    gain = {"value": both - 0.8, "low": both - 0.9, "high": both - 0.7}
    values["cas"] = {"verdict": verdict, "cas_gain": gain, "provenance": {"steps": steps, "network": "small"}}
    file.write_text(json.dumps(values))


def test_generators_stand_side_by_side_by_their_use_to_classifiers(tmp_path: Path) -> None:
    for name in ("x", "y"):
        make_variant(tmp_path / name, {FCD: (5.0, 6.0)})
    for name, seed, both, verdict in (
        ("x", 0, 0.81, "undertrained, since"),
        ("x", 1, 0.85, "hurts"),
        ("y", 0, 0.9, ""),
    ):
        with_cas(tmp_path / name / f"seed{seed}", both, 400, verdict)
    found = table(tmp_path)
    assert [(one.variant, one.seed, one.undertrained) for one in found.helped] == [
        ("x", 0, True),
        ("x", 1, False),
        ("y", 0, False),
    ]
    assert found.helped[0].accuracies == (0.8, 0.6, 0.81, 0.9)
    assert found.helped[2].gain == pytest.approx((0.1, 0.0, 0.2))
    assert row(found, "x", "cas_both").values == (0.81, 0.85)
    assert not [one for one in found.rows if one.metric == "cas_real"]  # of no generator
    line = "| x | 0 | 80.0 % | 60.0 % | 81.0 % | 90.0 % | +1.0 | -9.0 to +11.0, undertrained |"
    assert line in as_markdown(found).splitlines()
    assert r"y & 0 & 80.0 \% & 60.0 \% & 90.0 \% & 90.0 \% & +10.0 & +0.0 to +20.0 \\" in as_latex(found)
    assert not table(tmp_path, metrics=["fcd"]).helped
    with_cas(tmp_path / "y" / "seed1", 0.9, 1000)
    found = table(tmp_path)
    assert any("cas was measured in several ways (steps)" in note for note in found.notes)
    assert {one.metric for one in found.rows} == {FCD}
    assert len(found.helped) == 4


def test_operations_are_those_of_an_image_times_the_images_shown(tmp_path: Path) -> None:
    make_variant(tmp_path / "x", {FCD: (5.0, 6.0)})
    for seed in range(2):
        record = {"flops": {"an image": 3, "a training image": 10**9 * (seed + 1)}}
        (tmp_path / "x" / f"seed{seed}" / "provenance.json").write_text(json.dumps(record))
    (cost,) = table(tmp_path).costs
    assert cost.flops == 1.5e9 * 1000
    assert "| x | 2 | 1,000 | 1.0 | 7 | 1.5 |" in as_markdown(table(tmp_path)).splitlines()
    (tmp_path / "x" / "seed1" / "provenance.json").write_text("{")
    assert table(tmp_path).costs[0].flops == 1e9 * 1000

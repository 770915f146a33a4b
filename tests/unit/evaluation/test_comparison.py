"""Two evaluations compared: what is said of the metrics that both have."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from comparison_helpers import FCD, HIGH, LOW, RECALL, X, evaluation, other

from acgan.evaluation import CLASSES_NAMED, compare
from acgan.evaluation.tested_difference import limits
from acgan.metrics.bootstrap import bootstrap_difference


def test_rows_are_the_bootstrap_of_what_both_have() -> None:
    a = evaluation({FCD: LOW, "kid": LOW, "ms_ssim": (1.0, None, 1.0), "fid": LOW, RECALL: LOW[:3]})
    b = other({"coverage": HIGH, RECALL: HIGH, FCD: HIGH, "ms_ssim": HIGH, "kid": (1.0, 2.0)})
    found = compare(a, b, seed=3)
    assert [row.metric for row in found.rows] == [FCD, RECALL]
    assert [row.difference for row in found.rows] == [
        bootstrap_difference(LOW, HIGH, seed=3),
        bootstrap_difference(LOW[:3], HIGH, seed=3),
    ]
    note = next(note for note in found.notes if note.startswith("not compared"))
    assert "kid (no values by seed in B)" in note
    assert "ms_ssim (no values by seed in A)" in note
    assert "fid (no values by seed in B)" in note
    assert "coverage (no values by seed in A)" in note


@pytest.mark.parametrize(
    ("metric", "lower_is_better"),
    [
        *((name, True) for name in ("fid", "fid[inception@12345678]", FCD, "kid", f"intra_fcd_mean{X}")),
        *((name, True) for name in (f"intra_fcd_worst{X}", f"memorisation_copies{X}")),
        *((f"{name}{X}", False) for name in ("precision", "recall", "coverage", "class_accuracy")),
        *((name, False) for name in ("inception_score", f"classifier_score{X}")),
    ],
)
def test_the_better_side_by_the_metric_s_direction(metric: str, lower_is_better: bool) -> None:
    there = compare(evaluation({metric: LOW}), other({metric: HIGH})).rows[0]
    back = compare(evaluation({metric: HIGH}), other({metric: LOW})).rows[0]
    assert (there.verdict, back.verdict) == ("distinguishable", "distinguishable")
    assert (there.better, back.better) == (("A", "B") if lower_is_better else ("B", "A"))


@pytest.mark.parametrize("metric", ["ms_ssim", "diverse_classes", f"density{X}", f"memorisation_nearer{X}"])
def test_what_noise_scores_too_well_has_no_better_side(metric: str) -> None:
    row = compare(evaluation({metric: LOW}), other({metric: HIGH})).rows[0]
    assert (row.verdict, row.better) == ("distinguishable", None)


def test_no_better_side_without_a_direction_or_a_difference() -> None:
    unknown, same = compare(evaluation({"mood": LOW, "fid": LOW}), other({"mood": HIGH, "fid": LOW})).rows
    assert (unknown.verdict, unknown.better) == ("distinguishable", None)
    assert (same.verdict, same.better) == ("not distinguishable", None)


def test_generation_seeds_tell_of_two_checkpoints() -> None:
    headline = compare(evaluation(), other()).headline
    assert headline.startswith("two checkpoints, not two methods")
    assert "acgan train --seeds 0,1,2" in headline


def test_training_seeds_tell_of_two_methods() -> None:
    a = evaluation({FCD: LOW}, units="training seeds", generators=list("abcde"))
    b = evaluation({FCD: HIGH[:3]}, units="training seeds", generators=list("fgh"))
    found = compare(a, b)
    assert found.headline.startswith("two methods")
    assert "5 of A and 3 of B" in found.headline
    assert not found.differs


def test_the_same_generator_twice_is_named_as_such() -> None:
    headline = compare(evaluation(), evaluation({FCD: HIGH})).headline
    assert headline.startswith("one generator, not two")
    assert "aaaaaaaa" in headline


def test_generators_that_both_sides_of_training_seeds_have_are_named() -> None:
    a, b = (
        evaluation(units="training seeds", generators=names) for names in (["1", "2", "3"], ["3", "4", "5"])
    )
    assert [note for note in compare(a, b).notes if "share generators (3)" in note]


def test_many_metrics_are_corrected_for() -> None:
    names = ("fid", "kid", f"recall{X}")
    found = compare(
        evaluation({**dict.fromkeys(names, LOW)}), other({**dict.fromkeys(names, LOW), "fid": HIGH})
    )
    p = 2 / 252  # of all divisions of ten into five and five, the one found and its mirror
    assert [row.tested.p for row in found.rows] == pytest.approx([p, 1, 1])
    assert [row.tested.p_holm for row in found.rows] == pytest.approx([3 * p, 1, 1])
    assert found.rows[0].verdict == "distinguishable"


def test_more_metrics_than_seeds_allow_are_said_to_lean_at_most() -> None:
    names = [f"{name}{X}" for name in ("precision", "recall", "density", "coverage", "class_accuracy")]
    names += ["fid", "kid"]
    a, b = evaluation(dict.fromkeys(names, LOW)), other(dict.fromkeys(names, HIGH))
    found = compare(a, b)
    assert {row.verdict for row in found.rows} == {"leans"}
    assert any("7 tests at once" in note and "0.056 at least" in note for note in found.notes)
    chosen = compare(a, b, metrics={"fid", "recall"})
    assert [(row.metric, row.verdict) for row in chosen.rows] == [
        (f"recall{X}", "distinguishable"),
        ("fid", "distinguishable"),
    ]


def test_the_classes_that_changed_most_come_first() -> None:
    a = {str(k): {FCD: 1.0, "ms_ssim": 0.5} for k in range(5)}
    b = copy.deepcopy(a)
    for name, value in {"0": 1.1, "1": 0.2, "2": 3.0, "3": 1.01}.items():
        b[name][FCD] = value
    b["4"] = {FCD: None, "ms_ssim": 0.4}
    found = compare(evaluation(per_class=a), other(per_class=b)).class_changes
    assert [(change.metric, change.class_name, change.b) for change in found] == [
        (FCD, "2", 3.0),
        (FCD, "1", 0.2),
        (FCD, "0", 1.1),
        ("ms_ssim", "4", 0.4),
    ]
    assert CLASSES_NAMED == 3


def test_the_json_holds_all_that_was_found() -> None:
    found = compare(
        evaluation({FCD: LOW}, per_class={"ö": {FCD: 1.0}}), other({FCD: HIGH}, per_class={"ö": {FCD: 2.0}})
    )
    text = found.to_json(Path("a.json"), Path("b.json"))
    values = json.loads(text)
    row = values["metrics"][FCD]
    assert (values["a"], values["b"], values["units"]) == ("a.json", "b.json", "generation seeds")
    assert row["a"] == {
        "value": pytest.approx(1.0),
        "std": pytest.approx(np.std(LOW, ddof=1)),
        "values": list(LOW),
    }
    assert row["difference"] == found.rows[0].difference.value
    assert row["interval"] == [found.rows[0].difference.low, found.rows[0].difference.high]
    assert (row["verdict"], row["better"]) == ("distinguishable", "A")
    assert (row["p"], row["p_holm"]) == (pytest.approx(2 / 252), pytest.approx(2 / 252))
    assert row["smallest_seen"] == found.rows[0].tested.smallest_seen
    assert row["at_equal_counts"] is None  # of the floor alone nobody knows what it compares with
    assert values["class_changes"] == [{"metric": FCD, "class_name": "ö", "a": 1.0, "b": 2.0}]
    assert values["headline"] == found.headline
    assert "ö" in text


def test_few_seeds_of_one_group_do_not_deny_the_others_a_verdict() -> None:
    notes = list(limits([(5, 5), (5, 3)], "training seeds"))
    assert notes[0].startswith("3 training seeds a side: where there are so few, a difference leans at most")
    assert not any("Holm" in note for note in notes)
    many = list(limits([(5, 5)] * 8 + [(5, 3)], "training seeds"))
    assert many[1].startswith("9 tests at once, so that p after Holm's correction is 0.071 at least")
    assert next(limits([(3, 3)], "generation seeds")).startswith(
        "3 generation seeds a side: a difference leans"
    )

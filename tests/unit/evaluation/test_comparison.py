"""Two evaluations compared: what is read, what is refused, and what is said of the metrics that both have."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acgan.errors import RunError
from acgan.evaluation import CLASSES_NAMED, EvaluationFile, compare, read_evaluation
from acgan.evaluation.tested_difference import limits
from acgan.metrics.bootstrap import bootstrap_difference

X = "[digits@738debee]"
FCD, RECALL = f"fcd{X}", f"recall{X}"
LOW, HIGH = (1.0, 1.1, 0.9, 1.05, 0.95), (2.0, 2.1, 1.9, 2.05, 1.95)
PER_CLASS = {"0": {"ms_ssim": 0.1, FCD: None}, "1": {"ms_ssim": 0.2, FCD: 3.0}}


def content(
    overall: dict[str, Sequence[float | None]] | None = None,
    *,
    generators: Sequence[str] = ("a" * 64,),
    units: str = "generation seeds",
    per_class: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What ``acgan evaluate`` writes, with values one a unit by metric."""
    overall = {FCD: LOW} if overall is None else overall
    network = {
        "name": "digits@738debee",
        "sha256": "e" * 64,
        "dims": 64,
        "resize": "16 px, crop",
        "precision": "float32",
    }
    made = [
        {"path": "run", "sha256": sha256, "nimg": 7, "training_seed": seed, "which": "last"}
        for seed, sha256 in enumerate(generators)
    ]
    reference = {"data": "digits", "split": "test", "num_images": 269, "fingerprint": "f" * 32}
    return {
        "format": 1,
        "provenance": {
            "acgan": "0.1.0",
            "generators": made,
            "reference": {**reference, "resolution": 16, "channels": 1},
            "extractor": network,
            "classifier": dict(network),
            "num_images": 269,
            "label_prior": "reference",
            "seed": 0,
            "repeats": 5,
            "truncation": 1.0,
            "nearest_k": 5,
            "units": units,
        },
        "overall": {
            metric: {
                "value": None if None in values else float(np.mean(values)),
                "std": None,
                "values": list(values),
            }
            for metric, values in overall.items()
        },
        "floor": {metric: {"value": 0.5, "std": 0.1} for metric in overall if metric == FCD},
        "at_floor_count": {},
        "per_class": per_class or {},
    }


def evaluation(*args: Any, **kwargs: Any) -> EvaluationFile:
    return EvaluationFile.model_validate(content(*args, **kwargs))


def other(*args: Any, **kwargs: Any) -> EvaluationFile:
    """Of another generator."""
    return evaluation(*args, **{"generators": ["b" * 64], **kwargs})


# reading


def test_a_file_and_its_run_directory_are_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "evaluation.json"
    file.write_text(json.dumps(content(per_class=PER_CLASS)), encoding="utf-8")
    read = read_evaluation(file)
    assert read == read_evaluation(tmp_path)
    assert read.units_of(FCD) == LOW
    assert read.num_units == 5
    assert read.floor[FCD].value == 0.5
    assert read.per_class == PER_CLASS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("{", "not JSON"),
        ("\xff", "not JSON"),
        ("[]", r"not JSON \(no JSON object\)"),
        ('{"accuracy": 0.9}', "names no format"),
        ('{"format": 2}', "format 2; expected 1"),
        ('{"format": 1}', "at provenance: it is not there"),
    ],
)
def test_what_is_no_evaluation_is_refused_with_the_file_and_the_remedy(
    text: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "evaluation.json"
    if text is not None:
        file.write_text(text, encoding="latin-1")
    with pytest.raises(RunError, match=message) as raised:
        read_evaluation(tmp_path)
    assert str(raised.value).startswith(str(file))
    assert "acgan evaluate" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("overall", FCD, "values"), ["many"], f"overall.{FCD}.values.0"),
        (("overall", FCD, "values"), [float("nan")], f"overall.{FCD}.values.0"),
        (("overall",), [], "overall"),
        (("provenance", "units"), "moons", "provenance.units"),
        (("provenance", "generators"), [], "provenance.generators"),
        (("provenance", "reference"), {"split": "test"}, "provenance.reference.fingerprint"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(
    path: tuple[str, ...], value: Any, key: str, tmp_path: Path
) -> None:
    written = content()
    inner = written
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    (tmp_path / "evaluation.json").write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(RunError) as raised:
        read_evaluation(tmp_path)
    assert f"at {key}: " in str(raised.value)


# what is refused


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("reference", "fingerprint", "0" * 32),
        ("reference", "split", "train"),
        *(
            (network, key, value)
            for network in ("extractor", "classifier")
            for key, value in {
                "name": "mnist@12345678",
                "sha256": "0" * 64,
                "dims": 128,
                "resize": "16 px, pad",
                "precision": "bf16",
            }.items()
        ),
        (None, "num_images", 100),
        (None, "label_prior", "uniform"),
        (None, "truncation", 0.5),
        (None, "nearest_k", 3),
        (None, "units", "training seeds"),
    ],
)
def test_different_provenance_is_refused_with_both_values(section: str | None, key: str, value: Any) -> None:
    changed = content()
    inside = changed["provenance"] if section is None else changed["provenance"][section]
    before, inside[key] = inside[key], value
    with pytest.raises(RunError) as raised:
        compare(evaluation(), EvaluationFile.model_validate(changed), ("one.json", "two.json"))
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("one.json and two.json")
    assert lines[1:-1] == [f"  {section + '.' if section else ''}{key}: {before} | {value}"]
    assert "acgan evaluate" in lines[-1]


def test_evaluations_from_before_k_could_be_chosen_had_five_neighbours() -> None:
    old, three = content(), content()
    del old["provenance"]["nearest_k"]
    three["provenance"]["nearest_k"] = 3
    assert compare(EvaluationFile.model_validate(old), evaluation()).rows
    with pytest.raises(RunError, match=r"nearest_k: 5 \| 3"):
        compare(EvaluationFile.model_validate(old), EvaluationFile.model_validate(three))


def test_every_differing_key_has_its_line() -> None:
    changed = content()
    changed["provenance"] |= {"truncation": 0.7, "num_images": 50}
    with pytest.raises(RunError) as raised:
        compare(evaluation(), EvaluationFile.model_validate(changed))
    assert str(raised.value).splitlines()[1:-1] == ["  num_images: 269 | 50", "  truncation: 1.0 | 0.7"]


def test_what_may_differ_does_not_matter() -> None:
    changed = content(generators=["b" * 64])
    changed["provenance"] |= {"acgan": "9.9", "seed": 5, "repeats": 3, "device": "cuda", "date": "tomorrow"}
    changed["provenance"]["reference"]["data"] = "a copy of digits"
    compare(evaluation(), EvaluationFile.model_validate(changed))


@pytest.mark.parametrize("sides", [(True, False), (False, True), (False, False)])
def test_one_side_may_lack_a_classifier(sides: tuple[bool, bool]) -> None:
    files = []
    for has in sides:
        written = content()
        if not has:
            written["provenance"]["classifier"] = None
        files.append(EvaluationFile.model_validate(written))
    assert len(compare(*files).rows) == 1


@pytest.mark.parametrize(
    ("units", "remedy"),
    [("generation seeds", "--repeats 5"), ("training seeds", "acgan train --seeds 0,1,2")],
)
@pytest.mark.parametrize("short", [0, 1])
def test_too_few_units_are_refused_with_the_side_and_the_remedy(short: int, units: str, remedy: str) -> None:
    files = [evaluation({FCD: LOW[: 2 if side == short else 3]}, units=units) for side in range(2)]
    with pytest.raises(RunError, match=f"^{('one', 'two')[short]}: 2 {units}") as raised:
        compare(files[0], files[1], ("one", "two"))
    assert remedy in str(raised.value)


def test_no_metric_in_common_is_refused() -> None:
    with pytest.raises(RunError, match=r"no metric in common: fid .*no.*B.*kid .*no.*A"):
        compare(evaluation({"fid": LOW}), other({"kid": LOW}))


# what is said


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


def test_a_directory_without_scores_is_told_what_makes_them(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "evaluation.json"):
        with pytest.raises(RunError, match=rf"`acgan evaluate {re.escape(str(tmp_path))}` writes one"):
            read_evaluation(path)

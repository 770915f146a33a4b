"""Evaluations that are to be compared: how their files are read, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from comparison_helpers import FCD, LOW, PER_CLASS, content, evaluation, other

from acgan.errors import RunError
from acgan.evaluation import EvaluationFile, compare, read_evaluation

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


def test_a_directory_without_scores_is_told_what_makes_them(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "evaluation.json"):
        with pytest.raises(RunError, match=rf"`acgan evaluate {re.escape(str(tmp_path))}` writes one"):
            read_evaluation(path)

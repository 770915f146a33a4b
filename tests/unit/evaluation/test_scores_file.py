"""Files of scores in full: what has its type is read, anything else is refused by its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import FCD, make_evaluation, make_run

from acgan.errors import RunError
from acgan.evaluation import read_evaluation, read_scores

ACCURACY = "class_accuracy[digits@738debee]"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    values = {FCD: 4.0, ACCURACY: 0.5}
    return make_evaluation(
        make_run(tmp_path / "run"), {name: (value,) for name, value in values.items()},
        per_class={"cat": values, "dog": values}, confusion=[[3, 0], [1, 2]], reference_spread=20.0,
    )  # fmt: skip


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *sections, key = path.split("/")
        for section in sections:
            content = content[section]
        content[key] = value

    return change


def _changed(file: Path, path: str, value: Any) -> None:
    content = json.loads(file.read_text())
    content["floor"][ACCURACY]["value"] = content["at_floor_count"][ACCURACY]["value"] = 0.5
    _change(path, value)(content)
    file.write_text(json.dumps(content))


def test_all_of_a_file_is_read(file: Path) -> None:
    _changed(file, "provenance/seed", 3)
    scores = read_scores(file.parent)
    assert scores.per_class["dog"][FCD] == 4.0
    assert scores.provenance["seed"] == 3


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (f"overall/{FCD}/value", "1e5", "found '1e5'; input should be a valid number"),
        (f"overall/{FCD}/values", [True], "found True; input should be a valid number"),
        (f"floor/{FCD}/std", [0.5], "found [0.5]; input should be a valid number"),
        (f"at_floor_count/{FCD}/value", 1e300, "found 1e+300; input should be less than"),
        (f"at_floor_count/{FCD}/value", 10**400, "input should be a valid number"),
        (f"per_class/cat/{FCD}", {"x": 1}, "found {'x': 1}; input should be a valid number"),
        ("per_class/cat", [1], "per_class.cat: found [1]; input should be a valid dictionary"),
        ("floor_per_class", {"cat": {FCD: "x"}}, "found 'x'"),
        ("at_floor_count_per_class", [], "at_floor_count_per_class: found []"),
        ("confusion", [[1, 2], [3]], "a confusion matrix whose rows are not as many as its columns"),
        ("confusion", [[1, 2], [3, -4]], "confusion.1.1: found -4"),
        ("confusion", [[1, 2], [3, 2**62]], "confusion.1.1: found 4611686018427387904"),
        ("provenance/floor_images", None, "provenance.floor_images: found None"),
        ("provenance/num_images", 10.5, "provenance.num_images: found 10.5"),
        ("provenance/samples_by_class", [70], "1 numbers in samples_by_class of 2 classes"),
        ("provenance/reference_by_class", ["70", 70], "provenance.reference_by_class.0: found '70'"),
        ("provenance/reference_spread", "20", "provenance.reference_spread: found '20'"),
        ("provenance/generators", [[]], "provenance.generators.0: found []"),
        ("provenance/extractor", "digits", "provenance.extractor: found 'digits'"),
        ("provenance/date", 5, "provenance.date: found 5"),
        ("cas", {"cas_gain": {"value": 1, "low": "x", "high": 2}}, "cas.cas_gain.low: found 'x'"),
        (f"per_class/cat/{ACCURACY}", 50, f"{ACCURACY} of 50, which is a share, from 0 to 1"),
        ("provenance/samples_by_class", [0, 0], None),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_by_its_key(
    file: Path, path: str, value: Any, told: str | None
) -> None:
    _changed(file, path, value)
    if told is None:
        read_scores(file)
        return
    with pytest.raises(RunError) as refusal:
        read_scores(file)
    assert str(file) in str(refusal.value)
    assert told in str(refusal.value)


def test_a_comparison_takes_no_text_for_a_number_either(file: Path) -> None:
    _changed(file, f"overall/{FCD}/value", "5")
    with pytest.raises(RunError, match="found '5'; input should be a valid number"):
        read_evaluation(file)


def test_a_file_that_is_nested_too_deeply(file: Path) -> None:
    _changed(file, "provenance/more", None)
    file.write_text(file.read_text().replace('"more": null', f'"more": {"[" * 60}{"]" * 60}'))
    with pytest.raises(RunError, match="nested too deeply"):
        read_scores(file)


def test_numbers_that_do_not_fit_together(file: Path) -> None:
    """Copies among no samples: the share of nothing."""
    content = json.loads(file.read_text())
    content["overall"] |= {
        name: {"value": 0.5, "values": [0.5]} for name in ("copies_same", "copies_same_real")
    }
    content["provenance"]["samples_by_class"] = [0, 0]
    content["floor"][ACCURACY]["value"] = 0.5
    file.write_text(json.dumps(content))
    with pytest.raises(RunError, match="its numbers do not fit together"):
        read_scores(file)

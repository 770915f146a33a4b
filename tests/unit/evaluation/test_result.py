"""Scores as numbers, JSON and words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from acgan.evaluation import Pass, Scores, Summary, summarise_halves, verdict, with_help
from acgan.evaluation.measures import Found
from acgan.evaluation.result import interval, mean_per_class, summarise, summarise_all
from acgan.metrics.catalogue import plain_name

BY_CLASS = ("per_class", "floor_per_class", "at_floor_count_per_class")


def test_a_summary_is_mean_and_sample_deviation() -> None:
    assert summarise([1.0, 2.0, 6.0]) == Summary(3.0, math.sqrt(7), (1.0, 2.0, 6.0))
    assert summarise([2.5]) == Summary(2.5, None, (2.5,))
    assert summarise([]) == Summary(None, None)


def test_where_one_value_is_missing_there_is_no_mean() -> None:
    assert summarise([1.0, None]) == Summary(None, None)


def test_plus_minus_is_half_of_an_interval() -> None:
    """Over seeds by Student's t of their number; halvings are half-samples, whose deviation is the standard error."""
    seeds = summarise([1.0, 2.0, 6.0])
    assert interval(seeds, of_halvings=False) == pytest.approx(4.3027 * math.sqrt(7 / 3), rel=1e-4)
    assert interval(seeds, of_halvings=True) == pytest.approx(4.303 * math.sqrt(7))
    assert interval(Summary(1.0, None), of_halvings=False) is None


def test_a_deviation_over_halvings_is_not_one_over_seeds() -> None:
    """Two generation seeds that differ by 10, and halvings that differ by 1."""
    passes = [
        Pass(None, Found({}, {}), tuple(Found({"fid": base + step}, {}) for step in (0.0, 1.0, 2.0)), None)
        for base in (10.0, 20.0)
    ]
    assert summarise_halves(passes)["fid"] == Summary(16.0, 1.0, (15.0, 16.0, 17.0))


def test_summaries_by_metric() -> None:
    found = summarise_all([{"fid": 1.0, "kid": None}, {"fid": 3.0, "kid": None}])
    assert found == {"fid": Summary(2.0, math.sqrt(2), (1.0, 3.0)), "kid": Summary(None, None)}


def test_each_class_has_the_mean_of_its_values() -> None:
    found = [Found({}, {"fid": [1.0, None]}), Found({}, {"fid": [3.0, 5.0]})]
    assert mean_per_class(found, ["cat", "dog"]) == {"cat": {"fid": 2.0}, "dog": {"fid": None}}


def scores(**changes: Any) -> Scores:
    plain = Scores(
        provenance={"floor_images": 100, "samples_by_class": [100, 100], "reference_by_class": [120, 80]},
        overall={
            "fcd[x@1]": Summary(3.0, None, (3.0,)),
            "class_accuracy[x@1]": Summary(0.99, None),
            "memorisation_copies[x@1]": Summary(0.01, None),
        },
        floor={
            "fcd[x@1]": Summary(2.0, 0.5),
            "class_accuracy[x@1]": Summary(1.0, 0.0),
            "coverage[x@1]": Summary(0.96, 0.01),
            "memorisation_copies[x@1]": Summary(0.01, 0.0),
        },
        at_floor_count={"fcd[x@1]": Summary(5.0, 0.1), "coverage[x@1]": Summary(0.9, 0.01)},
        per_class={
            "cat": {"fcd[x@1]": 3.0, "kid[x@1]": 9.0, "coverage[x@1]": 0.9},
            "dog": {"fcd[x@1]": 4.0, "kid[x@1]": 1.0, "coverage[x@1]": 0.4},
        },
        floor_per_class={"cat": {"fcd[x@1]": 4.0}, "dog": {"fcd[x@1]": 5.0}},
        at_floor_count_per_class={
            "cat": {"fcd[x@1]": 8.0, "coverage[x@1]": 0.9},
            "dog": {"fcd[x@1]": 9.0, "coverage[x@1]": 0.4},
        },
        confusion=np.array([[3, 0], [1, 2]]),
    )
    return replace(plain, **changes)


def test_the_json_text_holds_everything_in_its_documented_form() -> None:
    values = json.loads(scores().to_json())
    assert list(values) == [
        "format",
        "provenance",
        "overall",
        "floor",
        "at_floor_count",
        "per_class",
        "floor_per_class",
        "at_floor_count_per_class",
        "confusion",
    ]
    assert values["format"] == 1
    assert values["overall"]["fcd[x@1]"] == {"value": 3.0, "std": None, "values": [3.0]}
    assert values["floor"]["fcd[x@1]"] == {"value": 2.0, "std": 0.5}
    assert values["per_class"]["dog"]["fcd[x@1]"] == 4.0
    assert values["confusion"] == [[3, 0], [1, 2]]


def test_what_is_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        scores(overall={"fid": Summary(math.nan, None)}).to_json()


def test_names_without_their_extractor() -> None:
    assert plain_name("fcd[digits@738debee]") == "fcd"
    assert plain_name("fid") == "fid"
    assert plain_name("kid[a[b]@1]") == "kid"


def test_without_a_metric_its_sentence_is_left_out() -> None:
    assert (
        verdict(scores(overall={}, floor={}, at_floor_count={}, **{key: {"cat": {}} for key in BY_CLASS}))
        == []
    )


def test_what_samples_do_for_a_classifier_comes_along() -> None:
    found = {
        "overall": {
            "cas_real": {"value": 0.9, "std": 0.01, "values": [0.89, 0.91]},
            "cas_gain": {"value": 0.02, "low": 0.01, "high": 0.03},
        },
        "per_class": {"cat": {"cas_real": 0.8}, "dog": {"cas_real": None}},
        "verdict": "helps: so much",
        "provenance": {"seeds": [0, 1]},
    }
    extended = with_help(scores(), found)
    assert extended.overall["cas_real"] == Summary(0.9, 0.01)
    assert "cas_gain" not in extended.overall
    assert extended.per_class["cat"]["cas_real"] == 0.8
    assert extended.per_class["cat"]["fcd[x@1]"] == 3.0
    assert verdict(extended)[-1] == "For a classifier: helps: so much."
    values = json.loads(extended.to_json())
    assert values["cas"]["cas_gain"] == {"value": 0.02, "low": 0.01, "high": 0.03}
    assert values["cas"]["provenance"] == {"seeds": [0, 1]}

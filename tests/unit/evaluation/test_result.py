"""Scores as numbers, JSON and words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from acgan.evaluation import Scores, Summary, verdict, with_help
from acgan.evaluation.measures import Found
from acgan.evaluation.result import mean_per_class, summarise, summarise_all
from acgan.metrics.catalogue import plain_name

BY_CLASS = ("per_class", "floor_per_class", "at_floor_count_per_class")


def test_a_summary_is_mean_and_sample_deviation() -> None:
    assert summarise([1.0, 2.0, 6.0]) == Summary(3.0, math.sqrt(7), (1.0, 2.0, 6.0))
    assert summarise([2.5]) == Summary(2.5, None, (2.5,))
    assert summarise([]) == Summary(None, None)


def test_where_one_value_is_missing_there_is_no_mean() -> None:
    assert summarise([1.0, None]) == Summary(None, None)


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


def test_the_verdict_sets_the_score_beside_the_floor_at_equal_count() -> None:
    assert verdict(scores())[0] == (
        "Quality: 2.50 times the floor (5.000, real images 2.000 ±0.500), with 100 images on either side."
    )


def test_within_two_deviations_samples_are_as_good_as_real() -> None:
    found = verdict(scores(at_floor_count={"fcd[x@1]": Summary(2.9, 0.1)}))[0]
    assert found.startswith("Quality: no further from held-out images than real images are")


def test_of_few_images_it_is_not_said_that_they_are_as_good_as_real() -> None:
    close = {"fcd[x@1]": Summary(2.1, 0.1)}
    line = verdict(scores(at_floor_count=close, provenance={**scores().provenance, "floor_images": 99}))[0]
    assert line.startswith("Quality: 1.05 times the floor")
    assert line.endswith("with 99 images on either side, which is too few to say more.")


def test_the_worst_class_is_furthest_from_its_own_floor() -> None:
    """Not the one of the largest distance, which is that of the fewest images."""
    line = verdict(scores())[1]
    assert line == "Worst class: cat, FCD 2.00 times its floor (8.000, real images 4.000); coverage 0.900."


def test_where_a_class_has_no_floor_kid_decides() -> None:
    floors = {"cat": {"fcd[x@1]": 4.0}, "dog": {"fcd[x@1]": None}}
    line = verdict(scores(floor_per_class=floors))[1]
    assert line == "Worst class: cat, by KID 9; coverage 0.900; of 100 images this is a hint."
    provenance = {"floor_images": 100, "samples_by_class": [900, 100], "reference_by_class": [500, 80]}
    line = verdict(scores(floor_per_class=floors, provenance=provenance))[1]
    assert line == "Worst class: cat, by KID 9; coverage 0.900."


def test_one_class_is_not_the_worst() -> None:
    one = {"cat": {"fcd[x@1]": 3.0, "kid[x@1]": 1.0}}
    lines = verdict(scores(per_class=one, floor_per_class=one, at_floor_count_per_class=one))
    assert not any(line.startswith("Worst") for line in lines)


def _of(start: str, **changes: Any) -> str:
    return next(line for line in verdict(scores(**changes)) if line.startswith(start))


def test_a_class_that_is_hardly_covered_has_collapsed() -> None:
    assert _of("Diversity").endswith("less than half of that in class dog: collapsed, or unlike real images.")
    fine = {"cat": {"coverage[x@1]": 0.9}, "dog": {"coverage[x@1]": 0.5}}
    assert "collapsed" not in _of("Diversity", at_floor_count_per_class=fine)


@pytest.mark.parametrize(("samples", "told"), [(100, True), (160, True), (900, False), (30, False)])
def test_where_halves_are_too_small_coverage_is_that_of_all_if_about_as_many(
    samples: int, told: bool
) -> None:
    """More samples cover more than real images do in the floor, and fewer less."""
    nothing = {"cat": {"coverage[x@1]": None}, "dog": {"coverage[x@1]": None}}
    counts = {"floor_images": 100, "samples_by_class": [100, samples], "reference_by_class": [120, 80]}
    line = _of("Diversity", at_floor_count_per_class=nothing, provenance=counts)
    assert ("class dog: collapsed" in line) is told


def test_one_class_that_is_wrong_is_named_however_right_the_others_are() -> None:
    right = {name: {"class_accuracy[x@1]": 1.0} for name in "abcdefghi"}
    wrong = {**right, "j": {"class_accuracy[x@1]": 0.25}}
    counts = {**scores().provenance, "samples_by_class": [20] * 10, "reference_by_class": [20] * 10}
    assert _of("Classes", per_class=wrong, provenance=counts).startswith(
        "Classes: often not as asked for; right are of j (25%); the classifier sees"
    )
    line = _of("Classes", per_class=right, provenance=counts)
    assert line.startswith("Classes: as asked for; the classifier sees")


def test_a_class_is_held_against_its_own_real_images() -> None:
    hard = {"cat": {"class_accuracy[x@1]": 0.75}, "dog": {"class_accuracy[x@1]": 0.95}}
    line = _of("Classes", per_class=hard, floor_per_class={"cat": {"class_accuracy[x@1]": 0.8}, "dog": {}})
    assert line.startswith("Classes: as asked for")
    line = _of("Classes", per_class=hard, floor_per_class={"cat": {"class_accuracy[x@1]": 0.9}, "dog": {}})
    assert "right are of cat (75%);" in line


def test_of_few_samples_no_class_is_said_to_be_wrong() -> None:
    counts = {**scores().provenance, "samples_by_class": [8, 20]}
    values = {"cat": {"class_accuracy[x@1]": 0.5}, "dog": {"class_accuracy[x@1]": 0.5}}
    assert "right are of dog (50%);" in _of("Classes", per_class=values, provenance=counts)
    floor = {"class_accuracy[x@1]": Summary(1.0, 0.0)}
    overall = {"class_accuracy[x@1]": Summary(0.5, None)}
    few = {**counts, "samples_by_class": [8, 8]}
    line = _of("Classes", per_class=values, provenance=few, floor=floor, overall=overall)
    assert line.startswith(
        "Classes: often not as asked for; the classifier sees the class asked for in 50.00%"
    )


def test_copies_are_named_also_where_held_out_images_are_copies_themselves() -> None:
    overall = {"memorisation_copies[x@1]": Summary(0.2, None), "memorisation_nearer[x@1]": Summary(0.6, None)}
    line = _of("Copies", overall=overall)
    assert line.startswith("Copies: 20.0% of samples")
    assert "memorisation.png" in line
    overall = {
        "memorisation_copies[x@1]": Summary(0.0, None),
        "memorisation_nearer[x@1]": Summary(0.99, None),
    }
    line = _of("Copies", overall=overall)
    assert line.startswith("Copies: nearly all samples lie nearer to training images")
    assert "memorisation.png" in line
    assert _of("Copies").startswith("Copies: no sign of them")


def test_of_few_images_nothing_is_said_about_copies() -> None:
    counts = {"floor_images": 49, "samples_by_class": [60, 60], "reference_by_class": [60, 39]}
    assert _of("Copies", provenance=counts) == "Copies: 99 samples or held-out images are too few to tell."
    assert "no sign" in _of("Copies", provenance={**counts, "reference_by_class": [60, 40]})


def test_copies_of_one_class_are_told_though_they_are_few_of_all() -> None:
    shares = {"cat": {"memorisation_copies[x@1]": 0.4}, "dog": {"memorisation_copies[x@1]": 0.02}}
    counts = {"floor_images": 100, "samples_by_class": [200, 200], "reference_by_class": [300, 200]}
    line = _of("Copies", per_class=shares, provenance=counts)
    assert line.endswith(
        "by held-out images of their own class, far more of cat (40.0%): look at memorisation.png."
    )
    # Not where real images have as many, nor where the nearest 1% are one image or two.
    floor = {"cat": {"memorisation_copies[x@1]": 0.09}}
    assert "no sign" in _of("Copies", per_class=shares, provenance=counts, floor_per_class=floor)
    few = {**counts, "reference_by_class": [199, 300]}
    assert "no sign" in _of("Copies", per_class=shares, provenance=few)


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

"""The rules of the verdict on made scores: equal counts, intervals, and what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from acgan.evaluation import Scores, Summary, verdict
from acgan.evaluation.class_findings import worst_class

FINE = {
    "fcd[x@1]": (0.5, 0.5, 0.001), "precision[x@1]": (0.9, 0.9, 0.001), "coverage[x@1]": (0.97, 0.97, 0.001),
    "recall[x@1]": (0.9, 0.9, 0.001), "ms_ssim": (0.09, 0.09, 0.001), "class_accuracy[x@1]": (0.9, 0.9, 0.001),
}  # fmt: skip
COPIES = {"copies_same": 0.0, "copies_same_real": 0.0, "copies_near": 0.01, "copies_near_real": 0.01}


def scores(
    changes: Mapping[str, tuple[float, float, float]] | None = None,
    *,
    count: int = 5000,
    classes: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    counts: Mapping[str, int] | None = None,
    overall: Mapping[str, float] | None = None,
    **provenance: Any,
) -> Scores:
    """Scores at the floor's count, each as (of samples, of real images, deviation); by class without a deviation."""
    every, classes = {**FINE, **(changes or {})}, classes or {}
    counts = counts or dict.fromkeys(classes, 1000)
    of_classes = [
        {name: {k: v[i] for k, v in classes.get(name, {}).items()} for name in counts} for i in (0, 1)
    ]
    total = list(counts.values()) or [2 * count]
    origin = {
        "floor_images": count,
        "samples_by_class": total,
        "reference_by_class": total,
        "reference_spread": 100.0,
    }
    return Scores(
        provenance={**origin, **provenance},
        overall={
            name: Summary(value, None) for name, value in (COPIES if overall is None else overall).items()
        },
        floor={name: Summary(real, std) for name, (_, real, std) in every.items()},
        at_floor_count={name: Summary(own, std) for name, (own, _, std) in every.items()},
        per_class={name: dict(of_classes[0][name]) for name in counts},
        floor_per_class=of_classes[1],
        at_floor_count_per_class=of_classes[0],
        confusion=None,
    )


def line(found: list[str], start: str) -> str:
    return next(one for one in found if one.startswith(start))


def test_good_needs_intervals_within_the_margins() -> None:
    assert verdict(scores())[0].startswith(
        "Verdict: good, as real images in all that was judged; 5,000 samples"
    )


def test_a_difference_that_was_not_found_is_no_equivalence() -> None:
    """The same values of fewer images: the far ends of the intervals leave the margins, then those of poor ones."""
    assert verdict(scores(count=150))[0].startswith(
        "Verdict: usable at least: too few images to show that it is good"
    )
    wide = {"fcd[x@1]": (5.0, 5.0, 8.0)}
    found = verdict(scores(wide, count=150))
    assert found[0].startswith(
        "Verdict: cannot be said of so few: 150 samples against as many real images (of 300: others "
        "show what real images score); it may still be poor in "
    )
    assert line(found, "Distance").startswith(
        "Distance: a fault that counts is neither shown nor excluded; FCD"
    )
    assert verdict(scores(count=19))[0].startswith("Verdict: cannot be said of so few: 19 samples")


def test_diversity_weighs_all_its_measures_the_worst_first() -> None:
    """Blobs: real images are covered, but samples are far more alike."""
    blobs = {
        "ms_ssim": (0.31, 0.09, 0.002),
        "coverage[x@1]": (0.985, 0.97, 0.001),
        "fcd[x@1]": (60.0, 0.5, 0.1),
    }
    found = verdict(scores(blobs))
    assert found[0].startswith("Verdict: poor, by distance and diversity; 5,000 samples")
    assert line(found, "Diversity").startswith(
        "Diversity: far worse than real images; MS-SSIM in classes 0.310 (real images 0.090; 23.3% to 25.0% of the way "
        "to all alike), "
    )
    assert "coverage 0.985 (real images 0.970; no worse)" in line(found, "Diversity")
    assert [one.partition(":")[0] for one in found][:3] == ["Verdict", "Distance", "Diversity"]


def test_a_distance_is_one_number_with_its_own_measure() -> None:
    found = verdict(scores({"fcd[x@1]": (14.0, 4.0, 0.5)}))
    assert line(found, "Distance") == (
        "Distance: worse than real images; FCD 14.000 (real images 4.000; beyond them by 8.0% to 12.0% of their "
        "spread)."
    )


def test_noise_is_no_collapse() -> None:
    """It covers nothing, but no sample is like another; heavy noise may lie within the balls of real outliers."""
    noise = {"coverage[x@1]": (0.1, 0.97, 0.01), "recall[x@1]": (0.0, 0.9, 0.0)}
    assert verdict(scores(noise))[0].startswith("Verdict: collapsed, by diversity")
    found = verdict(scores({**noise, "ms_ssim": (0.02, 0.09, 0.002)}))
    assert found[0].startswith("Verdict: poor, by diversity")
    assert line(found, "Diversity").startswith("Diversity: far worse than real images; ")


def test_what_was_not_measured_is_named() -> None:
    plain = scores(overall={})
    only = Scores(
        plain.provenance, {}, {"fcd[x@1]": plain.floor["fcd[x@1]"]}, {"fcd[x@1]": plain.at_floor_count["fcd[x@1]"]},
        {}, {}, {}, None,
    )  # fmt: skip
    assert verdict(only)[0].endswith("Not judged: fidelity, diversity, classes, copies.")
    assert verdict(scores(overall={}))[0].endswith("Not judged: copies.")


def test_without_a_spread_of_real_features_a_distance_is_not_judged() -> None:
    """Scores from before it was measured."""
    found = verdict(scores(reference_spread=None))
    assert "Not judged: distance." in found[0]
    assert not any(one.startswith("Distance") for one in found)


def test_classes_as_right_as_real_images_are_right_enough() -> None:
    """88.5 % of both, at equal counts."""
    found = verdict(scores({"class_accuracy[x@1]": (0.885, 0.885, 0.003)}))
    assert found[0].startswith("Verdict: good")
    assert line(found, "Classes").startswith(
        "Classes: as real images, within what counts; class accuracy 0.885"
    )
    hard = {"cat": {"class_accuracy[x@1]": (0.75, 0.78)}, "dog": {"class_accuracy[x@1]": (0.95, 0.95)}}
    assert not any("often not" in one for one in verdict(scores(classes=hard)))


def test_one_class_that_is_wrong_is_named_however_right_the_others_are() -> None:
    classes = {name: {"class_accuracy[x@1]": (1.0, 1.0)} for name in "abcdefghi"}
    classes["j"] = {"class_accuracy[x@1]": (0.25, 1.0)}
    found = verdict(scores(classes=classes))
    assert "Classes: often not as asked for: j (25.0%, real images 100.0%)." in found
    assert found[0].startswith("Verdict: poor, by classes")


def test_rare_classes_are_named_and_judged_together() -> None:
    classes = {name: {"class_accuracy[x@1]": (0.2, 1.0)} for name in "abcdef"}
    classes["often"] = {"class_accuracy[x@1]": (1.0, 1.0)}
    found = verdict(scores(classes=classes, counts={**dict.fromkeys("abcdef", 8), "often": 900}))
    assert "rare classes together (a, b, c, d, e, f) (20.0%, real images 100.0%)" in line(
        found, "Classes: often"
    )
    named = line(found, "Not judged by themselves")
    assert "a (8), b (8)" in named
    assert "often" not in named
    assert "`--split train` has more real ones, `-n` draws more samples; or merge rare classes" in named
    assert "data.classes" in named


@pytest.mark.parametrize("split", ["train", "train-all"])
def test_the_part_that_is_in_use_is_not_advised(split: str) -> None:
    classes = {name: {"class_accuracy[x@1]": (0.2, 1.0)} for name in "ab"}
    found = verdict(scores(classes=classes, counts={"a": 8, "b": 900}, reference={"split": split}))
    assert line(found, "Not judged by themselves").endswith(
        "real images: a (8). `-n` draws more samples; or merge rare classes with data.classes."
    )


def test_a_rare_class_that_is_always_wrong_is_named_among_rare_ones_that_are_right() -> None:
    classes = {name: {"class_accuracy[x@1]": (1.0, 1.0)} for name in "abcdefghi"}
    classes["j"] = {"class_accuracy[x@1]": (0.0, 1.0)}
    found = verdict(scores(classes=classes, counts=dict.fromkeys(classes, 30)))
    assert line(found, "Classes: often") == "Classes: often not as asked for: j (0.0%, real images 100.0%)."


def test_the_verdict_says_that_rare_classes_were_not_judged() -> None:
    classes = {name: {"class_accuracy[x@1]": (1.0, 1.0)} for name in ("cat", "dog", "rare")}
    found = verdict(scores(classes=classes, counts={"cat": 900, "dog": 900, "rare": 12}))
    assert found[0].endswith(" Not judged: 1 of 3 classes by themselves."), found[0]


def test_the_worst_class_is_of_those_that_could_be_judged() -> None:
    classes = {"cat": {"fcd[x@1]": (8.0, 4.0)}, "dog": {"fcd[x@1]": (9.0, 5.0)}, "rare": {}}
    found = verdict(scores(classes=classes, counts={"cat": 900, "dog": 900, "rare": 10}))
    expected = "Worst class of the 2 with images enough: cat, by FCD 2.00 times its floor (8.000, real images 4.000)."
    assert expected in found


def test_numbers_of_the_worst_class_have_those_of_real_images_beside_them() -> None:
    classes = {
        "cat": {"kid[x@1]": (0.9, 0.1), "precision[x@1]": (0.5, 0.8)},
        "dog": {"kid[x@1]": (0.2, 0.1), "precision[x@1]": (0.7, 0.8)},
    }
    known = scores(classes=classes, counts=dict.fromkeys(classes, 400))
    worst = worst_class(known)
    assert worst is not None
    assert (worst.name, worst.by) == ("cat", "KID 0.9 (real images 0.1) of 400 images, a hint")
    assert worst.finding.text == (
        "Worst class: cat, by KID 0.9 (real images 0.1) of 400 images, a hint; precision 0.500 (real images 0.800)."
    )
    values = {
        name: {"kid[x@1]": 0.9 - 0.1 * place, "precision[x@1]": 0.5, "coverage[x@1]": 0.6}
        for place, name in enumerate(classes)
    }
    worst = worst_class(replace(known, per_class=values, floor_per_class={}, at_floor_count_per_class={}))
    assert worst is not None
    assert worst.finding.text == (
        "Worst class: cat, by KID 0.9 of 400 images, a hint; precision 0.500, coverage 0.600 (real images 0.969); what "
        "real images have in the others is not known of so few."
    )


def test_a_class_whose_halves_are_too_small_is_covered_as_theory_says() -> None:
    classes = {"cat": {"coverage[x@1]": (0.2, 0.0)}, "dog": {"coverage[x@1]": (0.93, 0.0)}}
    plain = scores(classes=classes, counts={"cat": 27, "dog": 27})
    nothing: Any = {name: {"coverage[x@1]": None} for name in classes}
    found = verdict(
        Scores(
            plain.provenance,
            plain.overall,
            plain.floor,
            plain.at_floor_count,
            plain.per_class,
            nothing,
            nothing,
            None,
        )
    )
    named = line(found, "Diversity: hardly")
    assert "cat (coverage 0.20, real images 0.98)" in named
    assert "dog" not in named


@pytest.mark.parametrize(
    ("share", "real", "said"),
    [
        (0.039, 0.0, "Copies: 390 of 10,000 samples (3.90%) are the same picture"),
        (0.001, 0.0, "Copies: 10 of 10,000 samples (0.10%) are the same picture"),
        (0.0002, 0.0002, "Copies: no more than among held-out images: 2 of 10,000"),
        (0.0, 0.0, "Copies: no more than among held-out images: 0 of 10,000"),
    ],
)
def test_a_copy_is_a_finding_on_its_own(share: float, real: float, said: str) -> None:
    found = verdict(scores(overall={**COPIES, "copies_same": share, "copies_same_real": real}))
    assert line(found, "Copies").startswith(said)
    assert found[0].startswith(
        "Verdict: usable, with faults of copies" if share > 0.0002 else "Verdict: good"
    )


def test_near_copies_count_beyond_those_of_held_out_images() -> None:
    """CIFAR-10 has near-duplicates across its own split."""
    many = {**COPIES, "copies_near": 0.034, "copies_near_real": 0.033}
    said = line(
        verdict(scores(overall={**many, "copies_same": 0.0002, "copies_same_real": 0.0001})), "Copies"
    )
    assert said.startswith("Copies: not certainly more than among held-out images: 2 of 10,000")
    more = {**COPIES, "copies_near": 0.06, "copies_near_real": 0.033}
    assert "600 of 10,000 samples (6.00%) are nearly the same picture" in line(
        verdict(scores(overall=more)), "Copies"
    )
    said = line(verdict(scores(overall=COPIES)), "Copies")
    assert "would have been seen" in said


def test_features_come_second() -> None:
    """Nearer than the nearest 1 % of held-out images, by features, and no copy in pixels."""
    nearer = {"memorisation_copies[x@1]": (0.08, 0.01, 0.001), "memorisation_nearer[x@1]": (0.9, 0.5, 0.01)}
    found = [one for one in verdict(scores(nearer)) if one.startswith("Copies")]
    assert found[0].startswith("Copies: 8.0% of samples lie nearer to a training image, by features")
    assert found[1].startswith("Copies: most samples lie nearer to training images, by features")


def test_of_several_trainings_the_worst_is_named() -> None:
    """Their mean hides the one that collapsed."""
    one, name = scores(), "fcd[x@1]"
    of_seeds = {**one.overall, name: Summary(2.0, 3.0, (0.5, 5.1, 0.4))}
    origin = {
        **one.provenance,
        "units": "training seeds",
        "generators": [{"training_seed": s} for s in (3, 4, 5)],
    }
    found = verdict(replace(one, overall=of_seeds, provenance=origin))
    assert found[1] == (
        "All numbers are means of 3 trainings. The worst is seed 4, by FCD 5.100; the others have 0.400 to 0.500."
    )
    assert not any(one.startswith("All numbers") for one in verdict(one))


JUDGE = {"name": "photos@1", "sha256": "1", "dims": 128}


def of_a_judge(
    accuracy: float, count: int, *, by_class: tuple[int, ...] = (46, 39, 24, 9, 1), **provenance: Any
) -> list[str]:
    origin = {"extractor": JUDGE, "classifier": JUDGE, "reference_by_class": by_class, **provenance}
    return verdict(scores({"class_accuracy[x@1]": (0.72, accuracy, 0.01)}, count=count, **origin))


def test_a_classifier_that_errs_on_real_images_is_no_judge() -> None:
    """Blobs scored a precision of 0.99 and more accuracy than real images, by one that was right for 63 % of these."""
    found = of_a_judge(0.626, 5000)
    assert found[0].startswith("Verdict: cannot be said by so weak a judge; 5,000 samples against as many")
    assert found[1] == (
        "Weak judge: this classifier names only 63% of the held-out real images rightly (61% to 64%, by 5,000 images; "
        "the commonest class for all would be 39% right): its scores tell little."
    )
    assert of_a_judge(0.626, 60)[1].startswith("Weak judge: this classifier names only 63%")


def test_a_judge_is_weak_only_where_its_interval_says_so_and_by_what_chance_leaves() -> None:
    assert not any(one.startswith("Weak judge") for one in of_a_judge(0.626, 15))  # up to 81 %
    assert not any(one.startswith("Weak judge") for one in of_a_judge(0.85, 5000))
    assert not any(one.startswith("Weak judge") for one in of_a_judge(0.75, 5000, by_class=(9,) * 100))
    assert of_a_judge(0.75, 5000, by_class=(9, 9))[1].startswith("Weak judge")
    assert "of the real training images" in of_a_judge(0.5, 5000, reference={"split": "train"})[1]


def test_a_weak_judge_of_classes_alone_leaves_the_rest_to_other_features() -> None:
    found = of_a_judge(0.626, 5000, extractor={"name": None, "sha256": "2", "dims": 2048})
    assert found[0].startswith("Verdict: good")
    assert found[1].endswith("class accuracy tells little.")


def test_a_judge_of_images_of_another_kind_gives_no_good_verdict() -> None:
    unlike = ["knows none of these classes", "sees no colours, which these images have", "sees 16 px of 64"]
    found = verdict(scores({}, count=5000, extractor=JUDGE, extractor_unlike=unlike))
    assert found[0].startswith("Verdict: cannot be said by so strange a judge; 5,000 samples against as many")
    assert found[1] == (
        "Strange judge: the classifier photos@1 knows none of these classes, sees no colours, which these images have "
        "and sees 16 px of 64: its scores tell little. One that was trained on these images tells more."
    )
    alike = {"ms_ssim": (0.9, 0.09, 0.002)}
    poor = verdict(scores(alike, count=5000, extractor=JUDGE, extractor_unlike=unlike))
    assert poor[0].startswith("Verdict: collapsed, by diversity")
    assert poor[1].startswith("Strange judge: ")


def test_faults_that_a_weak_judge_sees_stay_faults() -> None:
    origin = {"extractor": JUDGE, "classifier": JUDGE, "reference_by_class": (50, 50)}
    alike = {"class_accuracy[x@1]": (0.6, 0.6, 0.01), "ms_ssim": (0.9, 0.09, 0.002)}
    assert verdict(scores(alike, **origin))[0].startswith("Verdict: collapsed, by diversity")

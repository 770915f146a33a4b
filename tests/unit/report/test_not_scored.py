"""Classes of which there are no real images to judge by are named wherever others are judged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from sampler_helpers import make_sampler

from acgan.evaluation import Scores, Summary, verdict
from acgan.report.gan import classes_section, confusion_section
from acgan.report.gather import KnownRun
from acgan.report.looks import drawn, nearest_pairs
from acgan.report.words import judge_gan
from acgan.types import ImageStore

EYES = "[pets@1]"
LACKING = "Judged: 2 of 3 classes; not truck: no test images."


def _scores() -> Scores:
    own = {f"{name}{EYES}": Summary(0.9, 0.001) for name in ("precision", "coverage", "class_accuracy")}
    own |= {name: Summary(0.0, None) for name in ("copies_same", "copies_same_real")}
    of_class = {
        name: {f"class_accuracy{EYES}": 0.9, f"kid{EYES}": 0.1 + 0.1 * (name == "dog")}
        for name in ("cat", "dog")
    }
    provenance = {
        "floor_images": 5_000, "num_images": 10_000, "reference_spread": 1.0, "generators": [], "repeats": 1,
        "samples_by_class": [5_000, 5_000], "reference_by_class": [5_000, 5_000],
        "reference": {"split": "test"}, "classes": {"known": ["cat", "truck", "dog"]},
    }  # fmt: skip
    confusion = np.array([[9, 0, 1], [0, 0, 0], [0, 4, 6]])
    return Scores(provenance, own, own, own, of_class, of_class, of_class, confusion)


def _run() -> KnownRun:
    return KnownRun(Path("runs/pets"), {"train": {"total_nimg": 9}}, (), {}, _scores())


def test_the_verdict_and_every_card_say_which_classes_were_not_judged() -> None:
    """Fails where "None found" stands for classes that nobody looked at."""
    judged = judge_gan(_run())
    assert "1 of 3 classes, without test images" in judged.basis
    cards = {one.question.split()[0] + one.question.split()[2]: one for one in judged.answers}
    for card in ("Areof", "Whichis", "Didcollapse,", "Arecopies"):
        assert cards[card].text.endswith(LACKING), card
    assert cards["Arecopies"].short == "No in 2 of 3 classes"
    assert LACKING in verdict(_scores())


def test_tables_and_bars_have_the_class() -> None:
    values = classes_section(_run()).values
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in values["tables"][1].rows}
    assert list(rows) == ["cat", "truck", "dog"]
    assert set(rows["truck"]) == {"–"}
    assert "Neither bars nor scores of truck: no test images." in values["notes"]


def test_the_confusion_matrix_names_all_classes() -> None:
    """Fails where classes are numbered as soon as one of them was not scored."""
    rows = confusion_section(_run()).values["table"].rows
    assert [[cell.text for cell in row[:2]] for row in rows] == [["dog", "truck"], ["cat", "dog"]]


def test_near_pairs_of_a_class_of_few_images_are_named() -> None:
    sampler = make_sampler(class_names=("cat", "dog"))

    images, names = drawn(sampler, [0, 1], 32), ("cat", "dog")
    few = np.concatenate([255 - images[0], images[1][:1]])
    found = nearest_pairs(sampler, ImageStore(few, np.repeat([0, 1], [32, 1]), names, "few"))
    assert found is not None
    assert Counter(pair.class_name for pair in found.pairs) == {"cat": 6, "dog": 6}, (
        "no class hides the other"
    )
    assert found.rare_in_words is not None
    assert "are of class “dog” (1 training image). So few images are easily learnt" in found.rare_in_words
    every = images.reshape(-1, *images.shape[2:])
    many = nearest_pairs(sampler, ImageStore(every, np.repeat([0, 1], 32), names, "many"))
    assert many is not None
    assert many.rare_in_words is None

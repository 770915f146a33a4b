"""``acgan evaluate`` on other images: of other classes, broken, gone, or too few."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from evaluate_helpers import (
    DIGITS,
    EXTRACTOR,
    EYES,
    OF_TRAINING,
    SHORT,
    assert_refused,
    evaluate,
    numbers,
    read,
    scored,
    write_images,
)
from run_helpers import trained

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "scores.json"


# Other images.


def test_other_images_of_the_same_classes(seeds: Path, tmp_path: Path, out: Path) -> None:
    folder = write_images(tmp_path / "noise", {**OF_TRAINING, **{f"test/{name}": 3 for name in DIGITS}})
    options = ("--data", folder, *EXTRACTOR, "--metrics", "kid,accuracy,memorisation")
    result = evaluate(seeds / "seed0", *options, "--json", out)
    assert result.exit_code == 0, result.output
    assert "copies of training images are not looked for: this data's (fingerprint" in result.output
    assert "changed since" not in result.output
    scores = read(out)
    assert (scores["provenance"]["reference"]["data"], scores["provenance"]["num_images"]) == ("noise", 30)
    assert scores["provenance"]["extractor_saw_reference"] is None
    names = ("kid", "kid_published", "class_accuracy")
    assert list(scores["overall"]) == [f"{name}{EYES}" for name in names]
    assert scores["floor"][f"class_accuracy{EYES}"]["value"] < 0.5  # noise


def test_images_of_no_class_of_the_generator_are_refused(seeds: Path, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "other", {"cat": 2, "dog": 2})
    refused = evaluate(seeds / "seed0", "--data", folder, *EXTRACTOR)
    both = "none of its classes (cat, dog) is one of the generator's (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    assert_refused(refused, str(folder), both, "Choose other images")
    assert "data.classes" not in refused.stderr


@pytest.mark.parametrize("prior", ["reference", "uniform"])
def test_data_of_fewer_and_of_more_classes(prior: str, seeds: Path, tmp_path: Path, out: Path) -> None:
    """Classes of both are scored, as if the data had no others."""
    counts = {f"{part}/{name}": num for part in ("train", "test") for name, num in (("7", 30), ("3", 20))}
    plain = write_images(tmp_path / "plain", counts)
    more = shutil.copytree(plain, tmp_path / "more")
    write_images(more, {"train/fox": 2, "test/fox": 1, "train/yak": 1})
    options = (*EXTRACTOR, "-n", "41", "--label-prior", prior, "--metrics", "kid,accuracy,diversity")
    result = evaluate(seeds / "seed0", "--data", more, *options, "--json", out)
    assert result.exit_code == 0, result.output
    for remark in (
        "left out, because the generator does not know them: fox (3 images), yak (1 image)",
        "not scored: no test images of 0, 1, 2, 4, 5, 6, 8, 9",
    ):
        assert remark in result.stdout.splitlines()
    scores = read(out)
    origin = scores["provenance"]
    assert origin["classes"] == {
        "known": list(DIGITS),
        "scored": ["3", "7"],
        "not_scored": ["0", "1", "2", "4", "5", "6", "8", "9"],
        "left_out": {"fox": 3, "yak": 1},
    }
    assert origin["reference_by_class"] == [20, 30]
    assert origin["samples_by_class"] == ([16, 25] if prior == "reference" else [21, 20])
    assert origin["num_images"] == 41
    assert origin["extractor_saw_reference"] is None
    for key in ("per_class", "floor_per_class", "at_floor_count_per_class"):
        assert list(scores[key]) == ["3", "7"]
    # Samples that the classifier takes for one of the other eight are wrong, and can be seen.
    confusion = np.array(scores["confusion"])
    assert confusion.sum(axis=1)[[3, 7]].tolist() == origin["samples_by_class"]
    assert 41 == confusion.sum() > confusion[:, [3, 7]].sum()
    assert scores["overall"][f"class_accuracy{EYES}"]["value"] == pytest.approx(confusion.trace() / 41)
    alone = scored(out, seeds / "seed0", "--data", plain, *options)
    assert numbers(alone) == numbers(scores)
    assert alone["provenance"]["reference"]["fingerprint"] == origin["reference"]["fingerprint"]


def test_a_class_of_nearly_the_same_name_is_asked_about(pet_run: Path, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "renamed", {"Cat ": 20, "dog": 20})
    result = evaluate(pet_run, "--data", folder, *EXTRACTOR, "--metrics", "kid", "--quiet")
    assert result.exit_code == 0, result.output
    assert "warning: the class 'Cat ' of the data is left out: did you mean 'cat'?" in result.stderr


def test_a_merge_of_the_training_holds_for_other_images(
    pet_pictures: Path, tmp_path: Path, out: Path
) -> None:
    animals = write_images(tmp_path / "animals", {"cat": 20, "dog": 20, "fox": 20})
    changes = {**SHORT, "data.source": str(animals), "data.classes": ["fox", {"pet": ["cat", "dog"]}]}
    run = trained(tmp_path / "run", changes)
    options = (*EXTRACTOR, "--metrics", "kid")
    assert scored(out, run, *options)["provenance"]["reference_by_class"] == [3, 6]
    found = scored(out, run, *options, "--data", pet_pictures)["provenance"]
    assert (found["classes"]["scored"], found["classes"]["not_scored"]) == (["pet"], ["fox"])
    named = write_images(tmp_path / "named", {"pet": 20, "fox": 20})
    assert scored(out, run, *options, "--data", named)["provenance"]["reference_by_class"] == [3, 3]


def test_a_class_that_came_after_the_training_is_left_out(tmp_path: Path, out: Path) -> None:
    """And nothing else changes: the same images are held out, and copies are looked for."""
    folder = write_images(tmp_path / "pictures", {"cat": 20, "dog": 20})
    run = trained(tmp_path / "run", {**SHORT, "data.source": str(folder)})
    options = (*EXTRACTOR, "--metrics", "kid,memorisation")
    before = scored(out, run, *options)
    write_images(folder, {"bird": 20}, seed=3)
    result = evaluate(run, *options, "--json", out)
    assert "left out, because the generator does not know it: bird (20 images)" in result.stdout
    assert "changed since" not in result.stdout
    assert numbers(read(out)) == numbers(before)


def test_copies_are_not_looked_for_in_a_part_of_the_classes(tmp_path: Path, out: Path) -> None:
    folder = write_images(tmp_path / "pictures", {"cat": 20, "dog": 20})
    run = trained(tmp_path / "run", {**SHORT, "data.source": str(folder)})
    shutil.rmtree(folder / "dog")
    result = evaluate(run, *EXTRACTOR, "--metrics", "kid,memorisation", "--json", out)
    assert result.exit_code == 0, result.output
    assert "its training images have changed since the training" in result.stderr
    assert "not scored: no test images of dog" in result.stdout
    assert "copies of training images are not looked for" in result.stdout
    assert read(out)["provenance"]["extractor_saw_reference"] is None


# Broken images.


def test_broken_images_stop_or_are_skipped_and_counted(tmp_path: Path, out: Path) -> None:
    folder = write_images(tmp_path / "pictures", {"cat": 20, "dog": 20})
    run = trained(tmp_path / "run", {**SHORT, "data.source": str(folder)})
    for number in range(30):
        (folder / "cat" / f"broken{number:02}.png").write_bytes(b"no image")
    options = (*EXTRACTOR, "--metrics", "kid")
    for more in ((), ("--on-error", "stop")):
        result = evaluate(run, *options, *more)
        assert result.exit_code == 1
        first, *named, last = result.stderr.splitlines()
        assert first == "Error: 30 of 70 images cannot be decoded:"
        assert len(named) == 21
        assert "broken00.png: it is empty" in named[0]
        assert named[-1] == "  and 10 more"
        assert "--on-error skip" in last
    result = evaluate(run, *options, "--on-error", "skip", "--json", out)
    assert result.exit_code == 0, result.output
    listed = [line for line in result.stdout.splitlines() if line.startswith("skipped ")]
    assert len(listed) == 21
    assert "broken00.png" in listed[0]
    assert listed[-1] == "skipped 10 more broken images"
    reference = read(out)["provenance"]["reference"]
    assert (reference["num_skipped"], len(reference["skipped"])) == (30, 30)
    assert "not an image" in reference["skipped"][0]["reason"]


def test_a_folder_that_has_gone_is_named_and_may_be_elsewhere(
    pet_run: Path, pet_pictures: Path, tmp_path: Path, out: Path
) -> None:
    here = scored(out, pet_run, *EXTRACTOR)
    assert "memorisation_nearer" + EYES in here["overall"]
    moved = tmp_path / "moved"
    pet_pictures.rename(moved)
    try:
        assert_refused(evaluate(pet_run, *EXTRACTOR), str(pet_pictures), "--data")
        there = scored(out, pet_run, *EXTRACTOR, "--data", moved)
    finally:
        moved.rename(pet_pictures)
    assert numbers(there) == numbers(here)  # the same images, memorisation included


def test_references_too_small_to_score_against(seeds: Path, pet_run: Path, tmp_path: Path) -> None:
    one = write_images(tmp_path / "one", {**OF_TRAINING, "test/3": 1})
    found = evaluate(seeds / "seed0", "--data", one, *EXTRACTOR)
    assert_refused(found, "one: has 1 test images; expected at least 2", "--split", "--data")
    changes = {**SHORT, "data.test_share": 0}
    none = trained(
        tmp_path / "none", changes, "--data", str(write_images(tmp_path / "x", {"cat": 9, "dog": 9}))
    )
    assert_refused(evaluate(none, *EXTRACTOR), "x: has 0 test images")
    assert evaluate(none, *EXTRACTOR, "--split", "train").exit_code == 0


@pytest.mark.parametrize(
    "counts", [{"3": 2}, {"3": 1, "4": 1}, {name: 1 + (name > "4") for name in DIGITS[:-1]}]
)
@pytest.mark.parametrize("prior", ["reference", "uniform"])
def test_few_images_and_missing_classes_leave_values_out(
    counts: dict[str, int], prior: str, seeds: Path, tmp_path: Path, out: Path
) -> None:
    folder = write_images(tmp_path / "few", {**OF_TRAINING, **{f"test/{k}": n for k, n in counts.items()}})
    options = ("--data", folder, *EXTRACTOR, "-n", "40", "--label-prior", prior)
    missing = ", ".join(name for name in DIGITS if name not in counts)
    said = evaluate(seeds / "seed0", *options, "--metrics", "kid").output
    assert f"not scored: no test images of {missing}" in said
    scores = scored(out, seeds / "seed0", *options)
    assert scores["overall"][f"fcd{EYES}"]["value"] > 0
    assert list(scores["per_class"]) == list(counts)
    for name, found in scores["per_class"].items():
        assert (found["ms_ssim_real"] is None) == (counts[name] < 2)
        assert found["ms_ssim"] is not None
        assert found[f"kid{EYES}"] is None

"""``acgan evaluate`` of several runs, on other images, by other extractors, and where something is missing."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from evaluate_helpers import (
    DIGITS,
    EYES,
    QUICK,
    SHORT,
    assert_refused,
    assert_untouched,
    evaluate,
    numbers,
    read,
    scored,
    write_images,
)
from run_helpers import classified, trained, tree

from acgan.atomic import sha256
from acgan.evaluation import judge
from acgan.weights import find_generator

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

EXTRACTOR = ("--extractor", "digits")
OF_TRAINING = {f"train/{name}": 4 for name in DIGITS}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a split of its own."""
    return write_images(tmp_path_factory.mktemp("data") / "pictures", {"cat": 20, "dog": 20})


@pytest.fixture(scope="module")
def of_folder(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on a folder."""
    return trained(tmp_path_factory.mktemp("folder") / "run", {**SHORT, "data.source": str(pictures)})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "scores.json"


# Several runs.


def test_several_runs_are_one_method_trained_several_times(seeds: Path, tmp_path: Path, out: Path) -> None:
    options = ("-n", "40", "--metrics", "kid,accuracy", "--repeats", "2")
    each = [scored(out, seeds / name, *options) for name in ("seed0", "seed1")]
    together = scored(out, seeds / "seed0", seeds / "seed1", *options)
    assert together["provenance"]["units"] == "training seeds"
    assert [one["training_seed"] for one in together["provenance"]["generators"]] == [0, 1]
    for name in (f"kid{EYES}", f"class_accuracy{EYES}"):
        values = [one["overall"][name]["value"] for one in each]
        found = together["overall"][name]
        assert found["values"] == pytest.approx(values)
        assert (found["value"], found["std"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    group = shutil.copytree(seeds, tmp_path / "group")
    before = tree(group)
    assert evaluate(group, *options).exit_code == 0
    assert numbers(read(group / "evaluation.json")) == numbers(together)
    assert tree(group).keys() - before.keys() == {"evaluation.json", "confusion.png"}


def test_runs_that_are_not_one_method_are_refused(seeds: Path, tmp_path: Path) -> None:
    first, second = seeds / "seed0", seeds / "seed1"
    other = trained(tmp_path / "other", {**SHORT, "seed": 2, "optim.generator.lr": 0.001})
    again = trained(tmp_path / "again", {**SHORT, "seed": 1, "description": "the same once more"})
    assert_refused(evaluate(first, other), f"{other}: differs from {first} in optim.generator.lr")
    assert_refused(evaluate(seeds, second), f"{second}: the same generator as {second}")
    assert_refused(evaluate(seeds, again), f"{again}: of training seed 1, as {second} is")


def test_a_run_with_runs_in_it_is_refused(seeds: Path, tmp_path: Path) -> None:
    run = shutil.copytree(seeds / "seed0", tmp_path / "run")
    shutil.copytree(seeds / "seed1", run / "seed1")
    refused = evaluate(run)
    assert_refused(refused, f"{run}: is a run, and has 1 more in it (seed1, …)")
    file = find_generator(run, None)
    assert f"Name the run's file, {file}, or" in refused.stderr
    assert evaluate(file, "-n", "40", "--metrics", "kid").exit_code == 0
    shutil.rmtree(run / "seed1")
    (run / "seed1").mkdir()  # of samples, perhaps
    assert evaluate(run, "-n", "40", "--metrics", "kid").exit_code == 0


def test_seeds_may_differ_in_what_changes_no_weight(pictures: Path, of_folder: Path, tmp_path: Path) -> None:
    elsewhere = f"{pictures.parent}/./{pictures.name}/"
    changes = {**SHORT, "data.source": elsewhere, "seed": 7, "monitor.num_per_class": 21}
    other = trained(tmp_path / "other", changes)
    result = evaluate(of_folder, other, *EXTRACTOR, "-n", "6", "--metrics", "kid")
    assert result.exit_code == 0, result.output


def test_runs_on_other_images_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "pictures", {"cat": 8, "dog": 8})
    runs = []
    for seed in (0, 1):
        changes = {**SHORT, "data.source": str(folder), "seed": seed}
        runs.append(trained(tmp_path / f"run{seed}", changes))
        shutil.rmtree(folder)
        write_images(folder, {"cat": 8, "dog": 8}, seed=1)
    assert_refused(evaluate(*runs, *EXTRACTOR), f"{runs[1]}: differs from {runs[0]} in the training images")
    result = evaluate(runs[0], *EXTRACTOR, "--metrics", "frechet", "--quiet")
    assert "its training images have changed since the training" in result.stderr
    result = evaluate(runs[1], *EXTRACTOR, "--metrics", "frechet")
    assert "changed" not in result.output


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


def test_a_class_of_nearly_the_same_name_is_asked_about(of_folder: Path, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "renamed", {"Cat ": 20, "dog": 20})
    result = evaluate(of_folder, "--data", folder, *EXTRACTOR, "--metrics", "kid", "--quiet")
    assert result.exit_code == 0, result.output
    assert "warning: the class 'Cat ' of the data is left out: did you mean 'cat'?" in result.stderr


def test_a_merge_of_the_training_holds_for_other_images(pictures: Path, tmp_path: Path, out: Path) -> None:
    animals = write_images(tmp_path / "animals", {"cat": 20, "dog": 20, "fox": 20})
    changes = {**SHORT, "data.source": str(animals), "data.classes": ["fox", {"pet": ["cat", "dog"]}]}
    run = trained(tmp_path / "run", changes)
    options = (*EXTRACTOR, "--metrics", "kid")
    assert scored(out, run, *options)["provenance"]["reference_by_class"] == [3, 6]
    found = scored(out, run, *options, "--data", pictures)["provenance"]
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
    of_folder: Path, pictures: Path, tmp_path: Path, out: Path
) -> None:
    here = scored(out, of_folder, *EXTRACTOR)
    assert "memorisation_nearer" + EYES in here["overall"]
    moved = tmp_path / "moved"
    pictures.rename(moved)
    try:
        assert_refused(evaluate(of_folder, *EXTRACTOR), str(pictures), "--data")
        there = scored(out, of_folder, *EXTRACTOR, "--data", moved)
    finally:
        moved.rename(pictures)
    assert numbers(there) == numbers(here)  # the same images, memorisation included


def test_references_too_small_to_score_against(seeds: Path, of_folder: Path, tmp_path: Path) -> None:
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


# Extractors.


@pytest.mark.parametrize(("key", "value"), [("data.resolution", 32), ("data.channels", 3)])
def test_images_are_brought_to_what_the_extractor_takes(key: str, value: int, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", {**SHORT, key: value})
    assert evaluate(run, "--metrics", "accuracy,memorisation,frechet").exit_code == 0
    scores = read(run / "evaluation.json")
    reference = scores["provenance"]["reference"]
    assert reference[key.removeprefix("data.")] == value
    # Real digits are known, though the classifier was trained on 16 px, gray.
    assert scores["floor"][f"class_accuracy{EYES}"]["value"] > 0.95
    assert scores["floor"][f"fcd{EYES}"]["value"] < 15 < scores["overall"][f"fcd{EYES}"]["value"]
    assert (run / "memorisation.png").exists()


def test_an_extractor_that_knows_other_classes_judges_none(of_folder: Path, tmp_path: Path) -> None:
    run = shutil.copytree(of_folder, tmp_path / "run")
    result = evaluate(run, *EXTRACTOR, "--metrics", "accuracy,frechet")
    assert result.exit_code == 0, result.output
    assert "no class accuracy: the extractor does not know these classes" in result.output
    assert "`acgan classify train --data" in result.output
    scores = read(run / "evaluation.json")
    assert scores["provenance"]["classifier"] is None
    assert "confusion" not in scores
    assert not (run / "confusion.png").exists()
    assert f"class_accuracy{EYES}" not in scores["overall"]
    before = tree(run)
    assert_refused(
        evaluate(run, *EXTRACTOR, "--metrics", "accuracy"), "none is left to measure", "class accuracy"
    )
    assert_untouched(run, before)


def test_a_classifier_trained_on_a_part_of_the_data_has_not_seen_the_rest(
    seeds: Path, tmp_path: Path, out: Path
) -> None:
    classifier = classified(tmp_path / "eyes", {"train.total_nimg": 32, "data.max_per_class": 30})
    for path in (classifier, classifier / "classifier.safetensors"):
        found = scored(out, seeds / "seed0", "--extractor", path, "-n", "20", "--metrics", "frechet,accuracy")
        assert found["provenance"]["extractor_saw_reference"] is False
        assert found["provenance"]["extractor"]["name"].startswith("digits@")
        assert EYES not in next(iter(found["overall"]))
        assert found["provenance"]["classifier"] == found["provenance"]["extractor"]
    scores = scored(out, seeds / "seed0", "--extractor", path, *QUICK, "--split", "train")
    assert scores["provenance"]["extractor_saw_reference"] is True


def test_wrong_extractors_are_refused(seeds: Path, of_folder: Path, tmp_path: Path) -> None:
    run, before = seeds / "seed0", tree(seeds)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((run / "generator.safetensors").read_bytes()[:500])
    refused: dict[tuple[Any, ...], tuple[str, ...]] = {
        ("--extractor", "digit"): ("--extractor digit: no such extractor", "Did you mean 'digits'?"),
        ("--extractor", run): (
            f"{run}: holds a generator; expected a classifier.safetensors",
            "`acgan evaluate` is for",
        ),
        ("--extractor", run / "generator.safetensors"): ("holds a generator; expected a classifier",),
        ("--extractor", damaged): (f"{damaged}: not a safetensors file",),
        ("--weights", damaged): (f"{damaged}: cannot be read",),
        ("--weights", tmp_path / "no.pth"): ("no.pth: no such file",),
        ("--extractor", "digits", "--weights", damaged): (f"--weights {damaged}: is of Inception",),
    }
    for options, fragments in refused.items():
        assert_refused(evaluate(run, *options), *fragments)
    assert_untouched(seeds, before)
    # Of a folder nobody ships one: both ways out are named.
    result = evaluate(of_folder)
    assert_refused(result, "no extractor", "no classifier is shipped for pictures", "--weights")
    assert "`acgan classify train --data" in result.stderr


def test_a_folder_is_scored_by_what_its_training_was_scored_with(
    pictures: Path, tmp_path: Path, out: Path
) -> None:
    scored_with = {**SHORT, "data.source": str(pictures), "evaluate.extractor": "digits"}
    run = trained(tmp_path / "run", scored_with)
    assert scored(out, run)["provenance"]["extractor"]["name"] == EYES[1:-1]
    assert scored(out, run, "--extractor", "mnist")["provenance"]["extractor"]["name"].startswith("mnist@")


def test_features_of_a_network_of_torchvision(seeds: Path, tmp_path: Path, out: Path) -> None:
    name, file = "shufflenet_v2_x0_5", tmp_path / "weights.pth"
    torch.save(torchvision.models.get_model(name, weights=None).state_dict(), file)
    folder = write_images(tmp_path / "digits", {**OF_TRAINING, "test/3": 3, "test/4": 3})
    options = (seeds / "seed0", "--data", folder, "--extractor", f"torchvision:{name}", "-n", "4")
    scores = scored(out, *options, "--weights", file, "--metrics", "frechet,accuracy")
    extractor = f"torchvision:{name}@{sha256(file)[:8]}"
    names = [f"{one}[{extractor}]" for one in ("fd", "intra_fd_mean", "intra_fd_worst")]
    assert list(scores["overall"]) == [*names, f"class_accuracy{EYES}"]
    assert scores["overall"][names[0]]["value"] > 0
    assert scores["provenance"]["extractor"]["sha256"] == sha256(file)
    result = evaluate(*options, "--weights", file, "--metrics", "frechet")
    assert "looks at 10 images, which may take long on a CPU" in result.stdout
    assert "FD" in result.stdout
    assert_refused(evaluate(*options), "needs the file of its weights, --weights FILE")


def test_with_inception_the_shipped_classifier_still_judges_classes(
    seeds: Path, inception_weights: Path, tmp_path: Path, out: Path
) -> None:
    """Data of that name, with classes that it knows."""
    folder = write_images(tmp_path / "digits", {**OF_TRAINING, "test/3": 3, "test/4": 3})
    result = evaluate(
        seeds / "seed0", "--data", folder, "--weights", inception_weights, "-n", "4",
        "--metrics", "accuracy,inception_score", "--json", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith(f"warning: {inception_weights}: its SHA-256 begins with")
    scores = read(out)
    extractor = scores["provenance"]["extractor"]["name"]
    assert extractor.startswith("inception-2048@")
    assert scores["provenance"]["classifier"]["name"] == EYES[1:-1]
    assert list(scores["overall"]) == [f"inception_score[{extractor}]", f"class_accuracy{EYES}"]
    assert np.sum(scores["confusion"]) == 4


# Interruptions.


def test_an_interruption_leaves_an_old_evaluation_as_it_was(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(seeds / "seed0", tmp_path / "run")
    assert evaluate(run, "-n", "40").exit_code == 0
    before = tree(run)
    add = judge.Bank.add

    def stop(bank: judge.Bank, label: int, *args: Any) -> None:
        if label == 7:
            raise KeyboardInterrupt
        add(bank, label, *args)

    def terminate(bank: judge.Bank, *args: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(judge.Bank, "add", stop)
        assert evaluate(run, "-n", "41").exit_code == 130
    assert_untouched(run, before)
    with monkeypatch.context() as patch:
        patch.setattr(judge.Bank, "add", terminate)
        result = evaluate(run, "-n", "41")
        assert (result.exit_code, result.stderr) == (75, "SIGTERM: stopped; nothing half-written is left.\n")
    assert_untouched(run, before)
    with monkeypatch.context() as patch:
        patch.setattr("acgan.plots.pairs.pairs_picture", lambda *bands: 1 / 0)
        assert evaluate(run, "-n", "41").exit_code == 70
    assert_untouched(run, before)
    with monkeypatch.context() as patch:
        patch.setattr("acgan.atomic.os.fsync", fail)
        assert_refused(evaluate(run, "-n", "41"), "No space left on device")
    assert_untouched(run, before)

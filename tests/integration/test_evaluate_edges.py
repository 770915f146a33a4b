"""``acgan evaluate`` of several runs, by other extractors, and interrupted."""

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
    EXTRACTOR,
    EYES,
    OF_TRAINING,
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


def test_seeds_may_differ_in_what_changes_no_weight(
    pet_pictures: Path, pet_run: Path, tmp_path: Path
) -> None:
    elsewhere = f"{pet_pictures.parent}/./{pet_pictures.name}/"
    changes = {**SHORT, "data.source": elsewhere, "seed": 7, "monitor.num_per_class": 21}
    other = trained(tmp_path / "other", changes)
    result = evaluate(pet_run, other, *EXTRACTOR, "-n", "6", "--metrics", "kid")
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


def test_an_extractor_that_knows_other_classes_judges_none(pet_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(pet_run, tmp_path / "run")
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


def test_wrong_extractors_are_refused(seeds: Path, pet_run: Path, tmp_path: Path) -> None:
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
    result = evaluate(pet_run)
    assert_refused(result, "no extractor", "no classifier is shipped for pictures", "--weights")
    assert "`acgan classify train --data" in result.stderr


def test_a_folder_is_scored_by_what_its_training_was_scored_with(
    pet_pictures: Path, tmp_path: Path, out: Path
) -> None:
    scored_with = {**SHORT, "data.source": str(pet_pictures), "evaluate.extractor": "digits"}
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

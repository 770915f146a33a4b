"""``acgan.api.evaluate``: what Python has of it beside the command line."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluate_helpers import (
    DIGITS,
    SHORT,
    assert_refused,
    assert_untouched,
    evaluate,
    made_up_cas,
    numbers,
    read,
    write_images,
)
from run_helpers import TINY, overrides, tree
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from acgan import api
from acgan.api import EvaluateOptions
from acgan.atomic import sha256
from acgan.errors import ConfigError
from acgan.extracting import ClassifierExtractor
from acgan.metrics.cas import CasScores
from acgan.plots import pairs
from acgan.training.tracking import record_scores

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

# ``acgan.api.evaluate`` is the function.
module = importlib.import_module("acgan.api.evaluate")
setup = importlib.import_module("acgan.api.evaluation_setup")
QUICK = EvaluateOptions(num_images=30, metrics=("frechet",))


class Noise(torch.utils.data.Dataset):
    """Sixty images of two classes."""

    classes = ("cat", "dog")

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return np.random.default_rng(index).integers(0, 256, (16, 16), dtype=np.uint8), index % 2


def test_scores_are_those_of_the_command_line(seeds: Path, tmp_path: Path) -> None:
    run = seeds / "seed0"
    evaluated = api.evaluate(run, QUICK)
    file = tmp_path / "scores.json"
    assert api.write_evaluation(evaluated, run / "generator.safetensors", str(file)) == {"scores": file}
    assert evaluate(run, "-n", "30", "--metrics", "frechet", "--json", tmp_path / "cli.json").exit_code == 0
    assert numbers(read(file)) == numbers(read(tmp_path / "cli.json"))


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"metrics": ("fid",)}, "'fid' is no metric"),
        ({"metrics": ()}, "metrics: found none"),
        ({"split": "val"}, "split: found 'val'; expected one of test, train, train-all"),
        ({"label_prior": "flat"}, "label_prior: found 'flat'; expected one of reference, uniform"),
        ({"which": "first"}, "which: found 'first'"),
        ({"num_images": 0}, "num_images: found 0; expected 2 or more"),
        ({"repeats": 0}, "repeats: found 0; expected 1 or more"),
        ({"seed": -1}, "seed: found -1; expected 0 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, Any], found: str, seeds: Path) -> None:
    with pytest.raises(ConfigError, match=found):
        api.evaluate(seeds / "seed0", replace(QUICK, **changes))


def test_no_runs_are_refused() -> None:
    with pytest.raises(ConfigError, match="runs: found none"):
        api.evaluate([])


def test_images_are_counted_as_they_are_looked_at(seeds: Path) -> None:
    counted: list[tuple[int, int]] = []
    options = EvaluateOptions(num_images=30, metrics=("memorisation",), repeats=2)
    api.evaluate([seeds], options, progress=lambda done, total: counted.append((done, total)))
    # The reference, the training images, and two repeats of two generators.
    assert counted[-1] == (269 + 1528 + 4 * 30,) * 2
    assert sorted(counted) == counted


def test_features_of_but_one_pass_are_kept(seeds: Path) -> None:
    """They are what fills the memory."""
    evaluated = api.evaluate(seeds, replace(QUICK, repeats=2))
    assert [[one.bank is None for one in run] for run in evaluated.passes] == [[False, True], [True, True]]


def test_the_file_that_was_read_is_named_though_a_training_writes_another(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(seeds / "seed0", tmp_path / "run")
    expected = sha256(run / "generator.safetensors")
    look = module.look_at_reference

    def look_late(*args: Any) -> Any:
        shutil.copy(seeds / "seed1" / "generator.safetensors", run)
        return look(*args)

    monkeypatch.setattr(module, "look_at_reference", look_late)
    evaluated = api.evaluate(run, QUICK)
    assert evaluated.scores.provenance["generators"][0]["sha256"] == expected
    assert sha256(run / "generator.safetensors") != expected


def test_pairs_are_the_nearest_there_are(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(seeds / "seed0", tmp_path / "run")
    bands: list[pairs.Pairs] = []
    draw = pairs.pairs_picture
    monkeypatch.setattr(pairs, "pairs_picture", lambda given: bands.extend(given) or draw(given))
    options = EvaluateOptions(num_images=90, metrics=("memorisation",), seed=3, truncation=0.5)
    evaluated = api.evaluate(run, options)
    api.write_evaluation(evaluated, run)
    eyes, data = ClassifierExtractor("digits"), api.load_data(api.resolve_config("digits")[0])
    counts = evaluated.scores.provenance["num_images"] / 269 * np.bincount(data.test.labels)
    sampler = api.load_generator(run)
    samples = torch.cat(
        [
            images
            for label in range(10)
            for _, images in sampler.stream(label, int(np.ceil(counts[label])), seed=3, truncation=0.5)
        ]
    )
    training = eyes(data.train.images).features
    assert [band.title for band in bands] == [
        f"{of}: the nearest to training images {by}"
        for by in ("in pixels", "by features")
        for of in ("samples", "held-out images")
    ]
    for band, given in ((bands[2], samples.numpy()), (bands[3], data.test.images)):
        images, nearest, distances = band.images, band.nearest, band.distances
        assert len(images) == len(nearest) == len(distances) == 12
        found = torch.cdist(eyes(images).features.double(), training.double()).min(dim=1).values
        assert distances == pytest.approx(found.numpy(), rel=1e-3)
        assert eyes(nearest).features.sub(eyes(images).features).norm(dim=1).numpy() == pytest.approx(
            distances, rel=1e-3
        )
        everyone = torch.cdist(eyes(given).features.double(), training.double()).min(dim=1).values
        assert distances[0] == pytest.approx(float(everyone.min()), rel=0.05)
        assert {image.tobytes() for image in images} <= {image.tobytes() for image in given}


def test_tensorboard_goes_on_showing_a_training_that_is_evaluated_meanwhile(tmp_path: Path) -> None:
    training = SummaryWriter(str(tmp_path / "tensorboard"))
    shown = EventAccumulator(str(tmp_path / "tensorboard"))
    for step in (1, 2):
        training.add_scalar("loss", 0.5, step)
        training.flush()
        record_scores(tmp_path, step, {"evaluate/kid": 1.0}, settings={"seed": 0}, measured={"kid": 1.0})
        shown.Reload()
    training.add_scalar("loss", 0.5, 3)
    training.close()
    assert [event.step for event in shown.Reload().Scalars("loss")] == [1, 2, 3]
    scores = EventAccumulator(str(tmp_path / "tensorboard" / "evaluate")).Reload()
    assert [event.step for event in scores.Scalars("evaluate/kid")] == [1, 2]


def test_a_run_on_a_torch_dataset_needs_its_images(tmp_path: Path) -> None:
    run = tmp_path / "run"
    api.train(str(TINY), Noise(), run_dir=run, overrides=overrides(SHORT))
    before = tree(run)
    assert_refused(evaluate(run, "--extractor", "digits"), "'dataset'", "--data")
    assert_untouched(run, before)
    said: list[str] = []
    options = EvaluateOptions(data=Noise(), extractor="digits", metrics=("frechet", "memorisation"))
    evaluated = api.evaluate(run, options, say=said.append)
    assert said == []
    assert evaluated.scores.provenance["reference"]["data"] == "dataset"
    # As a folder, a Path.
    folder = write_images(tmp_path / "pictures", {"cat": 20, "dog": 20})
    evaluated = api.evaluate(run, replace(options, data=folder))
    assert evaluated.scores.provenance["reference"]["data"] == "pictures"


@pytest.fixture
def cas(monkeypatch: pytest.MonkeyPatch) -> CasScores:
    """In place of what takes minutes."""
    made_up = made_up_cas(DIGITS, num_images=269)
    monkeypatch.setattr(module, "classification_accuracy_score", lambda *args, **keywords: made_up)
    return made_up


@pytest.mark.parametrize("metrics", ["cas", "kid,cas"])
def test_whether_samples_help_a_classifier(metrics: str, cas: CasScores, seeds: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    result = evaluate(seeds / "seed0", "-n", "20", "--metrics", metrics, "--json", file)
    assert result.exit_code == 0, result.output
    scores = read(file)
    assert scores["overall"]["cas_synthetic"]["value"] == cas.synthetic.mean
    assert scores["cas"]["verdict"] == cas.verdict
    assert scores["cas"]["cas_gain"]["value"] == cas.gain.value
    assert scores["per_class"]["4"]["cas_real"] == cas.real.per_class[4]
    assert ("kid[digits@738debee]" in scores["overall"]) == ("kid" in metrics)
    assert f"For a classifier: {cas.verdict}." in result.output
    assert "GAN-test" in result.output


def test_help_for_a_classifier_takes_no_extractor(
    cas: CasScores, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of images that nothing is shipped for, and without looking at any."""
    monkeypatch.setattr(setup, "choose_extractor", lambda *args, **kwargs: pytest.fail("chose"))
    file = tmp_path / "scores.json"
    result = evaluate(seeds / "seed0", "--metrics", "cas", "--json", file)
    assert result.exit_code == 0, result.output
    assert "features" not in result.output
    assert "floor" not in result.output
    scores = read(file)
    assert scores["provenance"]["extractor"] is None
    assert scores["per_class"] == cas.to_dict()["per_class"]
    assert_refused(
        evaluate(seeds / "seed0", "--metrics", "cas", "--extractor", "digits"),
        "--extractor digits: cas trains classifiers of its own",
    )


def test_what_cas_cannot_do_is_told_before_anything_is_computed(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "look_at_reference", lambda *args: pytest.fail("looked"))
    assert_refused(evaluate(seeds, "--metrics", "kid,cas"), "cas is of one generator; found 2")
    folder = write_images(tmp_path / "one", {**{f"train/{n}": 2 for n in range(10)}, "test/0": 1})
    options = ("--data", folder, "--extractor", "digits", "--split", "train", "--metrics", "kid,cas")
    assert_refused(evaluate(seeds / "seed0", *options), "test images: found 1; expected two or more")


@pytest.mark.slow
def test_whether_samples_help_a_classifier_without_stand_ins(seeds: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    result = evaluate(seeds / "seed0", "--metrics", "cas", "--json", file)
    assert result.exit_code == 0, result.output
    scores = read(file)
    assert scores["overall"]["cas_real"]["value"] > 0.9
    assert scores["overall"]["cas_synthetic"]["value"] < 0.5
    assert scores["cas"]["provenance"]["seeds"] == [0, 1, 2, 3, 4]

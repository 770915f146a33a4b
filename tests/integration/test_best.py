"""Scores on validation images during a training: the best generator is kept, and taken."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import fatal
import pytest
import torch
from best_helpers import CHANGES, NAME, assert_same_best, best_file, scored
from run_helpers import (
    Child,
    acgan,
    acgan_classify,
    acgan_train,
    differences,
    latest_payload,
    signal_after,
    train_args,
    trained,
)
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import acgan as package
from acgan import api
from acgan.assembly import images
from acgan.data import fingerprint, hold_out
from acgan.types import Dataset
from acgan.weights import read_generator, save_generator


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained for six scores."""
    return trained(tmp_path_factory.mktemp("scored") / "run", CHANGES)


def test_the_best_generator_is_the_one_of_the_lowest_score(run: Path) -> None:
    scores = scored(run)
    assert list(scores) == [32, 64, 96, 128, 160, 192]
    nimg = min(scores, key=lambda key: scores[key])
    assert 32 < nimg < 192, "the first and the last would prove little"
    _, provenance = best_file(run)
    assert provenance["nimg"] == nimg
    assert provenance["score"] == {"name": NAME, "value": scores[nimg]}
    assert latest_payload(run)["scores"]["best"] == {"name": NAME, "value": scores[nimg], "nimg": nimg}
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    recorded = events.Scalars(f"evaluate/{NAME}")
    assert {event.step: event.value for event in recorded} == pytest.approx(scores, rel=1e-6)


def test_it_holds_the_weights_of_that_moment(run: Path, tmp_path: Path) -> None:
    tensors, provenance = best_file(run)
    short = trained(tmp_path / "short", {**CHANGES, "train.total_nimg": provenance["nimg"]})
    assert not differences(tensors, load_file(short / "generator.safetensors"))
    with safe_open(short / "generator.safetensors", framework="pt") as opened:
        assert json.loads(opened.metadata()["acgan"])["provenance"]["score"] is None


def test_validation_images_are_held_out_and_told(tmp_path: Path) -> None:
    result = acgan_train(tmp_path / "run", {**CHANGES, "train.total_nimg": 32})
    assert "153 training images are held out to evaluate on" in result.stdout
    assert "1,375 training images" in result.stdout
    assert f"32 images: {NAME} " in result.stdout
    assert ", as many training images " in result.stdout
    assert f"Best: {NAME} " in result.stdout
    whole = api.load_data(api.resolve_config("digits")[0]).train.fingerprint
    provenance = best_file(tmp_path / "run")[1]
    assert provenance["source_fingerprint"] == whole != provenance["data_fingerprint"]


def test_stopped_and_resumed_equals_uninterrupted(run: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "run"
    for iteration in (3, 9):  # before the best score and after it
        with signal_after(iteration, signal.SIGTERM):
            assert acgan_train(stopped, CHANGES).exit_code == 75
    trained(stopped, CHANGES)
    assert_same_best(stopped, run)


@pytest.mark.parametrize(
    ("moment", "occurrence", "after"),
    [
        pytest.param("written", 1, False, marks=pytest.mark.slow),
        ("written", 2, False),
        pytest.param("named", 2, False, marks=pytest.mark.slow),
        ("named", 2, True),
    ],
)
def test_killed_while_writing_the_best(
    moment: str, occurrence: int, after: bool, run: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "run"
    end = fatal.at(moment, "generator-best.safetensors", occurrence, after)
    assert Child(train_args(killed, CHANGES), tmp_path / "log", end).wait() == -signal.SIGKILL
    trained(killed, CHANGES)
    assert_same_best(killed, run)


def test_the_best_starts_anew_where_the_score_is_another(run: Path, tmp_path: Path) -> None:
    copy = trained(tmp_path / "run", {**CHANGES, "train.total_nimg": 64})
    trained(copy, {**CHANGES, "evaluate.num_images": 60})
    _, provenance = best_file(copy)
    assert provenance["score"]["name"] == "fcd60_val[digits@738debee]"
    scores = scored(copy, provenance["score"]["name"])
    assert list(scores) == [96, 128, 160, 192]
    assert provenance["score"]["value"] == min(scores.values())


def test_the_best_starts_anew_where_the_validation_images_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(tmp_path / "run", {**CHANGES, "train.total_nimg": 48})

    def held_out_as_negatives(dataset: Dataset, share: float, seed: int) -> Dataset:
        divided = hold_out(dataset, share, seed=seed)
        held = divided.validation
        assert held is not None
        negatives = 255 - held.images
        digest = fingerprint(negatives, held.labels, held.class_names)
        return replace(divided, validation=replace(held, images=negatives, fingerprint=digest))

    monkeypatch.setattr(images, "hold_out", held_out_as_negatives)
    result = acgan_train(run, {**CHANGES, "train.total_nimg": 64})
    assert result.exit_code == 0, result.output
    assert f"the best starts anew: the validation images are others than those of {NAME}" in result.stderr
    _, provenance = best_file(run)
    assert provenance["nimg"] == 64
    assert latest_payload(run)["scores"]["best"] == {**provenance["score"], "nimg": 64}


def test_fresh_leaves_no_best_behind(run: Path, tmp_path: Path) -> None:
    copy = trained(tmp_path / "run", {**CHANGES, "train.total_nimg": 32})
    trained(copy, {"monitor.num_per_class": 0, "train.total_nimg": 32}, "--fresh")
    assert not (copy / "generator-best.safetensors").exists()
    assert (tmp_path / "run.1" / "generator-best.safetensors").exists()


class TestWhich:
    """Which generator of a run is taken."""

    @pytest.fixture
    def run(self, run: Path, tmp_path: Path) -> Path:
        """A run whose best is not its last: the last one's weights are halved."""
        copy = tmp_path / "run"
        copy.mkdir()
        shutil.copy(run / "generator-best.safetensors", copy)
        generator, info = read_generator(run / "generator.safetensors")
        generator.load_state_dict({key: tensor * 0.5 for key, tensor in generator.state_dict().items()})
        save_generator(copy / "generator.safetensors", generator, info)
        return copy

    def test_by_default_the_best(self, run: Path, tmp_path: Path) -> None:
        made = {}
        for which in (None, "best", "last"):
            out = tmp_path / f"{which}.npz"
            option = ["--which", which] if which else []
            result = acgan("sample", str(run), "--out", str(out), "-n", "2", *option)
            assert result.exit_code == 0, result.output
            made[which] = out.read_bytes()
        assert made[None] == made["best"] != made["last"]
        best, last = (
            package.load_generator(run / name)
            for name in ("generator-best.safetensors", "generator.safetensors")
        )
        for which, expected in (("best", best), ("last", last), (None, best)):
            found = package.load_generator(run, which=which)
            assert torch.equal(found.sample(4)[0], expected.sample(4)[0])

    def test_the_last_where_nothing_was_scored(self, run: Path) -> None:
        (run / "generator-best.safetensors").unlink()
        last = package.load_generator(run / "generator.safetensors").sample(4)[0]
        assert torch.equal(package.load_generator(run).sample(4)[0], last)
        result = acgan("sample", str(run), "--out", "x.png", "--which", "best")
        assert result.exit_code == 1
        assert "no generator-best.safetensors in it" in result.stderr
        assert "data.validation_share" in result.stderr

    def test_a_file_is_no_choice(self, run: Path) -> None:
        result = acgan("sample", str(run / "generator.safetensors"), "--out", "x.png", "--which", "last")
        assert result.exit_code == 1
        assert "name the run directory" in result.stderr

    def test_generated_training_images_are_the_best_one_s(self, run: Path, tmp_path: Path) -> None:
        options = ("--data", "digits", "--epochs", "0.1", "--synthetic")
        fingerprints = []
        for index, source in enumerate((run, run / "generator-best.safetensors")):
            result = acgan_classify(tmp_path / f"classifier{index}", {}, *options, f"{source}:2")
            assert result.exit_code == 0, result.output
            assert "trained on other images" not in result.stdout, "they are a part of the same"
            meta = latest_payload(tmp_path / f"classifier{index}")["meta"]
            fingerprints.append(meta["data_fingerprint"])
        assert fingerprints[0] == fingerprints[1]

    def test_a_training_starts_from_the_last(self, run: Path, tmp_path: Path) -> None:
        # No step: what is written is what it starts from.
        result = acgan_train(tmp_path / "new", CHANGES, "--init-from", str(run), "--max-time", "0")
        assert result.exit_code == 0, result.output
        new = load_file(tmp_path / "new" / "generator.safetensors")
        assert not differences(new, load_file(run / "generator.safetensors"))

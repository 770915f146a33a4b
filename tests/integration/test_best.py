"""Scores on validation images during a training: the best generator is kept, and the training may end by them."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import fatal
import pytest
import torch
from run_helpers import (
    Child,
    acgan,
    acgan_classify,
    acgan_train,
    assert_same_run,
    checkpoints,
    differences,
    latest_payload,
    signal_after,
    stats_rows,
    train_args,
    trained,
)
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_ranks import two

import acgan as package
from acgan import api
from acgan.assembly import images, score
from acgan.data import fingerprint, hold_out
from acgan.errors import RunError
from acgan.types import Dataset
from acgan.weights import read_generator, save_generator

NAME = "fcd50_val[digits@738debee]"
CHANGES: dict[str, Any] = {
    "train.total_nimg": 192,
    "data.validation_share": 0.1,
    "evaluate.num_images": 50,
    "every.evaluate_nimg": 32,
    "every.checkpoint_nimg": 48,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
    # So fast, and without a mean of the weights, that it gets better and worse.
    "optim.generator.lr": 0.01,
    "optim.discriminator.lr": 0.01,
    "train.ema_half_life_nimg": 0,
}
#: A generator that stays as it is scores the same every time, which is no better than at first.
STILL: dict[str, Any] = {**CHANGES, "optim.generator.lr": 1e-30, "train.total_nimg": 320}
PATIENT = {**STILL, "train.patience_nimg": 96}  # ends at 128, the first score being that of 32


def scored(run: Path, name: str = NAME) -> dict[int, float]:
    """Score by images shown."""
    return {row["nimg"]: row[f"evaluate/{name}"] for row in stats_rows(run) if f"evaluate/{name}" in row}


def best_file(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The best generator's tensors, and its provenance."""
    file = run / "generator-best.safetensors"
    with safe_open(file, framework="pt") as opened:
        provenance = json.loads(opened.metadata()["acgan"])["provenance"]
    return load_file(file), provenance


def assert_same_best(run: Path, expected: Path) -> None:
    assert_same_run(run, expected)  # the checkpoint's payload holds the best and what patience needs
    assert not differences(best_file(run), best_file(expected), "best")


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


def test_patience_ends_a_training_that_does_not_improve(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = acgan_train(run, PATIENT)
    assert result.exit_code == 0, result.output
    assert list(scored(run)) == [32, 64, 96, 128]
    assert len(set(scored(run).values())) == 1
    assert checkpoints(run)[-1] == 128
    assert (run / "samples" / "000000128.png").exists()
    assert "128 images shown (ended by train.patience_nimg)" in result.stdout
    assert "stopped at 128 images, since 96 images brought nothing better than" in result.stdout
    warnings = [line for line in result.stderr.splitlines() if "no longer improves" in line]
    assert len(warnings) == 1
    assert f"the best was {NAME}" in warnings[0]

    again = acgan_train(run, PATIENT)
    assert again.exit_code == 0
    assert "stopped at 128 images" in again.stdout
    assert "raise it or set it to null" in again.stdout
    assert "going on" not in again.stdout
    assert checkpoints(run)[-1] == 128

    forgotten = acgan_train(run, {key: PATIENT[key] for key in PATIENT if key != "train.patience_nimg"})
    assert "keeps its own train.patience_nimg, 96" in forgotten.stdout
    assert "already done, 128 images shown" in " ".join(forgotten.stdout.split())
    longer = acgan_train(run, {**PATIENT, "train.patience_nimg": 160})
    assert "going on from 128 images" in longer.stdout
    assert checkpoints(run)[-1] == 192
    forever = acgan_train(run, {**STILL, "train.patience_nimg": None})
    assert "320 images shown (done)" in forever.stdout
    assert not [line for line in forever.stderr.splitlines() if "no longer improves" in line], "told already"


def test_a_training_at_its_full_length_is_done_however_long_it_waited(tmp_path: Path) -> None:
    changes = {**PATIENT, "train.total_nimg": 128}
    for said in ("128 images shown (done)", "already done, 128 images shown"):
        result = acgan_train(tmp_path / "run", changes)
        assert result.exit_code == 0
        assert said in result.stdout
        assert "stopped at" not in result.stdout
    assert not api.train(tmp_path / "run" / "config.yaml", run_dir=tmp_path / "run").out_of_patience


def test_patience_is_the_same_after_stops(tmp_path: Path) -> None:
    whole, stopped = trained(tmp_path / "whole", PATIENT), tmp_path / "run"
    for iteration in (5, 7):
        with signal_after(iteration, signal.SIGTERM):
            assert acgan_train(stopped, PATIENT).exit_code == 75
    trained(stopped, PATIENT)
    assert_same_best(stopped, whole)


def test_a_training_that_stopped_between_scores_waits_for_the_next(tmp_path: Path) -> None:
    """At 112 images 80 have passed since the best score, but only the one at 128 may end it."""
    changes = {**PATIENT, "train.patience_nimg": 72}
    with signal_after(7, signal.SIGTERM):
        assert acgan_train(tmp_path / "run", changes).exit_code == 75
    assert "going on from 112 images" in acgan_train(tmp_path / "run", changes).stdout
    assert checkpoints(tmp_path / "run")[-1] == 128


def test_two_processes_end_together(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ranks = two(train_args(run, PATIENT), tmp_path)
    assert [rank.wait() for rank in ranks] == [0, 0], ranks[0].stderr + ranks[1].stderr
    assert list(scored(run)) == [32, 64, 96, 128]
    assert checkpoints(run)[-1] == 128


def test_two_processes_agree_that_the_best_is_lost(tmp_path: Path) -> None:
    """Only the first looks at the file, but all of them would have been out of patience."""
    run = trained(tmp_path / "run", PATIENT)
    (run / "generator-best.safetensors").unlink()
    ranks = two(train_args(run, {**PATIENT, "train.total_nimg": 160}), tmp_path)
    assert [rank.wait(timeout_sec=180) for rank in ranks] == [0, 0], ranks[0].stderr + ranks[1].stderr
    assert "the best starts anew" in ranks[0].stderr
    assert best_file(run)[1]["nimg"] == 160


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


def _no_extractors() -> None:
    """Make every extractor an error, as a fetch without a connection would be."""

    def refuse(*args: Any, **keywords: Any) -> None:
        raise RunError("read by a process that does not score")

    score.build_score_extractor = refuse


class TestExtractor:
    """What scores."""

    def test_none_without_validation_images(self, tmp_path: Path) -> None:
        changes = {"train.total_nimg": 32, "monitor.num_per_class": 0}
        result = acgan_train(tmp_path / "auto", changes)
        assert "score" not in result.stdout
        assert not (tmp_path / "auto" / "generator-best.safetensors").exists()
        result = acgan_train(tmp_path / "named", {**changes, "evaluate.extractor": "digits"})
        assert result.exit_code == 0
        assert "no score during training" in result.stdout
        assert "data.validation_share" in result.stdout

    def test_none_where_it_is_switched_off(self, tmp_path: Path) -> None:
        changes = {**CHANGES, "train.total_nimg": 32, "evaluate.extractor": None}
        result = acgan_train(tmp_path / "run", changes)
        assert result.exit_code == 0
        assert scored(tmp_path / "run") == {}

    def test_a_named_one_takes_images_of_another_size(self, tmp_path: Path) -> None:
        changes = {**CHANGES, "train.total_nimg": 32, "evaluate.extractor": "mnist"}
        result = acgan_train(tmp_path / "run", changes)
        assert result.exit_code == 0, result.output
        assert "evaluate.extractor takes 1 x 32 x 32" in result.stdout
        assert "Best: fcd50_val[mnist@" in result.stdout

    def test_one_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        result = acgan_train(tmp_path / "run", {**CHANGES, "evaluate.extractor": "runs/nowhere"})
        assert result.exit_code == 1
        assert "runs/nowhere" in result.stderr
        assert not (tmp_path / "run").exists()

    def test_messages_name_the_key(self, tmp_path: Path) -> None:
        for wanted in ("digit", "runs/nowhere"):
            result = acgan_train(tmp_path / "run", {**CHANGES, "evaluate.extractor": wanted})
            assert result.exit_code == 1
            assert f"evaluate.extractor {wanted}: no such extractor" in result.stderr
            assert "--extractor" not in result.stderr

    def test_two_processes_refuse_it_together(self, tmp_path: Path) -> None:
        ranks = two(train_args(tmp_path / "run", {**CHANGES, "evaluate.extractor": "nonsense"}), tmp_path)
        assert [rank.wait(timeout_sec=180) for rank in ranks] == [1, 1]
        assert "evaluate.extractor nonsense: no such extractor" in ranks[0].stderr
        assert "the first process says why" in ranks[1].stderr
        assert not (tmp_path / "run").exists()

    def test_only_the_first_of_two_processes_reads_it(self, tmp_path: Path) -> None:
        before = (None, _no_extractors)
        ranks = two(train_args(tmp_path / "run", PATIENT), tmp_path, before)
        assert [rank.wait(timeout_sec=180) for rank in ranks] == [0, 0], ranks[0].stderr + ranks[1].stderr
        assert checkpoints(tmp_path / "run")[-1] == 128

    @pytest.mark.parametrize("missing", [{"data.validation_share": 0}, {"evaluate.extractor": None}])
    def test_patience_needs_a_score(self, missing: dict[str, Any], tmp_path: Path) -> None:
        result = acgan_train(tmp_path / "run", {**PATIENT, **missing})
        assert result.exit_code == 1
        assert "train.patience_nimg goes by the score on validation images" in result.stderr

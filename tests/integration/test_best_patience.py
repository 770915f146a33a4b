"""Trainings that end where their scores no longer improve, and what scores them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from best_helpers import CHANGES, NAME, PATIENT, STILL, assert_same_best, best_file, scored
from rank_helpers import two
from run_helpers import acgan_train, checkpoints, signal_after, train_args, trained

from acgan import api
from acgan.assembly import score
from acgan.errors import RunError


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


def _no_extractors() -> None:
    """Make every extractor an error, as a fetch without a connection would be."""

    def refuse(*args: Any, **keywords: Any) -> None:
        raise RunError("read by a process that does not score")

    score.build_score_extractor = refuse


class TestExtractor:
    """Extractors of the scores on the validation images."""

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

"""A signal in an evaluation within a training cuts it short, and the resumed training makes it again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fatal
import pytest
from rank_helpers import two
from run_helpers import (
    Child,
    acgan_classify,
    acgan_train,
    assert_same_classifier_run,
    assert_same_run,
    checkpoints,
    classified,
    latest_payload,
    stats_rows,
    train_args,
    trained,
)
from safetensors.torch import load_file

from acgan.signals import StopSignal
from acgan.training.run import TrainingRun

#: The early look of the monitor after 16 images, and two evaluations, the second one, with a checkpoint, at the end.
CHANGES: dict[str, Any] = {
    "train.total_nimg": 128,
    "data.validation_share": 0.1,
    "evaluate.num_images": 130,
    "every.evaluate_nimg": 64,
    "every.checkpoint_nimg": 128,
    "every.log_nimg": 32,
    "every.sample_nimg": 64,
}
CLASSIFIER = {"train.total_nimg": 96, "every.evaluate_nimg": 48}
BETWEEN = StopSignal.between


def _send_at(place: int, number: signal.Signals, counted: list[int]) -> None:
    """Send this process a signal before the n-th portion of evaluations; 0 sends none."""

    def between(stop: StopSignal, portions: Iterable[Any]) -> Iterator[Any]:
        def signalled() -> Iterator[Any]:
            for portion in portions:
                counted.append(len(counted) + 1)
                if len(counted) == place:
                    os.kill(os.getpid(), number)
                yield portion

        return BETWEEN(stop, signalled())

    StopSignal.between = between  # type: ignore[method-assign, assignment]


@contextlib.contextmanager
def sent_at(place: int, number: signal.Signals = signal.SIGTERM) -> Iterator[list[int]]:
    """Context with a signal before the n-th portion, and the portions that were begun."""
    counted: list[int] = []
    _send_at(place, number, counted)
    try:
        yield counted
    finally:
        StopSignal.between = BETWEEN  # type: ignore[method-assign]


class TestGan:
    @pytest.fixture(scope="class")
    @classmethod
    def uninterrupted(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
        """A run that nothing stops, and its portions."""
        with sent_at(0) as counted:
            run = trained(tmp_path_factory.mktemp("uninterrupted") / "run", CHANGES)
        return run, len(counted)

    def assert_same(self, run: Path, expected: Path) -> None:
        assert_same_run(run, expected)
        best, expected_best = (load_file(path / "generator-best.safetensors") for path in (run, expected))
        assert best.keys() == expected_best.keys()
        assert all(best[name].equal(expected_best[name]) for name in best)

    @pytest.mark.parametrize("share", [0, 0.4, 0.7, 1])
    def test_at_any_portion(self, share: float, uninterrupted: tuple[Path, int], tmp_path: Path) -> None:
        expected, portions = uninterrupted
        assert portions > 20
        run, place = tmp_path / "run", 1 + round(share * (portions - 1))
        with sent_at(place) as counted:
            result = acgan_train(run, CHANGES)
        assert result.exit_code == 75
        assert len(counted) == place, "no portion begins after the signal"
        nimg = latest_payload(run)["nimg"]
        assert f"SIGTERM: stopped after {nimg} images; the same command resumes" in result.stderr
        assert nimg in (16, 64, 128)
        assert latest_payload(run)["cut_short_since"] == nimg - 16
        assert not [row for row in stats_rows(run) if row["nimg"] == nimg]
        trained(run, CHANGES)
        self.assert_same(run, expected)
        checksum = (run / "checkpoints" / "128.pt.sha256").read_text()
        assert len(checksum.splitlines()) == 1

    @pytest.mark.slow
    def test_again_and_again(self, uninterrupted: tuple[Path, int], tmp_path: Path) -> None:
        run = tmp_path / "run"
        for place, nimg in ((3, 16), (1, 16), (12, 64), (2, 64)):
            with sent_at(place):
                assert acgan_train(run, CHANGES).exit_code == 75
            assert checkpoints(run)[-1] == nimg
        trained(run, CHANGES)
        self.assert_same(run, uninterrupted[0])

    def test_ctrl_c_is_not_followed_by_another_look(self, tmp_path: Path) -> None:
        with sent_at(3, signal.SIGINT) as counted:
            assert acgan_train(tmp_path / "run", CHANGES).exit_code == 130
        assert len(counted) == 3

    def test_the_early_look(self, tmp_path: Path) -> None:
        changes = {**CHANGES, "every.evaluate_nimg": 128}
        with sent_at(2):
            assert acgan_train(tmp_path / "run", changes).exit_code == 75
        assert checkpoints(tmp_path / "run") == [16]
        self.assert_same(trained(tmp_path / "run", changes), trained(tmp_path / "expected", changes))

    def test_with_more_to_train_than_before(self, tmp_path: Path) -> None:
        """Work that was due at the end is due no more."""
        changes = {**CHANGES, "every.evaluate_nimg": 320, "monitor.num_per_class": 0}
        with sent_at(2):
            assert acgan_train(tmp_path / "run", {**changes, "train.total_nimg": 96}).exit_code == 75
        trained(tmp_path / "run", changes)
        assert latest_payload(tmp_path / "run")["nimg"] == 128

    def test_the_end_of_the_time_does_not_cut(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        evaluate = TrainingRun.evaluate

        def evaluate_late(run: TrainingRun) -> None:
            run.requests._deadline = 0.0
            evaluate(run)

        monkeypatch.setattr(TrainingRun, "evaluate", evaluate_late)
        assert acgan_train(tmp_path / "run", CHANGES, "--max-time", "1h").exit_code == 0
        assert latest_payload(tmp_path / "run")["nimg"] == 64
        assert stats_rows(tmp_path / "run")[-2].keys() >= {"nimg", "monitor/collapsed_classes"}

    @pytest.mark.parametrize(
        ("ending", "occurrence", "after"),
        [("128.pt.sha256", 1, True), ("128.pt", 1, False), ("128.pt", 1, True), ("128.pt.sha256", 2, False)],
    )
    def test_killed_while_the_checkpoint_is_replaced(
        self, ending: str, occurrence: int, after: bool, uninterrupted: tuple[Path, int], tmp_path: Path
    ) -> None:
        run, portions = tmp_path / "run", uninterrupted[1]
        with sent_at(portions):
            assert acgan_train(run, CHANGES).exit_code == 75
        assert checkpoints(run) == [128]
        child = Child(
            train_args(run, CHANGES), tmp_path / "killed", fatal.at("named", ending, occurrence, after)
        )
        assert child.wait() == -signal.SIGKILL
        trained(run, CHANGES)
        self.assert_same(run, uninterrupted[0])

    @pytest.mark.parametrize("signalled", [(0, 1), pytest.param((0,), marks=pytest.mark.slow)])
    def test_two_ranks(self, signalled: tuple[int, ...], tmp_path: Path) -> None:
        """The first one evaluates alone; both stop, whether both or only this one has the signal."""
        changes = {**CHANGES, "train.precision": "float64", "monitor.num_per_class": 0}
        expected, run = tmp_path / "expected", tmp_path / "run"
        for rank in two(train_args(expected, changes), tmp_path):
            assert rank.wait() == 0
        ranks = two(
            train_args(run, changes),
            tmp_path,
            (partial(_stop_all, tmp_path, signalled), partial(_tell_own_number, tmp_path)),
        )
        assert [rank.wait() for rank in ranks] == [75, 75]
        assert latest_payload(run)["cut_short_since"] == 48
        assert sum(rank.stderr.count("stopped after 64 images") for rank in ranks) == 1
        for rank in two(train_args(run, changes), tmp_path):
            assert rank.wait() == 0, rank.stderr
        self.assert_same(run, expected)


def _tell_own_number(folder: Path) -> None:
    (folder / "pid").write_text(str(os.getpid()))


def _stop_all(folder: Path, signalled: tuple[int, ...]) -> None:
    def between(stop: StopSignal, portions: Iterable[Any]) -> Iterator[Any]:
        for count, portion in enumerate(BETWEEN(stop, portions)):
            if count == 2 and stop.number is None:
                for rank in signalled:
                    os.kill(int((folder / "pid").read_text()) if rank else os.getpid(), signal.SIGTERM)
            yield portion

    StopSignal.between = between  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("place", [1, 4])
def test_a_classifier(place: int, tmp_path: Path) -> None:
    run, expected = tmp_path / "run", classified(tmp_path / "expected", CLASSIFIER)
    with sent_at(place) as counted:
        result = acgan_classify(run, CLASSIFIER)
    assert result.exit_code == 75
    assert len(counted) == place
    assert "SIGTERM: stopped after 48 images" in result.stderr
    assert latest_payload(run)["cut_short_since"] == 32
    assert_same_classifier_run(classified(run, CLASSIFIER), expected)

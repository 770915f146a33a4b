"""What ``acgan train`` makes of the directory it is given: broken checkpoints, other configurations, other people."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_helpers import (
    TINY,
    Child,
    acgan,
    acgan_train,
    assert_same_run,
    checkpoints,
    latest_payload,
    overrides,
    signal_after,
    stats_rows,
    train_args,
    trained,
    tree,
)

from acgan.api import opening
from acgan.api.run_directory import check_usable
from acgan.code_version import code_version
from acgan.config import RunConfig, load, to_yaml
from acgan.errors import ConfigError
from acgan.sampling import load_generator

SHORT: dict[str, Any] = {
    "train.total_nimg": 96,
    "every.checkpoint_nimg": 32,
    "every.log_nimg": 32,
    "monitor.num_per_class": 0,
}


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run with checkpoints at 32 and 64 of 96 images."""
    run = tmp_path / "run"
    with signal_after(4, signal.SIGTERM):
        assert acgan_train(run, SHORT).exit_code == 75
    assert checkpoints(run) == [32, 64]
    return run


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def without_checksum(file: Path) -> None:
    file.with_name(f"{file.name}.sha256").unlink()


@pytest.mark.parametrize("damage", [cut, flip_a_byte, empty, without_checksum])
def test_a_broken_checkpoint_is_passed_over_and_told(damage: Any, stopped: Path, tmp_path: Path) -> None:
    damage(stopped / "checkpoints" / "64.pt")
    result = acgan_train(stopped, SHORT)
    assert result.exit_code == 0, result.output
    assert "64.pt: " in result.output
    assert "falling back" in result.output
    assert "going on from 32 images" in result.output
    assert_same_run(stopped, trained(tmp_path / "whole", SHORT))


def test_all_checkpoints_broken_is_an_error_and_changes_nothing(stopped: Path) -> None:
    for file in (stopped / "checkpoints").glob("*.pt"):
        cut(file)
    before = tree(stopped)
    result = acgan_train(stopped, SHORT)
    assert result.exit_code == 1
    assert "all 2 checkpoints are broken" in result.stderr
    assert "--fresh" in result.stderr
    assert tree(stopped) == before


def test_a_broken_checkpoint_is_told_even_if_quiet(stopped: Path) -> None:
    cut(stopped / "checkpoints" / "64.pt")
    result = acgan_train(stopped, SHORT, "--quiet")
    assert result.exit_code == 0
    assert "falling back" in result.stderr


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("optim.generator.lr", 0.1, "optim.generator.lr: 0.0005 -> 0.1"),
        ("seed", 7, "seed: 0 -> 7"),
        ("data.mirror", True, "data.mirror: False -> True"),
        ("loss.penalty", None, "loss.penalty.gamma: 0.5 -> None"),
        ("train.batch_size", 32, "train.batch_size: 16 -> 32"),
        ("train.precision", "float64", "train.precision: float32 -> float64"),
    ],
)
def test_another_configuration_is_refused_with_what_differs(
    key: str, value: Any, told: str, stopped: Path
) -> None:
    before = tree(stopped)
    result = acgan_train(stopped, {**SHORT, key: value})
    assert result.exit_code == 1
    assert told in result.stderr
    assert "train.total_nimg" not in result.stderr
    assert "--fresh" in result.stderr
    assert tree(stopped) == before


def test_length_and_intervals_may_change(stopped: Path) -> None:
    trained(stopped, {**SHORT, "train.total_nimg": 128, "every.log_nimg": 16, "every.sample_nimg": 1000})
    assert [row["nimg"] for row in stats_rows(stopped)] == [32, 64, 80, 96, 112, 128]


def test_provenance_names_all_code_that_trained(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = code_version()
    for total, code in ((96, begun), (128, "0.2.0"), (160, "0.2.0")):
        monkeypatch.setattr(opening, "code_version", lambda code=code: code)
        trained(stopped, {**SHORT, "train.total_nimg": total})
    assert load_generator(stopped).info.provenance["acgan"] == f"{begun}, then 0.2.0"


def test_another_source_is_told_beside_what_differs_and_refused_by_its_images_alone(workdir: Path) -> None:
    old, moved = (load(RunConfig, None, [f"data.source={source}"]) for source in ("a", "b"))
    (workdir / "config.yaml").write_text(to_yaml(old), encoding="utf-8")
    earlier = check_usable(workdir, moved, fresh=False)
    assert earlier is not None
    assert earlier.source == str(workdir / "a")
    with pytest.raises(
        ConfigError, match=r"data\.source: a -> b\n  seed: 0 -> 1|seed: 0 -> 1\n  data\.source: a"
    ):
        check_usable(workdir, moved.model_copy(update={"seed": 1}), fresh=False)


def test_the_same_place_written_otherwise_is_no_difference(workdir: Path) -> None:
    old, same = (load(RunConfig, None, [f"data.source={source}"]) for source in ("a/", "a"))
    (workdir / "config.yaml").write_text(to_yaml(old), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        check_usable(workdir, same.model_copy(update={"seed": 1}), fresh=False)
    assert "  seed: 0 -> 1" in str(refused.value)
    assert "data.source" not in str(refused.value)


def without_length(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != "train.total_nimg"}


def test_a_finished_run_is_not_trained_on_because_its_length_was_not_given_again(stopped: Path) -> None:
    trained(stopped, SHORT)
    before = tree(stopped)
    for more in ((), ("--dry-run",)):
        result = acgan_train(stopped, without_length(SHORT), *more)
        assert result.exit_code == 1, result.output
        assert (
            f"{stopped}: this run is finished: it ended at its train.total_nimg of 96 images" in result.stderr
        )
        for remedy in ("--set train.total_nimg=320", "--set train.total_nimg=96", "--run-dir", "--fresh"):
            assert remedy in result.stderr
        assert tree(stopped) == before
    assert acgan("train", str(stopped)).exit_code == 0
    assert latest_payload(stopped)["nimg"] == 96
    trained(stopped, {**without_length(SHORT), "train": {"total_nimg": 128}})
    assert latest_payload(stopped)["nimg"] == 128


def test_a_stopped_run_goes_on_to_its_own_length(stopped: Path) -> None:
    result = acgan_train(stopped, without_length(SHORT), "--dry-run")
    assert f"{stopped}: the training would go on from 64 of 96 images" in result.stdout
    result = acgan_train(stopped, without_length(SHORT))
    assert result.exit_code == 0, result.output
    assert f"{stopped}: keeps its own train.total_nimg, 96, since the command gives none" in result.stdout
    assert latest_payload(stopped)["nimg"] == 96
    assert load(RunConfig, stopped / "config.yaml").train.total_nimg == 96


def test_a_run_without_a_checkpoint_begins_with_the_length_of_the_command(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(
        to_yaml(load(RunConfig, TINY, overrides({**SHORT, "train.total_nimg": 4000}))), encoding="utf-8"
    )
    trained(run, SHORT)
    assert latest_payload(run)["nimg"] == 96


def test_fresh_moves_everything_aside(stopped: Path, tmp_path: Path) -> None:
    before = tree(stopped)
    result = acgan_train(stopped, {**SHORT, "seed": 5}, "--fresh")
    assert result.exit_code == 0, result.output
    aside = stopped.with_name("run.1")
    assert str(aside) in result.output
    before.pop(".lock")
    assert tree(aside) == before
    assert latest_payload(stopped)["nimg"] == 96
    assert [row["nimg"] for row in stats_rows(stopped)] == [32, 64, 96]
    acgan_train(stopped, {**SHORT, "seed": 6}, "--fresh")
    assert tree(aside) == before
    assert stopped.with_name("run.2").exists()


def test_fresh_on_a_failing_command_moves_nothing(stopped: Path) -> None:
    before = tree(stopped)
    result = acgan_train(stopped, {**SHORT, "data.source": "no_such_folder"}, "--fresh")
    assert result.exit_code == 1
    assert tree(stopped) == before


def test_fresh_in_the_current_directory(workdir: Path) -> None:
    for _ in range(2):
        result = acgan("train", str(TINY), "--run-dir", ".", "--max-time", "0", "--fresh", "--quiet")
        assert result.exit_code == 0, result.output
    assert (workdir / "checkpoints" / "0.pt").exists()
    assert (workdir.parent / "work.1" / "checkpoints" / "0.pt").exists()


def test_a_directory_with_other_things_is_refused_untouched(tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("precious")
    before = tree(foreign)
    result = acgan_train(foreign, SHORT)
    assert result.exit_code == 1
    assert "not empty and not a run" in result.stderr
    assert tree(foreign).keys() - {".lock"} == before.keys()
    assert (foreign / "chapter.txt").read_text() == "precious"


def test_a_refusal_leaves_no_lock_file_among_other_things(tmp_path: Path) -> None:
    (tmp_path / "chapter.txt").write_text("precious")
    acgan_train(tmp_path, SHORT)
    assert [file.name for file in tmp_path.iterdir()] == ["chapter.txt"]


@pytest.mark.parametrize("inside", [False, True])
def test_a_file_in_place_of_the_directory(inside: bool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    result = acgan_train(file / "run" if inside else file, SHORT)
    assert result.exit_code == 1, result.output
    assert str(file) in result.stderr
    assert file.read_text() == "precious"


def test_a_damaged_config_is_told(stopped: Path) -> None:
    (stopped / "config.yaml").write_text("data: {source: [")
    result = acgan_train(stopped, SHORT)
    assert result.exit_code == 1
    assert "config.yaml" in result.stderr
    assert "not valid YAML" in result.stderr


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = Child(train_args(run), tmp_path / "first")
    first.wait_for(lambda: len(stats_rows(run)) > 0)
    second = acgan_train(run)
    assert second.exit_code == 1
    assert "another process is training" in second.stderr
    assert first.wait() == 0, first.stderr
    third = acgan_train(run)
    assert third.exit_code == 0


def test_a_lock_of_a_killed_process_does_not_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(train_args(run, SHORT), tmp_path / "first")
    child.wait_for((run / "config.yaml").exists)
    child.send(signal.SIGKILL)
    child.wait()
    assert acgan_train(run, SHORT).exit_code == 0


def test_changed_data_is_refused(workdir: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (workdir / "set" / name).mkdir(parents=True)
        for index in range(20):
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(workdir / "set" / name / f"{index}.png")
    command = train_args("run", {**SHORT, "train.total_nimg": 64}, "--data", "set")
    assert acgan(*command).exit_code == 0
    for same in ("set/", "./set", str(workdir / "set")):
        assert acgan(*command[:-1], same).exit_code == 0, same
    before = tree(workdir / "run")
    Image.fromarray(255 - np.asarray(Image.open("set/a/3.png"))).save("set/a/3.png")
    result = acgan(*command)
    assert result.exit_code == 1
    assert "training images are not those" in result.stderr
    assert tree(workdir / "run") == before

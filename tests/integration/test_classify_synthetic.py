"""Generated images among the training images, and what they changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_helpers import (
    Child,
    acgan,
    acgan_classify,
    classified,
    classifier_tensors,
    classify_args,
    differences,
    digits_npz,
    killed_at,
    latest_payload,
    trained,
    tree,
)
from test_ranks import two

import acgan as package
from acgan import api
from acgan.api import classifier as classifier_api
from acgan.types import ImageStore

COUNTS = {"1": 30, "2": 12, "3": 20}
REAL = sum(COUNTS.values())


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of the digits 3, 4, 1 and 2: in another order than the data, which has no 4."""
    changes = {"train.total_nimg": 16, "monitor.num_per_class": 0, "data.classes": ["3", "4", "1", "2"]}
    return trained(tmp_path_factory.mktemp("gan") / "run", changes)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Unbalanced digits."""
    file = tmp_path_factory.mktemp("data") / "unbalanced.npz"
    return str(digits_npz(file, COUNTS, {"1": 10, "2": 10, "3": 10}))


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> list[ImageStore]:
    """What is trained on, in the order of the trainings."""
    seen: list[ImageStore] = []
    build = classifier_api.build_classifier_task

    def watch(config: Any, store: ImageStore, **keywords: Any) -> Any:
        seen.append(store)
        return build(config, store, **keywords)

    monkeypatch.setattr(classifier_api, "build_classifier_task", watch)
    return seen


@pytest.mark.parametrize(
    ("suffix", "added"),
    [
        (":balance", {"1": 0, "2": 18, "3": 10}),
        (":5", {"1": 5, "2": 5, "3": 5}),
        ("", {"1": 30, "2": 30, "3": 30}),
    ],
)
def test_so_many_of_each_class_are_added_under_its_label(
    suffix: str, added: dict[str, int], gan: Path, source: str, stores: list[ImageStore], tmp_path: Path
) -> None:
    options = ("--data", source, "--epochs", "0.5", "--synthetic", f"{gan}{suffix}")
    result = acgan_classify(tmp_path / "run", {}, *options)
    assert result.exit_code == 0, result.output
    number = sum(added.values())
    assert f"{number} generated images of {gan} are added to {REAL} real ones" in result.stdout
    mixed, real = stores
    assert np.bincount(real.labels).tolist() == list(COUNTS.values())
    assert np.bincount(mixed.labels).tolist() == [COUNTS[name] + added[name] for name in COUNTS]
    assert np.array_equal(mixed.images[:REAL], real.images)
    sampler = package.load_generator(gan)
    for label, name in enumerate(real.class_names):
        made = mixed.images[REAL:][mixed.labels[REAL:] == label]
        if added[name]:
            stream = sampler.stream(sampler.class_names.index(name), added[name], seed=0)
            assert np.array_equal(made, np.concatenate([part.numpy() for _, part in stream]))


def test_the_same_training_without_them_follows_and_both_are_compared(
    gan: Path, source: str, tmp_path: Path
) -> None:
    run, options = tmp_path / "run", ("--data", source, "--epochs", "2")
    result = acgan_classify(run, {}, *options, "--synthetic", f"{gan}:balance")
    assert result.exit_code == 0, result.output
    without = run / api.WITHOUT_SYNTHETIC
    # An epoch is all real images: both are shown as many.
    assert {latest_payload(path)["nimg"] for path in (run, without)} == {128}
    assert "synthetic: null" in (without / "config.yaml").read_text()
    plain = classified(tmp_path / "plain", {}, *options)
    assert not differences(classifier_tensors(without), classifier_tensors(plain))
    assert differences(classifier_tensors(run), classifier_tensors(plain))

    scores = [api.evaluate_classifier(path) for path in (run, without)]
    said = result.stdout[result.stdout.index("On 30 test images") :]
    for name in ("accuracy", "balanced_accuracy"):
        now, before = (getattr(score.main, name) for score in scores)
        line = f"  {name.replace('_', ' ')}: {now:.4f} and {before:.4f} ({now - before:+.4f})"
        assert line in said.splitlines()
    right, right_without = (score.right for score in scores)
    only = int((right & ~right_without).sum()), int((right_without & ~right).sum())
    p = float(re.search(r"p = (\S+)", said)[1])
    assert p == pytest.approx(two_sided(*only), rel=0.01)
    assert "recall most gained: " in said

    # The same command again has nothing to train, and compares again.
    again = acgan_classify(run, {}, *options, "--synthetic", f"{gan}:balance")
    assert again.exit_code == 0, again.output
    assert said in again.stdout


def two_sided(only_a: int, only_b: int) -> float:
    """The exact binomial test with p = 1/2, from its definition."""
    from math import comb

    n = only_a + only_b
    tail = sum(comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    return min(1.0, 2 * tail)


def test_a_signal_stops_both_and_the_same_command_goes_on(gan: Path, source: str, tmp_path: Path) -> None:
    options = ("--data", source, "--epochs", "1", "--synthetic", f"{gan}:balance")
    run = tmp_path / "run"
    child = Child(classify_args(run, {}, *options), tmp_path / "log", killed_at(2, 15))
    assert child.wait() == 75
    assert latest_payload(run)["nimg"] == 32
    assert not (run / api.WITHOUT_SYNTHETIC).exists()
    result = acgan_classify(run, {}, *options)
    assert result.exit_code == 0, result.output
    assert "going on from 32 images" in result.stdout
    assert "McNemar's exact test: p = " in result.stdout


def test_seeds_have_a_comparison_each(gan: Path, source: str, tmp_path: Path) -> None:
    options = ("--data", source, "--epochs", "0.3", "--synthetic", f"{gan}:2", "--seeds", "0,1")
    result = acgan_classify(tmp_path / "run", {}, *options)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("McNemar's exact test: p = ") == 2
    for seed in (0, 1):
        run = tmp_path / "run" / f"seed{seed}"
        assert latest_payload(run)["nimg"] == latest_payload(run / api.WITHOUT_SYNTHETIC)["nimg"] == 32


def test_two_processes_compare_what_the_first_one_wrote(gan: Path, source: str, tmp_path: Path) -> None:
    options = ("--data", source, "--epochs", "0.3", "--synthetic", f"{gan}:2")
    ranks = two(classify_args(tmp_path / "run", {}, *options), tmp_path)
    for rank in ranks:
        assert rank.wait() == 0, rank.stderr
    assert "McNemar's exact test: p = " in ranks[0].stdout
    assert ranks[1].stdout == ""


def test_a_generator_file_is_enough(gan: Path, source: str, tmp_path: Path) -> None:
    options = ("--data", source, "--epochs", "0.3", "--synthetic", f"{gan}/generator.safetensors:balance")
    result = acgan_classify(tmp_path / "run", {}, *options)
    assert result.exit_code == 0, result.output
    assert "28 generated images" in result.stdout


def test_balanced_classes_need_none(gan: Path, tmp_path: Path) -> None:
    source = digits_npz(tmp_path / "even.npz", {"1": 10, "2": 10}, {"1": 5, "2": 5})
    options = ("--data", str(source), "--epochs", "1", "--synthetic", f"{gan}:balance")
    result = acgan_classify(tmp_path / "run", {}, *options)
    assert result.exit_code == 0, result.output
    assert re.search(r"no generated images are added|\b0 generated images", result.stdout)


def test_only_real_images_are_held_out(
    gan: Path, source: str, stores: list[ImageStore], tmp_path: Path
) -> None:
    changes = {"data.validation_share": 0.2, "data.max_per_class": 12}
    options = ("--data", source, "--epochs", "0.5", "--synthetic", f"{gan}:4")
    result = acgan_classify(tmp_path / "run", changes, *options)
    assert result.exit_code == 0, result.output
    # Of 30, 12 and 20 images 6, 2 and 4 are held out; of those that are left at most 12 a class are taken.
    assert "12 training images are held out" in result.stdout
    assert [np.bincount(store.labels).tolist() for store in stores] == [[16, 14, 16], [12, 10, 12]]


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"data.resolution": 32}, ["makes images of 1 x 16 x 16", "1 x 32 x 32", "data.resolution"]),
        ({"data.channels": 3}, ["makes images of 1 x 16 x 16", "3 x 16 x 16", "data.channels"]),
    ],
    ids=["resolution", "channels"],
)
def test_a_generator_of_other_images_is_refused(
    changes: dict[str, Any], messages: list[str], gan: Path, source: str, tmp_path: Path
) -> None:
    result = acgan_classify(tmp_path / "run", changes, "--data", source, "--synthetic", str(gan))
    assert result.exit_code == 1, result.output
    for message in [*messages, f"synthetic.run {gan}"]:
        assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_generator_of_other_classes_is_refused(gan: Path, workdir: Path) -> None:
    result = acgan(*classify_args("run", {"data.classes": ["7", "8"]}, "--synthetic", str(gan)))
    assert result.exit_code == 1, result.output
    assert "makes none of the classes; found 3, 4, 1, 2, expected some of 7, 8" in result.stderr
    assert tree(workdir) == {}


def test_a_classifier_is_no_generator(tmp_path: Path) -> None:
    run = classified(tmp_path / "run", {"train.total_nimg": 16})
    for path in (run, run / "classifier.safetensors"):
        result = acgan_classify(tmp_path / "new", {}, "--synthetic", str(path))
        assert result.exit_code == 1, result.output
        assert str(path) in result.stderr
        assert not (tmp_path / "new").exists()

"""benchmarks/ablation.py: variants at equal images, interrupted and gone on with, and the table."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from evaluate_helpers import EYES, read
from run_helpers import BENCHMARKS, TINY, Child, benchmark, stats_rows

from acgan import parallel
from acgan.api import resolve_config
from acgan.config import RunConfig
from acgan.errors import ConfigError, Interrupted
from acgan.metrics.bootstrap import bootstrap_difference

ablation = benchmark("ablation")
ablation_table = benchmark("ablation_table")
ablation_variants = benchmark("ablation_variants")

VARIANTS = """
cross-entropy: {loss.classification.kind: cross_entropy, loss.classification.weight_g: 2e-1}
bursting: {optim.generator.lr: 1e30, optim.discriminator.lr: 1e30}
"""


class Forked:
    """In place of the ``Popen`` of ``python -m acgan``: the same command in a process that need not import torch."""

    def __init__(self, arguments: list[str], start_new_session: bool):
        assert arguments[:3] == [sys.executable, "-m", "acgan"]
        assert start_new_session, "Ctrl-C would reach it too"
        variant = Path(arguments[arguments.index("--run-dir") + 1]).parent
        self._child = Child(arguments[3:], variant.parents[1] / variant.name)
        self.send_signal, self.wait = self._child.send, self._child.wait


def run(*arguments: str | Path) -> None:
    ablation.main([str(TINY), *map(str, arguments)], standalone_mode=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, nothing_at_hand: None) -> Path:
    """Two variants of one seed, interrupted in the first training; and the same command again."""
    folder = tmp_path_factory.mktemp("ablation") / "study"
    file = folder.with_name("variants.yaml")
    file.write_text(VARIANTS, encoding="utf-8")
    command = (folder, "--variants", file, "--nimg", "480", "-n", "40")
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.005):
            if stats_rows(folder / "cross-entropy" / "seed0"):
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=interrupt)
    # The table tells the number of cores, which is the tests'.
    with parallel.using_cores(2), pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "subprocess", SimpleNamespace(Popen=Forked))
        watcher.start()
        try:
            with pytest.raises(Interrupted, match="the same command resumes"):
                run(*command)
        finally:
            ended.set()
            watcher.join()
        rows = stats_rows(folder / "cross-entropy" / "seed0")
        assert 0 < rows[-1]["nimg"] < 480
        assert not (folder / "results.jsonl").exists()
        folder.with_name("begun.json").write_text(json.dumps(rows[:1]), encoding="utf-8")
        run(*command)
    return folder


def results(folder: Path) -> dict[str, Any]:
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["variant"]: row for row in map(json.loads, lines)}


def test_an_interrupted_run_goes_on_from_its_checkpoint(study: Path) -> None:
    """A run that starts anew would have moved the old one aside, or lost its first statistics."""
    first = json.loads(study.with_name("begun.json").read_text(encoding="utf-8"))
    directory = study / "cross-entropy" / "seed0"
    rows = stats_rows(directory)
    assert rows[:1] == first
    assert rows[-1]["nimg"] == 480
    events = list((directory / "tensorboard").glob("events.*"))
    assert len(events) == 2, "one of each invocation"


def test_results_are_those_of_acgan_evaluate(study: Path) -> None:
    found = results(study)
    assert list(found) == ["cross-entropy", "bursting"]
    run_dir, row = study / "cross-entropy" / "seed0", found["cross-entropy"]
    written = read(run_dir / "evaluation.json")
    assert row["scores"] == {metric: one["value"] for metric, one in written["overall"].items()}
    [generator] = written["provenance"]["generators"]
    assert (generator["file"], generator["nimg"]) == ("generator.safetensors", 480)
    assert written["provenance"]["num_images"] == 40
    key = f"class_accuracy{EYES}"
    assert row["worst_class"] == {key: min(values[key] for values in written["per_class"].values())}
    assert row["images_shown"] == 480
    looks = [one for one in stats_rows(run_dir) if "monitor/collapsed_classes" in one]
    assert [one["nimg"] for one in looks] == [480]
    assert row["collapsed_classes"] == looks[-1]["monitor/collapsed_classes"]


def test_a_variant_that_bursts_is_told(study: Path) -> None:
    assert results(study)["bursting"]["not_finite"] is True
    lines = (study / "table.md").read_text("utf-8").splitlines()
    [line] = [line for line in lines if line.startswith("| bursting")]
    assert line == "| bursting | 1 | - | - | - | - | - | - | - | -; 1 not finite |"


def test_the_table_has_the_results(study: Path) -> None:
    text = (study / "table.md").read_text(encoding="utf-8")
    head, _, *lines = text.splitlines()
    assert f"`fcd{EYES}`" in head
    assert "480 images each" in head
    told = [line for line in lines if line.startswith("- ")]
    assert [line.split("=")[0] for line in told] == [
        *(f"- `loss.{term}" for term in ("adversarial", "classification", "penalty", "consistency", "lecam")),
        "- `augment",
        "- `train.batch_size",
    ]
    own, other = told[1].split("; ")
    assert '"weight_g": 0.2' in own
    assert own.endswith("` (cross-entropy)")
    assert '"weight_g": 0.5' in other
    assert other.endswith("` (bursting)")
    assert '"of": "objective"' in told[2]
    assert '"gamma": 0.5' in told[2]
    scores = results(study)["cross-entropy"]["scores"]
    [row] = [line for line in lines if line.startswith("| cross-entropy ")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["cross-entropy", "1", "480"]
    assert float(cells[3]) == pytest.approx(scores[f"fcd{EYES}"], rel=1e-3)
    assert cells[4] == "-", "too few images for the distance within classes"
    assert float(cells[7]) == pytest.approx(scores[f"coverage{EYES}"], rel=1e-3)


def test_what_is_done_is_not_done_again(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(ablation.Study, "train", refuse)
    before = (study / "results.jsonl").read_bytes(), (study / "table.md").read_bytes()
    command = (study, "--variants", study.with_name("variants.yaml"))
    run(*command, "--nimg", "480", "-n", "40")
    assert ((study / "results.jsonl").read_bytes(), (study / "table.md").read_bytes()) == before
    with pytest.raises(AssertionError, match="trained again"):
        run(*command, "--nimg", "900", "-n", "40")


def test_equal_time_is_throughput_times_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the best of the rehearsals, and made once."""
    monkeypatch.setattr(ablation, "_REHEARSALS", 2)
    speeds: dict[int, list[float]] = {}

    def rehearse(config: RunConfig, device: str) -> Any:
        found = real(config, device)
        speeds.setdefault(config.train.batch_size, []).append(found.images_per_sec)
        return found

    real = ablation.rehearse
    monkeypatch.setattr(ablation, "rehearse", rehearse)
    overrides = {"a": ["train.batch_size=4"], "b": ["train.batch_size=32"]}
    study = ablation.Study(str(TINY), None, tmp_path, overrides, [0], "cpu")
    lengths = study.lengths(30)
    assert {size: len(found) for size, found in speeds.items()} == {4: 2, 32: 2}
    assert lengths == {"a": round(30 * max(speeds[4])), "b": round(30 * max(speeds[32]))}
    assert study.lengths(60) == {"a": round(60 * max(speeds[4])), "b": round(60 * max(speeds[32]))}
    assert len(speeds[4]) == 2
    written = (tmp_path / "throughput.json").read_bytes()
    totals = [text for cell in study.cells(lengths) for text in cell.overrides if "total_nimg" in text]
    assert totals == [f"train.total_nimg={lengths['a']}", f"train.total_nimg={lengths['b']}"]
    assert (tmp_path / "throughput.json").read_bytes() == written


def test_a_speed_is_of_one_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[RunConfig] = []

    def rehearse(config: RunConfig, device: str) -> Any:
        timed.append(config)
        return SimpleNamespace(images_per_sec=100.0)

    monkeypatch.setattr(ablation, "_REHEARSALS", 1)
    monkeypatch.setattr(ablation, "rehearse", rehearse)

    def measured(recipe: str, data: str | None, *sizes: int, device: str = "cpu") -> list[int]:
        overrides = {f"v{i}": [f"train.batch_size={size}"] for i, size in enumerate(sizes)}
        timed.clear()
        study = ablation.Study(recipe, data, tmp_path, overrides, [0], device)
        assert study.lengths(60) == dict.fromkeys(overrides, 6000)
        return [config.train.batch_size for config in timed]

    assert measured("digits", None, 8, 16) == [8, 16]
    assert measured("digits", None, 8, 16) == []
    assert measured("digits", None, 8, 32) == [32]
    assert measured("digits", None, 8) == []
    assert measured("mnist", None, 8, 32) == [8, 32]
    assert measured("mnist", "fashion_mnist", 8, 32) == [8, 32]
    assert measured("mnist", "fashion_mnist", 8, 32) == []
    assert measured("mnist", "fashion_mnist", 8, 32, device="cuda") == [8, 32]


@pytest.mark.parametrize("recipe", ["digits", "mnist", "cifar10", "folder", "paper-cifar10"])
def test_the_family_is_what_it_is_called_on_every_recipe(recipe: str) -> None:
    base, _ = resolve_config(recipe)
    found = {}
    for name, keys in ablation_variants.built_in().items():
        overrides = [ablation_variants.override(key, value) for key, value in keys.items()]
        found[name], _ = resolve_config(recipe, None, overrides)
    losses = {name: config.loss.classification for name, config in found.items()}
    assert losses.pop("projection") is None
    assert found["projection"].model.discriminator.projection
    assert {name: (loss.kind, getattr(loss, "on_fake", None)) for name, loss in losses.items()} == {
        "AC": ("cross_entropy", False),
        "AC real+fake": ("cross_entropy", True),
        "TAC": ("tac", None),
        "ADC": ("adc", None),
        "ReACGAN": ("d2d_ce", None),
        "plain AC-GAN": ("cross_entropy", True),
    }
    assert not any(config.model.discriminator.projection for name, config in found.items() if name in losses)
    own = base.loss.classification
    for name in ("AC", "AC real+fake", "TAC", "ADC", "ReACGAN"):
        loss = losses[name]
        weights = own if own is not None and own.kind == loss.kind else type(loss)(kind=loss.kind)
        assert (loss.weight_d, loss.weight_g) == (weights.weight_d, weights.weight_g)
    plain = found["plain AC-GAN"]
    assert (plain.model.generator.kind, plain.model.discriminator.kind) == ("dcgan", "dcgan")
    assert (plain.loss.adversarial.kind, plain.loss.penalty, plain.augment) == ("bce", None, None)
    assert plain.train.ema_half_life_nimg == 0
    for adam in (plain.optim.generator, plain.optim.discriminator):
        assert (adam.lr, adam.betas) == (2e-4, (0.5, 0.999))


def test_schedules_are_stretched_to_the_length(tmp_path: Path) -> None:
    overrides = ["train.total_nimg=1000", "optim.generator.lr=[[0, 1e-3], [1000, 1e-4]]"]
    study = ablation.Study("digits", None, tmp_path, {"a": overrides}, [3], "cpu")
    [cell] = study.cells({"a": 250})
    config, _ = resolve_config("digits", None, cell.overrides)
    assert config.optim.generator.lr == ((0, 1e-3), (250, 1e-4))
    recipe, _ = resolve_config("digits")
    assert config.optim.discriminator.lr == tuple((t // 4, lr) for t, lr in recipe.optim.discriminator.lr)
    assert config.loss.penalty == recipe.loss.penalty
    assert (config.seed, config.train.total_nimg) == (3, 250)


def test_schedules_rise_however_short(tmp_path: Path) -> None:
    overrides = [
        "train.total_nimg=1000000",
        "optim.generator.lr=[[0, 1e-3], [500000, 1e-3], [1000000, 1e-4]]",
    ]
    study = ablation.Study("digits", None, tmp_path, {"a": overrides}, [3], "cpu")
    [cell] = study.cells({"a": 1})
    config, _ = resolve_config("digits", None, cell.overrides)
    assert config.optim.generator.lr == ((0, 1e-3), (1, 1e-3), (2, 1e-4))


def test_intervals_need_three_seeds() -> None:
    assert ablation_table.summary([1.0, 2.0]) == "1, 2"
    # Student's t with two degrees of freedom at 0.975 is 4.3027, the standard error 1 / sqrt(3).
    assert ablation_table.summary([1.0, 2.0, 3.0]) == "2 ± 2.5"


def test_differences_are_those_of_compare() -> None:
    values = {"A": (1.0, 1.1, 1.2), "B": (2.0, 2.2, 2.1), "C": (3.0,)}
    rows = [
        {"variant": name, "images_shown": 7, "scores": {"fcd[x]": value}, "collapsed_classes": int(value > 2)}
        for name, found in values.items()
        for value in found
    ]
    head, _, a, b, c = ablation_table.table(rows).splitlines()
    assert head.split(" | ")[4] == "FCD less that of A"
    expected = bootstrap_difference(values["A"], values["B"])
    assert b.split(" | ")[4] == f"+1 ({expected.low:+.3g} to {expected.high:+.3g})"
    assert [line.split(" | ")[4] for line in (a, c)] == ["-", "-"]
    assert [line.split(" | ")[-1] for line in (a, b, c)] == ["0 of 3 |", "2 of 3 |", "1 of 1 |"]


def test_its_time_is_as_that_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(
        click.UsageError, match=r"'4 minutes' is not a duration; expected e\.g\. 90s, 10m, 1h30m"
    ):
        run(tmp_path, "--time", "4 minutes")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--time and --nimg"),
        (["--time", "1m", "--nimg", "9"], "--time and --nimg"),
        (["--time", "0"], "--time and --nimg"),
        (["--nimg", "9", "--only", "TAK"], "'TAK'"),
        (["--nimg", "9", "--variants", "none.yaml"], "none.yaml"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(workdir: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run("folder", *arguments)
    assert not list(workdir.iterdir())


@pytest.mark.parametrize("recipe", ["mnist", "cifar10"])
def test_the_documented_table_is_that_of_the_kept_rows(recipe: str) -> None:
    root = BENCHMARKS.parent
    lines = (root / "benchmarks" / "ablation" / f"{recipe}.jsonl").read_text(encoding="utf-8").splitlines()
    shown = (root / "docs" / "ablation.md").read_text(encoding="utf-8")
    assert ablation_table.table([json.loads(line) for line in lines]).strip() in shown

"""`acgan sweep`: variants and seeds in one command, killed and gone on with, failing runs, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import Result
from run_helpers import TINY, Child, acgan, stats_rows, trained, tree

from acgan import parallel
from acgan.api import resolve_config
from acgan.cli import one_run
from acgan.errors import ConfigError
from acgan.sweep import lengths as sweep_lengths
from acgan.sweep import local
from acgan.sweep.lengths import lengths
from acgan.sweep.plan import SweepPlan, SweepRun, read_sweep
from acgan.training.run import TrainingRun

SWEEP: dict[str, Any] = {
    "recipe": str(TINY),
    "variants": {
        "ADC": None,
        "AC": {"loss.classification": {"kind": "cross_entropy"}},
        "TAC": {"loss.classification.kind": "tac"},
        "projection": {"loss.classification": None, "model.discriminator.projection": True},
        "no penalty": {"loss.penalty": None},
    },
    "set": {"monitor.num_per_class": 0, "train.portions": 1},
    "seeds": [0, 1, 2],
    "budget": {"nimg": 48},
    "evaluate": {"num_images": 40, "metrics": ["kid"]},
}
NAMES = [f"{variant}/seed{seed}" for seed in (0, 1, 2) for variant in SWEEP["variants"]]


class Forked:
    """In place of ``Popen`` of ``python -m acgan.cli.one_run``: the same in a process that need not import torch."""

    started: list[dict[str, Any]] = []  # noqa: RUF012
    stops_in: Path | None = None

    def __init__(self, command: Sequence[str], env: dict[str, str], stdout: Any, **options: Any):
        assert command[1:3] == ["-m", "acgan.cli.one_run"]
        assert options["start_new_session"], "Ctrl-C would reach it too"
        values = json.loads(command[3])
        Forked.started.append({**values, "threads": env["OMP_NUM_THREADS"]})
        run = SweepRun(
            values["name"], Path(values["directory"]), tuple(values["train"]), tuple(values["evaluate"])
        )
        stops = os.getpid() if run.directory == Forked.stops_in else None
        self._child = Child([], Path(stdout.name), before=partial(_perform, run, stops))
        self.send_signal = self._child.send

    def poll(self) -> int | None:
        return self._child.process.exitcode


def _perform(run: SweepRun, stops: int | None) -> None:
    """Compute a run and end the process; ``stops`` is a sweep that is stopped after two steps, and stops this."""
    advance = TrainingRun.advance

    def advance_and_signal(training: TrainingRun, batch_size: int) -> None:
        advance(training, batch_size)
        if stops is not None and training.iteration == 2:
            os.kill(stops, signal.SIGTERM)
            while training.requests.signal is None:
                time.sleep(0.01)

    TrainingRun.advance = advance_and_signal
    raise SystemExit(one_run.perform(run))


@pytest.fixture(autouse=True, scope="module")
def forked(nothing_at_hand: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        subprocess = SimpleNamespace(Popen=Forked, STDOUT=None)
        patch.setattr(local, "subprocess", subprocess)
        yield


def written(directory: Path, **changes: Any) -> Path:
    file = directory / "sweep.yaml"
    file.write_text(yaml.safe_dump({**SWEEP, **changes}, sort_keys=False), encoding="utf-8")
    return file


def sweep(file: Path, *arguments: str) -> Result:
    return acgan("sweep", str(file), "--out", str(file.parent / "out"), *arguments)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five variants with three seeds, stopped in the third run, and the same command again."""
    directory = tmp_path_factory.mktemp("sweep")
    file, out = written(directory), directory / "out"
    Forked.stops_in = out / NAMES[2]
    result = sweep(file)
    Forked.stops_in = None
    assert result.exit_code == 75, result.output
    assert "the same command resumes" in result.output
    assert not (out / NAMES[3]).exists()
    (directory / "begun.json").write_text(json.dumps(stats_rows(out / NAMES[2])[:1]), encoding="utf-8")
    Forked.started.clear()
    with parallel.using_cores(4):
        result = sweep(file, "--jobs", "2")
    assert result.exit_code == 0, result.output
    assert "2 of 15 runs are done already" in result.output
    assert f"All 15 runs are done. Their scores: {out}/*/seed*/evaluation.json" in result.output
    return directory


def test_every_variant_is_trained_and_evaluated_with_every_seed(swept: Path) -> None:
    for number, name in enumerate(NAMES):
        run = swept / "out" / name
        config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
        assert (config["seed"], config["train"]["total_nimg"]) == (number // 5, 48)
        assert config["every"]["checkpoint_nimg"] == 12
        assert config["every"]["evaluate_nimg"] == 12  # so that there are curves
        scores = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
        [generator] = scores["provenance"]["generators"]
        assert (generator["file"], generator["nimg"]) == ("generator.safetensors", 48)
        assert (scores["provenance"]["num_images"], scores["provenance"]["metrics"]) == (40, ["kid"])
    kinds = {
        name: yaml.safe_load((swept / "out" / name / "config.yaml").read_text("utf-8"))["loss"]
        for name in NAMES[:5]
    }
    assert kinds["AC/seed0"]["classification"]["kind"] == "cross_entropy"
    assert kinds["TAC/seed0"]["classification"]["kind"] == "tac"
    assert kinds["projection/seed0"]["classification"] is None
    assert kinds["no penalty/seed0"]["penalty"] is None


def test_a_run_that_was_stopped_goes_on(swept: Path) -> None:
    first = json.loads((swept / "begun.json").read_text(encoding="utf-8"))
    run = swept / "out" / NAMES[2]
    assert first
    assert stats_rows(run)[:1] == first
    invocations = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["invocations"]
    assert [one["nimg"] for one in invocations] == [[0, 32], [32, 48]]
    assert all(one["command"].startswith(f"acgan train {TINY} --run-dir {run} ") for one in invocations)


def test_jobs_share_the_cores(swept: Path) -> None:
    assert len(Forked.started) == 13
    assert {one["threads"] for one in Forked.started} == {"2"}


def test_a_run_of_a_sweep_is_an_ordinary_run(swept: Path, tmp_path: Path) -> None:
    """It is what the printed command makes, whatever ran beside it."""
    lines = sweep(swept / "sweep.yaml", "--print").stdout.splitlines()
    assert len(lines) == 15
    train, evaluate = (shlex.split(part)[1:] for part in lines[6].split(" && "))
    run = swept / "out" / NAMES[6]
    assert (train[0], evaluate[:2]) == ("train", ["evaluate", str(run)])
    again = [str(tmp_path / "again") if word == str(run) else word for word in train]
    assert acgan(*again).exit_code == 0
    assert stats_rows(tmp_path / "again") == stats_rows(run)


def test_a_sweep_ends_with_a_page_of_all_its_runs(
    swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(
        runs: Sequence[SweepRun], *_: Any, on_end: Callable[[SweepRun, int], None], **__: Any
    ) -> None:
        for run in runs:
            shutil.copytree(swept / "out" / run.directory.relative_to(tmp_path / "out"), run.directory)
            on_end(run, 0)

    monkeypatch.setattr(local, "run_side_by_side", computed)
    variants = {name: SWEEP["variants"][name] for name in ("ADC", "TAC")}
    settings = {**SWEEP["set"], "report": True}
    result = sweep(written(tmp_path, variants=variants, set=settings, seeds=[0]))
    assert result.exit_code == 0, result.output
    place = tmp_path / "out" / "report.html"
    assert f"All of them side by side, to be opened in a browser: {place}" in result.stdout
    assert "A is ADC/seed0, B is TAC/seed0" in place.read_text()


def test_of_runs_that_are_not_evaluated_no_scores_are_named(tmp_path: Path) -> None:
    result = sweep(written(tmp_path, variants={"ADC": {}}, seeds=[0], evaluate=None))
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("The run is done.\n")
    assert not list((tmp_path / "out").rglob("evaluation.json"))


def test_what_is_done_is_not_done_again(swept: Path) -> None:
    before = tree(swept / "out")
    Forked.started.clear()
    assert "15 of 15 runs are done already" in sweep(swept / "sweep.yaml").output
    assert not Forked.started
    assert tree(swept / "out") == before
    shared = sweep(swept / "sweep.yaml", "--print", "--jobs", "2").stdout
    assert shared.splitlines()[0].startswith("env OMP_NUM_THREADS=")


def test_a_run_with_another_budget_is_another_run(swept: Path) -> None:
    """Those that go on would have had a schedule that was stretched on the way, and the others not."""
    result = sweep(swept / "sweep.yaml", "--set", "budget.nimg=96")
    assert result.exit_code == 1
    assert "is a run of another sweep (train.total_nimg 48 -> 96" in result.output


def test_a_failing_run_does_not_end_the_others(tmp_path: Path) -> None:
    rates = {f"optim.{network}.lr": 1e30 for network in ("generator", "discriminator")}
    file = written(tmp_path, variants={"bursting": rates, "AC": {}}, seeds=[0, 1])
    result = sweep(file)
    assert result.exit_code == 1
    assert "2 of 4 runs failed" in result.stderr
    for seed in (0, 1):
        assert f"{tmp_path / 'out' / 'bursting' / f'seed{seed}'}: not finite; see " in result.stderr
        assert "training is not finite" in (tmp_path / "out" / "bursting" / f"seed{seed}.err").read_text()
        assert (tmp_path / "out" / "AC" / f"seed{seed}" / "evaluation.json").exists()
    again = sweep(file)
    assert again.exit_code == 1
    assert "2 of 4 runs are done already" in again.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"varients": {}}, "unknown key varients. Did you mean 'variants'?"),
        (
            {"variants": {"A": {"loss.clasification.kind": "adc"}}},
            "variants.A: .*unknown key loss.clasif",
        ),
        (
            {"variants": {"A": {"loss.adversarial.kind": "wgan_gp"}}},
            "variants.A: .*unbounded without its penalty",
        ),
        ({"variants": {"A": {"model.generator": {"kind": "paper"}}}}, "variants.A: .*32"),
        ({"variants": {}}, "variants: found none"),
        ({"variants": {"a/b": {}}}, "is that of its folder"),
        ({"variants": {"AC": {}, "ac": {}}}, "variants: 'ac' is there 2 times"),
        ({"variants": {"A": {"seed": 3}}}, "variants.A: seed is what the sweep's `seeds` sets"),
        ({"set": {"train.portions": 1, "train": {"portions": 2}}}, "set: 'train.portions' is there 2 times"),
        ({"set": {"train": {"total_nimg": 3}}}, "set: train.total_nimg is what the sweep's `budget` sets"),
        ({"seeds": [0, 0]}, "seeds: 0 is there 2 times"),
        ({"seeds": []}, "seeds: "),
        ({"budget": {}}, "budget: found none; expected one of"),
        ({"budget": {"nimg": 8, "minutes": 1}}, "budget: found both nimg and minutes"),
        ({"budget": {"nimg": 0}}, "budget.nimg: found 0"),
        ({"evaluate": {"metrics": ["fit"]}}, "'fit' is no metric"),
        ({"recipe": "digitz"}, "no recipe, file or run 'digitz'"),
        ({"data": "nowhere"}, "variants.ADC: "),
    ],
)
def test_what_is_wrong_is_refused_before_anything_trains(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    Forked.started.clear()
    result = sweep(written(tmp_path, **changes))
    assert result.exit_code == 1, result.output
    assert re.search(words, " ".join(result.stderr.split())), result.stderr
    assert not Forked.started
    assert not (tmp_path / "out").exists()


def test_a_run_is_no_folder_for_a_sweep(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.yaml").write_text("seed: 0\n", encoding="utf-8")
    result = sweep(written(tmp_path))
    assert result.exit_code == 1
    assert re.search("--out .*: is a run; expected a folder", " ".join(result.stderr.split()))
    assert [file.name for file in out.iterdir()] == ["config.yaml"]


def test_a_name_that_is_there_twice_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("variants:\n  AC: {}\n  AC: {data.mirror: true}\nbudget: {nimg: 8}\n", encoding="utf-8")
    result = sweep(file)
    assert result.exit_code == 1
    assert "the key 'AC' is there twice" in result.stderr


def test_variants_with_one_configuration_are_told(tmp_path: Path) -> None:
    file = written(tmp_path, variants={"A": {}, "B": {"train.batch_size": 16}}, seeds=[0])
    assert "variants A and B have the same configuration" in sweep(file, "--print").stderr


def test_equal_minutes_are_the_best_speed_of_several_rehearsals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = iter([10.0, 100.0, 12.0, 90.0, 11.0, 95.0])
    asked = []

    def rehearse(config: Any, device: str) -> Any:
        asked.append((config.train.batch_size, config.train.threads, device))
        return SimpleNamespace(images_per_sec=next(speeds))

    monkeypatch.setattr(sweep_lengths, "_REHEARSALS", 3)
    monkeypatch.setattr(sweep_lengths, "rehearse", rehearse)
    variants = {"slow": {"train.threads": None, "train.batch_size": 4}, "fast": {"train.threads": 3}}
    file = written(tmp_path, variants=variants, budget={"minutes": 0.5})
    plan = SweepPlan(read_sweep(str(file)), tmp_path / "out", "cpu")
    assert lengths(plan, 2, print) == {"slow": 360, "fast": 3000}
    assert asked == [(4, 2, "cpu"), (16, 3, "cpu")] * 3
    assert lengths(plan, 2, print) == {"slow": 360, "fast": 3000}, "without a rehearsal"
    kept = tmp_path / "out" / "speeds.json"
    text = kept.read_text(encoding="utf-8")
    for damaged in (text.replace("100.0", "180.0"), text[:-9], "[]", text.replace('"of"', '"if"')):
        kept.write_text(damaged, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"speeds\.json: cannot be read .*Restore or delete it"):
            lengths(plan, 2, print)
    kept.write_text(json.dumps(json.loads(text)["variants"]), encoding="utf-8")
    assert lengths(plan, 2, print) == {"slow": 360, "fast": 3000}, "as earlier versions wrote it"
    changed = SweepPlan(read_sweep(str(file), ["set={train.portions: 2}"]), tmp_path / "out", "cpu")
    with pytest.raises(StopIteration):
        lengths(changed, 2, print)


@pytest.mark.parametrize("recipe", ["digits", "mnist", "cifar10", "folder", "paper-cifar10"])
def test_the_family_is_what_it_is_called_on_every_recipe(recipe: str) -> None:
    plan = SweepPlan(read_sweep("family", [f"recipe={recipe}", "budget.nimg=8"]), Path("out"))
    base, _ = resolve_config(recipe)
    found = {name: plan.config(name) for name in plan.sweep.variants}
    losses = {name: config.loss.classification for name, config in found.items()}
    assert losses.pop("projection") is None
    assert found["projection"].model.discriminator.projection
    assert {name: (loss.kind, getattr(loss, "on_fake", None)) for name, loss in losses.items()} == {
        "AC": ("cross_entropy", False),
        "AC real+fake": ("cross_entropy", True),
        "TAC": ("tac", False),
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


def test_a_run_waits_for_the_training_that_a_killed_sweep_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, locked = trained(tmp_path / "run", {"train.total_nimg": 16}), [True, True, True, False]
    monkeypatch.setattr("acgan.api.run_directory.is_locked", lambda _: locked.pop(0))
    monkeypatch.setattr(one_run, "_POLL_SEC", 0)
    assert one_run.perform(SweepRun("a", directory, (), ())) == 0
    assert not locked
    assert SweepRun("a", directory, (), ()).is_done()
    assert not SweepRun("a", directory, ("train",), ()).is_done()

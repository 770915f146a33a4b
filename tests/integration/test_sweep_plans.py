"""Plans of `acgan sweep`: refusals, equal minutes, the family, and a run that waits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from run_helpers import trained
from sweep_helpers import Forked, sweep, written

from acgan.api import resolve_config
from acgan.cli import one_run
from acgan.errors import ConfigError
from acgan.sweep import lengths as sweep_lengths
from acgan.sweep.lengths import lengths
from acgan.sweep.plan import SweepPlan, SweepRun, read_sweep

pytestmark = pytest.mark.usefixtures("forked_sweeps")


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

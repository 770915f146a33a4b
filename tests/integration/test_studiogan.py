"""PyTorch-StudioGAN's baselines by ``acgan train``, at tiny sizes, and their sweep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from run_helpers import acgan, sets, stats_rows

from acgan.config import RunConfig, diff, load
from acgan.config.recipes import recipes
from acgan.sweep.plan import SweepPlan, read_sweep

RECIPES = [name for name in recipes() if name.startswith("studiogan/")]
#: What makes a recipe quick, and leaves its networks and losses what they are.
QUICK = {
    "data.source": "digits",
    "model.generator.channels": 2,
    "model.discriminator.channels": 2,
    "train.batch_size": 4,
    "train.total_nimg": 8,
    "train.standing_nimg": 8,
    "train.threads": 1,
    "every.log_nimg": 4,
    "monitor.num_per_class": 0,
    "evaluate.extractor": None,
    "report": False,
}
TERMS = {
    "acgan-mod": {"D/class_real", "G/class_fake"},
    "tac": {"D/class_real", "D/twin_fake", "G/class_fake", "G/twin_fake"},
    "adc": {"D/class_real", "D/class_fake", "G/class_fake"},
    "reacgan": {"D/class_real", "G/class_fake"},
    "biggan": set[str](),
}


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(name, marks=[pytest.mark.slow] * ("tac" in name or "adc" in name)) for name in RECIPES],
)
def test_every_baseline_trains_and_samples(recipe: str, tmp_path: Path) -> None:
    run, short = tmp_path / "run", recipe.removeprefix("studiogan/").removesuffix("-cifar10")
    trained = acgan("train", recipe, "--run-dir", str(run), *sets(QUICK))
    assert trained.exit_code == 0, trained.output
    rows = stats_rows(run)
    assert [row["nimg"] for row in rows] == [4, 8]
    assert {name for name in rows[0] if re.fullmatch(r"./(class|twin)_(real|fake)", name)} == TERMS[short]
    assert all(abs(value) < 1e4 for row in rows for value in row.values()), rows
    drawn = acgan("sample", str(run), "--out", str(tmp_path / "page.png"), "-n", "1")
    assert drawn.exit_code == 0, drawn.output


def test_the_baselines_are_the_five() -> None:
    assert {f"studiogan/{name}-cifar10" for name in TERMS} == set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_all_of_their_configs_share(recipe: str) -> None:
    """src/config.py: Adam, five steps of D, 100,000 of G, hinge, flips; and the mean of G where there is one."""
    config = load(RunConfig, recipes()[recipe])
    train, g, d = config.train, config.optim.generator, config.optim.discriminator
    assert g == d
    assert (g.betas, g.eps) == ((0.5, 0.999), 1e-6)
    assert g.lr == pytest.approx(2e-4 * (train.batch_size / 64) ** 0.5)
    assert train.batch_size == (128 if "reacgan" in recipe else 64)
    assert (train.d_steps, train.total_nimg / train.batch_size) == (5, 100_000)
    assert (config.loss.adversarial.kind, config.loss.penalty, config.augment) == ("hinge", None, None)
    assert (config.data.mirror, config.data.validation_share) == (True, 0)
    if "acgan-mod" in recipe:
        assert (train.ema_half_life_nimg, train.ema_start_nimg) == (0, 0)
    else:
        assert 0.5 ** (train.batch_size / train.ema_half_life_nimg) == pytest.approx(0.9999, abs=1e-9)
        assert train.ema_start_nimg / train.batch_size == 1_000
    assert train.ema_ramp_up is None


def test_a_mistaken_name_is_answered_with_the_recipe() -> None:
    result = acgan("train", "studiogan/bigan-cifar10")
    assert result.exit_code == 1
    assert "Did you mean 'studiogan/biggan-cifar10'" in " ".join(result.output.split())


def test_the_sweep_has_the_recipes_as_variants(tmp_path: Path) -> None:
    sweep = read_sweep("studiogan-cifar10")
    plan = SweepPlan(sweep, tmp_path)
    assert sweep.seeds == [0, 1, 2]
    assert sweep.budget.minutes is not None
    names = {name: sweep.recipe_of(name) for name in sweep.variants}
    assert set(names.values()) == {"cifar10", *RECIPES}
    for name, recipe in names.items():
        changed = diff(load(RunConfig, recipes()[recipe]), plan.config(name))
        assert changed.keys() <= {"data.validation_share", "train.ema_ramp_up", "train.ema_start_nimg"}
    runs = plan.runs(dict.fromkeys(names, 100))
    assert len(runs) == 18
    assert [run.train[1] for run in runs[:6]] == list(names.values())


def test_a_variant_s_recipe_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        yaml.safe_dump({"variants": {"A": {"recipe": 3}}, "budget": {"nimg": 8}}), encoding="utf-8"
    )
    result = acgan("sweep", str(file), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "variants.A: recipe: found 3; expected a recipe or YAML file" in " ".join(result.output.split())

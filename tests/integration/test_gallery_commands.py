"""Commands on cards of the gallery: found from a run's configuration, and held against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gallery_helpers import card_of
from run_helpers import benchmark

from acgan.api import resolve_config
from acgan.config import RunConfig, diff, load
from acgan.errors import ConfigError

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

gallery_command = benchmark("gallery_command")


def test_the_command_gives_the_configuration(gallery_run: Path, small_gallery: Path) -> None:
    card, config = card_of(small_gallery, "tiny"), load(RunConfig, gallery_run / "config.yaml")
    _, given, _ = gallery_command.read_command(card["command"])
    assert diff(given, config).keys() == {"description"}
    recipe, _ = resolve_config("digits")
    expected = diff(recipe, config)
    del expected["description"]
    assert card["config"] == {
        key: json.loads(json.dumps({"recipe": old, "here": new})) for key, (old, new) in expected.items()
    }


@pytest.mark.parametrize(
    ("recipe", "data", "overrides", "command"),
    [
        ("digits", None, [], "acgan train digits"),
        ("mnist", "mnist:/somewhere/data", [], "acgan train mnist --data mnist:ROOT"),
        ("cifar10", "/some/where/cifar10_jpg.zip", [], "acgan train cifar10 --data cifar10_jpg.zip"),
        ("mnist", "mnist:x", ["loss.penalty=null", "seed=3"],
         "acgan train mnist --data mnist:ROOT --set seed=3 --set loss.penalty=null"),
        ("cifar10", None, ["loss.classification.kind=tac"],
         "acgan train cifar10 --set loss.classification.kind=tac"),
        ("cifar10", None, ["loss.classification={kind: cross_entropy, weight_g: 0.2}", "augment=null"],
         "acgan train cifar10 --set loss.classification.kind=cross_entropy --set loss.classification.weight_g=0.2 "
         "--set augment=null"),
    ],
)  # fmt: skip
def test_the_nearest_recipes_command(
    recipe: str, data: str | None, overrides: list[str], command: str
) -> None:
    config, _ = resolve_config(recipe, data, overrides)
    found = gallery_command.likely_command(config)
    assert found == command
    origin = {"data": config.data.source.rpartition("/")[2].partition(":")[0].partition(".")[0]}
    if data and data.startswith("mnist"):
        origin = {"data": "mnist"}
    assert gallery_command.check_command(found, config, origin | {"init_from": None})[0] == recipe


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("acgan train mnist --data mnist:/home/me/data", "path of one machine"),
        ("acgan train digits --run-dir ~/runs", "path of one machine"),
        ("acgan train digits --set 'evaluate.extractor=\"/x/y\"'", "path of one machine"),
        ("acgan train digits --data C:\\digits", "path of one machine"),
        ("acgan sample digits", "expected a command as"),
        ("make train", "expected a command as"),
        ("acgan train 'digits", "expected a command as"),
        ("acgan train tiny.yaml", "expected one of cifar10, cifar10-gpu, collapse-digits, digits"),
        ("acgan train digits", "model.latent_dim: 64 in the command, 16 in the run"),
    ],
)
def test_commands_that_do_not_make_the_run_are_refused(gallery_run: Path, command: str, words: str) -> None:
    config = load(RunConfig, gallery_run / "config.yaml")
    with pytest.raises(ConfigError) as error:
        gallery_command.check_command(command, config, {"data": "digits", "init_from": None})
    assert words in str(error.value)


def test_the_starter_of_a_recipe_needs_no_option() -> None:
    started = {"data": "three", "init_from": {"path": "starter"}}
    taken, other = (resolve_config(recipe, "three")[0] for recipe in ("folder", "mnist"))
    gallery_command.check_command("acgan train folder --data three", taken, started)
    with pytest.raises(ConfigError, match="--init-from"):
        gallery_command.check_command("acgan train mnist --data three", other, started)


def test_a_commands_data_seed_and_start_are_held_against_the_run(gallery_run: Path) -> None:
    config = load(RunConfig, gallery_run / "config.yaml")
    origin = {"data": "digits", "init_from": None}
    command = gallery_command.likely_command(config)
    gallery_command.check_command(command.replace("--set seed=5", "--seeds 4,5"), config, origin)
    for other, words in (
        (command.replace("--set seed=5", "--seeds 6,7"), "seed: 0 in the command, 5"),
        (command + " --data mnist:ROOT", "data: mnist in the command"),
        (command + " --init-from runs/other", "--init-from"),
    ):
        with pytest.raises(ConfigError, match="does not make this run") as error:
            gallery_command.check_command(other, config, origin)
        assert words in str(error.value)


def test_the_features_that_chose_the_best_are_held_against_the_run_wherever_they_lie() -> None:
    origin = {"data": "digits", "init_from": None}
    chosen = {extractor: resolve_config("digits", None, [f"evaluate.extractor={extractor}"])[0] for extractor in (
        "digits", "/home/me/runs/eyes",
    )}  # fmt: skip
    command = gallery_command.likely_command(chosen["/home/me/runs/eyes"])
    assert command == "acgan train digits --set evaluate.extractor=eyes"
    gallery_command.check_command(command, chosen["/home/me/runs/eyes"], origin)
    with pytest.raises(ConfigError, match=r"evaluate\.extractor: eyes in the command, digits in the run"):
        gallery_command.check_command(command, chosen["digits"], origin)

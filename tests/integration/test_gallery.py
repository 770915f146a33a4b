"""benchmarks/gallery.py: cards of real runs, the tables made from them, and what is refused."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluate_helpers import EYES, made_up_cas, read
from PIL import Image
from run_helpers import acgan, benchmark, stats_rows, trained

from acgan.api import resolve_config
from acgan.config import RunConfig, diff, load
from acgan.errors import ConfigError, RunError
from acgan.evaluation import Scores
from acgan.plots.grid import write_png
from acgan.plots.page import ClassPage
from acgan.sampling import grid, load_generator

ROOT = Path(__file__).parents[2]
gallery = benchmark("gallery")
gallery_command = benchmark("gallery_command")
gallery_tables = benchmark("gallery_tables")

EVALUATE = importlib.import_module("acgan.api.evaluate")  # ``acgan.api.evaluate`` is the function
#: Two classes of the digits, so that a look at all samples takes a moment.
CHANGES = {"data.classes": ["3", "8"], "data.validation_share": 0.1, "evaluate.num_images": 20, "seed": 5}
PAGE = "docs/gallery.md"
README = "# Title\n<!-- gallery -->\nold\n<!-- /gallery -->\nThe end.\n"


def run(root: Path, *arguments: str | Path) -> None:
    gallery.main(["--root", str(root), *map(str, arguments)], standalone_mode=False)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, nothing_at_hand: None) -> Path:
    """A finished run with a best generator and two looks of the monitor."""
    return trained(tmp_path_factory.mktemp("runs") / "tiny", CHANGES)


@pytest.fixture(scope="module")
def made(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery with two cards of the run, one of them a failure, and the tables."""
    root = tmp_path_factory.mktemp("gallery")
    (root / "samples").mkdir()
    (root / "docs").mkdir(exist_ok=True)
    (root / PAGE).write_text(README, encoding="utf-8")
    run(root, "add", tiny)
    run(root, "add", tiny, "--name", "early", "--which", "last", "--failure", "noise | and\nlittle else")
    run(root, "table")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(made, tmp_path / "gallery"))


def card_of(root: Path, name: str) -> Any:
    return read(root / "samples" / f"{name}.json")


def write_card(root: Path, card: Any) -> None:
    file = root / "samples" / f"{card['name']}.json"
    file.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")


# Cards.


def test_scores_are_those_of_acgan_evaluate(tiny: Path, made: Path, tmp_path: Path) -> None:
    result = acgan("evaluate", str(tiny), "--json", str(tmp_path / "evaluation.json"))
    assert result.exit_code == 0, result.output
    expected, card = read(tmp_path / "evaluation.json"), card_of(made, "tiny")
    assert card["scores"].keys() == expected["overall"].keys()
    for metric, score in card["scores"].items():
        for key, part in (("value", "overall"), ("at_floor_count", "at_floor_count"), ("floor", "floor")):
            value = expected[part][metric]["value"]
            assert score[key] == (None if value is None else pytest.approx(value, rel=1e-3)), (metric, key)
    fcd = card["scores"][f"fcd{EYES}"]
    assert fcd["times_floor"] == pytest.approx(fcd["at_floor_count"] / fcd["floor"], rel=1e-3)
    for metric, choose in (("kid", max), ("coverage", min), ("class_accuracy", min)):
        values = {name: found[metric + EYES] for name, found in expected["per_class"].items()}
        worst = card["worst_class"][metric + EYES]
        assert worst["value"] == pytest.approx(choose(values.values()), rel=1e-3)
        assert values[worst["class"]] == choose(values.values())
    assert "ms_ssim" not in card["worst_class"], "neither side of it is better"
    assert all(line in result.output.replace("\n", " ") for line in card["verdict"][:1])


def test_whether_samples_help_is_told(tiny: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = made_up_cas(["3", "8"], num_images=40)
    monkeypatch.setattr(EVALUATE, "classification_accuracy_score", lambda *args, **keywords: expected)
    run(root, "add", tiny, "--name", "helped", "--cas")
    run(root, "table")
    card = card_of(root, "helped")
    assert card["scores"].keys() == card_of(root, "tiny")["scores"].keys()
    assert card["cas"]["verdict"] == expected.verdict
    assert card["cas"]["cas_both"] == pytest.approx(expected.both.mean, rel=1e-3)
    assert card["cas"]["cas_gain"]["low"] == pytest.approx(expected.gain.low, rel=1e-3)
    assert card["verdict"][-1] == f"For a classifier: {expected.verdict}."
    [row] = [line for line in (root / PAGE).read_text("utf-8").splitlines() if "helped.json" in line]
    assert f"{expected.verdict.partition(':')[0]}, {100 * expected.gain.value:+.1f} points (" in row
    assert "cas" not in card_of(root, "tiny")


@pytest.mark.parametrize(
    ("floors", "worst"), [((2.0, 10.0), "rare"), ((2.0, 30.0), "common"), ((2.0, None), "rare")]
)
def test_the_worst_class_by_distance_is_so_for_its_floor(
    floors: tuple[float, float | None], worst: str
) -> None:
    names, halves, whole = ("common", "rare"), (8.0, 60.0), (7.0, 50.0)

    def by_class(values: tuple[float | None, ...]) -> dict[str, dict[str, float | None]]:
        return {name: {"fcd[x]": value} for name, value in zip(names, values, strict=True)}

    scores = Scores(
        provenance={},
        overall={},
        floor={},
        at_floor_count={},
        per_class=by_class(whole),
        floor_per_class=by_class(floors),
        at_floor_count_per_class=by_class(halves),
        confusion=None,
    )
    found, chosen = gallery.worst_classes(scores)["fcd[x]"], names.index(worst)
    assert (found["class"], found["value"]) == (worst, whole[chosen])
    floor = floors[chosen]
    assert found.get("times_floor") == (halves[chosen] / floor if floors[1] and floor else None)


def test_the_picture_is_the_generators(tiny: Path, made: Path, tmp_path: Path) -> None:
    for name, which in (("tiny", "best"), ("early", "last")):
        write_png(grid(load_generator(tiny, which=which), 10), tmp_path / "expected.png")
        assert (made / "samples" / f"{name}.png").read_bytes() == (tmp_path / "expected.png").read_bytes()
        generator = card_of(made, name)["picture"]["generator"]
        assert generator == ("generator-best.safetensors" if which == "best" else "generator.safetensors")
    page = ClassPage.planned(load_generator(tiny).class_names, 10, 16)
    assert Image.open(made / "samples" / "tiny.png").size == (page.width, page.height)


def test_a_card_says_where_it_comes_from(tiny: Path, made: Path) -> None:
    text = (made / "samples" / "tiny.json").read_text(encoding="utf-8")
    card = json.loads(text)
    assert (card["name"], card["failure"], card["seed"], card["images_shown"]) == ("tiny", False, 5, 320)
    assert (card["recipe"], card["data"], card["torch"]) == ("digits", "digits", torch.__version__)
    rows = [json.loads(line) for line in (tiny / "stats.jsonl").read_text(encoding="utf-8").splitlines()]
    assert card["trained_sec"] == pytest.approx(rows[-1]["time/trained_sec"], abs=0.051)
    assert card["images_per_sec"] == pytest.approx(320 / rows[-1]["time/trained_sec"], rel=1e-3)
    assert card["evaluation"]["generator"]["nimg"] in (160, 320)
    assert card["code"] is None or len(card["code"]["commit"]) == 40
    assert str(tiny.parent) not in text
    assert str(ROOT) not in text
    assert text == json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert len(text) < 12_000


def test_the_command_gives_the_configuration(tiny: Path, made: Path) -> None:
    card, config = card_of(made, "tiny"), load(RunConfig, tiny / "config.yaml")
    _, given, _ = gallery_command.read_command(card["command"])
    assert diff(given, config).keys() == {"description"}
    recipe, _ = resolve_config("digits")
    expected = diff(recipe, config)
    del expected["description"]
    assert card["config"] == {
        key: json.loads(json.dumps({"recipe": old, "here": new})) for key, (old, new) in expected.items()
    }


def test_the_monitors_last_words_are_told(tiny: Path, made: Path) -> None:
    looks = [row for row in stats_rows(tiny) if "monitor/collapsed_classes" in row]
    monitor = card_of(made, "early")["monitor"]
    assert (monitor["looks"], monitor["last_nimg"]) == (3, 320)  # one of them early
    assert monitor["warnings"] == sum(row["monitor/collapsed_classes"] > 0 for row in looks) > 0
    assert len(monitor["collapsed_at_last"]) == looks[-1]["monitor/collapsed_classes"]
    for name, shares in monitor["collapsed_at_last"].items():
        assert shares["coverage"] == looks[-1][f"monitor/coverage/{name}"]


def test_a_monitor_that_is_off_or_content() -> None:
    settings = resolve_config("digits")[0].monitor
    assert gallery.monitor_card([{"nimg": 8}], settings) is None
    look = {"monitor/coverage/a": 0.9, "monitor/coverage/b": 0.1, "monitor/duplicates/a": 0.1}
    rows = [
        {"nimg": 4, **look, "monitor/duplicates/b": 0.9, "monitor/collapsed_classes": 1.0},
        {"nimg": 8, **look, "monitor/coverage/b": 0.9, "monitor/duplicates/b": 0.1}
        | {"monitor/collapsed_classes": 0.0},
    ]
    early = gallery.monitor_card(rows[:1], settings)
    late = gallery.monitor_card([rows[0], rows[0] | {"nimg": 6}, rows[1]], settings)
    assert early["collapsed_at_last"] == {"b": {"duplicates": 0.9, "coverage": 0.1}}
    assert (late["collapsed_at_last"], late["warnings"], late["first_warning_nimg"]) == ({}, 2, 4)


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
def test_commands_that_do_not_make_the_run_are_refused(tiny: Path, command: str, words: str) -> None:
    config = load(RunConfig, tiny / "config.yaml")
    with pytest.raises(ConfigError) as error:
        gallery_command.check_command(command, config, {"data": "digits", "init_from": None})
    assert words in str(error.value)


def test_the_starter_of_a_recipe_needs_no_option() -> None:
    started = {"data": "three", "init_from": {"path": "starter"}}
    taken, other = (resolve_config(recipe, "three")[0] for recipe in ("folder", "mnist"))
    gallery_command.check_command("acgan train folder --data three", taken, started)
    with pytest.raises(ConfigError, match="--init-from"):
        gallery_command.check_command("acgan train mnist --data three", other, started)


def test_a_commands_data_seed_and_start_are_held_against_the_run(tiny: Path) -> None:
    config = load(RunConfig, tiny / "config.yaml")
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


def test_nothing_is_written_of_what_is_refused(tiny: Path, root: Path, tmp_path: Path) -> None:
    unfinished = Path(shutil.copytree(tiny, tmp_path / "unfinished"))
    text = (unfinished / "config.yaml").read_text(encoding="utf-8")
    changed = text.replace("total_nimg: 320", "total_nimg: 640")
    assert changed != text
    (unfinished / "config.yaml").write_text(changed, encoding="utf-8")
    before = sorted(path.name for path in (root / "samples").iterdir())
    with pytest.raises(RunError, match="320 of 640 images shown"):
        run(root, "add", unfinished)
    for options in (["--command", "acgan train --data /mnt/x"], ["--name", "../x"]):
        with pytest.raises(ConfigError):
            run(root, "add", tiny, *options)
    assert sorted(path.name for path in (root / "samples").iterdir()) == before


def test_a_run_that_lost_patience_is_finished(tiny: Path, tmp_path: Path) -> None:
    """Its best was the first look, at 160 images; it ended 160 images later."""
    patient = Path(shutil.copytree(tiny, tmp_path / "patient"))
    best = load_generator(patient).info.provenance["nimg"]
    text = (patient / "config.yaml").read_text(encoding="utf-8")
    text = text.replace("total_nimg: 320", "total_nimg: 640")
    for patience, finished in ((320 - best or 1, best < 320), (320 - best + 1, False)):
        changed = text.replace("patience_nimg: null", f"patience_nimg: {patience}")
        (patient / "config.yaml").write_text(changed, encoding="utf-8")
        if finished:
            assert gallery.read_run(patient, None, None).stats[-1]["nimg"] == 320
        else:
            with pytest.raises(RunError, match="expected a finished run"):
                gallery.read_run(patient, None, None)


# Tables.


def test_the_tables_are_between_the_markers(made: Path) -> None:
    text = (made / PAGE).read_text(encoding="utf-8")
    assert text.startswith("# Title\n<!-- gallery -->\n\n| samples |")
    assert text.endswith(" |\n\n<!-- /gallery -->\nThe end.\n")
    assert "old" not in text
    shown, failures = text.split("<!-- gallery -->")[1].strip().split("\n\n")[:2]
    assert "../samples/tiny.json" in shown
    assert "../samples/early.json" in failures
    assert "noise \\| and little else" in failures
    card = card_of(made, "tiny")
    fcd, worst = card["scores"][f"fcd{EYES}"], card["worst_class"][f"class_accuracy{EYES}"]
    assert f"`fcd{EYES}` {fcd['value']:.4g}, {fcd['times_floor']:.3g} times the floor" in shown
    assert f"worst class {worst['class']}: {worst['value']:.4g}" in shown
    assert "| `acgan train digits` with " in shown  # the tiny training has many settings
    assert re.search(r"320 images in (\d+ min )?\d+ s, ", shown)
    assert "warned " in failures


def test_a_command_of_many_settings_is_left_to_its_card(root: Path) -> None:
    card = card_of(root, "tiny")
    for number in (3, 4):
        words = "acgan train digits" + "".join(f" --set seed={seed}" for seed in range(number))
        write_card(root, {**card, "command": words})
        run(root, "table")
        text = (root / PAGE).read_text(encoding="utf-8")
        assert (f"| `{words}` |" in text) == (number == 3)
        short = "| `acgan train digits` with 4 settings, in [its card](../samples/tiny.json) |"
        assert (short in text) == (number == 4)


def test_rewriting_changes_nothing(root: Path) -> None:
    before = (root / PAGE).read_bytes()
    run(root, "check")
    run(root, "table")
    assert (root / PAGE).read_bytes() == before


def test_a_changed_number_is_found(root: Path) -> None:
    card = card_of(root, "tiny")
    card["scores"][f"coverage{EYES}"]["value"] += 0.001
    write_card(root, card)
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gallery.py"), "--root", str(root), "check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: docs/gallery.md: the row of tiny ")
    assert "early" not in done.stderr


def test_what_else_does_not_agree_is_found(root: Path) -> None:
    text = (root / PAGE).read_text(encoding="utf-8")
    for changed, words in (
        (text.replace("noise", "noises"), ["row of early"]),
        (text.replace("| training |", "| time |"), ["the tables are not"]),
        (README, ["row of early", "row of tiny"]),
    ):
        (root / PAGE).write_text(changed, encoding="utf-8")
        found = list(gallery_tables.problems(root))
        assert len(found) == len(words)
        assert all(word in line for word, line in zip(words, found, strict=True))
    (root / PAGE).write_text(text, encoding="utf-8")
    (root / "samples" / "tiny.png").write_bytes(b"another")
    (root / "samples" / "early.png").unlink()
    found = list(gallery_tables.problems(root))
    assert [line.split(":")[0] for line in found] == ["samples/early.png", "samples/tiny.png"]


def test_a_readme_without_markers_is_refused(root: Path) -> None:
    (root / PAGE).write_text("# Title\n<!-- /gallery --><!-- gallery -->\n", encoding="utf-8")
    for command in ("table", "check"):
        with pytest.raises(ConfigError, match="<!-- gallery -->"):
            run(root, command)


def test_the_readme_of_this_repository_is_what_its_cards_give() -> None:
    run(ROOT, "check")


def test_a_gallery_without_cards_says_so(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(README, encoding="utf-8")
    run(tmp_path, "table")
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert text == README.replace("old", "\nNo run has a card yet.\n")
    run(tmp_path, "check")

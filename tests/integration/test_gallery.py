"""benchmarks/gallery.py: cards of real runs, and what gets none."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from evaluate_helpers import EYES, made_up_cas, read
from gallery_helpers import PAGE, ROOT, card_of, gallery, run
from PIL import Image
from run_helpers import acgan, stats_rows

from acgan.api import resolve_config
from acgan.errors import ConfigError, RunError
from acgan.evaluation import Scores
from acgan.plots.grid import write_png
from acgan.plots.page import ClassPage
from acgan.sampling import grid, load_generator

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

EVALUATE = importlib.import_module("acgan.api.evaluate")  # ``acgan.api.evaluate`` is the function


def test_scores_are_those_of_acgan_evaluate(gallery_run: Path, small_gallery: Path, tmp_path: Path) -> None:
    result = acgan("evaluate", str(gallery_run), "--json", str(tmp_path / "evaluation.json"))
    assert result.exit_code == 0, result.output
    expected, card = read(tmp_path / "evaluation.json"), card_of(small_gallery, "tiny")
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


def test_whether_samples_help_is_told(
    gallery_run: Path, gallery_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = made_up_cas(["3", "8"], num_images=40)
    monkeypatch.setattr(EVALUATE, "classification_accuracy_score", lambda *args, **keywords: expected)
    run(gallery_copy, "add", gallery_run, "--name", "helped", "--cas")
    run(gallery_copy, "table")
    card = card_of(gallery_copy, "helped")
    assert card["scores"].keys() == card_of(gallery_copy, "tiny")["scores"].keys()
    assert card["cas"]["verdict"] == expected.verdict
    assert card["cas"]["cas_both"] == pytest.approx(expected.both.mean, rel=1e-3)
    assert card["cas"]["cas_gain"]["low"] == pytest.approx(expected.gain.low, rel=1e-3)
    assert card["verdict"][-1] == f"For a classifier: {expected.verdict}."
    [row] = [line for line in (gallery_copy / PAGE).read_text("utf-8").splitlines() if "helped.json" in line]
    assert f"{expected.verdict.partition(':')[0]}, {100 * expected.gain.value:+.1f} points (" in row
    assert "cas" not in card_of(gallery_copy, "tiny")


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


def test_the_picture_is_the_generators(gallery_run: Path, small_gallery: Path, tmp_path: Path) -> None:
    for name, which in (("tiny", "best"), ("early", "last")):
        write_png(grid(load_generator(gallery_run, which=which), 10), tmp_path / "expected.png")
        assert (small_gallery / "samples" / f"{name}.png").read_bytes() == (
            tmp_path / "expected.png"
        ).read_bytes()
        generator = card_of(small_gallery, name)["picture"]["generator"]
        assert generator == ("generator-best.safetensors" if which == "best" else "generator.safetensors")
    page = ClassPage.planned(load_generator(gallery_run).class_names, 10, 16)
    assert Image.open(small_gallery / "samples" / "tiny.png").size == (page.width, page.height)


def test_a_card_says_where_it_comes_from(gallery_run: Path, small_gallery: Path) -> None:
    text = (small_gallery / "samples" / "tiny.json").read_text(encoding="utf-8")
    card = json.loads(text)
    assert (card["name"], card["failure"], card["seed"], card["images_shown"]) == ("tiny", False, 5, 320)
    assert (card["recipe"], card["data"], card["torch"]) == ("digits", "digits", torch.__version__)
    rows = [
        json.loads(line) for line in (gallery_run / "stats.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert card["trained_sec"] == pytest.approx(rows[-1]["time/trained_sec"], abs=0.051)
    assert card["images_per_sec"] == pytest.approx(320 / rows[-1]["time/trained_sec"], rel=1e-3)
    assert card["evaluation"]["generator"]["nimg"] in (160, 320)
    assert card["code"] is None or len(card["code"]["commit"]) == 40
    assert str(gallery_run.parent) not in text
    assert str(ROOT) not in text
    assert text == json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert len(text) < 12_000


def test_the_monitors_last_words_are_told(gallery_run: Path, small_gallery: Path) -> None:
    looks = [row for row in stats_rows(gallery_run) if "monitor/collapsed_classes" in row]
    monitor = card_of(small_gallery, "early")["monitor"]
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


def test_nothing_is_written_of_what_is_refused(gallery_run: Path, gallery_copy: Path, tmp_path: Path) -> None:
    unfinished = Path(shutil.copytree(gallery_run, tmp_path / "unfinished"))
    text = (unfinished / "config.yaml").read_text(encoding="utf-8")
    changed = text.replace("total_nimg: 320", "total_nimg: 640")
    assert changed != text
    (unfinished / "config.yaml").write_text(changed, encoding="utf-8")
    before = sorted(path.name for path in (gallery_copy / "samples").iterdir())
    with pytest.raises(RunError, match="320 of 640 images shown"):
        run(gallery_copy, "add", unfinished)
    for options in (["--command", "acgan train --data /mnt/x"], ["--name", "../x"]):
        with pytest.raises(ConfigError):
            run(gallery_copy, "add", gallery_run, *options)
    assert sorted(path.name for path in (gallery_copy / "samples").iterdir()) == before


def test_a_run_that_lost_patience_is_finished(gallery_run: Path, tmp_path: Path) -> None:
    """Its best was the first look, at 160 images; it ended 160 images later."""
    patient = Path(shutil.copytree(gallery_run, tmp_path / "patient"))
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

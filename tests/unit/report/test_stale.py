"""An evaluation of an earlier state is not taken for one of the generator that there is now."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import DENSITY, make_evaluation, make_run

from acgan.report.gan import GanMaterial, classes_section, gan_page
from acgan.report.gather import KnownRun, gather_run
from acgan.report.side_by_side import compared_page
from acgan.report.watched import later_warnings
from acgan.report.words import judge_gan


def _evaluated(directory: Path, before: int, now: int, **best: int) -> KnownRun:
    """A run whose generator was evaluated at one moment, and is of another."""
    old = make_run(directory / "old" / "run", nimg=before, **best)
    run = make_run(directory / "run", nimg=now, **best)
    make_evaluation(run, {DENSITY: (0.4,)}, [old], which="best" if best else "last")
    with (run / "stats.jsonl").open("a") as file:
        file.write(f'{{"nimg": {now}, "monitor/collapsed_classes": 2.0}}\n')
    return gather_run(run, {"task": "gan", "train": {"total_nimg": 1000}}, {})


def test_the_verdict_says_what_it_is_of_and_the_first_advice_is_to_evaluate(tmp_path: Path) -> None:
    run = _evaluated(tmp_path, 400, 900)
    judged = judge_gan(run)
    assert judged.stale is not None
    assert judged.stale.startswith("This is of the generator at 400 images; the run's generator has 900 now.")
    assert judged.advice[0].text.startswith("Evaluate again")
    assert (judged.advice[0].command or "").split()[:2] == ["acgan", "evaluate"]
    assert classes_section(run).values["stale"] == judged.stale


def test_a_generator_that_is_as_it_was_evaluated_needs_no_word(tmp_path: Path) -> None:
    assert judge_gan(_evaluated(tmp_path, 900, 900)).stale is None


def test_a_best_generator_stays_the_best_while_the_training_goes_on(tmp_path: Path) -> None:
    """Fails where images shown to the run are compared, and not those of the file that was evaluated."""
    assert judge_gan(_evaluated(tmp_path, 400, 900, best_at=300)).stale is None


def test_what_the_monitor_saw_later_stands_beside_it(tmp_path: Path) -> None:
    run = _evaluated(tmp_path, 400, 900)
    assert run.scores is not None
    assert run.evaluated_nimg == 400

    assert list(later_warnings(run)) == ["Later, at 900 images, the training's monitor warned of 2 classes."]


@pytest.mark.parametrize(("now", "told"), [(900, True), (400, False)])
def test_pages_have_it_in_the_box(tmp_path: Path, now: int, told: bool) -> None:

    material = GanMaterial(_evaluated(tmp_path, 400, now), None, None, None, None)
    page = gan_page(material).html()
    box = page[page.index('class="verdict ') :]
    assert ("This is of the generator at 400 images" in box[: box.index("</p>")]) is told
    beside = compared_page([material, material]).html()
    assert ("This is of the generator at 400 images" in beside) is told

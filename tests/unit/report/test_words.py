"""Words on runs: what is known is said with its numbers, what is not with the command that finds it out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acgan.evaluation import Scores, Summary
from acgan.report.commands import evaluate_command
from acgan.report.gan import classes_section
from acgan.report.gather import KnownRun
from acgan.report.history import diversity_section
from acgan.report.judgement import Judgement
from acgan.report.words import judge_gan

EYES = "[digits@738debee]"
GOOD = {"precision": 0.95, "coverage": 0.97, "recall": 0.95}


def _scores(count: int = 2_000, **values: float) -> Scores:
    """Scores of so many samples, whose floors are those of good ones."""
    own = {f"{name}{EYES}": Summary(value, 0.001) for name, value in {**GOOD, **values}.items()}
    floor = {f"{name}{EYES}": Summary(value, 0.001) for name, value in GOOD.items()}
    provenance: dict[str, Any] = {
        "floor_images": count, "samples_by_class": [count], "reference_by_class": [count], "num_images": count,
        "reference_spread": 1.0, "repeats": 5, "generators": [],
    }  # fmt: skip
    return Scores(provenance, own, floor, own, {}, {}, {}, None)


def _run(scores: Scores | None = None, records: tuple[dict[str, float], ...] = (), **config: Any) -> KnownRun:
    values = {"train": {"total_nimg": 1000}, "data": {"source": "pets"}, **config}
    return KnownRun(Path("runs/pets"), values, records, {}, scores)


def _answer(judged: Judgement, start: str) -> tuple[str, str, str | None]:
    found = next(one for one in judged.answers if one.question.startswith(start))
    return found.short, found.state, found.command


def test_a_judge_that_errs_on_real_images_makes_nothing_good() -> None:
    scores = _scores(5_000)
    judge = {"classifier": {"name": "x"}, "extractor": {"name": "x"}, "reference_by_class": [50, 50]}
    accuracy = {f"class_accuracy{EYES}": Summary(0.63, 0.001)}
    weak = replace(
        scores,
        provenance=scores.provenance | judge,
        floor={**scores.floor, **accuracy},
        at_floor_count={**scores.at_floor_count, **accuracy},
    )
    judged = judge_gan(_run(weak))
    assert judged.state == "unknown"
    assert judged.sentence == (
        "Not known: the classifier that judges the samples errs too often on real images."
    )
    assert judged.findings[0].startswith("Weak judge: this classifier names only 63%")


def test_a_run_that_was_never_evaluated() -> None:
    judged = judge_gan(_run(records=({"nimg": 1000, "evaluate/fcd2k_val[x@1]": 3.25},)))
    assert judged.state == "unknown"
    assert "Not known" in judged.sentence
    assert "acgan evaluate runs/pets" in judged.basis
    assert "fcd2k_val[x@1] 3.25 at 1,000 images" in judged.basis
    assert {one.state for one in judged.answers} == {"unknown"}
    assert all(one.command for one in judged.answers)
    assert judged.advice[0].command == "acgan evaluate runs/pets"


def test_without_features_a_classifier_comes_first() -> None:
    settings = ("data.on_error=skip", "data.classes={cat: [a b]}")
    run = replace(_run(), data_settings=settings, extractor_at_hand=False)
    judged = judge_gan(run)
    first = (
        "acgan classify train --data pets --run-dir runs/pets-judge --set data.on_error=skip "
        "--set 'data.classes={cat: [a b]}'"
    )
    then = "acgan evaluate runs/pets --extractor runs/pets-judge"
    assert [one.command for one in judged.advice][:2] == [first, then]
    assert f"`{first}`, and then `{then}` does that" in judged.basis
    unknown = [one for one in judged.answers if not one.question.startswith("Do they help")]
    assert all(one.two_steps and one.command is None for one in unknown)


@pytest.mark.parametrize(
    ("asked", "there", "option"),
    [
        ("runs/my judge", False, "--extractor 'runs/my judge' "),
        (None, True, ""),
        (None, False, "--extractor RUN_OR_FILE "),  # of an evaluation that does not say it
    ],
)
def test_several_draws_are_scored_with_the_same_extractor(
    asked: str | None, there: bool, option: str
) -> None:
    scores = _scores(40)
    scores.provenance.update(repeats=1, extractor={"name": "x@1"}, extractor_asked_for=asked)
    run = replace(_run(scores), extractor_at_hand=there)
    advice = {one.command: one.text for one in judge_gan(run).advice}
    commands = list(advice)
    assert f"acgan evaluate runs/pets {option}--repeats 5" in commands
    told = advice[f"acgan evaluate runs/pets {option}--repeats 5"]
    assert ("RUN_OR_FILE stands for x@1" in told) is ("RUN_OR_FILE" in option)
    assert "acgan evaluate runs/pets --metrics cas" in commands  # which takes no extractor


def test_paths_of_commands_hold_beside_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = _scores(40)
    judge, weights = tmp_path / "runs" / "judge", tmp_path / "w.pth"
    scores.provenance.update(extractor_asked_for=str(judge), weights_asked_for=str(weights))
    run, here = _run(scores), tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    assert evaluate_command(run) == "acgan evaluate runs/pets --extractor runs/judge --weights w.pth"
    far = replace(run, directory=tmp_path / "runs" / "pets")
    assert f"--extractor {judge} --weights {weights}" in evaluate_command(far), "pasted from anywhere"
    here.mkdir()
    monkeypatch.chdir(here)
    assert f"--extractor {judge} --weights {weights}" in evaluate_command(
        replace(run, directory=Path("../pets"))
    )
    scores.provenance.update(
        extractor_asked_for="inception", weights_asked_for=None, resize_asked_for="clean"
    )
    assert evaluate_command(run) == "acgan evaluate runs/pets --extractor inception --resize clean"


@pytest.mark.parametrize(
    ("values", "count", "state", "word"),
    [
        ({}, 5_000, "good", "Good."),
        ({"coverage": 0.85}, 2_000, "fair", "Usable."),
        ({"precision": 0.4}, 2_000, "bad", "Poor."),
        ({"coverage": 0.05}, 2_000, "bad", "Collapsed."),
        ({}, 10, "unknown", "Not known"),
    ],
)
def test_the_verdict_in_words(values: dict[str, float], count: int, state: str, word: str) -> None:
    judged = judge_gan(_run(_scores(count, **values)))
    assert judged.state == state
    assert judged.sentence.startswith(word)
    assert f"{count:,} samples against as many real images" in judged.basis


def test_each_number_has_its_floor_beside_it() -> None:
    judged = judge_gan(_run(_scores(coverage=0.05)))
    short, state, _ = _answer(judged, "Did it collapse")
    assert (short, state) == ("Yes", "bad")
    text = next(one.text for one in judged.answers if one.question.startswith("Did it collapse"))
    assert "coverage 0.050 (real images 0.970" in text


def test_no_fault_is_no_praise_where_one_is_not_excluded() -> None:
    """Fails where "no" in green stands for what few images cannot tell."""
    assert _answer(judge_gan(_run(_scores(30))), "Did it collapse") == (
        "No sign of it, nor is it excluded",
        "unknown",
        None,
    )
    assert _answer(judge_gan(_run(_scores(5_000))), "Did it collapse") == ("No", "good", None)


@pytest.mark.parametrize(
    ("gain", "short", "state"),
    [
        ((0.01, 0.03), "Yes", "good"),
        ((-0.01, 0.02), "Not shown", "fair"),
        ((-0.03, -0.01), "No, they harm", "bad"),
    ],
)
def test_the_use_to_a_classifier(gain: tuple[float, float], short: str, state: str) -> None:
    scores = _scores()
    found = {
        "cas_gain": {"value": 0.0, "low": gain[0], "high": gain[1]},
        "verdict": "it is so",
        "provenance": {},
    }
    helped = Scores(*list(vars(scores).values())[:-1], found)
    assert _answer(judge_gan(_run(helped)), "Do they help")[:2] == (short, state)
    assert _answer(judge_gan(_run(scores)), "Do they help") == (
        "Not known",
        "unknown",
        "acgan evaluate runs/pets --metrics cas",
    )


def test_the_monitor_speaks_where_nothing_was_evaluated() -> None:
    seen = {"monitor/collapsed_classes": 1.0, "monitor/coverage/cat": 0.1, "monitor/coverage/dog": 0.7}
    judged = judge_gan(_run(records=({"nimg": 500, **seen},)))
    assert _answer(judged, "Did it collapse")[:2] == ("There is a warning for 1 class", "fair")
    assert _answer(judged, "Which class")[0] == "Perhaps cat"
    assert judged.advice[-1].command == "acgan train runs/pets"  # half of it is still to come


def test_a_directory_is_quoted_for_the_shell() -> None:
    run = KnownRun(Path("my runs/a; rm"), {"train": {"total_nimg": 1}}, (), {}, None)
    assert "acgan evaluate 'my runs/a; rm'" in judge_gan(run).basis


def _watched(*names: str, **coverage: float) -> KnownRun:
    seen = {
        "monitor/collapsed_classes": 0.0,
        **{f"monitor/coverage/{name}": at for name, at in coverage.items()},
    }
    counts = dict.fromkeys(coverage, 50) | dict.fromkeys(names, 6)
    provenance = {"data": {"name": "pets", "images": {"train": counts}}}
    return replace(_run(records=({"nimg": 500, **seen},)), provenance=provenance)


def test_a_class_that_the_monitor_did_not_look_at_is_named() -> None:
    """Fails where a class of few images vanishes from what is said of all."""
    run = _watched("frogs", cat=0.9, dog=0.7)
    sentence = "The monitor did not look at “frogs” (6 training images): it needs 20 of a class."
    answers = {one.question.split()[0]: one for one in judge_gan(run).answers[:3]}
    assert answers["Which"].text.endswith(sentence)
    assert answers["Did"].text.endswith(sentence)
    assert answers["Did"].short == "The training saw no sign of it, where it looked"
    section = diversity_section(run)
    assert section.values["left_out"] == sentence
    assert [cell.text for cell in section.values["table"].rows[2]] == ["frogs", "–", "–", "–"]
    assert "did not look" not in judge_gan(_watched(cat=0.9, dog=0.7)).answers[1].text


def test_classes_that_an_evaluation_cannot_judge_are_named() -> None:
    scores = _scores(60)
    scores.provenance.update(samples_by_class=[40, 30, 1], reference_by_class=[40, 30, 1])
    of_classes = {
        name: {f"kid{EYES}": kid, f"class_accuracy{EYES}": 0.5}
        for name, kid in (("cat", 0.1), ("dog", 0.3), ("frogs", None))
    }
    halves = {name: {f"class_accuracy{EYES}": 0.5} for name in ("cat", "dog")}
    run = _run(replace(scores, per_class=of_classes, at_floor_count_per_class=halves, floor_per_class=halves))
    answers = {one.question.split()[0]: one for one in judge_gan(run).answers[:3]}
    assert answers["Which"].text.endswith("to judge by themselves: “frogs” (1 image).")
    assert answers["Did"].text.endswith("to judge by themselves: “frogs” (1 image).")
    _, note = classes_section(run).values["notes"]
    assert note.startswith("No bar of Class accuracy for “frogs” (1 image): too few")


def test_bars_of_halves_say_why_the_table_differs() -> None:
    scores = _scores(60)
    scores.provenance.update(num_images=119, samples_by_class=[60, 59], reference_by_class=[60, 59])
    whole = {name: {f"class_accuracy{EYES}": 0.3} for name in ("cat", "dog")}
    halves = {name: {f"class_accuracy{EYES}": 0.5} for name in ("cat", "dog")}
    run = _run(replace(scores, per_class=whole, at_floor_count_per_class=halves, floor_per_class=halves))
    (note,) = classes_section(run).values["notes"]
    assert note.startswith("The bars of Class accuracy are means over halves of the samples, 60 of 119")


def test_classes_that_are_alike_are_named() -> None:
    """Fails where "2 classes" reads as a class of that name."""
    found = judge_gan(_watched(**{"2": 0.9, "3": 1.0, "7": 0.9})).answers[1]
    assert found.short == "Several alike"
    assert "samples of each of the classes “2” and “7” covered 90% of its training images" in found.text


@pytest.mark.parametrize(("warned", "told"), [(0.0, True), (1.0, False)])
def test_a_curve_beyond_its_limit_without_a_warning_is_explained(warned: float, told: bool) -> None:
    """Fails where a curve lies below "warns here" and the text says that the monitor never warned."""
    looks = [(100, 0.1, warned), (900, 0.8, 0.0)]
    records = tuple(
        {"nimg": nimg, "monitor/coverage/cat": covered, "monitor/collapsed_classes": number}
        for nimg, covered, number in looks
    )
    section = diversity_section(_run(records=records, monitor={"min_coverage": 0.2}))
    early = section.values["early"]
    assert (early is not None) is told
    if told:
        assert "In the first 20% of a training, up to 200 images, the monitor does not warn" in early
    assert "lowest to highest class" in section.values["figures"][0]  # the band, in the legend

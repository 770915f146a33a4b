"""Answers of the page of ``acgan explore``: pictures, headings and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sampler_helpers import make_sampler

from acgan.exploring import Explorer

gradio = pytest.importorskip("gradio", reason="no Gradio: pip install 'acgan[explore]'")
Answers = pytest.importorskip("acgan.exploring.answers").Answers
NAMES = ("<b>x</b>", "*y*\n# z", "c")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings of the page."""
    found: list[str] = []
    monkeypatch.setattr(gradio, "Warning", found.append)
    return found


@pytest.fixture
def answers(tmp_path: Path) -> Any:
    return Answers(Explorer("run", make_sampler(image_channels=1, class_names=NAMES), None, None), tmp_path)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda answers: answers.draw([], 8, 0, 0, 1), "Choose a class"),
        (lambda answers: answers.draw([0], 8, 0, -1, 1), "Seed"),
        (lambda answers: answers.mix(0, 1, 8, 0, 1, 0, 0), "every share is 0"),
        (lambda answers: answers.mix(0.5, 1, 8, 0, 1, 1, 1), "Seed"),
        (lambda answers: answers.path(None, 0, 1, 0, 1), "Choose a class"),
        (lambda answers: answers.path(0, 64, 1, 0, 1), "From image number"),
        (lambda answers: answers.path(0, 0, -1, 0, 1), "To image number"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    answers: Any, told: list[str], ask: Any, expected: str
) -> None:
    assert ask(answers) == gradio.skip()
    assert len(told) == 1
    assert expected in told[0]


def test_the_same_things_are_shown_for_every_question(answers: Any, told: list[str], tmp_path: Path) -> None:
    of_classes = answers.draw([0, 2], 3, 0, None, 1)
    of_mix = answers.mix(1, 1, 2, 0, 1, 0.5, 0.5)
    of_path = answers.path(2, None, 5, None, 1)
    assert [len(shown[0]) for shown in (of_classes, of_mix, of_path)] == [6, 2, 10]
    assert {len(shown) for shown in (of_classes, of_mix, of_path)} == {7}
    assert "Path of c from image 0 to image 5, seed 0" in of_path[1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["samples.npz", "samples.png", "samples.zip"]
    assert told == []


def test_names_are_no_markup(answers: Any) -> None:
    title = answers.draw([0, 1], 1, 0, 0, 1)[1].splitlines()[0]
    assert title.startswith("### Samples of ")
    assert not set("<>*\n") & set(title)
    assert title.count("#") == 3 + title.count("&#")


def test_around_a_sample_without_training_images(answers: Any) -> None:
    (sample,) = answers.draw([2], 1, 0, 0, 1)[0]
    heading, around, told_near, near, _ = answers.look(sample, 0.3, None)
    assert "c&#44; image 0" in heading
    assert (len(around), near) == (8, [])
    assert "not at hand" in told_near

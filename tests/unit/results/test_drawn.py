"""Pictures of several runs: their values, and that they can be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from made_runs import EYES, FCD, RECALL, VALIDATION, make_evaluation, make_run, make_variant

from acgan.cli import main
from acgan.plots.results import bars_picture, curves_picture
from acgan.results import class_order, class_values, find_variants, training_curves, truncation_curves

KID = f"kid{EYES}"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for name, shift in (("a", 0.0), ("b_$x$", 1.0)):
        classes = {"cat": {KID: (1.0 + shift, 2.0), FCD: (None, None)}, "dog": {KID: (3.0, 4.0)}}
        overall = {FCD: (5.0, 6.0), RECALL: (0.5, 0.6)}
        variant = make_variant(tmp_path / name, overall, per_class=classes, curve=(9.0, 5.0 + shift, 4.0))
        make_evaluation(variant / "seed0", {FCD: (7.0,)}, file="evaluations/half.json", truncation=0.5)
        # Others that differ in more are no part of the curve.
        make_evaluation(variant / "seed0", {FCD: (9.0,)}, file="few.json", truncation=0.7, num_images=20)
        make_evaluation(
            variant / "seed0", {FCD: (9.0,)}, [variant / "seed1"], file="one.json", truncation=0.6
        )
    return tmp_path


def test_curves_are_the_scores_of_the_training(sweep: Path) -> None:
    panels = training_curves(find_variants([sweep]))
    [title] = panels
    assert VALIDATION.removeprefix("evaluate/") in title
    assert panels[title]["b_$x$"] == [{333.0: 9.0, 666.0: 6.0, 1000.0: 4.0}] * 2


def test_bars_are_the_scores_of_the_classes(sweep: Path) -> None:
    panels = class_values(find_variants([sweep]), None)
    assert panels == {
        f"KID{EYES}, lower is better": {
            "a": {"cat": [1.0, 2.0], "dog": [3.0, 4.0]},
            "b_$x$": {"cat": [2.0, 2.0], "dog": [3.0, 4.0]},
        }
    }
    assert class_order(panels) == ["cat", "dog"]
    assert class_values(find_variants([sweep]), {"recall"}) == {}


def test_truncations_are_those_of_all_evaluations_of_a_run(sweep: Path) -> None:
    panels = truncation_curves(find_variants([sweep]), None)
    # Only the first seed was evaluated at two; recall at one.
    assert panels == {
        f"FCD{EYES}, lower is better": {name: [{0.5: 7.0, 1.0: 5.0}] for name in ("a", "b_$x$")}
    }


def test_means_and_bands_are_those_of_the_seeds() -> None:
    lines = [{0.0: 1.0, 1.0: 2.0}, {0.0: 3.0, 1.0: 5.0, 2.0: 7.0}]
    figure = curves_picture({"score": {"a": lines}}, xlabel="images")
    [axes] = figure.axes
    mean = axes.lines[-1]
    assert list(mean.get_xdata()) == [0.0, 1.0]  # one seed alone is no mean of two
    assert list(mean.get_ydata()) == [2.0, 3.5]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(3.5 + np.std([2, 5], ddof=1))


def test_one_seed_has_no_band_and_no_whisker() -> None:
    [axes] = curves_picture({"score": {"a": [{0.0: 1.0, 1.0: 2.0}]}}, xlabel="images").axes
    assert not axes.collections
    [axes] = bars_picture({"score": {"a": {"cat": [1.0]}}}, ["cat", "dog"]).axes
    assert not axes.collections
    assert len(axes.patches) == 1


def test_one_command_draws_all(sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    result = CliRunner().invoke(main, ["plot", str(sweep), "--out", str(out)])
    assert result.exit_code == 0, result.output
    names = ("classes.png", "curves.png", "truncation.png")
    assert sorted(file.name for file in out.iterdir()) == sorted(names)
    assert all((out / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    make_evaluation(make_run(tmp_path / "run"), {FCD: (5.0,)})
    result = CliRunner().invoke(main, ["plot", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        "no curves.png",
        "no classes.png",
        "no truncation.png",
    ]


def test_a_stopped_run_without_scores_has_curves(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", nimg=400, curve=(5.0, 4.0))
    result = CliRunner().invoke(main, ["plot", str(run)])
    assert result.exit_code == 0, result.output
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert f"note: {run}: stopped at 400 of 1,000 images" in result.output

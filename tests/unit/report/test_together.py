"""An evaluation of all seeds together is what the page of their directory tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import DENSITY, FCD, make_evaluation, make_run

from acgan.api.report import write_report


@pytest.mark.parametrize("evaluated", [True, False])
def test_the_page_of_seeds_has_their_common_evaluation(tmp_path: Path, evaluated: bool) -> None:
    """Fails where each run is called never evaluated, beside scores of all of them."""
    seeds = tmp_path / "seeds"
    runs = [make_run(seeds / f"seed{seed}", seed=seed) for seed in range(2)]
    if evaluated:
        make_evaluation(seeds, {FCD: (31.5, 42.25), DENSITY: (0.4, 0.3)}, runs)
    page = write_report(seeds).read_text()
    assert ("Poor. The samples are far worse" in page) is evaluated
    assert ("FCD 31.500, of all samples" in page) is evaluated
    assert ("FCD 42.250, of all samples" in page) is evaluated
    assert ("not evaluated" in page) is not evaluated
    assert ("The run was never evaluated" in page) is not evaluated
    assert ("differ by their seeds alone" in page) is evaluated


def test_a_training_that_went_on_is_told(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    runs = [make_run(seeds / f"seed{seed}", seed=seed, nimg=500) for seed in range(2)]
    make_evaluation(seeds, {DENSITY: (0.4, 0.3)}, runs)
    later = make_run(tmp_path / "later", seed=1, nimg=800)
    (later / "generator.safetensors").replace(runs[1] / "generator.safetensors")
    page = write_report(seeds).read_text()
    assert "This is of the generator at 500 images; the run" in page
    assert "Evaluate again" in page

"""The configuration of a run that is read for tables: what is none of a training is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_runs import make_run

from acgan.errors import RunError
from acgan.evaluation.trained_run import read_run


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train: {batch_size: 10}", "no configuration of a training"),
        ("train: {total_nimg: many}", "no configuration of a training"),
        ("train: {total_nimg: .nan}", "no configuration of a training"),
        ("train: {total_nimg: [1]}", "no configuration of a training"),
        ("train: {total_nimg: 10, patience_nimg: soon}", "no configuration of a training"),
        ("{seed: x, train: {total_nimg: 10}}", "no configuration of a training"),
        ("", "no configuration of a training"),
        ("[" * 5000, "cannot be read"),
        ("train: [", "cannot be read"),
    ],
)
def test_a_configuration_that_is_none_is_refused(text: str, told: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", nimg=0)
    file = run / "config.yaml"
    file.write_text(text)
    with pytest.raises(RunError, match=f"{re.escape(str(file))}: {told}"):
        read_run(run)

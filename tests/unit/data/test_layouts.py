"""Every layout of ``layout_cases.py``: read with its right classes and parts, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from data_helpers import zip_folder
from layout_cases import CASES
from layout_tree import Case, make

from acgan.config.shared import DataConfig
from acgan.data.layouts.folders import FOLDER_LAYOUTS
from acgan.errors import DataError
from acgan.types import Dataset

Load = Callable[..., Dataset]


def counts(data: Dataset) -> dict[str, tuple[int, int]]:
    """Class name -> training and held-out images."""
    parts = [
        np.bincount(part.labels, minlength=part.num_classes).tolist() for part in (data.train, data.test)
    ]
    return dict(zip(data.train.class_names, zip(*parts, strict=True), strict=True))


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layout(case: Case, zipped: bool, load: Load, tmp_path: Path) -> None:
    if zipped and not case.zipped:
        pytest.skip("a file of its own")
    folder = make(case, tmp_path / "set")
    source = zip_folder(folder) if zipped else folder / case.data
    if case.error:
        with pytest.raises(DataError) as caught:
            load(source, **case.options)
        assert re.search(case.error, str(caught.value), re.DOTALL), str(caught.value)
        return
    data = load(source, **case.options)
    assert counts(data) == dict(case.classes)
    assert re.search(case.warns, "\n".join(data.warnings)) if case.warns else not data.warnings
    assert re.search(case.notes, "\n".join(data.notes))
    assert data.report is not None
    assert data.report.reading.why


def test_cases_are_many_and_differ() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_layouts_are_those_of_the_configuration() -> None:
    keys = get_args(DataConfig.model_fields["layout"].annotation)
    assert set(keys) == {"auto", "list", *FOLDER_LAYOUTS}

"""Findings on sampling: both sides draw and write the same number of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sampler_helpers import make_sampler

from acgan.benchmarking import sampling
from acgan.benchmarking.sampling import measure_sampling


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of few images."""
    monkeypatch.setattr(sampling, "_LEAST_IMAGES", 1)
    monkeypatch.setattr(sampling, "CHUNK", 4)


def test_both_sides_draw_and_write_all_images(tmp_path: Path) -> None:
    findings = measure_sampling(make_sampler(image_channels=3), tmp_path, rounds=2, threads=1)
    assert [ratio.name for ratio in findings.ratios[::2]] == [
        f"{way}, acgan : plain" for way in ("to memory", "to .npz", "to PNG files")
    ]
    assert {len(ratio.rounds) for ratio in findings.ratios} == {2}
    for cells in findings.tables["speed"].values():
        assert set(cells) == {"acgan (images/s)", "plain (images/s)"}
        assert min(cells.values()) > 0
    arrays = [np.load(file)["images"] for file in sorted(tmp_path.glob("*.npz"))]
    assert len(arrays) == 2 * 3, "two sides, once to warm up and twice"
    assert {len(one) for one in arrays} == {3 * 4}
    folders = [entry for entry in tmp_path.iterdir() if entry.is_dir()]
    assert {len(list(folder.rglob("*.png"))) for folder in folders} == {3 * 4}
    side = make_sampler(image_channels=3).generator.resolution
    picture = next(folders[0].rglob("*.png"))
    assert (Image.open(picture).mode, Image.open(picture).size) == ("RGB", (side, side))


def test_of_many_classes_some_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_MOST_CLASSES", 2)
    findings = measure_sampling(make_sampler(), tmp_path, rounds=1, threads=1)
    assert f"turns of {2 * 4} images" in findings.compared

"""Findings on FID: both sides see the same files and weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gan_helpers import CPU, gan_store
from pytorch_fid import fid_score, inception

from acgan.benchmarking import fid
from acgan.benchmarking.fid import measure_fid, random_weights
from acgan.benchmarking.pictures import write_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pictures(gan_store(channels=1), tmp_path / "pictures", 6)
    return tmp_path / "pictures"


def test_both_extract_and_give_one_distance(
    folder: Path, inception_weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = inception.load_state_dict_from_url
    findings = measure_fid(folder, inception_weights, CPU, rounds=2, threads=1, dims=64)
    assert inception.load_state_dict_from_url is own
    extraction, _, distance, _ = findings.ratios
    assert (extraction.name, len(extraction.rounds)) == ("extraction, acgan : pytorch-fid", 2)
    assert distance.name == "Fréchet distance, acgan : pytorch-fid"
    for name in ("acgan", "pytorch-fid"):
        assert set(findings.tables["speed"][name]) == {"extraction (images/s)", "Fréchet distance (s)"}
    values = [float(word) for word in findings.remarks[0].replace(",", "").split() if word[0].isdigit()]
    assert len(values) == 2
    assert values[0] == pytest.approx(values[1], rel=1e-4)
    assert capfd.readouterr() == ("", ""), "no bar of pytorch-fid's"


def test_both_have_the_same_statistics(folder: Path, inception_weights: Path) -> None:
    ours, theirs = fid._extractions(folder, inception_weights, CPU, 64)
    found, (mean, covariance) = ours(), theirs()
    torch.testing.assert_close(found.mean, torch.from_numpy(mean).double(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.covariance, torch.from_numpy(covariance).double(), atol=1e-3, rtol=1e-2)


def test_where_their_distance_breaks_it_is_told(
    folder: Path, inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> float:
        raise TypeError("sqrtm() got an unexpected keyword argument 'disp'")

    monkeypatch.setattr(fid_score, "calculate_frechet_distance", broken)
    findings = measure_fid(folder, inception_weights, CPU, rounds=1, threads=1, dims=64)
    assert [ratio.name for ratio in findings.ratios] == [
        "extraction, acgan : pytorch-fid",
        "extraction, acgan : pytorch-fid, by processor time",
    ]
    assert "pytorch-fid's own distance fails here: sqrtm() got" in findings.remarks[0]
    assert findings.tables["speed"]["acgan"]["Fréchet distance (s)"] > 0


def test_random_weights_change_nothing_else(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    tensors = torch.load(random_weights(tmp_path / "weights.pth"), weights_only=True)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert tensors["fc.weight"].shape == (1008, 2048)

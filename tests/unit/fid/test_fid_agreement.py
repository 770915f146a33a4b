"""Which statistics can be compared, and what the distance is then called."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from fid_helpers import Means

from acgan.errors import DataError
from acgan.fid import Saved, check_fits, few_images, shared_metric

INCEPTION = {"name": "", "sha256": "67", "dims": 6, "resize": "299 px, bilinear", "precision": "float32"}


def saved(metric: str | None, dims: int = 6, **changes: Any) -> Saved:
    extractor = {**(INCEPTION if metric == "fid" else Means().describe()), "dims": dims, **changes}
    origin = {"metric": metric, "extractor": extractor, "num_images": 9} if metric else None
    return Saved(torch.zeros(dims), torch.eye(dims), origin)


class Inception(Means):
    name = ""
    frechet = "fid"

    def describe(self) -> dict[str, object]:
        return dict(INCEPTION)


FCD = "fcd[means@00000000]"
BESIDE_FID = [("fid", "fid", ""), ("fid", None, "does not say"), (None, "fid", "does not say")]


@pytest.mark.parametrize(
    ("a", "b", "metric", "remark"),
    [
        *((a, b, "fid", remark) for a, b, remark in BESIDE_FID),
        (FCD, FCD, FCD, ""),
        (None, None, "frechet", "do not say"),
    ],
)
def test_two_files(a: str | None, b: str | None, metric: str, remark: str) -> None:
    remarks: list[str] = []
    assert shared_metric([("a.npz", saved(a)), ("b.npz", saved(b))], None, remarks.append) == metric
    assert len(remarks) == bool(remark)
    assert not remark or remark in remarks[0]


def test_one_file() -> None:
    assert shared_metric([("a.npz", saved(FCD))], 6, pytest.fail) == FCD


@pytest.mark.parametrize("key", ["name", "sha256", "resize", "precision"])
def test_files_of_different_extractors_are_refused(key: str) -> None:
    with pytest.raises(
        DataError, match=rf"b\.npz was made with another extractor than a\.npz: {key} 'x' and not"
    ):
        shared_metric([("a.npz", saved("fid")), ("b.npz", saved("fid", **{key: "x"}))], None, pytest.fail)
    other = Inception() if key != "precision" else Means()
    with pytest.raises(DataError, match=rf"a\.npz was made with another extractor than .*{key} 'x' and not"):
        check_fits("a.npz", saved("fid", **{key: "x"}), other, "fid", pytest.fail)


def test_an_unknown_file_is_of_inception_alone() -> None:
    with pytest.raises(DataError, match=r"b\.npz does not say of which extractor"):
        shared_metric([("a.npz", saved(FCD)), ("b.npz", saved(None))], None, pytest.fail)
    with pytest.raises(DataError, match=r"b\.npz does not say of which extractor"):
        check_fits("b.npz", saved(None), Means(), FCD, pytest.fail)
    remarks: list[str] = []
    check_fits("b.npz", saved(None), Inception(), "fid", remarks.append)
    check_fits("b.npz", saved(None), Inception(), "fid[inception-2048@1234]", remarks.append)
    assert len(remarks) == 2
    check_fits("b.npz", saved("fid"), Inception(), "fid", pytest.fail)


def test_numbers_of_features_must_agree() -> None:
    with pytest.raises(DataError, match=r"b\.npz holds 64 features; expected the 6 of a\.npz"):
        shared_metric([("a.npz", saved(None)), ("b.npz", saved(None, 64))], None, pytest.fail)
    with pytest.raises(DataError, match=r"a\.npz holds 6 features; expected --dims 64"):
        shared_metric([("a.npz", saved(None)), ("b.npz", saved(None))], 64, pytest.fail)
    with pytest.raises(
        DataError, match=r"a\.npz holds 64 features, and Inception makes 6\. Choose --dims 64 or"
    ):
        check_fits("a.npz", saved("fid", 64), Inception(), "fid", pytest.fail)


@pytest.mark.parametrize(
    ("metric", "dims", "enough"),
    [
        ("fid", 2048, 2048),
        ("fid[inception-64@12345678]", 64, 2048),
        ("fid", 4096, 4096),
        (FCD, 64, 128),
        ("frechet", 9, 18),
    ],
)
def test_few_images_are_warned_of(metric: str, dims: int, enough: int) -> None:
    warning = few_images("pets", enough - 1, dims, metric)
    assert f"pets has {enough - 1:,} images, fewer than {enough:,}" in warning
    assert "biased" in warning
    assert not few_images("pets", enough, dims, metric)
    assert not few_images("pets", None, dims, metric)

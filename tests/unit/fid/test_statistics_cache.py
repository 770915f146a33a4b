"""Statistics computed once."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from acgan.fid import Saved, StatisticsCache

EXTRACTOR = {"name": "", "sha256": "ab", "dims": 2, "resize": "none", "precision": "float32"}
ORIGIN = {"metric": "fid", "extractor": EXTRACTOR, "num_images": 9}


class Maker:
    """Counts how often statistics are made."""

    def __init__(self, value: float = 1.0, before: threading.Event | None = None):
        self.value, self.before, self.calls = value, before, 0

    def __call__(self) -> Saved:
        self.calls += 1
        if self.before is not None:
            assert self.before.wait(10)
        return Saved(
            torch.full((2,), self.value, dtype=torch.float64), torch.eye(2, dtype=torch.float64), ORIGIN
        )


def no_warning(message: str) -> None:
    pytest.fail(message)


def test_the_same_is_made_once_and_anything_else_anew(tmp_path: Path) -> None:
    cache = StatisticsCache(tmp_path / "statistics", no_warning)
    first, second = Maker(1), Maker(2)
    parts = {"images": "a", "rows": "b", "fitted": None, "extractor": {"name": "x", "resize": "none"}}
    assert [cache.get(parts, first)[1], cache.get(parts, first)[1], first.calls] == [False, True, 1]
    changes = [{"images": "c"}, {"rows": "c"}, {"fitted": {"side": 8}}, {"extractor": {"name": "y"}}]
    for number, change in enumerate(changes, 1):
        found, cached = cache.get({**parts, **change}, second)
        assert (found.mean.tolist(), cached, second.calls) == ([2, 2], False, number)
    found, cached = StatisticsCache(tmp_path / "statistics", no_warning).get(parts, second)
    assert (found.mean.tolist(), found.origin, cached) == ([1, 1], ORIGIN, True)


@pytest.mark.parametrize("damage", ["cut", "empty", "without origin"])
def test_a_damaged_entry_is_made_anew(damage: str, tmp_path: Path) -> None:
    cache, maker = StatisticsCache(tmp_path, no_warning), Maker()
    cache.get({"images": "a"}, maker)
    (file,) = tmp_path.glob("*.npz")
    if damage == "without origin":
        np.savez(file, mu=np.zeros(2), sigma=np.eye(2))
    else:
        file.write_bytes(file.read_bytes()[:-30] if damage == "cut" else b"")
    found, cached = cache.get({"images": "a"}, maker)
    assert (found.mean.tolist(), cached, maker.calls) == ([1, 1], False, 2)
    assert cache.get({"images": "a"}, maker)[1], "and kept"


def test_those_who_want_the_same_at_once_wait_for_the_first(tmp_path: Path) -> None:
    begun = threading.Event()
    maker = Maker(before=begun)
    found: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(StatisticsCache(tmp_path, no_warning).get({"images": "a"}, maker)[1])
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join(30)
    assert (sorted(found), maker.calls) == ([False, True, True], 1)


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = StatisticsCache(tmp_path, no_warning)

    def fail() -> Saved:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get({"images": "a"}, fail)
    assert not list(tmp_path.glob("*.npz"))
    assert cache.get({"images": "a"}, Maker()) is not None, "and the lock is free"


def test_without_a_folder_to_write_to_it_computes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    warnings: list[str] = []
    found, cached = StatisticsCache(tmp_path / "file", warnings.append).get({"images": "a"}, Maker())
    assert (found.mean.tolist(), cached) == ([1, 1], False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    found, cached = StatisticsCache(tmp_path / "full", warnings.append).get({"images": "a"}, Maker())
    assert (found.mean.tolist(), cached) == ([1, 1], False)
    assert len(warnings) == 2
    assert all("statistics are not kept" in warning and "ACGAN_CACHE" in warning for warning in warnings)


def test_what_is_not_worth_keeping_is_made_anew(tmp_path: Path) -> None:
    cache, maker = StatisticsCache(tmp_path / "statistics", no_warning), Maker()
    for _ in range(2):
        assert cache.get({"a": 1}, maker, keep=lambda made: made.mean[0] > 1)[1] is False
    assert maker.calls == 2
    assert cache.get({"a": 1}, Maker(2), keep=lambda made: made.mean[0] > 1)[1] is False
    assert cache.get({"a": 1}, maker)[1] is True

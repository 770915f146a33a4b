"""Rates: operations by seconds, on one core and on all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from gan_helpers import CPU

from acgan import parallel
from acgan.benchmarking import rates
from acgan.benchmarking.convolutions import Convolution
from acgan.benchmarking.machine import measure_machine
from acgan.benchmarking.rates import Place, compute_rates, copy_rates, places

SETTINGS = ((1, 1), (1, 1), (1, 1), False, (0, 0), 1)
SMALL = Convolution((2, 4, 4), (2, 2, 3, 3), SETTINGS)
LARGE = Convolution((4, 8, 8), (4, 4, 3, 3), SETTINGS)


@pytest.fixture
def two_cores() -> Iterator[None]:
    with parallel.using_cores(2):
        yield


@pytest.fixture
def known_sec(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, torch.dtype]]:
    """Place and dtype of each measurement; all take half a second."""
    monkeypatch.setattr(rates, "_COPIED_BYTES", 1000)
    seen: list[tuple[str, torch.dtype]] = []

    def seconds(self: Place, make: Callable[[int], Callable[[], object]]) -> float:
        out = make(0)()
        first = out[0] if isinstance(out, tuple) else out
        assert isinstance(first, torch.Tensor)
        seen.append((self.name, first.dtype))
        return 0.5

    monkeypatch.setattr(Place, "seconds", seconds)
    return seen


def test_a_rate_is_operations_by_seconds(known_sec: list[tuple[str, torch.dtype]], two_cores: None) -> None:
    found = compute_rates({SMALL: 3, LARGE: 1}, 7, CPU)
    flops = (3 * SMALL.flops(7) + LARGE.flops(7)) / 1e9
    sec = (3 + 1) * 0.5
    for dtype in ("float32", "bf16"):
        assert found.products["one core", dtype] == pytest.approx(flops / sec)
        assert found.forward["one core", dtype] == pytest.approx(flops / sec)
        assert found.with_backward["one core", dtype] == pytest.approx(3 * flops / sec)
        assert found.forward["2 cores", dtype] == pytest.approx(2 * flops / sec), "each computes its own"
    assert set(known_sec) == {
        (place, dtype) for place in ("one core", "2 cores") for dtype in (torch.float32, torch.bfloat16)
    }


def test_copies_count_what_is_read_and_what_is_written(
    monkeypatch: pytest.MonkeyPatch, two_cores: None
) -> None:
    monkeypatch.setattr(rates, "_COPIED_BYTES", 1000)
    sizes: list[int] = []

    def seconds(self: Place, make: Callable[[int], Callable[[], object]]) -> float:
        copied = make(0)()
        assert isinstance(copied, torch.Tensor)
        sizes.append(len(copied))
        return 0.5

    monkeypatch.setattr(Place, "seconds", seconds)
    assert copy_rates(CPU) == pytest.approx({"one core": 2000 / 0.5 / 1e9, "2 cores": 2000 / 0.5 / 1e9})
    assert sizes == [1000, 500]


def test_all_cores_compute_side_by_side_each_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_LEAST_SEC", 0.0)  # once a measurement
    meeting, calls = threading.Barrier(2), [0, 0]

    def make(number: int) -> Callable[[], object]:
        def operation() -> None:
            if threading.current_thread() is not threading.main_thread():  # which finds out how long it takes
                calls[number] += 1
                meeting.wait(timeout=60)  # until the other core is here, too

        return operation

    assert Place("2 cores", CPU, 2).seconds(make) > 0
    assert calls[0] == calls[1] > 1


def test_an_operation_is_timed_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(
        rates, "spent", lambda work, device: (lambda before: (work(), _Wall(now[0] - before))[1])(now[0])
    )

    def make(number: int) -> Callable[[], object]:
        def operation() -> None:
            now[0] += 0.003

        return operation

    assert Place("device", CPU, None).seconds(make) == pytest.approx(0.003)


class _Wall:
    def __init__(self, wall: float):
        self.wall = wall


def test_places(two_cores: None) -> None:
    assert [place.name for place in places(CPU)] == ["one core", "2 cores"]
    with parallel.using_cores(1):
        assert [place.name for place in places(CPU)] == ["one core"]
    assert [(place.name, place.cores) for place in places(torch.device("meta"))] == [("meta", None)]


def test_findings_on_the_machine(known_sec: list[tuple[str, torch.dtype]], two_cores: None) -> None:
    findings, found = measure_machine({SMALL: 1}, 7, CPU)
    assert {ratio.name: ratio.median for ratio in findings.ratios} == {
        "bf16 : float32, on one core": 1.0,
        "bf16 : float32, on 2 cores": 1.0,
        "2 cores : one core, in float32": 2.0,
        "2 cores : one core, in bf16": 2.0,
    }
    row = findings.tables["rates"]["convolutions, forward"]
    assert row["bf16, 2 cores (GFLOP/s)"] == found.forward["2 cores", "bf16"]

"""Parts that several processes share; here threads stand for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from acgan.parallel import Sharing, in_order_on, shared_among

CPU = torch.device("cpu")


def together(count: int, work: Callable[[Sharing], Any]) -> list[Any]:
    """Results of work done by several at once."""
    barrier, given = threading.Barrier(count, timeout=20), [None] * count

    def of(index: int) -> Any:
        def exchange(value: Any) -> list[Any]:
            given[index] = value
            barrier.wait()
            everyone = list(given)
            barrier.wait()
            return everyone

        share = Sharing(index, count, exchange)
        with shared_among(share):
            return work(share)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(of, range(count)))


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("parts", [0, 1, 5, 24, 100])
def test_each_computes_its_parts_and_has_all_results_in_order(count: int, parts: int) -> None:
    computed: list[tuple[int, int]] = []

    def work(share: Sharing) -> list[int]:
        def square(part: int) -> int:
            computed.append((share.index, part))
            return part * part

        return list(in_order_on(CPU, square, range(parts)))

    assert together(count, work) == [[part * part for part in range(parts)]] * count
    assert sorted(part for _, part in computed) == list(range(parts)), "each part once"
    assert all(part % count == index for index, part in computed)


def test_a_stream_of_results_is_shared_again() -> None:
    def work(_share: Sharing) -> list[int]:
        def doubled(part: int) -> int:
            # A part has its own parts for itself, also on a GPU, where it is computed by the caller's thread.
            return sum(in_order_on(torch.device("meta"), lambda value: value, [part, part]))

        inner: Iterator[int] = in_order_on(CPU, doubled, range(50))
        return list(in_order_on(torch.device("meta"), doubled, inner))

    assert together(2, work) == [[4 * part for part in range(50)]] * 2


def test_a_consumer_may_stop_early() -> None:
    def work(_share: Sharing) -> list[int]:
        first = [next(iter(in_order_on(CPU, lambda part: part, range(100)))) for _ in range(3)]
        return [*first, *in_order_on(CPU, lambda part: -part, range(3))]

    assert together(2, work) == [[0, 0, 0, 0, -1, -2]] * 2

"""A process that forks children in many moments, and ends in a bad one. Prints how each child fared."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from acgan import parallel
from acgan.parallel import threads

warnings.filterwarnings(
    "ignore", category=DeprecationWarning
)  # a fork of a process with threads, which is the point
_CHILD_SEC = 60
#: Of so many numbers that torch's own threads share the work on it.
LARGE = torch.ones(700, 700)


def work() -> None:
    """Parts of every kind, with right results."""
    x = torch.ones(4, requires_grad=True)

    def talk(part: int) -> list[float]:
        (gradient,) = torch.autograd.grad((x * part).sum(), x)
        return [float(one) for one in parallel.exchange(gradient[0])]

    for count in (None, 1, 3):
        with parallel.using_cores(count):
            assert parallel.together(talk, range(4)) == [[0, 1, 2, 3]] * 4
            assert list(parallel.in_order(lambda part: 2 * part, iter(range(9)))) == list(range(0, 18, 2))
            (right,) = parallel.together(
                lambda part: bool((part @ part == 700).all()), [LARGE], all_cores=True
            )
            assert right
    assert parallel.place_among_parts() == (0, 1)


def child(of_child: Callable[[], None] = work) -> str:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(_CHILD_SEC)  # it ends a child that waits for ever
            of_child()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return "well" if status == 0 else f"status {status}"


class SideBySide(Dataset[int]):
    """Items that are made of parts."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        return sum(parallel.in_order(lambda part: index * part, range(4)))


def loader() -> str:
    batches = DataLoader(SideBySide(), 3, num_workers=2, multiprocessing_context="fork", timeout=_CHILD_SEC)
    return str([batch.tolist() for batch in batches])


def go_on(stream: Iterator[int]) -> None:
    """Use a stream that the parent began, then one of this process."""
    with pytest.raises(RuntimeError, match="forked"):
        next(stream)
    work()


def beside(busy: Callable[[threading.Event], None]) -> str:
    """A child that is forked while another thread keeps the parent busy."""
    begun = threading.Event()
    threading.Thread(target=busy, args=(begun,), daemon=True).start()
    begun.wait()
    return child()


def exchanging(begun: threading.Event) -> None:
    """Parts on shared cores that exchange values for ever."""

    def talk(part: int) -> None:
        while not all(parallel.exchange(enough.is_set())):
            begun.set()

    parallel.together(talk, range(5))


def sleeping(begun: threading.Event) -> None:
    """A stream whose parts keep all cores."""

    def sleep(part: int) -> None:
        begun.set()
        enough.wait()

    list(parallel.in_order(sleep, range(9)))


def setting(begun: threading.Event) -> None:
    """A setting that changes for long."""
    with threads._setting:
        begun.set()
        enough.wait()


def again_and_again() -> None:
    while True:
        parallel.together(parallel.exchange, range(3))


if __name__ == "__main__":
    enough = threading.Event()
    torch.set_num_threads(2)
    work()
    with parallel.using_cores(2):
        found = {"after parts": child()}
    stream = parallel.in_order(lambda part: part, iter(range(20)))
    found["in a stream"] = f"{next(stream)} {child(lambda: go_on(stream))} {sum(stream)}"
    found["in parts of a stream"] = " ".join(parallel.in_order(lambda part: child(), range(2)))
    found["in parts together"] = " ".join(parallel.together(lambda part: child(), range(2)))
    found["in a single part"] = " ".join(parallel.together(lambda part: child(), [0], all_cores=True))
    found["workers of a loader"] = loader()
    for busy in (exchanging, sleeping, setting):
        found[f"beside {busy.__name__}"] = beside(busy)
    enough.set()
    for name, fared in found.items():
        print(f"{name}: {fared}")
    threading.Thread(target=again_and_again, daemon=True).start()
    time.sleep(0.1)  # the process ends while parts are computed

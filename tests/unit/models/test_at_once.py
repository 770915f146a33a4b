"""A classifier that several threads run at the same time: each gets its own outputs, and nothing stays behind."""

import threading
from collections.abc import Callable

import torch
from classifier_helpers import count_hooks
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import parallel
from acgan.models import AuxClassifier

SIDE, WAIT_SEC = 8, 60.0


class _Calling(nn.Module):
    """Counts its runs in a buffer, in eval mode too, and calls a function."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("runs", torch.zeros(()))
        self.call: Callable[[], object] = lambda: None

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        self.call()
        return x


def _classifier(freeze: str = "none") -> tuple[AuxClassifier, _Calling]:
    torch.manual_seed(0)
    calling = _Calling()
    layers = [nn.Conv2d(3, 4, 3), calling, nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)]
    aux = {"0": 0.2, "2": 0.3}
    keywords = {"image_size": SIDE, "freeze": freeze, "warn": lambda message: None}
    return AuxClassifier(nn.Sequential(*layers), 3, aux, **keywords), calling


def _images(num: int) -> Tensor:
    return torch.randn(num, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def test_each_thread_gets_the_outputs_of_its_own_images() -> None:
    classifier, calling = _classifier()
    parts = _images(6).split(2)
    expected = [classifier.all_logits(part) for part in parts]
    calling.call = lambda: parallel.exchange(None)  # all are inside
    with parallel.using_cores(2):
        found = parallel.together(classifier.all_logits, parts)
    for of_part, wanted in zip(found, expected, strict=True):
        assert list(of_part) == ["main", "0", "2"]
        assert_close(of_part, wanted)
    assert count_hooks(classifier) == 0


def test_buffers_of_a_frozen_part_stay_although_several_threads_change_them() -> None:
    classifier, calling = _classifier("backbone")
    calling.runs.fill_(5)
    inside = [threading.Event(), threading.Event()]
    first_is_done = threading.Event()

    def call() -> None:
        index, _ = parallel.place_among_parts()
        inside[index].set()
        assert (inside[1] if index == 0 else first_is_done).wait(WAIT_SEC)

    def run(images: Tensor) -> None:
        if parallel.place_among_parts()[0] == 1:
            assert inside[0].wait(WAIT_SEC)  # the buffer is another one by now
        classifier.all_logits(images)
        first_is_done.set()

    calling.call = call
    with parallel.using_cores(2):
        parallel.together(run, _images(4).split(2))
    assert calling.runs == 5

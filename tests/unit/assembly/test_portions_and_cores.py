"""Portions of a step: where there are any, and the remark on cores that they leave idle."""

import itertools
import math
import re
from dataclasses import replace

import pytest
import torch
from gan_helpers import tiny_gan

from acgan import parallel
from acgan.assembly.portions import in_portions, portion_size, remark_on_cores
from acgan.config.shared import ComputeConfig
from acgan.distributed import Ranks
from acgan.training.step import Feed

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CORES = (1, 2, 3, 5, 8, 16, 200)


def _trainings() -> list[tuple[ComputeConfig, Ranks]]:
    found = []
    for batch, world, given in itertools.product((1, 7, 12, 64, 100), (1, 2, 4), (None, 1, 3, 1000)):
        divisors = [number for number in range(1, batch + 1) if batch % number == 0]
        if batch % world == 0:
            found += [
                (ComputeConfig(batch_size=batch, micro_batch=micro, portions=given), Ranks(0, world))
                for micro in (None, *divisors)
            ]
    return found


def _micro_batch(train: ComputeConfig, ranks: Ranks) -> int:
    share = train.batch_size // ranks.world
    return min(train.micro_batch or share, share)


@pytest.fixture(scope="module")
def feed() -> Feed:
    return tiny_gan().feed


def _sizes(feed: Feed, train: ComputeConfig, ranks: Ranks) -> list[int]:
    """Sizes of the portions of the first micro-batch, as the loop computes them."""
    micro_batch = _micro_batch(train, ranks)
    batches = replace(feed, batch_size=train.batch_size)
    first = next(batches.micro_batches(micro_batch, portion_size(train, CPU, micro_batch), ranks, 0))
    return [portion.part.stop - portion.part.start for portion in first]


def _images_one_after_another(sizes: list[int], cores: int) -> int:
    """Images that a core computes one after another, at most: the time of a micro-batch."""
    return math.ceil(len(sizes) / cores) * max(sizes)


@pytest.mark.parametrize("cores", CORES)
def test_who_follows_the_remark_uses_more_cores_and_hears_no_other(cores: int, feed: Feed) -> None:
    heard = set()
    for train, ranks in _trainings():
        micro_batch = _micro_batch(train, ranks)
        with parallel.using_cores(cores):
            remark = remark_on_cores(train, CPU, micro_batch)
            before = _sizes(feed, train, ranks)
            best = math.ceil(micro_batch / min(cores, micro_batch))
            heard.add(remark is None)
            if remark is None:
                assert _images_one_after_another(before, cores) == best or len(before) >= cores
                continue
            advised = int(re.search(r"train\.portions=(\d+)", remark)[1])
            followed = train.model_copy(update={"portions": advised})
            after = _sizes(feed, followed, ranks)
            assert remark_on_cores(followed, CPU, micro_batch) is None
        assert advised <= train.batch_size
        assert f"{cores - len(before)} of {cores} cores" in remark
        assert f"uses {len(after)}" in remark
        assert len(before) < len(after) <= cores
        assert _images_one_after_another(after, cores) == best < _images_one_after_another(before, cores)
    assert heard == ({True} if cores == 1 else {True, False})


def test_the_remark_in_words() -> None:
    with parallel.using_cores(8):
        assert remark_on_cores(ComputeConfig(batch_size=64), CPU, 64) == (
            "2 portions of the batch are computed at the same time, so 6 of 8 cores stay idle; --set train.portions=8 "
            "uses 8, and other last bits come out"
        )
        one = remark_on_cores(ComputeConfig(batch_size=64, portions=1), CPU, 4)
        assert one is not None
        assert one.startswith(
            "1 portion of the batch is computed at the same time, so 7 of 8 cores stay idle"
        )
        assert "train.portions=64 uses 4," in one


@pytest.mark.parametrize(
    ("train", "device"),
    [
        (ComputeConfig(batch_size=64), CUDA),
        (ComputeConfig(batch_size=64, compile=True), CPU),
        (ComputeConfig(batch_size=64, portions=8, compile=True), CPU),
    ],
)
def test_a_gpu_and_compiled_networks_have_no_portions(train: ComputeConfig, device: torch.device) -> None:
    assert not in_portions(train, device)
    assert portion_size(train, device, 32) == 32
    with parallel.using_cores(8):
        assert remark_on_cores(train, device, 32) is None


@pytest.mark.parametrize("compiled", [False, True])
def test_layers_are_made_ready_for_portions_where_there_are_any(compiled: bool) -> None:
    gan = tiny_gan(
        "model.generator.kind=dcgan",
        "model.discriminator.kind=dcgan",
        "loss.penalty=null",
        f"train.compile={compiled}",
    )
    for network in gan.networks():
        kinds = {type(layer) for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)}
        assert (kinds == {torch.nn.BatchNorm2d}) == compiled

"""Portions of a batch at the same time: they add up to the batch, with the same bits on any number of cores."""

import threading

import pytest
import torch
from loop_helpers import CPU, gradients, tiny_gan
from test_gan_loop import D2D_CE, OBJECTIVES
from torch import Tensor
from torch.testing import assert_close

from acgan import parallel
from acgan.distributed import Ranks
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step

ALL = {
    **OBJECTIVES,
    "d2d_ce": D2D_CE,
    "d2d_ce, penalty of all": (*D2D_CE[:2], "loss.penalty.of=objective"),
    "d2d_ce, projection": (*D2D_CE, "model.discriminator.projection=true"),
    "BatchNorm": (
        "model.generator={kind: dcgan, channels: 4}",
        "model.discriminator={kind: dcgan, channels: 4}",
        "loss.penalty=null",
    ),
    "BigGAN": (
        "model.generator={kind: biggan, channels: 2, class_dim: 4, attention: [16]}",
        "model.discriminator={kind: biggan, channels: 2, attention: [16]}",
        "loss.classification={kind: adc, joint: true}",
        "loss.penalty=null",
    ),
}
SIDES = {"BigGAN": 32}


def _gan(objective: str, portion_size: int, precision: str = "float64") -> Gan:
    gan = tiny_gan(*ALL[objective], precision=precision, side=SIDES.get(objective, 16))
    gan.portion_size = portion_size
    return gan


@pytest.mark.parametrize("objective", ALL)
def test_portions_add_up_to_the_batch(objective: str) -> None:
    whole = gradients(_gan(objective, 8))
    with parallel.using_cores(2):
        assert_close(gradients(_gan(objective, 3)), whole)  # 2 + 3 + 3


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("objective", ["default", "d2d_ce", "consistency", "BatchNorm", "BigGAN"])
def test_the_bits_do_not_depend_on_the_number_of_cores(objective: str, precision: str) -> None:
    found = []
    for cores in (1, 2, 3):
        with parallel.using_cores(cores):
            gan = _gan(objective, 3, precision)
            logged = []
            for iteration in range(3):
                logged.append(discriminator_step(gan, FiniteGuard(CPU), iteration, 0))
                logged.append(generator_step(gan, FiniteGuard(CPU), iteration))
            found.append(_bits(gan) + [value for values in logged for value in values.values()])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def _bits(gan: Gan) -> list[Tensor]:
    return [*gan.generator.state_dict().values(), *gan.discriminator.state_dict().values()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("train.batch_size=64",), 32),
        (("train.batch_size=128",), 32),
        (("train.batch_size=32",), 16),
        (("train.batch_size=100",), 25),
        (("train.batch_size=8",), 4),
        (("train.batch_size=1",), 1),
        (("train.batch_size=64", "train.portions=4"), 16),
        (("train.batch_size=64", "train.portions=1"), 64),
        (("train.batch_size=64", "train.portions=100"), 1),
        (("train.batch_size=65536",), 64),
    ],
)
def test_the_size_of_a_portion_follows_from_the_batch(given: tuple[str, ...], expected: int) -> None:
    for cores in (1, 8):
        with parallel.using_cores(cores):
            assert tiny_gan("train.portions=null", *given).portion_size == expected


@pytest.mark.parametrize("all_cores", [False, True])
def test_a_step_of_one_portion_has_one_core_unless_it_cannot_have_more_portions(all_cores: bool) -> None:
    gan, seen = _gan("default", 8), set[tuple[int, int]]()
    gan.all_cores = all_cores
    for network in (gan.working_generator.copy, gan.working_discriminator.copy):
        network.register_forward_hook(lambda *_: seen.add((threading.get_ident(), torch.get_num_threads())))
    with parallel.using_cores(3):
        discriminator_step(gan, FiniteGuard(CPU), 0, 0)
        generator_step(gan, FiniteGuard(CPU), 0)
    assert seen == {(threading.get_ident(), 3 if all_cores else 1)}


def test_compiled_networks_have_no_portions_and_so_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network: network)
    gan = tiny_gan("train.portions=null", "train.micro_batch=4", "train.compile=true")
    assert (gan.portion_size, gan.all_cores) == (4, True)
    assert not tiny_gan("train.portions=1").all_cores


def test_ranks_take_portions_of_the_whole_batch_s_size() -> None:
    gan = tiny_gan("train.portions=null", "train.batch_size=64", ranks=Ranks(1, 2))
    ((portion,),) = gan.micro_batches(0)
    assert (portion.part, portion.share) == (slice(32, 64), 1.0)


def test_portions_of_micro_batches_cover_the_batch() -> None:
    gan = tiny_gan("train.batch_size=20", "train.micro_batch=10", "train.portions=5")
    parts = [[portion.part for portion in portions] for portions in gan.micro_batches(0)]
    assert [len(portions) for portions in parts] == [3, 3]
    images = [image for portions in parts for part in portions for image in range(20)[part]]
    assert images == list(range(20))
    assert sum(portion.share for portions in gan.micro_batches(0) for portion in portions) == pytest.approx(1)

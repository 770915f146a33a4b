"""The generator that is sampled while training: the running mean, with standing statistics where it has BatchNorm."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from loop_helpers import CPU, TINY, tiny_gan, tiny_store
from torch.testing import assert_close

from acgan.assembly import build_gan
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.models import standing_statistics
from acgan.training.gan import settled

DCGAN = (
    "model.generator={kind: dcgan, channels: 4}",
    "model.discriminator={kind: dcgan, channels: 4}",
    "loss.penalty=null",
)


def test_statistics_are_over_the_labels_of_training() -> None:
    gan = tiny_gan(*DCGAN, "train.batch_size=2")
    found = settled(gan, 3)  # two batches
    batches = [
        (
            gan.feed.draws.normal((2, 5), "standing", turn, 0).double(),
            gan.feed.batch(turn, slice(0, 2), torch.float64).labels,
        )
        for turn in range(2)
    ]
    expected = standing_statistics(gan.ema.network, batches)
    assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)
    layer = next(name for name in found.state_dict() if name.endswith("running_mean"))
    assert not torch.equal(found.state_dict()[layer], gan.ema.network.state_dict()[layer])


@pytest.mark.parametrize(("balance", "shares"), [(False, [0.75, 0.25, 0.0]), (True, [0.5, 0.5, 0.0])])
def test_classes_have_the_shares_and_micro_batches_the_size_that_they_have_in_training(
    balance: bool, shares: list[float]
) -> None:
    store = tiny_store()
    store = replace(store, labels=(np.arange(len(store)) % 4 == 0).astype(np.int64))  # class 2 has no images
    config = load(RunConfig, None, (*TINY, *DCGAN, "train.micro_batch=2", f"data.balance={balance}"))
    gan = build_gan(config, store, device=CPU, precision="float64", ranks=Ranks())
    seen: list[torch.Tensor] = []
    gan.ema.network.embed.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    settled(gan, 2_000)
    assert {len(labels) for labels in seen} == {2}
    counts = torch.cat(seen).bincount(minlength=3)
    assert counts.sum() == 2_000
    assert_close(counts / 2_000, torch.tensor(shares), rtol=0, atol=0.06)


def test_nothing_is_done_where_it_is_off_or_there_is_no_batch_norm() -> None:
    gan = tiny_gan(*DCGAN)
    assert settled(gan, 0) is gan.ema.network
    gan = tiny_gan()
    assert settled(gan, 100) is gan.ema.network

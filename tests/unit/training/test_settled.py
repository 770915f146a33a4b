"""The generator that is sampled while training: the running mean, with standing statistics where it has BatchNorm."""

import torch
from loop_helpers import tiny_gan
from torch.testing import assert_close

from acgan.models import standing_statistics
from acgan.training.gan import settled

DCGAN = (
    "model.generator={kind: dcgan, channels: 4}",
    "model.discriminator={kind: dcgan, channels: 4}",
    "loss.penalty=null",
)


def test_statistics_are_over_batches_of_all_classes_in_turn() -> None:
    gan = tiny_gan(*DCGAN, "train.batch_size=2")  # smaller than the number of classes, 3
    found = settled(gan, 3)  # two batches
    labels = ((0, 1), (2, 0))
    batches = [
        (gan.draws.normal((2, 5), "standing", turn, 0).double(), torch.tensor(y))
        for turn, y in enumerate(labels)
    ]
    expected = standing_statistics(gan.ema.network, batches)
    assert_close(found.state_dict(), expected.state_dict(), rtol=0, atol=0)
    layer = next(name for name in found.state_dict() if name.endswith("running_mean"))
    assert not torch.equal(found.state_dict()[layer], gan.ema.network.state_dict()[layer])


def test_no_class_is_left_out_and_portions_are_those_of_training() -> None:
    gan = tiny_gan(*DCGAN, "train.batch_size=8", "train.micro_batch=2")
    seen: list[list[int]] = []
    gan.ema.network.embed.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].tolist()))
    settled(gan, 1)
    assert seen == [[0, 1], [2, 0]]


def test_nothing_is_done_where_it_is_off_or_there_is_no_batch_norm() -> None:
    gan = tiny_gan(*DCGAN)
    assert settled(gan, 0) is gan.ema.network
    gan = tiny_gan()
    assert settled(gan, 100) is gan.ema.network

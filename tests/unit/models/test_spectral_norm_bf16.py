"""Spectral normalisation under bfloat16 autocast, which is the default where the processor has it."""

import torch

from acgan.models import TRUNKS, Discriminator


def test_weights_are_normalised_in_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    trunk = TRUNKS["dcgan"](resolution=16, image_channels=1, channels=8, spectral_norm=True)
    network = Discriminator(trunk, num_classes=3, spectral_norm=True)
    images = torch.randn(4, 1, 16, 16)
    expected = trunk.layers[0].weight
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(trunk.layers[0].weight, expected)
        output = network(images)
        (output.adv.sum() + output.aux.logits.sum()).backward()
    assert output.adv.dtype == torch.float32
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())

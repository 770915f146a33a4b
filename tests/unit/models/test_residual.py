"""The residual networks: images painted and read in patches, and the plain ones as they were."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models.blocks import DownBlock, UpBlock
from acgan.models.discriminator import ResNetTrunk
from acgan.models.generator import ResNetGenerator
from acgan.models.layers import ConditionalNorm, conv3x3

K = 3
Z = 6
N = 4


def _generator(resolution: int, **changes: Any) -> ResNetGenerator:
    keywords: dict[str, Any] = {"channels": 16, "max_channels": 32, "class_dim": 5, "patch": 1}
    keywords |= {"modulation": "norm", "mapping_layers": 0, "attention": ()} | changes
    torch.manual_seed(0)
    return ResNetGenerator(latent_dim=Z, num_classes=K, resolution=resolution, image_channels=3, **keywords)


def _trunk(resolution: int, **changes: Any) -> ResNetTrunk:
    keywords: dict[str, Any] = {"channels": 16, "max_channels": 32, "spectral_norm": False, "patch": 1}
    torch.manual_seed(0)
    return ResNetTrunk(resolution=resolution, image_channels=3, **keywords | {"attention": ()} | changes)


def _inputs() -> tuple[Tensor, Tensor]:
    return torch.randn(N, Z, generator=torch.Generator().manual_seed(1)), torch.arange(N) % K


def _images() -> Tensor:
    return 2 * torch.rand(N, 3, 16, 16, generator=torch.Generator().manual_seed(2)) - 1


# ---------------------------------------------------------------- patches

PATCHES = [(r, p) for r in (16, 20, 28, 32, 48, 64, 112, 128, 256) for p in (1, 2, 4) if r >= 8 * p]


@pytest.mark.parametrize("modulation", ["norm", "style"])
@pytest.mark.parametrize(("resolution", "patch"), PATCHES)
def test_patches_of_every_resolution(resolution: int, patch: int, modulation: str) -> None:
    generator = _generator(resolution, patch=patch, modulation=modulation, channels=4)
    trunk = _trunk(resolution, patch=patch, channels=4)
    found: list[tuple[int, int]] = []
    for block in (*generator.blocks, *trunk.blocks):
        block.register_forward_hook(lambda module, inputs, out: found.append((out.shape[1], out.shape[3])))
    with torch.no_grad():
        x = generator(*_inputs())
        features = trunk(x)
    assert x.shape == (N, 3, resolution, resolution)
    assert x.std(dim=0).max() > 0.01
    whole = resolution // patch
    first = {16: 4, 20: 5, 28: 7, 32: 4, 48: 6, 64: 4, 112: 7, 128: 4, 256: 4}[resolution]
    maps = [(min(4 * whole // side, 32), side) for side in (first * 2**k for k in range(7)) if side <= whole]
    assert found == [*maps[1:], *maps[-2::-1]]
    assert features.shape == (N, trunk.feature_dim) == (N, 2 * maps[0][0])


@pytest.mark.parametrize("modulation", ["norm", "style"])
def test_the_pixels_of_a_patch_are_alike_at_first(modulation: str) -> None:
    with torch.no_grad():
        x = _generator(32, patch=2, modulation=modulation, channels=4)(*_inputs())
    assert_close(x, F.interpolate(x[..., ::2, ::2], scale_factor=2.0))
    assert x[..., ::2, ::2].std() > 0.01


@pytest.mark.parametrize("build", [_generator, _trunk])
@pytest.mark.parametrize(
    ("resolution", "told"),
    [
        (16, "patch 4 of 16 px makes 4 x 4 patches"),
        (28, "patch 4 of 28 px makes 7 x 7 patches"),
        (36, "found a side of 36"),
    ],
)
def test_sides_without_a_block_are_refused(build: Any, resolution: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        build(resolution, patch=4)


def test_an_image_is_painted_patch_by_patch() -> None:
    network = _generator(16, patch=2)
    paint = network.to_image
    with torch.no_grad():
        paint.weight.zero_()
        paint.bias.copy_(torch.arange(12) / 10)
        x = network(*_inputs())
    for channel in range(3):
        for row in range(2):
            for column in range(2):
                values = x[:, channel, row::2, column::2]
                expected = torch.tensor((4 * channel + 2 * row + column) / 10).tanh()
                assert_close(values, expected.expand_as(values))


def test_an_image_is_read_patch_by_patch() -> None:
    trunk = _trunk(16, patch=2).double()
    images, read = _images().double(), []
    trunk.from_image.register_forward_hook(lambda module, inputs, out: read.append(out))
    trunk(images)
    # A 3x3 convolution over patches of 2x2 is a 6x6 convolution of stride 2 over pixels.
    weight = torch.zeros(16, 3, 6, 6, dtype=torch.float64)
    for row in range(2):
        for column in range(2):
            weight[:, :, row::2, column::2] = trunk.from_image.weight.detach()[:, 2 * row + column :: 4]
    assert_close(read[0], F.conv2d(images, weight, trunk.from_image.bias, stride=2, padding=2))


# ---------------------------------------------------------------- the plain residual networks, as they were


def test_the_plain_residual_generator_keeps_its_layout_and_its_draws() -> None:
    network = _generator(16)
    torch.manual_seed(0)
    embed, project = nn.Embedding(K, 5), nn.Linear(Z + 5, 32 * 16)
    blocks = nn.ModuleList([UpBlock(32, 32, Z + 5), UpBlock(32, 16, Z + 5)])
    norm, to_image = ConditionalNorm(16, Z + 5), conv3x3(16, 3)
    old = nn.ModuleDict(
        {"embed": embed, "project": project, "blocks": blocks, "norm": norm, "to_image": to_image}
    )
    assert list(network.state_dict()) == list(old.state_dict())
    assert_close(network.state_dict(), old.state_dict(), rtol=0, atol=0)
    z, y = _inputs()
    condition = torch.cat((z, embed(y)), dim=1)
    x = project(condition).view(N, 32, 4, 4)
    for block in blocks:
        x = block(x, condition)
    x = torch.tanh(to_image(F.leaky_relu(norm(x, condition), 0.2)))
    assert torch.equal(network(z, y), x)


def test_the_plain_residual_trunk_keeps_its_layout_and_its_draws() -> None:
    network = _trunk(16)
    torch.manual_seed(0)
    from_image, blocks = conv3x3(3, 16), nn.Sequential(DownBlock(16, 32), DownBlock(32, 32))
    project = nn.Linear(32 * 16, 64)
    nn.init.kaiming_normal_(project.weight, a=0.2)
    old = nn.ModuleDict({"from_image": from_image, "blocks": blocks, "project": project})
    assert list(network.state_dict()) == list(old.state_dict())
    assert_close(network.state_dict(), old.state_dict(), rtol=0, atol=0)
    h = F.leaky_relu(blocks(from_image(_images())), 0.2).flatten(1)
    assert torch.equal(network(_images()), F.leaky_relu(project(h), 0.2))

"""BigGAN's and SNGAN's networks as PyTorch-StudioGAN has them: blocks, norms, heads, and its counts of parameters."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.testing import assert_close

from acgan.assembly import build_discriminator, build_generator
from acgan.config import RunConfig, load
from acgan.config.recipes import recipes
from acgan.models import GENERATORS, TRUNKS, AuxHead, Discriminator, advance_spectral_norm
from acgan.models.attention import SelfAttention
from acgan.models.biggan import BigGANDownBlock, BigGANInputBlock, BigGANUpBlock, ConditionalBatchNorm
from acgan.models.heads import TwinHead
from acgan.models.layers import apply_spectral_norm
from acgan.types import ImageStore

K, N, EPS = 3, 4, 1e-4

#: Parameters of G and D that PyTorch-StudioGAN counts (misc.count_parameters, commit 947b35e, built from each config).
COUNTS = {
    "acgan-mod": (4_304_387, 1_057_159),  # ACGAN-Mod.yaml
    "tac": (9_416_196, 2_417_090),  # ACGAN-Mod-Big-TAC.yaml
    "adc": (9_416_196, 2_417_090),  # ACGAN-Mod-Big-ADC.yaml
    "reacgan": (9_416_196, 2_517_186),  # ReACGAN.yaml
    "biggan": (9_416_196, 2_415_170),  # BigGAN.yaml
}


def _draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _layers(network: nn.Module) -> list[nn.Module]:
    return [one for one in network.modules() if isinstance(one, (nn.Conv2d, nn.Linear, nn.Embedding))]


def _generator(**changes: object) -> nn.Module:
    torch.manual_seed(0)
    own = {"channels": 4, "class_dim": 5, "skip_z": True, "spectral_norm": False, "attention": ()}
    shape = {"latent_dim": 8, "num_classes": K, "resolution": 32, "image_channels": 3}
    return GENERATORS["biggan"](**(shape | own | changes)).double()


def _trunk(**changes: object) -> nn.Module:
    torch.manual_seed(0)
    own = {"channels": 4, "spectral_norm": True, "skip_relu": False, "attention": ()}
    return TRUNKS["biggan"](**({"resolution": 32, "image_channels": 3} | own | changes)).double()


@pytest.mark.parametrize("name", COUNTS)
def test_both_networks_of_a_recipe_have_as_many_parameters_as_studiogan_counts(name: str) -> None:
    config = load(RunConfig, recipes()[f"studiogan/{name}-cifar10"])
    store = ImageStore(
        np.zeros((10, 3, 32, 32), np.uint8), np.arange(10), tuple("0123456789"), fingerprint=""
    )
    with torch.device("meta"):
        networks = build_generator(config, store), build_discriminator(config, store)
    assert tuple(map(_count, networks)) == COUNTS[name]


# ---------------------------------------------------------------- conditional BatchNorm


def test_conditional_norm_is_batch_norm_times_gain_plus_bias_of_the_class() -> None:
    layer = ConditionalBatchNorm(6, K, of_class=True).double()
    x, labels = _draw(N, 6, 2, 3), torch.tensor([0, 2, 1, 2])
    out = layer(x, F.one_hot(labels, K).double())
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean(dim=(0, 2, 3), keepdim=True)
    normalised = (x - mean) / (variance + EPS).sqrt()
    for image, label in enumerate(labels.tolist()):
        gain, bias = (table.weight[:, label, None, None] for table in (layer.gain, layer.bias))
        assert_close(out[image], normalised[image] * (1 + gain) + bias)


def test_conditional_norm_without_a_condition_is_batch_norm() -> None:
    layer, x = ConditionalBatchNorm(6, 5, of_class=False).double(), _draw(N, 6, 2, 3)
    assert_close(layer(x, torch.zeros(N, 5).double()), F.batch_norm(x, None, None, training=True, eps=EPS))


# ---------------------------------------------------------------- blocks


def test_up_block_convolves_at_the_higher_side() -> None:
    """As it is drawn, the skip path's convolution too behind the upsampling."""
    torch.manual_seed(0)
    block = BigGANUpBlock(6, 4, 5, of_class=False).double()
    x, condition = _draw(N, 6, 4, 4), _draw(N, 5, seed=1)
    h = block.conv1(F.interpolate(F.relu(block.norm1(x, condition)), scale_factor=2.0))
    h = block.conv2(F.relu(block.norm2(h, condition)))
    assert_close(block(x, condition), h + block.skip(F.interpolate(x, scale_factor=2.0)))
    assert block(x, condition).shape == (N, 4, 8, 8)


@pytest.mark.parametrize(
    ("widths", "halve", "skip_relu"),
    [((6, 4), True, False), ((6, 6), True, True), ((6, 6), False, False), ((6, 6), False, True)],
)
def test_down_block_without_batch_norm(widths: tuple[int, int], halve: bool, skip_relu: bool) -> None:
    """As it is drawn, the skip path's convolution before the pooling."""
    torch.manual_seed(0)
    block = BigGANDownBlock(*widths, halve=halve, batch_norm=False, skip_relu=skip_relu).double()
    x = _draw(N, 6, 4, 4)
    h = block.conv2(F.relu(block.conv1(F.relu(x))))
    out = h + block.skip(F.relu(x) if skip_relu else x)
    assert_close(block(x), F.avg_pool2d(out, 2) if halve else out)
    assert isinstance(block.skip, nn.Conv2d) == halve


def test_down_block_with_batch_norm() -> None:
    torch.manual_seed(0)
    block = BigGANDownBlock(6, 4, halve=True, batch_norm=True, skip_relu=False).double()
    x = _draw(N, 6, 4, 4)
    h = block.conv1(F.relu(_normalised(x)))
    h = block.conv2(F.relu(_normalised(h))) + block.skip(_normalised(x))
    assert_close(block(x), F.avg_pool2d(h, 2))


def test_with_batch_norm_no_skip_path_begins_behind_a_relu() -> None:
    """In PyTorch-StudioGAN the ReLU in place is BatchNorm's output, and not the block's input."""
    for spectral_norm in (False, True):
        blocks = _trunk(spectral_norm=spectral_norm, skip_relu=True).blocks[1:]
        assert [block.skip_relu for block in blocks] == [spectral_norm] * 3


@pytest.mark.parametrize("batch_norm", [False, True])
def test_input_block(batch_norm: bool) -> None:
    torch.manual_seed(0)
    block = BigGANInputBlock(3, 4, batch_norm=batch_norm).double()
    x, norm = _draw(N, 3, 4, 4), _normalised if batch_norm else nn.Identity()
    h = F.avg_pool2d(block.conv2(F.relu(norm(block.conv1(x)))), 2)
    assert_close(block(x), h + block.skip(norm(F.avg_pool2d(x, 2))))


def _normalised(x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, training=True, eps=EPS)


def test_pooled_attention_is_the_equation_over_a_quarter_of_the_positions() -> None:
    torch.manual_seed(0)
    layer = SelfAttention(16, pooled=True).double()
    nn.init.constant_(layer.gamma, 0.3)
    x = _draw(2, 16, 4, 4)
    query = layer.query(x).flatten(2)
    key, value = (F.max_pool2d(f(x), 2).flatten(2) for f in (layer.key, layer.value))
    assert (query.shape, key.shape, value.shape) == ((2, 2, 16), (2, 2, 4), (2, 8, 4))
    for place in range(16):
        weights = torch.softmax((query[:, :, place, None] * key).sum(dim=1), dim=1)  # (N, 4)
        attended = (value * weights[:, None]).sum(dim=2)[:, :, None, None]  # (N, 8, 1, 1)
        at = x.flatten(2)[:, :, place] + 0.3 * layer.out(attended).flatten(1)
        assert_close(layer(x).flatten(2)[:, :, place], at)


# ---------------------------------------------------------------- networks


def test_each_block_of_the_generator_reads_its_own_part_of_the_latent() -> None:
    network, (z, y) = _generator().eval(), (_draw(1, 8), torch.tensor([1]))
    seen = list[Tensor]()
    for block in network.blocks:
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    network.project.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(z, y)
    of_class = network.embed(y)
    expected = [z[:, :2], *(torch.cat((z[:, a : a + 2], of_class), dim=1) for a in (2, 4, 6))]
    assert_close(seen, expected)


def test_without_parts_the_first_layer_reads_the_whole_latent_and_blocks_the_class() -> None:
    network = _generator(skip_z=False, class_dim=None).eval()
    assert network.embed is None
    assert network.project.in_features == 8
    assert {block.norm1.gain.in_features for block in network.blocks} == {K}


@pytest.mark.parametrize(
    ("resolution", "of_g", "of_d"),
    [
        (32, (4, 4, 4, 4), (2, 2, 2, 2)),
        (64, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16)),
        (128, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16)),
        (256, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16)),
        (512, (16, 16, 8, 8, 4, 2, 1, 1), (1, 1, 2, 4, 8, 8, 16, 16)),
    ],
)
def test_widths_are_those_of_studiogan_s_tables(
    resolution: int, of_g: tuple[int, ...], of_d: tuple[int, ...]
) -> None:
    """In units of the channels: of the first maps of G and of what its blocks put out, and of D's blocks."""
    with torch.device("meta"):
        g, d = _generator(resolution=resolution, latent_dim=16), _trunk(resolution=resolution)
    assert (g.project.out_features // 16, *(block.conv2.out_channels for block in g.blocks)) == tuple(
        4 * width for width in of_g
    )
    assert [block.conv2.out_channels for block in d.blocks] == [4 * width for width in of_d]
    assert d.feature_dim == 4 * of_d[-1]


@pytest.mark.parametrize("resolution", [32, 40, 64, 128])
def test_features_are_the_sums_of_the_last_maps(resolution: int) -> None:
    trunk, x = _trunk(resolution=resolution, channels=2), _draw(2, 3, resolution, resolution)
    maps = trunk.blocks(x)
    side = resolution // 4 if resolution < 64 else 4
    assert maps.shape == (2, trunk.feature_dim, side, side)
    assert_close(trunk(x), F.relu(maps).sum(dim=(2, 3)))


def test_attention_is_behind_the_first_block_of_its_side() -> None:
    trunk = _trunk(attention=(8,))
    assert [isinstance(block.attention, SelfAttention) for block in trunk.blocks] == [
        False,
        True,
        False,
        False,
    ]
    with pytest.raises(ValueError, match=r"attention at side 4: the blocks put out 8, 16"):
        _trunk(attention=(4,))


def test_first_weights_are_orthogonal_and_biases_zero() -> None:
    networks = nn.ModuleList([_generator(attention=(16,)), Discriminator(_trunk(), num_classes=K).double()])
    for layer in _layers(networks):
        values = torch.linalg.svdvals(layer.weight.detach().flatten(1))
        assert_close(values, torch.ones_like(values), rtol=1e-5, atol=1e-5)
        assert getattr(layer, "bias", None) is None or not layer.bias.any()


def test_every_layer_has_spectral_norm_one_but_the_class_embedding() -> None:
    trunk = _trunk(attention=(16,))
    d = Discriminator(trunk, num_classes=K, projection=True, spectral_norm=True).double()
    g = _generator(spectral_norm=True, attention=(16,))
    assert not parametrize.is_parametrized(g.embed)
    layers = [layer for layer in (*_layers(g), *_layers(d)) if layer is not g.embed]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            original = layer.parametrizations.weight.original
            original.copy_(3 * _draw(*original.shape, seed=number))
            for _ in range(1000):
                layer.parametrizations.weight[0].advance(original)
            found = torch.linalg.svdvals(layer.weight.flatten(1))[0].item()
            assert found == pytest.approx(1, abs=1e-3), layer


def test_generator_s_mean_has_the_norms_of_its_own_weights() -> None:
    from acgan.training.ema import EMA

    g = _generator(spectral_norm=True)
    ema = EMA(g, half_life_nimg=8, ramp_up=None)
    for seed in range(20):
        with torch.no_grad():
            for number, layer in enumerate(_layers(g)):
                if parametrize.is_parametrized(layer):
                    layer.parametrizations.weight.original.add_(
                        0.05 * _draw(*layer.weight.shape, seed=100 * seed + number)
                    )
        advance_spectral_norm(g)
        ema.update(g, 8 * (seed + 1), 8)
    for layer in _layers(ema.network):
        if parametrize.is_parametrized(layer):
            assert layer.parametrizations.weight[0].u.norm().item() == pytest.approx(1)
            assert torch.linalg.svdvals(layer.weight.flatten(1))[0].item() == pytest.approx(1, abs=0.2)


# ---------------------------------------------------------------- heads


@pytest.mark.parametrize("bias", [False, True])
def test_joint_head_is_one_layer_of_the_same_function(bias: bool) -> None:
    torch.manual_seed(0)
    joint = TwinHead(5, K, joint=True, bias=bias).double()
    twin = TwinHead(5, K, bias=bias).double()
    with torch.no_grad():
        for layer, rows in ((twin.classify, slice(0, K)), (twin.twin, slice(K, 2 * K))):
            layer.weight.copy_(joint.classify.weight[rows])
            if bias:
                layer.bias.copy_(joint.classify.bias[rows])
    x = _draw(N, 5)
    assert_close((joint(x).logits, joint(x).twin), (twin(x).logits, twin(x).twin))
    assert_close(joint.double().as_classifier().double()(x).logits, joint(x).logits, rtol=1e-5, atol=1e-6)


def test_spectral_norm_of_a_joint_head_is_of_all_rows() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(TwinHead(5, K, joint=True, bias=False)).double()
    before = copy.deepcopy(head[0].classify.weight.detach())
    apply_spectral_norm(head)
    for _ in range(300):
        advance_spectral_norm(head)
    assert_close(head[0].classify.weight, before / torch.linalg.svdvals(before)[0])


def test_a_head_without_biases_makes_a_classifier_with_zeros() -> None:
    head = AuxHead(5, K, bias=False)
    classifier = head.as_classifier()
    assert not classifier.classify.bias.any()
    assert torch.equal(classifier.classify.weight, head.classify.weight)

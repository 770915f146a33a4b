"""Working copies: what autocast would cast is bfloat16 in them, all else is shared."""

import copy
from typing import Any

import pytest
import torch
from gan_helpers import tiny_gan
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import runtime
from acgan.models import advance_spectral_norm
from acgan.training.gan import Gan
from acgan.training.gradients import Gradients
from acgan.training.working import WorkingCopy

NETWORKS: dict[str, tuple[str, ...]] = {
    "default": (),
    "patches, unit norm": (
        "model.generator.patch=2",
        "model.discriminator.patch=2",
        "loss.classification={kind: adc, unit_norm: true}",
    ),
    "style, mapping, attention, d2d_ce": (
        "model.generator={kind: resnet, channels: 8, modulation: style, mapping_layers: 2, attention: [8]}",
        "model.discriminator={kind: resnet, channels: 8, attention: [4], projection: true}",
        "loss.classification={kind: d2d_ce, embedding_dim: 6}",
        "loss.penalty.of=adversarial",
    ),
    "spectral norm": ("model.discriminator.spectral_norm=true", "loss.penalty=null"),
    "dcgan": ("model.generator.kind=dcgan", "model.discriminator.kind=dcgan", "loss.penalty=null"),
}


def _parts(gan: Gan) -> list[tuple[nn.Module, WorkingCopy[Any], tuple[Tensor, ...]]]:
    torch.manual_seed(0)
    z, y = torch.randn(4, gan.generator.latent_dim), torch.tensor([0, 1, 2, 0])
    x = torch.randn(4, 1, 16, 16)
    return [
        (gan.generator, gan.working_generator, (z, y)),
        (gan.discriminator, gan.working_discriminator, (x, y)),
    ]


@pytest.mark.parametrize("networks", NETWORKS)
def test_outputs_and_gradients_are_autocast_s(networks: str) -> None:
    for network, working, inputs in _parts(tiny_gan(*NETWORKS[networks], precision="bf16")):
        working.refresh()
        found = []
        for one in (network, working.copy):
            with runtime.autocast("bf16", torch.device("cpu")):
                out = one(*inputs)
            score = (
                out.square().mean()
                if isinstance(out, Tensor)
                else out.adv.square().mean() + out.features.mean()
            )
            found.append((score, torch.autograd.grad(score, list(one.parameters()), allow_unused=True)))
        (score, gradients), (other_score, other_gradients) = found
        assert_close(score, other_score, rtol=0, atol=0)
        for one, other in zip(gradients, other_gradients, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert_close(
                    one, other, check_dtype=False, rtol=0.02, atol=1e-6 + 0.02 * float(one.abs().max())
                )


def test_convolutions_are_cast_and_heads_are_shared() -> None:
    gan = tiny_gan("model.discriminator.patch=2", precision="bf16")
    copied = dict(gan.working_discriminator.copy.named_parameters())
    for name, parameter in gan.discriminator.named_parameters():
        is_head = name.startswith(("adv_head", "aux_head"))
        assert (copied[name] is parameter) == is_head, name
        assert copied[name].dtype == (torch.float32 if is_head else torch.bfloat16)
        assert copied[name].stride() == parameter.stride()
    assert dict(gan.working_generator.copy.named_parameters())["embed.weight"] is gan.generator.embed.weight


def test_in_other_precisions_the_network_itself_computes() -> None:
    gan = tiny_gan(precision="float32")
    assert gan.working_generator.copy is gan.generator
    assert gan.working_discriminator.copy is gan.discriminator


def test_a_refreshed_copy_follows_the_network() -> None:
    for network, working, _ in _parts(tiny_gan(precision="bf16")):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.5)
        working.refresh()
        for mine, theirs in zip(working.copy.parameters(), network.parameters(), strict=True):
            assert torch.equal(mine.float(), theirs.to(mine.dtype).float())


def test_statistics_and_singular_vectors_are_shared() -> None:
    gan = tiny_gan(
        "model.generator.kind=dcgan",
        "model.discriminator.spectral_norm=true",
        "loss.penalty=null",
        precision="bf16",
    )
    before = copy.deepcopy(dict(gan.generator.named_buffers()))
    with runtime.autocast("bf16", torch.device("cpu")):
        gan.working_generator.copy(torch.randn(4, gan.generator.latent_dim), torch.tensor([0, 1, 2, 0]))
    after = dict(gan.generator.named_buffers())
    assert all(not torch.equal(before[name], after[name]) for name in before if "running_mean" in name)
    with torch.no_grad():
        for parameter in gan.discriminator.parameters():
            parameter.add_(torch.randn_like(parameter))
    advance_spectral_norm(gan.discriminator)
    mine, theirs = (
        dict(gan.working_discriminator.copy.named_buffers()),
        dict(gan.discriminator.named_buffers()),
    )
    assert [name for name in theirs if name.endswith("u")] or [name for name in theirs if ".u" in name]
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


class _Tied(nn.Module):
    """Words in and out by the same weights, a layer of its own twice, and one with a parametrised weight."""

    def __init__(self, embeds: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(5, 6) if embeds else nn.Linear(6, 5)
        self.middle, self.twin = nn.Linear(6, 6), nn.Linear(6, 6)
        self.twin.weight = self.middle.weight
        self.again = self.middle
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(6, 6))
        self.out = nn.Linear(6, 5, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x) if x.dtype == torch.int64 else nn.functional.pad(self.embed(x), (0, 1))
        return self.out(self.normed(self.again(self.twin(self.middle(h)).relu()).relu()))


@pytest.mark.parametrize("embeds", [True, False])
def test_layers_that_share_weights_share_them_in_the_copy(embeds: bool) -> None:
    cpu, network = torch.device("cpu"), _Tied(embeds)
    x = torch.arange(5) if embeds else torch.randn(5, 6, generator=torch.Generator().manual_seed(1))

    def run(one: nn.Module) -> Tensor:
        with runtime.autocast("bf16", cpu):
            output: Tensor = one(x)
        return output

    working = WorkingCopy(network, run)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.25)
    working.refresh()
    twin = working.copy
    names, copied = dict(network.named_parameters()), dict(twin.named_parameters())
    assert list(names) == list(copied)
    assert twin.twin.weight is twin.middle.weight is twin.again.weight is not network.middle.weight
    assert twin.middle.weight.dtype == torch.bfloat16
    assert twin.out.weight is twin.embed.weight
    # An embedding is not cast, and its weight is what both use.
    assert (twin.out.weight is network.out.weight) == embeds
    assert all(
        copied[name] is parameter for name, parameter in names.items() if name.startswith("normed.para")
    )
    assert torch.equal(run(twin), run(network))
    pair = [Gradients(network).of(run(one).float().square().mean(), one) for one in (network, twin)]
    assert pair[0].found == pair[1].found
    assert_close(pair[1].values, pair[0].values, rtol=0.02, atol=0.02 * float(pair[0].values.abs().max()))

"""The heads of a discriminator: projection of the class, an auxiliary head or none."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.models import AUX_HEADS, TRUNKS, AuxHead, Discriminator, advance_spectral_norm
from acgan.models.discriminator import Trunk

N, K, SIDE = 4, 3, 16
LABELS = torch.tensor([0, 2, 1, 2])


def _trunk(kind: str = "resnet") -> Trunk:
    common = {"resolution": SIDE, "image_channels": 1, "channels": 4, "spectral_norm": False}
    own = {"max_channels": 8, "patch": 1, "attention": ()} if kind == "resnet" else {}
    return TRUNKS[kind](**common, **own)


def _discriminator(kind: str = "resnet", **options: object) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(_trunk(kind), num_classes=K, **options).double()


def _images(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(N, 1, SIDE, SIDE, dtype=torch.float64, generator=generator) * 2 - 1


def test_projection_is_the_paper_s_sum() -> None:
    # Miyato & Koyama 2018, eq. 3: y^T V phi(x) + psi(phi(x)), psi linear
    d = _discriminator(projection=True)
    out, features = d(_images(), LABELS), d.trunk(_images())
    for i, label in enumerate(LABELS.tolist()):
        psi = sum(w * f for w, f in zip(d.adv_head.weight[0], features[i], strict=True)) + d.adv_head.bias[0]
        projected = sum(v * f for v, f in zip(d.embed.weight[label], features[i], strict=True))
        assert_close(out.adv[i], psi + projected)
    assert_close(out.features, features)


def test_projection_s_gradient_reaches_the_embedding_of_the_own_class_alone() -> None:
    d = _discriminator(projection=True)
    d(_images(), torch.tensor([0, 0, 2, 2])).adv.sum().backward()
    assert d.embed.weight.grad.any(dim=1).tolist() == [True, False, True]


def test_without_projection_the_class_does_not_matter() -> None:
    d = _discriminator()
    assert d.embed is None
    assert torch.equal(d(_images(), LABELS).adv, d(_images(), (LABELS + 1) % K).adv)
    assert torch.equal(d(_images(), LABELS).adv, d(_images()).adv)


def test_projection_without_a_label_is_refused() -> None:
    with pytest.raises(AssertionError, match="needs labels"):
        _discriminator(projection=True)(_images())


@pytest.mark.parametrize("projection", [False, True])
def test_without_an_auxiliary_head(projection: bool) -> None:
    d = _discriminator(aux_head=None, projection=projection)
    out = d(_images(), LABELS)
    assert out.aux is None
    assert out.adv.shape == (N,)
    parts = {name.split(".")[0] for name, _ in d.named_parameters()}
    assert parts == {"trunk", "adv_head", *(["embed"] if projection else [])}


def _head(outputs: str, in_channels: int) -> AuxHead:
    size = {"embedding_dim": 6} if outputs == "proxies" else {}
    return AUX_HEADS[outputs](in_channels, K, **size)


@pytest.mark.parametrize("outputs", AUX_HEADS)
def test_the_auxiliary_head_is_the_one_given_and_reads_the_features(outputs: str) -> None:
    trunk = _trunk()
    head = _head(outputs, trunk.feature_dim)
    d = Discriminator(trunk, num_classes=K, aux_head=head, projection=True).double()
    assert d.aux_head is head
    found, expected = vars(d(_images(), LABELS).aux), vars(head(d.trunk(_images())))
    assert {name for name, value in found.items() if value is None} == {
        name for name, value in expected.items() if value is None
    }
    for name, value in found.items():
        assert value is None or torch.equal(value, expected[name])


@pytest.mark.parametrize("kind", ["resnet", "dcgan"])
@pytest.mark.parametrize("unit_norm", [False, True])
def test_first_weights_of_all_heads(kind: str, unit_norm: bool) -> None:
    torch.manual_seed(0)
    trunk = _trunk(kind)
    trunk.feature_dim = 400
    head = AUX_HEADS["twin"](400, 40, unit_norm=unit_norm)
    d = Discriminator(trunk, num_classes=40, aux_head=head, projection=True)
    std = 0.02 if kind == "dcgan" else 1 / math.sqrt(400)
    found = {
        "adv": d.adv_head.weight.std().item(),
        "embed": d.embed.weight.std().item(),
        "classify": head.classify.weight.std().item(),
        "twin": head.twin.weight.std().item(),
    }
    of_class = 1.0 if unit_norm else std
    assert found == pytest.approx(
        {"adv": std, "embed": std, "classify": of_class, "twin": of_class}, rel=0.15
    )


@pytest.mark.parametrize("outputs", ["twin", "proxies"])
def test_spectral_norm_is_of_embedding_and_class_heads_too(outputs: str) -> None:
    torch.manual_seed(0)
    trunk = _trunk()
    head = _head(outputs, trunk.feature_dim)
    d = Discriminator(trunk, num_classes=K, aux_head=head, projection=True, spectral_norm=True).double()
    for _ in range(300):
        advance_spectral_norm(d)
    second = head.twin if outputs == "twin" else head.project
    for layer in (d.adv_head, d.embed, head.classify, second):
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, rel=1e-6)


def test_the_projection_is_in_float32_under_bf16() -> None:
    d = _discriminator(projection=True).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = d(_images().float(), LABELS)
    assert out.adv.dtype is out.features.dtype is torch.float32
    by_hand = d.adv_head(out.features)[:, 0] + (d.embed.weight[LABELS] * out.features).sum(dim=1)
    assert_close(out.adv, by_hand)

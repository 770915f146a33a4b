"""ReACGAN's loss where it is hard: on and beyond the margins, at extreme temperatures, over processes."""

import math

import pytest
import torch
from equations import data_to_data
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from acgan import distributed
from acgan.losses import CLASSIFICATION
from acgan.losses.data_to_data import DataToData
from acgan.types import HeadOutput

N, K, E = 8, 3, 4
LABELS = torch.tensor([0, 2, 1, 2, 0, 1, 1, 0])
SETTINGS = [(0.98, 0.5), (0.98, 0.05), (0.5, 0.5), (0.3, 0.2), (0.0, 1.0), (1.0, 1.0)]


def _draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(shape, dtype=torch.float64, generator=generator), dim=1)


def _loss(margin: float = 0.98, temperature: float = 0.5) -> DataToData:
    return CLASSIFICATION["d2d_ce"](margin=margin, temperature=temperature)


def _value(loss: DataToData, embedding: Tensor, proxies: Tensor, labels: Tensor = LABELS) -> Tensor:
    """Of generated images, in G."""
    output = HeadOutput(embedding @ proxies.T, embedding=embedding, proxies=proxies)
    return loss.generator(output, labels)["class_fake"]


def _with_gradients(value: Tensor, *leaves: Tensor) -> list[Tensor]:
    return [value.detach(), *torch.autograd.grad(value, leaves)]


@pytest.mark.parametrize(("margin", "temperature"), SETTINGS)
def test_value_and_gradients_are_the_equation_s(margin: float, temperature: float) -> None:
    # Gradients through the normalisation too, as they reach a network.
    raw = [3 * _draw(N, E).requires_grad_(), 0.2 * _draw(K, E, seed=1).requires_grad_()]
    embedding, proxies = (normalize(x, dim=1) for x in raw)
    expected = data_to_data(embedding, proxies, LABELS, margin=margin, temperature=temperature)
    found = _value(_loss(margin, temperature), embedding, proxies)
    for side in (found, expected):
        assert side > 0
    assert_close(
        [found, *torch.autograd.grad(found, raw, retain_graph=True)],
        [expected, *torch.autograd.grad(expected, raw)],
    )


def test_the_settings_have_cosines_on_either_side_of_both_margins() -> None:
    embedding, proxies = _draw(N, E), _draw(K, E, seed=1)
    own = (embedding * proxies[LABELS]).sum(dim=1)
    others = (embedding @ embedding.T)[LABELS[:, None] != LABELS]
    for margin in (0.5, 0.3):
        for cosines, edge in ((own, margin), (others, 1 - margin)):
            assert 0 < (cosines > edge).sum() < len(cosines)


def test_d_sees_real_images_and_g_generated_ones() -> None:
    loss, proxies = _loss(), _draw(K, E, seed=1)
    real, fake = (
        HeadOutput(x @ proxies.T, embedding=x.requires_grad_(), proxies=proxies)
        for x in (_draw(N, E), _draw(N, E, seed=2))
    )
    terms = loss.discriminator(real, fake, LABELS)
    assert list(terms) == ["class_real"]
    assert_close(terms["class_real"], _value(loss, real.embedding, proxies))
    assert_close(loss.generator(fake, LABELS)["class_fake"], _value(loss, fake.embedding, proxies))


def test_two_images_by_hand() -> None:
    # At right angles to each other, each 60 degrees from its proxy.
    embedding = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    proxies = torch.tensor([[0.5, math.sqrt(0.75), 0.0], [0.0, 0.5, math.sqrt(0.75)]], dtype=torch.float64)
    positive = math.exp((0.5 - 0.9) / 0.25)  # and nothing negative: 0 < 1 - 0.9, so exp(0)
    expected = -math.log(positive / (positive + 1))
    found = _value(_loss(0.9, 0.25), embedding, proxies, torch.tensor([0, 1]))
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_beyond_the_margins_an_image_is_left_alone() -> None:
    # Embeddings near their own proxies, and proxies at right angles.
    raw = torch.eye(K, E, dtype=torch.float64)[LABELS] + 0.01 * _draw(N, E)
    raw.requires_grad_()
    value, gradient = _with_gradients(
        _value(_loss(0.9), normalize(raw, dim=1), torch.eye(K, E, dtype=torch.float64)), raw
    )
    others = (LABELS[:, None] != LABELS).sum(dim=1)
    assert_close(value, torch.log(1 + others.double()).mean())  # exp(0) for each of them
    assert (gradient == 0).all()


def test_images_of_the_same_class_do_not_repel_each_other() -> None:
    raw = _draw(N, E).requires_grad_()
    proxies = _draw(K, E, seed=1)
    one_class = torch.zeros(N, dtype=torch.int64)
    value, gradient = _with_gradients(_value(_loss(), raw, proxies, one_class), raw)
    # Nothing to tell it from: the softmax is over the proxy alone.
    assert value == 0
    assert (gradient == 0).all()


def test_one_image_alone() -> None:
    raw = _draw(1, E).requires_grad_()
    value, gradient = _with_gradients(_value(_loss(), raw, _draw(K, E), torch.tensor([1])), raw)
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("temperature", [0.5, 0.01, 1e-4])
def test_identical_embeddings(temperature: float) -> None:
    # Cosine 1 with all others, right angles with the own proxy.
    embedding = torch.zeros(N, E, dtype=torch.float64)
    embedding[:, 3] = 1
    value = _value(_loss(0.98, temperature), embedding, torch.eye(K, E, dtype=torch.float64))
    others = (LABELS[:, None] != LABELS).sum(dim=1).double()
    # -log(exp(-m_p/t) / (exp(-m_p/t) + M exp(m_p/t))) = log(1 + M exp(2 m_p/t)), the 1 beyond float64 below t = 0.05
    gap = 2 * 0.98 / temperature
    assert_close(value, torch.log(torch.exp(torch.tensor(-gap)) + others).mean() + gap)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", ["mixed", "one class", "one of another class"])
@pytest.mark.parametrize("embeddings", ["apart", "identical", "opposite"])
@pytest.mark.parametrize("temperature", [0.01, 1e-4])
def test_extremes_are_finite(temperature: float, embeddings: str, labels: str, dtype: torch.dtype) -> None:
    raw = _draw(N, E)
    if embeddings == "identical":
        raw = raw[:1].repeat(N, 1)
    elif embeddings == "opposite":
        raw = raw[:1] * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(N // 2)[:, None]
    y = {"mixed": LABELS, "one class": 0 * LABELS, "one of another class": (torch.arange(N) == 3).long()}[
        labels
    ]
    leaves = [raw.to(dtype).requires_grad_(), _draw(K, E, seed=1).to(dtype).requires_grad_()]
    found = _with_gradients(
        _value(_loss(0.98, temperature), *(normalize(x, dim=1) for x in leaves), y), *leaves
    )
    assert all(torch.isfinite(tensor).all() for tensor in found)
    assert found[0] >= 0
    if temperature == 0.01:  # where exp of float64 holds: 98 on either side
        exact = [x.detach().double().requires_grad_() for x in leaves]
        expected = data_to_data(*(normalize(x, dim=1) for x in exact), y, margin=0.98, temperature=0.01)
        wanted = [expected, *torch.autograd.grad(expected, exact, materialize_grads=True)]
        assert_close([tensor.double() for tensor in found], wanted, rtol=1e-4, atol=1e-3)


def test_positives_are_not_lost_beside_large_negatives() -> None:
    # Were the row's maximum taken from the negatives alone, exp(positive) would count for more than it is.
    embedding = torch.tensor([[1.0, 0.0], [math.cos(0.3), math.sin(0.3)]], dtype=torch.float64)
    proxies = torch.tensor([[math.cos(0.4), -math.sin(0.4)], [0.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([0, 1])
    positive = [(math.cos(0.4) - 0.98) / 0.1, (math.sin(0.3) - 0.98) / 0.1]
    negative = (math.cos(0.3) - 0.02) / 0.1
    expected = sum(math.log(1 + math.exp(negative - p)) for p in positive) / 2
    assert _value(_loss(0.98, 0.1), embedding, proxies, y).item() == pytest.approx(expected, rel=1e-12)


def test_the_order_of_the_batch_does_not_matter() -> None:
    embedding, proxies = _draw(N, E), _draw(K, E, seed=1)
    order = torch.tensor([3, 0, 7, 6, 1, 5, 2, 4])
    assert_close(
        _value(_loss(), embedding[order], proxies, LABELS[order]), _value(_loss(), embedding, proxies)
    )


def test_cosines_are_in_full_precision_under_bf16() -> None:
    embedding, proxies = _draw(N, E).float().requires_grad_(), _draw(K, E, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = _value(_loss(0.98, 0.05), embedding, proxies)
    full = _value(_loss(0.98, 0.05), embedding, proxies)
    assert narrow.dtype is torch.float32
    assert_close(_with_gradients(narrow, embedding), _with_gradients(full, embedding))


@pytest.mark.parametrize("world", [2, 4])
def test_the_ranks_average_is_the_loss_of_the_batch(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = [_draw(N, E).requires_grad_(), _draw(K, E, seed=1).requires_grad_()]
    whole = _with_gradients(_value(_loss(), *leaves), *leaves)
    embedding, proxies = leaves
    monkeypatch.setattr(distributed, "gather", lambda rows: LABELS if rows.ndim == 1 else embedding)
    parts = [slice(start, start + N // world) for start in range(0, N, N // world)]
    values = [_value(_loss(), embedding[part], proxies, LABELS[part]) for part in parts]
    assert_close(_with_gradients(sum(values) / world, *leaves), whole)

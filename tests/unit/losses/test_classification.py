"""The classification losses against the closed form of cross-entropy."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import CLASSIFICATION
from acgan.types import HeadOutput

LABELS = torch.tensor([0, 2, 1, 2, 0])


def _closed_form(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """-E sum_k t_k log p_k with t = (1 - s) onehot + s / K, p by exp and sum."""
    n, k = logits.shape
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    target = torch.full((n, k), smoothing / k, dtype=logits.dtype)
    target[torch.arange(n), labels] += 1 - smoothing
    return -(target * torch.log(p)).sum() / n


def _head(seed: int) -> HeadOutput:
    generator = torch.Generator().manual_seed(seed)
    return HeadOutput(torch.randn(5, 3, dtype=torch.float64, generator=generator).requires_grad_())


def test_the_registry_holds_what_is_tested_here() -> None:
    assert set(CLASSIFICATION) == {"cross_entropy"}, "a new classification loss needs a closed form here"


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("on_fake", [False, True])
def test_discriminator_terms_and_gradients(on_fake: bool, smoothing: float) -> None:
    loss = CLASSIFICATION["cross_entropy"](on_fake=on_fake, label_smoothing=smoothing)
    heads = {"class_real": _head(0), "class_fake": _head(1)}
    terms = loss.discriminator(*heads.values(), LABELS)
    assert list(terms) == (["class_real", "class_fake"] if on_fake else ["class_real"])
    for name, value in terms.items():
        logits = heads[name].logits
        expected = _closed_form(logits, LABELS, smoothing)
        assert_close(value, expected)
        assert_close(
            torch.autograd.grad(value, logits, retain_graph=True), torch.autograd.grad(expected, logits)
        )


def test_real_images_alone_give_no_gradient_to_the_fake_logits() -> None:
    loss = CLASSIFICATION["cross_entropy"](on_fake=False, label_smoothing=0.0)
    real, fake = _head(0), _head(1)
    sum(loss.discriminator(real, fake, LABELS).values()).backward()
    assert real.logits.grad is not None
    assert fake.logits.grad is None


def test_generator_sees_sharp_targets() -> None:
    loss = CLASSIFICATION["cross_entropy"](on_fake=True, label_smoothing=0.5)
    fake = _head(1)
    terms = loss.generator(fake, LABELS)
    assert list(terms) == ["class_fake"]
    expected = _closed_form(fake.logits, LABELS, 0.0)
    assert_close(terms["class_fake"], expected)
    assert_close(
        torch.autograd.grad(terms["class_fake"], fake.logits), torch.autograd.grad(expected, fake.logits)
    )


def test_a_head_returns_logits_not_probabilities() -> None:
    # logits (0, log 3): P(class 1) = 3/4. Had they gone through a softmax first it would be 0.62.
    head = HeadOutput(torch.tensor([[0.0, math.log(3.0)]], dtype=torch.float64))
    loss = CLASSIFICATION["cross_entropy"](on_fake=False, label_smoothing=0.0)
    label = torch.tensor([1])
    assert loss.discriminator(head, head, label)["class_real"].item() == pytest.approx(math.log(4 / 3))
    assert loss.generator(head, label)["class_fake"].item() == pytest.approx(math.log(4 / 3))


def test_the_softmax_is_over_the_classes() -> None:
    # Every image sure of its own class: no loss. Over the batch each column would hold a share of 1/2.
    head = HeadOutput(torch.tensor([[50.0, 0.0], [50.0, 0.0]], dtype=torch.float64))
    loss = CLASSIFICATION["cross_entropy"](on_fake=False, label_smoothing=0.0)
    assert loss.generator(head, torch.tensor([0, 0]))["class_fake"].item() < 1e-20

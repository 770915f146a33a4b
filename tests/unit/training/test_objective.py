"""What is minimised: the weighted sums, which parts of D they reach, and when the penalty counts how much."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.training.objective import Objective
from acgan.types import Batch, DiscriminatorOutput, HeadOutput

K = 3


class LinearD(nn.Module):
    """Heads that are linear in the pixels, so that every gradient is a weight."""

    def __init__(self, aux_scale: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        draw = torch.randn(K + 1, 4, dtype=torch.float64, generator=generator)
        self.adv = nn.Parameter(draw[0])
        self.aux = nn.Parameter(draw[1:] * aux_scale)
        self.calls: list[Tensor] = []

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        assert y is not None
        self.calls.append(y)
        features = x.flatten(1)
        return DiscriminatorOutput(features @ self.adv, HeadOutput(features @ self.aux.T), features)


def _images(seed: int) -> Tensor:
    return torch.randn(5, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


REAL = Batch(_images(1), torch.tensor([0, 1, 2, 1, 0]))
FAKE = _images(2)
MIX = torch.linspace(0, 1, 5, dtype=torch.float64)


@pytest.fixture
def objective() -> Callable[..., Objective]:
    def make(adversarial: str = "relativistic", on_fake: bool = True, **changes: object) -> Objective:
        parts = Objective(
            adversarial=ADVERSARIAL[adversarial](),
            classification=CLASSIFICATION["cross_entropy"](on_fake=on_fake, label_smoothing=0.0),
            penalty=PENALTIES["zero_centered"](on=["real", "fake"]),
            weight_d=0.7,
            weight_g=0.3,
        )
        return dataclasses.replace(parts, **changes)

    return make


@pytest.mark.parametrize("adversarial", ADVERSARIAL)
@pytest.mark.parametrize("on_fake", [False, True])
def test_discriminator_minimises_adversarial_plus_weighted_classification(
    objective: Callable[..., Objective], adversarial: str, on_fake: bool
) -> None:
    d = LinearD()
    terms = objective(adversarial, on_fake).discriminator(d, REAL, FAKE)
    assert list(terms.parts) == ["adversarial", "class_real", "class_fake"][: 2 + on_fake]
    real, fake = d(REAL.images, REAL.labels), d(FAKE, REAL.labels)
    assert_close(terms.parts["adversarial"], ADVERSARIAL[adversarial]().discriminator(real.adv, fake.adv))
    classes = [-output.aux.logits.log_softmax(1)[range(5), REAL.labels].mean() for output in (real, fake)]
    assert_close([*terms.parts.values()][1:], classes[: 1 + on_fake])
    assert_close(terms.total, terms.parts["adversarial"] + 0.7 * sum(classes[: 1 + on_fake]))


@pytest.mark.parametrize("adversarial", ADVERSARIAL)
def test_generator_minimises_adversarial_plus_weighted_classification(
    objective: Callable[..., Objective], adversarial: str
) -> None:
    d, fake_images = LinearD(), FAKE.clone().requires_grad_()
    terms = objective(adversarial).generator(d, REAL, fake_images)
    loss = ADVERSARIAL[adversarial]()
    assert len(d.calls) == 1 + loss.generator_needs_real
    fake = d(fake_images, REAL.labels)
    expected = loss.generator(d(REAL.images, REAL.labels).adv.detach(), fake.adv)
    class_fake = -fake.aux.logits.log_softmax(1)[range(5), REAL.labels].mean()
    assert list(terms.parts) == ["adversarial", "class_fake"]
    assert_close(terms.total, expected + 0.3 * class_fake)
    assert_close(
        torch.autograd.grad(terms.total, fake_images),
        torch.autograd.grad(expected + 0.3 * class_fake, fake_images),
    )


def test_the_two_players_pull_the_fake_logits_apart_and_the_class_together(
    objective: Callable[..., Objective],
) -> None:
    fake = FAKE.clone().requires_grad_()
    d = LinearD()
    only_adversarial = objective("bce", weight_d=0.0, weight_g=0.0)
    (against,) = torch.autograd.grad(only_adversarial.discriminator(d, REAL, fake).total, fake)
    (towards,) = torch.autograd.grad(only_adversarial.generator(d, REAL, fake).total, fake)
    assert ((against * towards).sum(dim=(1, 2, 3)) < 0).all()


def test_the_real_logits_carry_no_gradient_in_the_generators_step(
    objective: Callable[..., Objective],
) -> None:
    real = Batch(REAL.images.clone().requires_grad_(), REAL.labels)
    objective("relativistic").generator(LinearD(), real, FAKE.clone().requires_grad_()).total.backward()
    assert real.images.grad is None


def test_every_pass_is_told_the_labels(objective: Callable[..., Objective]) -> None:
    d = LinearD()
    parts = objective()
    parts.discriminator(d, REAL, FAKE)
    parts.generator(d, REAL, FAKE)
    assert all(torch.equal(y, REAL.labels) for y in d.calls)
    parts.penalize(d, REAL, FAKE, MIX, 0.5)
    assert torch.equal(d.calls[-1], REAL.labels.repeat(2))


def test_statistics(objective: Callable[..., Objective]) -> None:
    d = LinearD()
    stats = objective().discriminator(d, REAL, FAKE).stats
    real, fake = d(REAL.images, REAL.labels), d(FAKE, REAL.labels)
    hits = [(output.aux.logits.argmax(1) == REAL.labels).double().mean().item() for output in (real, fake)]
    assert stats["class_accuracy_real"].item() == pytest.approx(hits[0])
    assert stats["class_accuracy_fake"].item() == pytest.approx(hits[1])
    assert_close((stats["logit_real"], stats["logit_fake"]), (real.adv.mean(), fake.adv.mean()))
    assert_close(stats["feature_norm"], REAL.images.flatten(1).square().sum(1).sqrt().mean())
    assert not any(value.requires_grad for value in stats.values())


@pytest.mark.parametrize("every", [1, 4])
def test_a_lazy_penalty_counts_for_the_steps_between(objective: Callable[..., Objective], every: int) -> None:
    d = LinearD()
    terms = objective(penalty_every=every).penalize(d, REAL, FAKE, MIX, 0.5)
    one_side = 0.5 / 2 * d.adv.square().sum()  # gamma/2 |a|^2
    assert_close(terms.parts, {"r1": one_side, "r2": one_side})
    assert_close(terms.total, every * 2 * one_side)


@pytest.mark.parametrize(
    "penalty",
    [
        PENALTIES["zero_centered"](on=["real", "fake"]),
        PENALTIES["gradient_penalty"](),
    ],
    ids=["zero_centered", "gradient_penalty"],
)
def test_the_penalty_leaves_the_class_head_alone(
    objective: Callable[..., Objective], penalty: object
) -> None:
    gentle, steep = LinearD(), LinearD(aux_scale=1e6)
    parts = objective(penalty=penalty)
    assert parts.penalize(gentle, REAL, FAKE, MIX, 10.0).total == parts.penalize(steep, REAL, FAKE, MIX, 10.0).total
    parts.penalize(steep, REAL, FAKE, MIX, 10.0).total.backward()
    assert steep.adv.grad is not None
    assert steep.aux.grad is None


def test_the_penalty_takes_bf16_samples_in_the_precision_of_the_real_images(
    objective: Callable[..., Objective],
) -> None:
    d = LinearD().float()
    real = Batch(REAL.images.float(), REAL.labels)
    terms = objective().penalize(d, real, FAKE.bfloat16(), MIX.float(), 0.5)
    assert terms.total.dtype is torch.float32

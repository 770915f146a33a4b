"""What is minimised: the weighted sums, which parts of D they reach, and when the penalty counts how much."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES
from acgan.runtime import Draws
from acgan.training.objective import Objective
from acgan.training.regularisers import Judged, Regulariser
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, HeadOutput, Term

K = 3


class LinearD(nn.Module):
    """Heads that are linear in the pixels, so that every gradient is a weight."""

    def __init__(self, aux_scale: float = 1.0, has_aux: bool = True) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        draw = torch.randn(2 * K + 1, 4, dtype=torch.float64, generator=generator)
        self.adv = nn.Parameter(draw[0])
        self.aux = nn.Parameter(draw[1 : K + 1] * aux_scale)
        self.second = nn.Parameter(draw[K + 1 :])
        self.has_aux = has_aux
        self.calls: list[Tensor] = []

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        assert y is not None
        self.calls.append(y)
        features = x.flatten(1)
        aux = HeadOutput(
            features @ self.aux.T,
            twin=features @ self.second.T,
            embedding=nn.functional.normalize(features, dim=1),
            proxies=nn.functional.normalize(self.second, dim=1),
        )
        return DiscriminatorOutput(features @ self.adv, aux if self.has_aux else None, features)


def _images(seed: int) -> Tensor:
    return torch.randn(5, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


REAL = Batch(_images(1), torch.tensor([0, 1, 2, 1, 0]))
FAKE = _images(2)
PORTION = Portion(0, 0, slice(0, 5), 1.0, Draws(0), 5)


@pytest.fixture
def objective() -> Callable[..., Objective]:
    def make(adversarial: str = "relativistic", on_fake: bool = True, **changes: object) -> Objective:
        parts = Objective(
            adversarial=ADVERSARIAL[adversarial](),
            classification=CLASSIFICATION["cross_entropy"](on_fake=on_fake, label_smoothing=0.0),
            penalty=PENALTIES["zero_centered"](on=["real", "fake"]),
            weight_d=0.7,
            weight_g=0.3,
            penalty_of="adversarial",
            penalty_every=1,
            regularisers={},
            one_pass=False,
        )
        return dataclasses.replace(parts, **changes)

    return make


@pytest.mark.parametrize("adversarial", ADVERSARIAL)
@pytest.mark.parametrize("on_fake", [False, True])
def test_discriminator_minimises_adversarial_plus_weighted_classification(
    objective: Callable[..., Objective], adversarial: str, on_fake: bool
) -> None:
    d = LinearD()
    terms = objective(adversarial, on_fake).discriminator(d, REAL, FAKE, PORTION)
    assert list(terms.terms) == ["adversarial", "class_real", "class_fake"][: 2 + on_fake]
    real, fake = d(REAL.images, REAL.labels), d(FAKE, REAL.labels)
    assert_close(
        terms.terms["adversarial"].value, ADVERSARIAL[adversarial]().discriminator(real.adv, fake.adv)
    )
    classes = [-output.aux.logits.log_softmax(1)[range(5), REAL.labels].mean() for output in (real, fake)]
    assert_close([term.value for term in terms.terms.values()][1:], classes[: 1 + on_fake])
    assert_close(terms.total, terms.terms["adversarial"].value + 0.7 * sum(classes[: 1 + on_fake]))


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
    assert list(terms.terms) == ["adversarial", "class_fake"]
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
    (against,) = torch.autograd.grad(only_adversarial.discriminator(d, REAL, fake, PORTION).total, fake)
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
    parts.discriminator(d, REAL, FAKE, PORTION)
    parts.generator(d, REAL, FAKE)
    assert all(torch.equal(y, REAL.labels) for y in d.calls)
    parts.penalize(d, REAL, FAKE, PORTION, 0.5)
    assert torch.equal(d.calls[-1], REAL.labels.repeat(2))


def test_statistics(objective: Callable[..., Objective]) -> None:
    d = LinearD()
    stats = objective().discriminator(d, REAL, FAKE, PORTION).stats
    real, fake = d(REAL.images, REAL.labels), d(FAKE, REAL.labels)
    hits = [(output.aux.logits.argmax(1) == REAL.labels).double().mean().item() for output in (real, fake)]
    assert stats["class_accuracy_real"].item() == pytest.approx(hits[0])
    assert stats["class_accuracy_fake"].item() == pytest.approx(hits[1])
    assert_close((stats["logit_real"], stats["logit_fake"]), (real.adv.mean(), fake.adv.mean()))
    assert stats["real_sign"].item() == pytest.approx((real.adv - fake.adv).sign().mean().item())
    assert_close(stats["feature_norm"], REAL.images.flatten(1).square().sum(1).sqrt().mean())
    assert not any(value.requires_grad for value in stats.values())


@pytest.mark.parametrize("every", [1, 4])
def test_a_lazy_penalty_counts_for_the_steps_between(objective: Callable[..., Objective], every: int) -> None:
    d = LinearD()
    terms = objective(penalty_every=every).penalize(d, REAL, FAKE, PORTION, 0.5)
    one_side = 0.5 / 2 * d.adv.square().sum()  # gamma/2 |a|^2
    assert_close(
        {name: term.weighted for name, term in terms.terms.items()}, {"r1": one_side, "r2": one_side}
    )
    assert_close(terms.terms["r1"].value, d.adv.square().sum())
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
    assert (
        parts.penalize(gentle, REAL, FAKE, PORTION, 10.0).total
        == parts.penalize(steep, REAL, FAKE, PORTION, 10.0).total
    )
    parts.penalize(steep, REAL, FAKE, PORTION, 10.0).total.backward()
    assert steep.adv.grad is not None
    assert steep.aux.grad is None


def test_the_penalty_takes_bf16_samples_in_the_precision_of_the_real_images(
    objective: Callable[..., Objective],
) -> None:
    d = LinearD().float()
    real = Batch(REAL.images.float(), REAL.labels)
    terms = objective().penalize(d, real, FAKE.bfloat16(), PORTION, 0.5)
    assert terms.total.dtype is torch.float32


@pytest.mark.parametrize("strength", [0.5, 3.0])
def test_the_penalty_is_as_strong_as_it_is_told(objective: Callable[..., Objective], strength: float) -> None:
    terms = objective(penalty_every=2).penalize(LinearD(), REAL, FAKE, PORTION, strength)
    one = objective(penalty_every=2).penalize(LinearD(), REAL, FAKE, PORTION, 1.0)
    assert_close(terms.total, strength * one.total)


# ---------------------------------------------------------------- the family

FAMILY = {
    "tac": {"bounded": True, "on_fake": False},
    "adc": {},
    "d2d_ce": {"margin": 0.98, "temperature": 0.5},
}


@pytest.mark.parametrize("kind", FAMILY)
def test_the_class_terms_of_the_family_are_weighted_in_both_sums(
    objective: Callable[..., Objective], kind: str
) -> None:
    d, loss = LinearD(), CLASSIFICATION[kind](**FAMILY[kind])
    parts = objective(classification=loss)
    real, fake = d(REAL.images, REAL.labels), d(FAKE, REAL.labels)
    for terms, classes, weight in (
        (
            parts.discriminator(d, REAL, FAKE, PORTION),
            loss.discriminator(real.aux, fake.aux, REAL.labels),
            0.7,
        ),
        (parts.generator(d, REAL, FAKE), loss.generator(fake.aux, REAL.labels), 0.3),
    ):
        assert list(terms.terms) == ["adversarial", *classes]
        assert_close({name: terms.terms[name].value for name in classes}, classes)
        assert {terms.terms[name].weight for name in classes} == {weight}
        assert_close(terms.total, terms.terms["adversarial"].value + weight * sum(classes.values()))


def test_without_a_class_loss_there_is_the_adversarial_one_alone(
    objective: Callable[..., Objective],
) -> None:
    parts, d = objective(classification=None), LinearD(has_aux=False)
    for terms in (parts.discriminator(d, REAL, FAKE, PORTION), parts.generator(d, REAL, FAKE)):
        assert list(terms.terms) == ["adversarial"]
        assert_close(terms.total, terms.terms["adversarial"].value)
        assert not any("class" in name for name in terms.stats)
    assert all(torch.equal(y, REAL.labels) for y in d.calls)  # which projection needs
    assert parts.penalize(d, REAL, FAKE, PORTION, 1.0).total > 0


class Gentle(Regulariser):
    """A term of each side's logits."""

    def terms(self, judged: Judged) -> dict[str, Term]:
        return {"gentle": Term(judged.on_real.adv.square().mean() - judged.on_fake.adv.mean(), 2.0)}


def test_regularisers_are_added_to_d_s_sum_by_their_own_weight(objective: Callable[..., Objective]) -> None:
    d = LinearD()
    terms = objective(regularisers={"gentle": Gentle()}).discriminator(d, REAL, FAKE, PORTION)
    without = objective().discriminator(d, REAL, FAKE, PORTION)
    real, fake = (d(images, REAL.labels).adv for images in (REAL.images, FAKE))
    assert_close(terms.terms["gentle"].value, real.square().mean() - fake.mean())
    assert_close(terms.total, without.total + 2 * terms.terms["gentle"].value)
    assert_close(terms.stats, without.stats)
    with pytest.raises(AssertionError, match=r"two terms are called \['gentle'\]"):
        objective(regularisers={"one": Gentle(), "two": Gentle()}).discriminator(d, REAL, FAKE, PORTION)
    of_g = objective(regularisers={"gentle": Gentle()}).generator(LinearD(), REAL, FAKE)
    assert list(of_g.terms) == ["adversarial", "class_fake"]


def test_terms_with_weights_of_their_own(objective: Callable[..., Objective]) -> None:
    """TAC's twin, whose weights are PyTorch-StudioGAN's tac_dis_lambda and tac_gen_lambda."""
    own = objective(
        "hinge",
        classification=CLASSIFICATION["tac"](bounded=False, on_fake=True),
        term_weights={"twin_fake": (0.2, 0.4)},
    )
    of_d = own.discriminator(LinearD(), REAL, FAKE, PORTION).terms
    of_g = own.generator(LinearD(), REAL, FAKE).terms
    assert {name: term.weight for name, term in of_d.items()} == {
        "adversarial": 1.0,
        "class_real": 0.7,
        "twin_fake": 0.2,
        "class_fake": 0.7,
    }
    assert {name: term.weight for name, term in of_g.items()} == {
        "adversarial": 1.0,
        "class_fake": 0.3,
        "twin_fake": 0.4,
    }

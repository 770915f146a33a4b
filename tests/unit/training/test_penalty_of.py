"""A penalty of the logit alone, and of all that G gains by, against gradients written out."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES, ClassificationLoss
from acgan.runtime import Draws
from acgan.training.objective import Objective
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, HeadOutput

K, GAMMA, WEIGHT = 3, 0.8, 0.6


def _draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class LinearD(nn.Module):
    """Heads that are linear in the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.adv = nn.Parameter(_draw(4, seed=1))
        self.classes = nn.Parameter(_draw(K, 4, seed=2))
        self.twins = nn.Parameter(_draw(K, 4, seed=3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        features = x.flatten(1)
        aux = HeadOutput(features @ self.classes.T, twin=features @ self.twins.T)
        return DiscriminatorOutput(features @ self.adv, aux, features)


REAL = Batch(_draw(5, 1, 2, 2, seed=4), torch.tensor([0, 1, 2, 1, 0]))
FAKE = _draw(5, 1, 2, 2, seed=5)
PORTION = Portion(0, 0, slice(0, 5), 1.0, Draws(0), 5)


def _objective(classification: ClassificationLoss | None, of: str) -> Objective:
    return Objective(
        adversarial=ADVERSARIAL["relativistic"](),
        classification=classification,
        penalty=PENALTIES["zero_centered"](on=["real", "fake"]),
        weight_d=1.0,
        weight_g=WEIGHT,
        penalty_of=of,
        penalty_every=1,
        regularisers={},
        one_pass=False,
    )


def _slope(kind: str, d: LinearD, image: Tensor, label: int) -> Tensor:
    """How G's class loss of one image changes with its pixels."""
    p = torch.softmax(d.classes @ image, dim=0)
    to_class = (p[:, None] * d.classes).sum(dim=0) - d.classes[label]  # of -log p_y
    if kind == "cross_entropy":
        return to_class
    if kind == "adc":
        return d.twins[label] - d.classes[label]
    q = torch.softmax(d.twins @ image, dim=0)
    if kind == "tac, bounded" and q[label] < 1 / K:  # worse than a guess: it gains G nothing more
        return to_class
    return to_class - ((q[:, None] * d.twins).sum(dim=0) - d.twins[label])


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        ("cross_entropy", {"on_fake": True, "label_smoothing": 0.0}),
        ("tac", {"bounded": False, "on_fake": False}),
        ("tac, bounded", {"bounded": True, "on_fake": False}),
        ("adc", {}),
    ],
)
def test_of_the_objective_it_holds_the_class_terms(kind: str, keywords: dict[str, object]) -> None:
    d = LinearD()
    loss = CLASSIFICATION[kind.partition(",")[0]](**keywords)
    found = _objective(loss, "objective").penalize(d, REAL, FAKE, PORTION, GAMMA)
    for side, images in (("r1", REAL.images), ("r2", FAKE)):
        squares = [
            (d.adv - WEIGHT * _slope(kind, d, image.flatten(), int(label))).square().sum()
            for image, label in zip(images, REAL.labels, strict=True)
        ]
        assert_close(found.terms[side].weighted, GAMMA / 2 * torch.stack(squares).mean())
    found.total.backward()
    assert d.classes.grad is not None
    assert d.classes.grad.abs().sum() > 0


def test_of_the_logit_it_leaves_them_out() -> None:
    d = LinearD()
    found = _objective(CLASSIFICATION["adc"](), "adversarial").penalize(d, REAL, FAKE, PORTION, GAMMA)
    assert_close(found.terms["r1"].weighted, GAMMA / 2 * d.adv.square().sum())


def test_it_is_that_of_the_logit_where_g_has_no_class_terms() -> None:
    d = LinearD()
    without = dataclasses.replace(_objective(CLASSIFICATION["adc"](), "objective"), weight_g=0.0)
    assert_close(
        without.penalize(d, REAL, FAKE, PORTION, GAMMA).terms["r2"].weighted, GAMMA / 2 * d.adv.square().sum()
    )
    assert_close(
        _objective(None, "objective").penalize(d, REAL, FAKE, PORTION, GAMMA).terms["r2"].weighted,
        GAMMA / 2 * d.adv.square().sum(),
    )


def test_a_loss_that_compares_images_sees_either_side_by_itself() -> None:
    class Cosines(LinearD):
        def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
            output = super().forward(x, y)
            embedding, proxies = (nn.functional.normalize(t, dim=1) for t in (x.flatten(1), self.classes))
            aux = HeadOutput(embedding @ proxies.T, embedding=embedding, proxies=proxies)
            return dataclasses.replace(output, aux=aux)

    d, loss = Cosines(), CLASSIFICATION["d2d_ce"](margin=0.9, temperature=0.5)
    found = _objective(loss, "objective").penalize(d, REAL, FAKE, PORTION, GAMMA)
    for side, images in (("r1", REAL.images), ("r2", FAKE)):
        x = images.clone().requires_grad_()
        output = d(x, REAL.labels)
        score = output.adv.sum() - WEIGHT * 5 * loss.generator(output.aux, REAL.labels)["class_fake"]
        (slopes,) = torch.autograd.grad(score, x)
        assert_close(found.terms[side].weighted, GAMMA / 2 * slopes.square().sum(dim=(1, 2, 3)).mean())

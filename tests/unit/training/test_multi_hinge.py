"""The multi-hinge GAN of examples/: its loss against the equations, and a GAN without an adversarial loss."""

from __future__ import annotations

import math
from types import ModuleType

import pytest
import torch
from loop_helpers import CPU, gradients, tiny_gan
from registering import EXAMPLES
from torch import Tensor
from torch.testing import assert_close

from acgan.benchmarking.plain_loop import PlainLoop
from acgan.cli.importing import import_script
from acgan.losses import CLASSIFICATION, ClassificationLoss
from acgan.runtime import Draws, FiniteGuard
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.training.objective import Objective
from acgan.training.step import Portion
from acgan.types import Batch, DiscriminatorOutput, HeadOutput

K = 3
LABELS = torch.tensor([0, 1, 2, 1, 0])
MULTI_HINGE = ("loss.adversarial=null", "loss.classification={kind: multi_hinge, weight_g: 0.8}")
if not EXAMPLES.is_dir():
    pytest.skip("examples/ is in a checkout alone", allow_module_level=True)


@pytest.fixture(autouse=True)
def example(registry: None) -> ModuleType:
    import_script(str(EXAMPLES / "multi_hinge.py"))
    import multi_hinge

    found: ModuleType = multi_hinge
    return found


def _logits(seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, K + 1, dtype=torch.float64, generator=draw).requires_grad_()


def _output(example: ModuleType, logits: Tensor) -> HeadOutput:
    output: HeadOutput = example.OutputWithGenerated(logits[:, :K], generated=logits[:, K])
    return output


def _hinge(logits: Tensor, targets: list[int], margin: float) -> tuple[float, Tensor]:
    """The mean of max(0, margin + max_{k != t} s_k - s_t) and its gradient, written out."""
    total, slope = 0.0, torch.zeros_like(logits)
    for row, (scores, target) in enumerate(zip(logits.tolist(), targets, strict=True)):
        wrong = max((k for k in range(K + 1) if k != target), key=scores.__getitem__)
        lead = margin + scores[wrong] - scores[target]
        if lead > 0:
            total += lead / len(targets)
            slope[row, wrong] += 1 / len(targets)
            slope[row, target] -= 1 / len(targets)
    return total, slope


@pytest.mark.parametrize("margin", [1.0, 0.3])
def test_the_loss_is_that_of_the_equations(example: ModuleType, margin: float) -> None:
    loss: ClassificationLoss = CLASSIFICATION["multi_hinge"](margin=margin)
    real, fake = _logits(1), _logits(2)
    of_d = loss.discriminator(_output(example, real), _output(example, fake), LABELS)
    of_g = loss.generator(_output(example, fake), LABELS)
    for term, logits, targets in (
        (of_d["class_real"], real, LABELS.tolist()),
        (of_d["class_fake"], fake, [K] * 5),
        (of_g["class_fake"], fake, LABELS.tolist()),
    ):
        value, slope = _hinge(logits.detach(), targets, margin)
        assert math.isclose(term.item(), value, rel_tol=1e-12)
        assert_close(torch.autograd.grad(term, logits, retain_graph=True)[0], slope)


def test_a_clear_lead_costs_nothing(example: ModuleType) -> None:
    loss = CLASSIFICATION["multi_hinge"](margin=1.0)
    logits = 10 * torch.eye(K + 1, dtype=torch.float64)[LABELS]
    assert loss.generator(_output(example, logits), LABELS)["class_fake"] == 0


def test_d_has_no_adversarial_head_and_logs_no_adversarial_term() -> None:
    gan = tiny_gan(*MULTI_HINGE, precision="float32")
    assert gan.discriminator.adv_head is None
    of_d = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    of_g = generator_step(gan, FiniteGuard(CPU), 0)
    assert {"class_real", "class_fake", "r1", "r2", "class_accuracy_real", "feature_norm"} <= of_d.keys()
    assert not {"adversarial", "accuracy", "real_sign", "logit_real"} & (of_d.keys() | of_g.keys())
    assert of_g.keys() == {"class_fake", "weighted/class_fake", "gradient_norm"}
    assert_close(of_g["weighted/class_fake"], 0.8 * of_g["class_fake"])


def test_portions_add_up_to_the_batch() -> None:
    assert_close(gradients(tiny_gan(*MULTI_HINGE, "train.portions=3")), gradients(tiny_gan(*MULTI_HINGE)))


def test_the_penalty_is_of_all_that_g_gains_by(example: ModuleType) -> None:
    """With logits that are linear in the pixels, the slope of -weight_g H is known for each image."""
    gan = tiny_gan(*MULTI_HINGE)
    objective: Objective = gan.objective
    weights = torch.randn(
        K + 1, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()
    images = torch.randn(5, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4))

    def d(x: Tensor, _y: Tensor) -> object:
        return DiscriminatorOutput(None, _output(example, x.flatten(1) @ weights.T), x.flatten(1))

    portion = Portion(0, 0, slice(0, 5), 1.0, Draws(0), 5)
    terms = objective.penalize(d, Batch(images, LABELS), images, portion, 0.5).terms
    _, slope = _hinge((images.flatten(1) @ weights.T).detach(), LABELS.tolist(), 1.0)
    expected = (0.8 * 5 * slope @ weights).square().sum(dim=1).mean()
    assert_close(terms["r1"].value, expected)
    assert_close(terms["r2"].value, expected)
    assert_close(terms["r1"].weighted, 0.25 * expected)


def test_the_plain_loop_of_the_benchmarks_does_without_it_too() -> None:
    gan = tiny_gan(*MULTI_HINGE, precision="float32")
    x, y = torch.zeros(8, 1, 16, 16), torch.arange(8) % 3
    z = torch.ones(8, gan.generator.latent_dim)
    assert PlainLoop(gan).discriminator_step(x, y, z, penalty=True).keys() == {
        *("class_real", "class_fake"),
        *("r1", "r2"),
    }
    assert PlainLoop(gan).generator_step(x, y, z).keys() == {"class_fake"}

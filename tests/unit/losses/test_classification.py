"""The classification losses against their papers' equations, written image by image in float64."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from equations import cross_entropy, data_to_data, guess, mean, smoothed_cross_entropy
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import CLASSIFICATION, ClassificationLoss
from acgan.types import HeadOutput

LABELS = torch.tensor([0, 2, 1, 2, 0])
K = 3

Terms = dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Reference:
    """A loss's equations, and the options to try them with."""

    discriminator: Callable[..., Terms]  # of (real, fake, labels) and the options
    generator: Callable[..., Terms]  # of (fake, labels) and the options
    options: tuple[dict[str, Any], ...] = ({},)


def _ac_discriminator(
    real: HeadOutput, fake: HeadOutput, y: Tensor, on_fake: bool, label_smoothing: float
) -> Terms:
    """Odena et al. 2017, eq. 3, negated; on real images alone where so asked."""
    sides = {"class_real": real, "class_fake": fake} if on_fake else {"class_real": real}
    return {
        name: mean([smoothed_cross_entropy(side.logits[i], c, label_smoothing) for i, c in _each(y)])
        for name, side in sides.items()
    }


def _ac_generator(fake: HeadOutput, y: Tensor, **options: Any) -> Terms:
    return {"class_fake": mean([cross_entropy(fake.logits[i], c) for i, c in _each(y)])}


def _tac_discriminator(real: HeadOutput, fake: HeadOutput, y: Tensor, bounded: bool, on_fake: bool) -> Terms:
    """CE(C(x), y) + CE(T(G(z, y)), y), and where so asked + CE(C(G(z, y)), y)."""
    terms = {
        "class_real": mean([cross_entropy(real.logits[i], c) for i, c in _each(y)]),
        "twin_fake": mean([cross_entropy(fake.twin[i], c) for i, c in _each(y)]),
    }
    of_c = {"class_fake": mean([cross_entropy(fake.logits[i], c) for i, c in _each(y)])}
    return {**terms, **of_c} if on_fake else terms


def _tac_generator(fake: HeadOutput, y: Tensor, bounded: bool, on_fake: bool) -> Terms:
    """CE(C(G), y) - CE(T(G), y), the last of an image no more than a guess's where bounded."""
    twins = [cross_entropy(fake.twin[i], c) for i, c in _each(y)]
    assert any(twin > guess(K) for twin in twins)
    assert any(twin < guess(K) for twin in twins)
    if bounded:
        twins = [twin if twin < guess(K) else 0 * twin + guess(K) for twin in twins]
    return {
        "class_fake": mean([cross_entropy(fake.logits[i], c) for i, c in _each(y)]),
        "twin_fake": -mean(twins),
    }


def _interleaved(output: HeadOutput) -> Tensor:
    """ADC's 2K logits: class y real at 2y, generated at 2y + 1."""
    columns = [column for k in range(K) for column in (output.logits[:, k], output.twin[:, k])]
    return torch.stack(columns, dim=1)


def _adc_discriminator(real: HeadOutput, fake: HeadOutput, y: Tensor) -> Terms:
    """CE(x, y+) + CE(G, y-), y+ = 2y, y- = 2y + 1."""
    on_real, on_fake = _interleaved(real), _interleaved(fake)
    return {
        "class_real": mean([cross_entropy(on_real[i], 2 * c) for i, c in _each(y)]),
        "class_fake": mean([cross_entropy(on_fake[i], 2 * c + 1) for i, c in _each(y)]),
    }


def _adc_generator(fake: HeadOutput, y: Tensor) -> Terms:
    """CE(G, y+) - CE(G, y-)."""
    both = _interleaved(fake)
    return {
        "class_fake": mean(
            [cross_entropy(both[i], 2 * c) - cross_entropy(both[i], 2 * c + 1) for i, c in _each(y)]
        )
    }


def _d2d_discriminator(real: HeadOutput, fake: HeadOutput, y: Tensor, **options: float) -> Terms:
    return {"class_real": data_to_data(real.embedding, real.proxies, y, **options)}


def _d2d_generator(fake: HeadOutput, y: Tensor, **options: float) -> Terms:
    return {"class_fake": data_to_data(fake.embedding, fake.proxies, y, **options)}


def _each(labels: Tensor) -> Iterator[tuple[int, int]]:
    return enumerate(labels.tolist())


REFERENCES = {
    "cross_entropy": Reference(
        _ac_discriminator,
        _ac_generator,
        tuple(
            {"on_fake": on_fake, "label_smoothing": smoothing}
            for on_fake in (False, True)
            for smoothing in (0.0, 0.1, 0.5)
        ),
    ),
    # Gong et al. 2019
    "tac": Reference(
        _tac_discriminator,
        _tac_generator,
        tuple(
            {"bounded": bounded, "on_fake": on_fake} for bounded in (True, False) for on_fake in (False, True)
        ),
    ),
    # Hou et al. 2022
    "adc": Reference(_adc_discriminator, _adc_generator),
    # Kang et al. 2021, eq. 6
    "d2d_ce": Reference(
        _d2d_discriminator,
        _d2d_generator,
        ({"margin": 0.98, "temperature": 0.5}, {"margin": 0.6, "temperature": 0.1}),
    ),
}


def _cases() -> Iterator[Any]:
    for kind in CLASSIFICATION:
        for options in REFERENCES[kind].options if kind in REFERENCES else ({},):
            said = ", ".join(f"{key} {value}" for key, value in options.items())
            yield pytest.param((kind, options), id=f"{kind}: {said}" if said else kind)


@pytest.fixture(params=_cases())
def case(request: pytest.FixtureRequest) -> tuple[ClassificationLoss, Reference, dict[str, Any]]:
    kind, options = request.param
    if kind not in REFERENCES:
        pytest.fail(f"no reference for classification loss {kind!r}: add its equations to REFERENCES")
    return CLASSIFICATION[kind](**options), REFERENCES[kind], options


def _output(loss: ClassificationLoss, seed: int, scale: float = 1.0) -> HeadOutput:
    """What a head with the outputs that a loss asks for might return; leaves of a graph."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    def unit(*shape: int) -> Tensor:
        return torch.nn.functional.normalize(draw(*shape), dim=1).requires_grad_()

    logits = (scale * draw(len(LABELS), K)).requires_grad_()
    if loss.head_outputs == "twin":
        return HeadOutput(logits, twin=(scale * draw(len(LABELS), K)).requires_grad_())
    if loss.head_outputs == "proxies":
        return HeadOutput(logits, embedding=unit(len(LABELS), 4), proxies=unit(K, 4))
    return HeadOutput(logits)


def _leaves(*outputs: HeadOutput) -> list[Tensor]:
    found = [getattr(output, field.name) for output in outputs for field in dataclasses.fields(output)]
    return [tensor for tensor in found if tensor is not None]


def _gradients(value: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(value, leaves, retain_graph=True, materialize_grads=True))


def _assert_same(terms: Terms, expected: Terms, leaves: list[Tensor]) -> None:
    assert list(terms) == list(expected)
    for name, value in terms.items():
        assert_close(value, expected[name])
        assert_close(_gradients(value, leaves), _gradients(expected[name], leaves))


def test_discriminator_equals_the_equation(case: tuple[Any, Reference, dict[str, Any]]) -> None:
    loss, reference, options = case
    real, fake = _output(loss, 0), _output(loss, 1)
    _assert_same(
        loss.discriminator(real, fake, LABELS),
        reference.discriminator(real, fake, LABELS, **options),
        _leaves(real, fake),
    )


def test_generator_equals_the_equation(case: tuple[Any, Reference, dict[str, Any]]) -> None:
    loss, reference, options = case
    fake = _output(loss, 2)
    _assert_same(loss.generator(fake, LABELS), reference.generator(fake, LABELS, **options), _leaves(fake))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1e4])
def test_extreme_outputs_stay_finite(
    case: tuple[Any, Reference, dict[str, Any]], scale: float, dtype: torch.dtype
) -> None:
    loss, *_ = case
    outputs = []
    for seed in (0, 1):
        output = _output(loss, seed, scale)
        tensors = {f.name: getattr(output, f.name) for f in dataclasses.fields(output)}
        narrow = {
            name: tensor.detach().to(dtype).requires_grad_()
            for name, tensor in tensors.items()
            if tensor is not None
        }
        outputs.append(HeadOutput(**narrow))
    terms = [*loss.discriminator(*outputs, LABELS).values(), *loss.generator(outputs[1], LABELS).values()]
    for value in terms:
        assert value.dtype is dtype
        assert all(torch.isfinite(t).all() for t in (value, *_gradients(value, _leaves(*outputs))))


# ---------------------------------------------------------------- AC-GAN


def test_real_images_alone_give_no_gradient_to_the_fake_logits() -> None:
    loss = CLASSIFICATION["cross_entropy"](on_fake=False, label_smoothing=0.0)
    real, fake = _output(loss, 0), _output(loss, 1)
    sum(loss.discriminator(real, fake, LABELS).values()).backward()
    assert real.logits.grad is not None
    assert fake.logits.grad is None


def test_a_head_returns_logits_not_probabilities() -> None:
    # logits (0, log 3): P(class 1) = 3/4. Had they gone through a softmax first it would be 0.62.
    head = HeadOutput(torch.tensor([[0.0, math.log(3.0)]], dtype=torch.float64))
    loss = CLASSIFICATION["cross_entropy"](on_fake=False, label_smoothing=0.0)
    label = torch.tensor([1])
    assert loss.discriminator(head, head, label)["class_real"].item() == pytest.approx(math.log(4 / 3))
    assert loss.generator(head, label)["class_fake"].item() == pytest.approx(math.log(4 / 3))


# ---------------------------------------------------------------- TAC-GAN


@pytest.mark.parametrize(("bounded", "least"), [(True, -math.log(K)), (False, -1e4)])
def test_what_g_gains_from_the_twin_ends_at_a_guess(bounded: bool, least: float) -> None:
    # The twin is sure of another class.
    twin = torch.full((len(LABELS), K), -1e4, dtype=torch.float64)
    twin[torch.arange(len(LABELS)), (LABELS + 1) % K] = 0.0
    fake = HeadOutput(torch.zeros_like(twin), twin=twin.requires_grad_())
    term = CLASSIFICATION["tac"](bounded=bounded, on_fake=False).generator(fake, LABELS)["twin_fake"]
    assert term.item() == pytest.approx(least)
    (gradient,) = torch.autograd.grad(term, twin)
    assert (gradient == 0).all() == bounded


def test_one_image_beyond_the_bound_does_not_hide_the_others() -> None:
    # The bound is of an image, not of the mean.
    loss = CLASSIFICATION["tac"](bounded=True, on_fake=False)
    fake = HeadOutput(
        torch.zeros(2, K, dtype=torch.float64),
        twin=torch.tensor([[-1e4, 0, 0], [0.5, 0, 0]], dtype=torch.float64).requires_grad_(),
    )
    (gradient,) = torch.autograd.grad(loss.generator(fake, torch.tensor([0, 0]))["twin_fake"], fake.twin)
    assert (gradient[0] == 0).all()
    assert (gradient[1] != 0).all()


def test_the_twin_learns_of_generated_images_and_the_classifier_of_real_ones() -> None:
    loss = CLASSIFICATION["tac"](bounded=True, on_fake=False)
    real, fake = _output(loss, 0), _output(loss, 1)
    sum(loss.discriminator(real, fake, LABELS).values()).backward()
    assert [t.grad is not None for t in (real.logits, real.twin, fake.logits, fake.twin)] == [1, 0, 0, 1]


# ---------------------------------------------------------------- ADC-GAN


def test_the_order_of_the_2k_classes_does_not_matter() -> None:
    # One tensor of 2K logits, y+ = 2y and y- = 2y + 1, of which the head's logits and twin are the even and the odd.
    loss = CLASSIFICATION["adc"]()
    generator = torch.Generator().manual_seed(3)
    real, fake = torch.randn(2, len(LABELS), 2 * K, dtype=torch.float64, generator=generator)
    for both in (real, fake):
        both.requires_grad_()
    split = [HeadOutput(both[:, 0::2], twin=both[:, 1::2]) for both in (real, fake)]
    of_d = {
        "class_real": mean([cross_entropy(real[i], 2 * c) for i, c in _each(LABELS)]),
        "class_fake": mean([cross_entropy(fake[i], 2 * c + 1) for i, c in _each(LABELS)]),
    }
    of_g = mean([cross_entropy(fake[i], 2 * c) - cross_entropy(fake[i], 2 * c + 1) for i, c in _each(LABELS)])
    _assert_same(loss.discriminator(*split, LABELS), of_d, [real, fake])
    _assert_same(loss.generator(split[1], LABELS), {"class_fake": of_g}, [fake])

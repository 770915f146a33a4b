"""AuxHead against its definition, written out in float64."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call
from torch.testing import assert_close

from acgan.models import AUX_HEADS, AuxHead
from acgan.models.heads import Stem, pool

N, C, K = 3, 5, 4
SHAPES = {"map": (N, C, 6, 7), "one pixel": (N, C, 1, 1), "tokens": (N, 9, C), "vector": (N, C)}


def _features(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def _head(kind: str = "linear", dropout: float = 0.0, channels: int = C) -> AuxHead:
    torch.manual_seed(0)
    return AuxHead(channels, K, kind=kind, dropout=dropout).double()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_linear_is_a_linear_layer_of_the_mean(shape: tuple[int, ...]) -> None:
    head, features = _head(), _features(*shape)
    if len(shape) == 4:
        mean = features.reshape(N, C, -1).sum(dim=2) / (shape[2] * shape[3])
    elif len(shape) == 3:
        mean = torch.stack([features[:, token] for token in range(shape[1])]).sum(dim=0) / shape[1]
    else:
        mean = features
    assert_close(pool(features), mean)
    logits = head(features).logits
    assert logits.shape == (N, K)
    assert_close(logits, mean @ head.classify.weight.T + head.classify.bias)
    linear = torch.nn.Linear(C, K).double()
    linear.load_state_dict(head.classify.state_dict())
    assert_close(logits, linear(mean))


def _stem_by_hand(stem: Stem, x: Tensor) -> Tensor:
    """Means over 4x4 windows, 1x1 convolution, ReLU, linear layer over (channel, row, column), ReLU."""
    height, width = x.shape[2:]
    pooled = x.new_empty(len(x), x.shape[1], 4, 4)
    for i in range(4):
        rows = slice(i * height // 4, math.ceil((i + 1) * height / 4))
        for j in range(4):
            columns = slice(j * width // 4, math.ceil((j + 1) * width / 4))
            pooled[:, :, i, j] = x[:, :, rows, columns].mean(dim=(2, 3))
    weight, bias = stem.reduce.weight[:, :, 0, 0], stem.reduce.bias
    reduced = (torch.einsum("nchw,oc->nohw", pooled, weight) + bias[:, None, None]).clamp(min=0)
    return (reduced.reshape(len(x), 2048) @ stem.hidden.weight.T + stem.hidden.bias).clamp(min=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (4, 4), (5, 7), (8, 8), (14, 14)])
def test_stem_is_its_layers_one_after_the_other_at_any_size(size: tuple[int, int]) -> None:
    head, x = _head("stem").eval(), _features(N, C, *size)
    hidden = _stem_by_hand(head.stem, x)
    assert (hidden > 0).any()
    assert (hidden == 0).any()
    assert_close(head(x).logits, hidden @ head.classify.weight.T + head.classify.bias)


def test_stem_has_the_paper_s_sizes() -> None:
    # Szegedy et al. 2015, section 5: 128 filters of 1x1, 1024 units; over 512 maps of 14x14 at inception4a.
    sizes = {
        name: tuple(parameter.shape) for name, parameter in AuxHead(512, 1000, kind="stem").named_parameters()
    }
    assert sizes == {
        "stem.reduce.weight": (128, 512, 1, 1),
        "stem.reduce.bias": (128,),
        "stem.hidden.weight": (1024, 2048),
        "stem.hidden.bias": (1024,),
        "classify.weight": (1000, 1024),
        "classify.bias": (1000,),
    }


def test_stem_stands_an_in_place_layer_after_it() -> None:
    head = _head("stem").eval()
    x = _features(N, C, 6, 6)
    expected = torch.autograd.grad(head(x.requires_grad_()).logits.square().sum(), x)
    features = x * 1
    loss = head(features).logits.square().sum()
    F.relu_(features)
    assert_close(torch.autograd.grad(loss, x), expected)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_gradients_of_linear(shape: tuple[int, ...]) -> None:
    head = _head().eval()
    parameters = dict(head.named_parameters())

    def logits(features: Tensor, *values: Tensor) -> Tensor:
        return functional_call(head, dict(zip(parameters, values, strict=True)), (features,)).logits

    values = [parameter.detach().requires_grad_() for parameter in parameters.values()]
    assert torch.autograd.gradcheck(logits, (_features(*shape).requires_grad_(), *values))


@pytest.mark.parametrize("size", [1, 5])
def test_gradients_of_stem(size: int) -> None:
    head = _head("stem", channels=2).eval()
    names = ("stem.reduce.weight", "classify.bias")

    def logits(features: Tensor, *values: Tensor) -> Tensor:
        return functional_call(head, dict(zip(names, values, strict=True)), (features,)).logits

    values = [head.get_parameter(name).detach().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(logits, (_features(2, 2, size, size).requires_grad_(), *values))


@pytest.mark.parametrize("kind", ["linear", "stem"])
@pytest.mark.parametrize(
    "shape", [(N, C + 1, 4, 4), (N, 4, C + 1), (N, C + 1), (C,), (C + 1,), (N, C, 4, 4, 4)]
)
def test_other_features_are_refused(shape: tuple[int, ...], kind: str) -> None:
    with pytest.raises(ValueError, match=r"AuxHead expects 5 channels|expect.*\(N, C, H, W\)") as caught:
        _head(kind)(_features(*shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(N, 9, C), (N, C)])
def test_a_stem_takes_feature_maps_alone(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a stem expects a feature map"):
        _head("stem")(_features(*shape))


@pytest.mark.parametrize("kind", ["linear", "stem"])
def test_logits_are_float32_under_bf16(kind: str) -> None:
    head = _head(kind).float().eval()
    features = _features(N, C, 4, 4).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = head(features.bfloat16()).logits
        full = head(features).logits
    assert narrow.dtype is full.dtype is torch.float32
    assert torch.equal(full, head(features).logits)  # nothing in the head is rounded to bf16
    by_hand = head.double()(features.bfloat16().double()).logits
    # A linear head's mean is of the network's precision, 8 bits; a stem's is not.
    tolerance = 1e-2 if kind == "linear" else 1e-5
    assert_close(narrow.double(), by_hand, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("kind", "probability"), [("linear", 0.25), ("stem", 0.7)])
def test_dropout_is_in_training_alone_and_before_the_last_layer(kind: str, probability: float) -> None:
    # The last layer sums one feature's copies: features 1 with dropout p are 0 or 1 / (1 - p).
    head = _head(kind, dropout=0.25)
    width = head.classify.in_features
    seen: list[Tensor] = []
    head.classify.register_forward_hook(lambda _layer, inputs, _output: seen.append(inputs[0].detach()))
    features = _features(400, C, 4, 4)
    torch.manual_seed(2)
    head.train()(features)
    head.eval()(features)
    head(features)
    dropped, kept, again = seen
    assert dropped.shape == (400, width)
    assert torch.equal(kept, again)
    alive = kept != 0
    zeros = (dropped == 0) & alive
    assert zeros.sum() / alive.sum() == pytest.approx(probability, abs=0.05)
    assert_close(dropped[alive & ~zeros], kept[alive & ~zeros] / (1 - probability))


def test_no_dropout_unless_asked() -> None:
    head, features = _head(), _features(N, C)
    assert torch.equal(head.train()(features).logits, head.eval()(features).logits)


# ---------------------------------------------------------------- what the family of class losses asks for


def _family_head(outputs: str, channels: int = C, classes: int = K, **options: Any) -> AuxHead:
    torch.manual_seed(0)
    if outputs == "proxies":
        options = {"embedding_dim": 6, **options}
    return AUX_HEADS[outputs](channels, classes, **options).double()


def _unit(x: Tensor) -> Tensor:
    return torch.stack([row / row.square().sum().sqrt() for row in x])


def test_outputs_are_those_asked_for() -> None:
    features = _features(N, C)
    for outputs, fields in (
        ("logits", {"logits"}),
        ("twin", {"logits", "twin"}),
        ("proxies", {"logits", "embedding", "proxies"}),
    ):
        found = _family_head(outputs)(features)
        assert {name for name, value in vars(found).items() if value is not None} == fields


@pytest.mark.parametrize("unit_norm", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_twin_is_a_second_linear_layer(shape: tuple[int, ...], unit_norm: bool) -> None:
    head, features = _family_head("twin", unit_norm=unit_norm), _features(*shape)
    x = _unit(pool(features)) if unit_norm else pool(features)
    found = head(features)
    assert_close(found.logits, x @ head.classify.weight.T + head.classify.bias)
    assert_close(found.twin, x @ head.twin.weight.T + head.twin.bias)
    assert not torch.isclose(found.logits, found.twin).any()


@pytest.mark.parametrize("unit_norm", [False, True])
def test_proxies_are_classes_directions_and_logits_cosines(unit_norm: bool) -> None:
    head, features = _family_head("proxies", unit_norm=unit_norm), _features(N, C, 4, 4)
    x = _unit(pool(features)) if unit_norm else pool(features)
    found = head(features)
    assert_close(found.embedding, _unit(x @ head.project.weight.T + head.project.bias))
    assert_close(found.proxies, _unit(head.classify.weight))
    assert (found.embedding.shape, found.proxies.shape) == ((N, 6), (K, 6))
    assert_close(found.logits, found.embedding @ found.proxies.T)
    assert head.classify.bias is None


@pytest.mark.parametrize("kind", ["linear", "stem"])
def test_every_head_takes_unit_norm(kind: str) -> None:
    torch.manual_seed(0)
    head = AuxHead(C, K, kind=kind, unit_norm=True).double().eval()
    features = _features(N, C, 4, 4)
    hidden = pool(features) if kind == "linear" else _stem_by_hand(head.stem, features)
    assert_close(head(features).logits, _unit(hidden) @ head.classify.weight.T + head.classify.bias)


@pytest.mark.parametrize("outputs", ["logits", "twin", "proxies"])
def test_the_gradient_does_not_grow_with_the_features_of_length_one(outputs: str) -> None:
    # Kang et al. 2021: that of cross-entropy with the classifier's weight is proportional to the features.
    def gradient(head: AuxHead, scale: float) -> Tensor:
        logits = head(scale * _features(N, C)).logits
        loss = F.cross_entropy(logits, torch.tensor([0, 1, 2]))
        return torch.autograd.grad(loss, head.classify.weight)[0]

    bounded = _family_head(outputs, unit_norm=True)
    assert_close(gradient(bounded, 1e3), gradient(bounded, 1.0))
    if outputs != "proxies":
        plain = _family_head(outputs)
        assert gradient(plain, 1e3).norm() > 100 * gradient(plain, 1.0).norm()


def test_unit_norm_is_before_dropout() -> None:
    # After it, what is left would be brought back to length one, and the mean would not be kept.
    head = _family_head("logits", unit_norm=True, dropout=0.5)
    seen: list[Tensor] = []
    head.classify.register_forward_hook(lambda _layer, inputs, _output: seen.append(inputs[0].detach()))
    torch.manual_seed(2)
    head.train()(_features(400, C))
    kept = seen[0] != 0
    assert_close(seen[0][kept], (2 * _unit(_features(400, C)))[kept])


@pytest.mark.parametrize("outputs", ["logits", "twin", "proxies"])
@pytest.mark.parametrize(("unit_norm", "std"), [(False, 0.02), (False, 0.3), (True, 1.0)])
def test_first_weights(outputs: str, unit_norm: bool, std: float) -> None:
    size = {"embedding_dim": 100} if outputs == "proxies" else {}
    head = _family_head(outputs, 200, 50, unit_norm=unit_norm, **size)
    head.initialise(0.02 if unit_norm else std)
    layers = {"logits": ["classify"], "twin": ["classify", "twin"], "proxies": ["project", "classify"]}[
        outputs
    ]
    for name in layers:
        layer = head.get_submodule(name)
        assert layer.weight.std().item() == pytest.approx(std, rel=0.05)
        assert layer.bias is None or not layer.bias.any()


@pytest.mark.parametrize("outputs", ["twin", "proxies"])
def test_all_outputs_are_float32_under_bf16(outputs: str) -> None:
    head = _family_head(outputs, unit_norm=True).float()
    features = _features(N, C).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head(features)
    assert all(
        torch.equal(value, other)
        for value, other in zip(vars(found).values(), vars(head(features)).values(), strict=True)
        if value is not None
    )


@pytest.mark.parametrize("outputs", ["twin", "proxies"])
def test_gradients_of_the_family(outputs: str) -> None:
    head = _family_head(outputs, unit_norm=True)
    parameters = dict(head.named_parameters())

    def everything(features: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        found = functional_call(head, dict(zip(parameters, values, strict=True)), (features,))
        return tuple(value for value in vars(found).values() if value is not None)

    values = [parameter.detach().requires_grad_() for parameter in parameters.values()]
    assert torch.autograd.gradcheck(everything, (_features(N, C).requires_grad_(), *values))

"""AuxHead against its definition, written out in float64."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call
from torch.testing import assert_close

from acgan.models import AuxHead
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

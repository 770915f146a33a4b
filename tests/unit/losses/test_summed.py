"""The summed loss against sums and cross-entropies written out in float64."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from acgan.losses import SummedLoss

LABELS = torch.tensor([0, 2, 1, 2, 0, 2])
N, K = len(LABELS), 3
CLASS_WEIGHTS = torch.tensor([0.5, 3.0, 1.25], dtype=torch.float64)
HEADS: dict[str, dict[str, float]] = {
    "main alone": {},
    "one": {"a": 0.4},
    "three": {"a.1": 0.3, "b": 0.7, "c": 0.0},
    "main weighted": {"main": 0.5, "a": 2.0},
}


def _logits(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, K, dtype=torch.float64, generator=generator).requires_grad_()


def _outputs(weights: dict[str, float]) -> dict[str, Tensor]:
    return {name: _logits(seed) for seed, name in enumerate({"main": 1.0, **weights})}


def _cross_entropy(
    logits: Tensor, labels: Tensor, smoothing: float = 0.0, class_weights: Tensor | None = None
) -> Tensor:
    """-1/N sum_n w_{y_n} sum_k t_nk log p_nk with t = (1 - s) onehot + s / K, by loops."""
    weights = torch.ones(K, dtype=torch.float64) if class_weights is None else class_weights
    total = torch.zeros((), dtype=torch.float64)
    for row, label in zip(logits, labels.tolist(), strict=True):
        p = torch.exp(row) / torch.exp(row).sum()
        for k in range(K):
            target = (1 - smoothing) * (k == label) + smoothing / K
            total = total - weights[label] * target * torch.log(p[k])
    return total / len(labels)


@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS], ids=["equal", "class weights"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", HEADS.values(), ids=HEADS)
def test_value_terms_and_gradients(
    weights: dict[str, float], smoothing: float, class_weights: Tensor | None
) -> None:
    outputs = _outputs(weights)
    loss = SummedLoss(weights, label_smoothing=smoothing, class_weights=class_weights)
    terms = loss.terms(outputs, LABELS)
    by_hand = {
        name: _cross_entropy(logits, LABELS, smoothing, class_weights) for name, logits in outputs.items()
    }
    assert list(terms) == list(outputs)
    for name, term in terms.items():
        assert_close(term, by_hand[name])
    expected = weights.get("main", 1.0) * by_hand["main"]
    for name in outputs.keys() - {"main"}:
        expected = expected + weights[name] * by_hand[name]
    value = loss(outputs, LABELS)
    assert value.shape == ()
    assert_close(value, expected)
    assert_close(loss.total(terms), expected)
    assert_close(
        torch.autograd.grad(value, list(outputs.values()), retain_graph=True),
        torch.autograd.grad(expected, list(outputs.values()), retain_graph=True),
    )


def test_the_gradient_of_each_head_is_its_weight_times_that_of_its_own_loss() -> None:
    weights = {"a": 0.4, "b": 0.0}
    outputs = _outputs(weights)
    SummedLoss(weights)(outputs, LABELS).backward()
    onehot = F.one_hot(LABELS, K).double()
    for name, weight in {"main": 1.0, **weights}.items():
        logits = outputs[name]
        assert_close(logits.grad, weight * (torch.softmax(logits, dim=1) - onehot) / N)


@pytest.mark.parametrize("weights", HEADS.values(), ids=HEADS)
def test_of_eval_mode_s_logits_it_is_the_plain_cross_entropy(weights: dict[str, float]) -> None:
    logits = _logits(0)
    loss = SummedLoss(weights, label_smoothing=0.2, class_weights=CLASS_WEIGHTS)
    expected = _cross_entropy(logits, LABELS)
    assert_close(loss(logits, LABELS), expected)
    assert list(loss.terms(logits, LABELS)) == ["main"]
    assert_close(loss.terms(logits, LABELS)["main"], expected)


@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS], ids=["equal", "class weights"])
def test_a_batch_in_parts_gives_the_same_gradient(class_weights: Tensor | None) -> None:
    weights = {"a": 0.4}
    loss = SummedLoss(weights, label_smoothing=0.1, class_weights=class_weights)
    whole, parts = _outputs(weights), _outputs(weights)
    loss(whole, LABELS).backward()
    for part in (slice(0, 1), slice(1, 4), slice(4, 6)):
        share = len(LABELS[part]) / N
        (share * loss({name: x[part] for name, x in parts.items()}, LABELS[part])).backward()
    for name, logits in whole.items():
        assert_close(parts[name].grad, logits.grad)


def test_torch_s_weighted_mean_would_depend_on_the_parts() -> None:
    whole, parts = _logits(0), _logits(0)
    F.cross_entropy(whole, LABELS, weight=CLASS_WEIGHTS).backward()
    for half in (slice(0, 3), slice(3, 6)):
        (F.cross_entropy(parts[half], LABELS[half], weight=CLASS_WEIGHTS) / 2).backward()
    assert (whole.grad - parts.grad).abs().max() > 1e-3


@pytest.mark.parametrize(
    "heads",
    [["main"], ["a"], ["main", "b"], ["main", "a", "b"], []],
    ids=lambda heads: "+".join(heads) or "none",
)
def test_other_heads_are_refused(heads: list[str]) -> None:
    outputs = {name: _logits(0) for name in heads}
    with pytest.raises(ValueError, match=r"expected logits of the heads \['main', 'a'\], got"):
        SummedLoss({"a": 0.4})(outputs, LABELS)


def test_the_order_of_the_heads_does_not_matter() -> None:
    outputs = _outputs({"a": 0.4})
    loss = SummedLoss({"a": 0.4})
    assert_close(loss(dict(reversed(outputs.items())), LABELS), loss(outputs, LABELS))


def test_copies_and_reloads() -> None:
    weights = {"a": 0.4}
    outputs = _outputs(weights)
    loss = SummedLoss(weights, class_weights=CLASS_WEIGHTS.clone())
    expected = loss(outputs, LABELS)
    twin = copy.deepcopy(loss)
    reloaded = SummedLoss(weights, class_weights=torch.ones(K, dtype=torch.float64))
    assert not torch.equal(reloaded(outputs, LABELS), expected)
    reloaded.load_state_dict(loss.state_dict())
    loss.class_weights.zero_()
    loss.weights["a"] = 9.0
    for other in (twin, reloaded):
        assert torch.equal(other(outputs, LABELS), expected)
    assert SummedLoss(weights).state_dict() == {}


def test_class_weights_go_where_the_loss_goes() -> None:
    loss = SummedLoss({}, class_weights=CLASS_WEIGHTS.clone())
    assert not list(loss.parameters())
    assert loss.to("meta").class_weights.device.type == "meta"
    loss = SummedLoss({}, class_weights=CLASS_WEIGHTS.clone()).float()
    assert loss.class_weights.dtype is torch.float32
    # Logits may be wider or narrower than the weights are.
    assert loss({"main": _logits(0)}, LABELS).dtype is torch.float64
    assert loss.double()({"main": _logits(0).float()}, LABELS).dtype is torch.float32


def test_class_weights_leave_the_best_guess_of_a_frequent_class_what_it_is() -> None:
    # Torch weights each class's share of a smoothed target by that class's weight: of 1,000 images against 10 the
    # best guess for a frequent one is then the rare class.
    smoothing = 0.05
    logits = torch.tensor([[1 - smoothing / 2, smoothing / 2]], dtype=torch.float64).log().requires_grad_()
    loss = SummedLoss(
        label_smoothing=smoothing, class_weights=torch.tensor([0.505, 50.5], dtype=torch.float64)
    )
    loss({"main": logits}, torch.tensor([0])).backward()
    assert_close(logits.grad, torch.zeros_like(logits))

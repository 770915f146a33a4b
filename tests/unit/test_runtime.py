"""The finite guard, and the choice of a device and a precision."""

import copy

import pytest
import torch
import torch.multiprocessing
from torch import Tensor, nn

from acgan import runtime
from acgan.errors import UserError
from acgan.runtime import FiniteGuard

CPU = torch.device("cpu")


# ---------------------------------------------------------------- the finite guard


def _check(guard: FiniteGuard, phase: str, iteration: int, **terms: float) -> None:
    guard.check(phase, iteration, {name: torch.tensor(value) for name, value in terms.items()})


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_the_first_bad_iteration_and_term_are_kept(bad: float) -> None:
    guard = FiniteGuard(CPU)
    _check(guard, "discriminator", 0, adversarial=1.0, class_real=2.0, gradient=3.0)
    _check(guard, "generator", 0, adversarial=1.0, class_fake=2.0, gradient=3.0)
    assert guard.first_bad() is None
    _check(guard, "discriminator", 1, adversarial=1.0, class_real=2.0, gradient=3.0)
    _check(guard, "generator", 1, adversarial=1.0, class_fake=bad, gradient=bad)
    assert guard.first_bad() == (1, "generator: class_fake")
    _check(guard, "discriminator", 2, adversarial=bad, class_real=bad, gradient=bad)
    _check(guard, "generator", 2, adversarial=1.0, class_fake=1.0, gradient=1.0)
    assert guard.first_bad() == (1, "generator: class_fake")
    assert guard.found == 1  # it sticks


@pytest.mark.parametrize("due_first", [True, False])
@pytest.mark.parametrize(
    ("due_when_bad", "bad"),
    [(True, "adversarial"), (True, "r1"), (True, "gradient"), (False, "adversarial"), (False, "gradient")],
)
def test_terms_that_come_and_go_with_a_lazy_penalty_keep_their_names(
    due_first: bool, due_when_bad: bool, bad: str
) -> None:
    def terms(due: bool, **changes: float) -> dict[str, float]:
        return {"adversarial": 1.0, **({"r1": 1.0} if due else {}), "gradient": 1.0, **changes}

    guard = FiniteGuard(CPU)
    for iteration, due in enumerate((due_first, not due_first)):
        _check(guard, "discriminator", iteration, **terms(due))
        _check(guard, "generator", iteration, adversarial=1.0, gradient=1.0)
    _check(guard, "discriminator", 2, **terms(due_when_bad, **{bad: float("nan")}))
    assert guard.first_bad() == (2, f"discriminator: {bad}")


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=0.1, betas=(0.5, 0.9), fused=True)


def _step(
    network: nn.Module, optimizer: torch.optim.Adam, iteration: int, bad: float | None = None
) -> Tensor:
    generator = torch.Generator().manual_seed(iteration)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    if bad is not None:
        next(network.parameters()).grad.view(-1)[3] = bad
    return torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in network.parameters()]))


def _snapshot(network: nn.Module, optimizer: torch.optim.Adam) -> list[Tensor]:
    state = [value for own in optimizer.state_dict()["state"].values() for value in own.values()]
    return [tensor.clone() for tensor in (*network.parameters(), *state)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("first", [True, False])
def test_bad_gradients_reach_neither_weights_nor_moments(bad: float, first: bool) -> None:
    network = nn.Linear(40, 3)
    optimizer, guard = _adam(network), FiniteGuard(CPU)
    optimizer.found_inf = guard.found
    if not first:
        guard.check("generator", 0, {"gradient": _step(network, optimizer, 0)})
        optimizer.step()
    before = _snapshot(network, optimizer)
    guard.check("generator", 1, {"gradient": _step(network, optimizer, 1, bad)})
    optimizer.step()
    guard.check("generator", 2, {"gradient": _step(network, optimizer, 2)})  # good again, but masked
    optimizer.step()
    after = _snapshot(network, optimizer)
    if first:  # Adam made its moments meanwhile: all zero
        before += [torch.zeros_like(tensor) for tensor in after[len(before) :]]
    assert len(before) == len(after) == 8
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert guard.first_bad() == (1, "generator: gradient")


def test_good_steps_are_what_they_would_be_without_the_guard() -> None:
    plain = nn.Linear(40, 3)
    guarded = copy.deepcopy(plain)
    optimizers, guard = [_adam(plain), _adam(guarded)], FiniteGuard(CPU)
    optimizers[1].found_inf = guard.found
    for iteration in range(3):
        for network, optimizer in zip((plain, guarded), optimizers, strict=True):
            norm = _step(network, optimizer, iteration)
            if network is guarded:
                guard.check("discriminator", iteration, {"gradient": norm})
            optimizer.step()
    states = [
        _snapshot(network, optimizer) for network, optimizer in zip((plain, guarded), optimizers, strict=True)
    ]
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


# ---------------------------------------------------------------- device and precision


def _pretend(monkeypatch: pytest.MonkeyPatch, cuda: bool = False, mps: bool = False) -> list[int]:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    return chosen


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(False, False, "cpu"), (False, True, "mps"), (True, True, "cuda:0"), (True, False, "cuda:0")],
)
def test_auto_takes_the_best_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    _pretend(monkeypatch, cuda, mps)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert runtime.choose_device("auto") == torch.device(expected)
    assert runtime.choose_device("cpu") == CPU


def test_each_process_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = _pretend(monkeypatch, cuda=True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert runtime.choose_device("cuda") == torch.device("cuda:3")
    assert chosen == [3]


@pytest.mark.parametrize("name", ["cuda", "mps", "gpu", "cuda:1", "cpu:x", "cpu:1", ""])
def test_a_device_that_is_not_there_is_a_user_error(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _pretend(monkeypatch)
    with pytest.raises(UserError, match=f"--device {name}.*available: cpu"):
        runtime.choose_device(name)


def test_a_device_of_torchs_and_one_with_its_number_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, cuda=True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert runtime.choose_device(torch.device("meta")) == torch.device("meta")
    assert runtime.choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match="--device cuda:2"):
        runtime.choose_device("cuda:2")


@pytest.mark.parametrize("native", [True, False])
def test_auto_precision_is_bf16_where_it_is_native(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    assert runtime.resolve_precision("auto", CPU) == ("bf16" if native else "float32")
    for precision in ("float32", "bf16", "float64"):
        assert runtime.resolve_precision(precision, CPU) == precision


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("float32", torch.float32), ("bf16", torch.bfloat16), ("float64", torch.float32)],
)
def test_autocast_only_for_bf16(precision: str, expected: torch.dtype) -> None:
    with runtime.autocast(precision, CPU):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype is expected

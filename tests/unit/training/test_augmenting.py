"""Who decides how strongly images are changed: a number, a schedule, or ADA's feedback, step by step by hand."""

import io
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from acgan.augment import AdaptiveAugment
from acgan.training.augmenting import Augmenter
from acgan.training.schedule import Curve

CPU = torch.device("cpu")
BATCH, ADJUST = 16, 640  # 4 steps of 16 of 640 images: p moves by 0.1
TRANSFORM = AdaptiveAugment(groups=["color"], mirror=False)


def _augmenter(
    target: float | None = 0.6, p: float | Sequence[tuple[float, float]] = 0.0, adjust: int = ADJUST
) -> Augmenter:
    return Augmenter(TRANSFORM, p=Curve.of(p, 200), target=target, adjust_nimg=adjust, device=CPU)


def _p_by_hand(signs: Sequence[float], target: float) -> list[float]:
    """Karras et al. 2020, section 3: every four steps by a fixed amount up or down, within [0, 1]."""
    p, found = 0.0, []
    for step in range(len(signs)):
        if step % 4 == 3:
            mean = sum(signs[step - 3 : step + 1]) / 4
            p += 4 * BATCH / ADJUST * (1 if mean > target else -1 if mean < target else 0)
            p = min(max(p, 0.0), 1.0)
        found.append(p)
    return found


def _follow(augmenter: Augmenter, signs: Sequence[float], first: int = 0) -> list[float]:
    found = []
    for step, sign in enumerate(signs, start=first):
        augmenter.observe(torch.tensor(sign), step, BATCH)
        found.append(augmenter.p(step * BATCH).item())
    return found


def _signs(count: int) -> list[float]:
    """Above and below 0.6 for a while each, as means of 16 signs are: 0.125 n."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(-3, 4, (count,), generator=generator)
    return [0.625 + 0.125 * float(d) * (1 if step // 30 % 2 else 0.4) for step, d in enumerate(drawn)]


@pytest.mark.parametrize("target", [0.61, 0.3, 0.6275])
def test_feedback_by_hand(target: float) -> None:
    signs = _signs(200)
    found = _follow(_augmenter(target), signs)
    assert found == pytest.approx(_p_by_hand(signs, target), abs=1e-5)
    assert len(set(found)) > 3


def test_p_ends_at_nought_and_one() -> None:
    augmenter = _augmenter(0.6)
    assert _follow(augmenter, [1.0] * 40)[-1] == pytest.approx(1)  # after adjust_nimg images
    assert _follow(augmenter, [1.0] * 8, first=40)[-1] == 1
    assert _follow(augmenter, [0.0] * 40, first=48)[-1] == pytest.approx(0, abs=1e-6)
    assert _follow(augmenter, [-1.0] * 8, first=88)[-1] == 0


def test_p_stays_at_the_target_itself() -> None:
    augmenter = _augmenter(0.5)
    _follow(augmenter, [1.0] * 8)
    assert _follow(augmenter, [0.25, 0.75, 0.5, 0.5], first=8)[-1] == pytest.approx(0.2)


def test_p_moves_every_four_steps_by_what_they_averaged() -> None:
    # One sign below the target among four does not turn p round: 0.7 > 0.6.
    assert _follow(_augmenter(), [1.0, 1.0, 1.0, -0.2]) == pytest.approx([0, 0, 0, 0.1])
    assert _follow(_augmenter(), [1.0, 1.0, 1.0, -0.7]) == pytest.approx([0, 0, 0, 0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_feedback_stays_a_float32_scalar_without_gradient(dtype: torch.dtype) -> None:
    augmenter = _augmenter()
    for step in range(4):
        augmenter.observe(torch.tensor(1.0, dtype=dtype), step, BATCH)
    p: Tensor = augmenter.p(0)
    assert (p.dtype, p.shape, p.requires_grad) == (torch.float32, (), False)


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 30, 47])
def test_resuming_is_going_on(stop: int) -> None:
    signs = _signs(80)
    whole, first, second = _augmenter(), _augmenter(), _augmenter()
    expected = _follow(whole, signs)
    _follow(first, signs[:stop])
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert _follow(second, signs[stop:], first=stop) == expected[stop:]


def test_what_is_saved_does_not_change_afterwards() -> None:
    augmenter = _augmenter()
    _follow(augmenter, [1.0] * 6)
    state = augmenter.state_dict()
    before = {name: value.clone() for name, value in state.items()}
    _follow(augmenter, [1.0] * 6, first=6)
    assert all(torch.equal(state[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.3, [0.3, 0.3, 0.3, 0.3]), ([(0, 0.0), (0.5, 0.5), (1, 0.1)], [0.0, 0.25, 0.3, 0.1])],
)
def test_without_feedback_p_follows_its_schedule(
    p: float | list[tuple[float, float]], expected: list[float]
) -> None:
    augmenter = _augmenter(target=None, p=p)
    _follow(augmenter, [1.0] * 8)  # which it does not heed
    assert [augmenter.p(nimg).item() for nimg in (0, 50, 150, 900)] == pytest.approx(expected)


def test_with_feedback_p_does_not_follow_a_schedule() -> None:
    assert _augmenter(target=0.6, p=0.7).p(0) == 0

"""Stateless draws, and the dropout and the noise that are made of them."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.stats
import torch
import torch.multiprocessing
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.runtime import Draws, layer_draws, stateless_dropout, stateless_noise

# ---------------------------------------------------------------- draws


def test_the_same_key_gives_the_same_draws() -> None:
    draws = [Draws(3).generator("latents", 5, 1).random(8) for _ in range(2)]
    assert np.array_equal(*draws)
    assert torch.equal(Draws(3).normal((4, 2), "z", 1), Draws(3).normal((4, 2), "z", 1))


@pytest.mark.parametrize(
    ("seed", "purpose", "counters"),
    [
        (4, "latents", (5, 1, 2)),
        (3, "latents/G", (5, 1, 2)),
        (3, "latents", (6, 1, 2)),
        (3, "latents", (5, 2, 2)),
        (3, "latents", (5, 1, 3)),
        (3, "latents", (1, 5, 2)),
        (3, "latents", (5, 1)),
        (3, "latents", ()),
    ],
)
def test_another_key_gives_other_draws(seed: int, purpose: str, counters: tuple[int, ...]) -> None:
    one = Draws(3).generator("latents", 5, 1, 2).random(100)
    other = Draws(seed).generator(purpose, *counters).random(100)
    assert not np.isin(one, other).any()


def test_seed_and_purpose_are_not_confused() -> None:
    assert Draws(1).generator("1/x").random() != Draws(11).generator("/x").random()


def test_draws_do_not_depend_on_what_was_drawn_before() -> None:
    draws = Draws(0)
    keys = [("a", 1), ("a", 2), ("b", 1)]
    forward = {key: draws.generator(*key).random() for key in keys}
    backward = {key: draws.generator(*key).random() for key in reversed(keys)}
    assert forward == backward


def test_neighbouring_streams_do_not_meet() -> None:
    # Were the counter words not apart, iteration 1's draws would be iteration 0's, moved by one block.
    streams = [Draws(0).generator("z", iteration).bit_generator.random_raw(4000) for iteration in range(3)]
    assert len(np.unique(np.concatenate(streams))) == 12_000


def test_draws_ignore_and_keep_the_global_random_state() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one = Draws(0).normal((3,), "z")
    torch.manual_seed(1)
    assert torch.equal(Draws(0).normal((3,), "z"), one)
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_more_than_three_counters_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 3 counters, got 4"):
        Draws(0).generator("z", 1, 2, 3, 4)


def test_normal_draws_are_standard_normal() -> None:
    z = Draws(0).normal((200, 500), "z")
    assert z.dtype is torch.float32
    assert abs(z.mean().item()) < 0.01
    assert abs(z.std().item() - 1) < 0.01
    assert z.abs().max() > 3.5


# ---------------------------------------------------------------- dropout


def _masks(batch: int, parts: Sequence[tuple[int, int]], shape: tuple[int, ...], layers: int = 2) -> Tensor:
    """What dropout makes of ones, layer by layer, drawn in parts: (layers, batch, *shape)."""
    portions = []
    for start, stop in parts:
        with layer_draws(Draws(1), "D", iteration=4, sub_step=0, offset=start):
            portions.append(
                torch.stack([stateless_dropout(torch.ones(stop - start, *shape), 0.5) for _ in range(layers)])
            )
    return torch.cat(portions, dim=1)


@pytest.mark.parametrize("shape", [(1,), (16,), (17,), (3, 5, 5)], ids=str)
@pytest.mark.parametrize("parts", [[(0, 4), (4, 8), (8, 12)], [(0, 1), (1, 12)], [(0, 5), (5, 7), (7, 12)]])
def test_slices_of_the_batch_drop_what_the_whole_batch_drops(
    shape: tuple[int, ...], parts: list[tuple[int, int]]
) -> None:
    assert torch.equal(_masks(12, parts, shape), _masks(12, [(0, 12)], shape))


def test_images_layers_iterations_and_purposes_drop_different_elements() -> None:
    masks = [*_masks(2, [(0, 2)], (400,)).flatten(0, 1)]
    for purpose, iteration, sub_step in (("G", 4, 0), ("D", 5, 0), ("D", 4, 1)):
        with layer_draws(Draws(1), purpose, iteration, sub_step):
            masks.append(stateless_dropout(torch.ones(1, 400), 0.5)[0])
    for a, b in itertools.combinations(masks, 2):
        assert 0.3 < (a == b).float().mean() < 0.7


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_probability_and_expectation(probability: float) -> None:
    x = torch.full((500, 400), 3.0, dtype=torch.float64)
    with layer_draws(Draws(0), "D", 0):
        y = stateless_dropout(x, probability)
    assert (y == 0).double().mean().item() == pytest.approx(probability, abs=0.005)
    assert_close(y[y != 0], torch.full_like(y[y != 0], 3 / (1 - probability)))
    assert y.mean().item() == pytest.approx(3.0, abs=0.1)
    # neither images nor elements are favoured
    for share in ((y == 0).double().mean(dim=0), (y == 0).double().mean(dim=1)):
        assert (share - probability).abs().max() < 0.15


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_dropout_keeps_dtype_and_passes_gradients_where_it_keeps(dtype: torch.dtype) -> None:
    x = torch.ones(4, 6, dtype=dtype, requires_grad=True)
    with layer_draws(Draws(0), "D", 0):
        y = stateless_dropout(x, 0.5)
    assert y.dtype is dtype
    y.sum().backward()
    assert_close(x.grad, y.detach())  # of ones: 1 / (1 - p) where kept, 0 where dropped


def test_outside_of_a_stream_dropout_is_torchs() -> None:
    x = torch.ones(50, 50)
    torch.manual_seed(5)
    expected = nn.functional.dropout(x, 0.3)
    torch.manual_seed(5)
    assert torch.equal(stateless_dropout(x, 0.3), expected)
    with pytest.raises(RuntimeError, match="stop"), layer_draws(Draws(0), "D", 0):
        raise RuntimeError("stop")
    torch.manual_seed(5)
    assert torch.equal(stateless_dropout(x, 0.3), expected)  # the stream ended with its block


# ---------------------------------------------------------------- noise


def _noise(batch: int, parts: Sequence[tuple[int, int]], shape: tuple[int, ...], layers: int = 2) -> Tensor:
    """What noise makes of zeros, layer by layer, drawn in parts: (layers, batch, *shape)."""
    portions = []
    for start, stop in parts:
        with layer_draws(Draws(1), "D", iteration=4, sub_step=0, offset=start):
            portions.append(
                torch.stack([stateless_noise(torch.zeros(stop - start, *shape), 1.0) for _ in range(layers)])
            )
    return torch.cat(portions, dim=1)


@pytest.mark.parametrize("shape", [(1,), (8,), (9,), (3, 5, 5)], ids=str)
@pytest.mark.parametrize("parts", [[(0, 4), (4, 8), (8, 12)], [(0, 1), (1, 12)], [(0, 5), (5, 7), (7, 12)]])
def test_slices_of_the_batch_have_the_noise_of_the_whole_batch(
    shape: tuple[int, ...], parts: list[tuple[int, int]]
) -> None:
    assert torch.equal(_noise(12, parts, shape), _noise(12, [(0, 12)], shape))


def test_noise_is_normal_and_nothing_in_it_is_correlated() -> None:
    noise = _noise(2_000, [(0, 2_000)], (51,)).double()  # (layers, images, elements)
    assert scipy.stats.kstest(noise.flatten(), "norm").pvalue > 1e-3
    rows = noise.permute(0, 2, 1).flatten(0, 1)  # a row for each layer and element, over images
    correlations = torch.corrcoef(rows) - torch.eye(len(rows))
    assert correlations.abs().max().item() < 5.5 / 2_000**0.5
    over_images = torch.corrcoef(noise.transpose(0, 1).flatten(1)[:100])
    assert (over_images - torch.eye(100)).abs().max().item() < 5.5 / 102**0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_noise_keeps_dtype_and_gradients(dtype: torch.dtype) -> None:
    x = torch.ones(4, 7, dtype=dtype, requires_grad=True)
    with layer_draws(Draws(0), "D", 0):
        y = stateless_noise(x, 0.5)
    assert y.dtype is dtype
    y.sum().backward()
    assert_close(x.grad, torch.ones_like(x))


def test_outside_of_a_stream_noise_is_torchs() -> None:
    x = torch.ones(50, 50)
    torch.manual_seed(5)
    expected = x + 0.3 * torch.randn(50, 50)
    torch.manual_seed(5)
    assert torch.equal(stateless_noise(x, 0.3), expected)

"""Precision, recall, density and coverage, plain and clipped, against definitions and the packages' numbers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from scipy.special import betaln, gammaln
from torch import Tensor
from torch_fidelity.metric_prc import prc_features_to_metric

from acgan.metrics import distances as distances_module
from acgan.metrics.distances import nearest_neighbours
from acgan.metrics.prdc import Prdc, expected_coverage, prdc


def _features(seed: int, count: int, dims: int, *, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dims, generator=generator) + shift


def _lattice(seed: int, count: int, dims: int = 2, side: int = 6) -> Tensor:
    """Whole numbers, so that distances are exact in any formula; full of copies and of ties."""
    return torch.randint(side, (count, dims), generator=torch.Generator().manual_seed(seed)).float()


def _distances(first: Tensor, second: Tensor) -> Tensor:
    return (first.double()[:, None] - second.double()[None]).square().sum(dim=2).sqrt()


def _radii(features: Tensor, k: int) -> Tensor:
    distances = _distances(features, features).fill_diagonal_(torch.inf)
    return distances.sort(dim=1).values[:, k - 1]


def _by_definition(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    """Sums over images as in Naeem et al. 2020, section 3."""
    between = _distances(real, fake)
    in_real, in_fake = between < _radii(real, k)[:, None], between < _radii(fake, k)[None]
    return {
        "precision": in_real.any(dim=0).double().mean().item(),
        "recall": in_fake.any(dim=1).double().mean().item(),
        "density": in_real.double().sum().item() / (k * len(fake)),
        "coverage": (between.min(dim=1).values < _radii(real, k)).double().mean().item(),
    }


def _clipped_by_definition(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    """Sums over images, and Beta functions, as in Salvy et al. 2026."""
    radii = _radii(real, k).numpy()
    small = torch.from_numpy(np.minimum(radii, np.median(radii)))[:, None]

    def fidelity(distances: Tensor) -> float:
        return ((distances <= small).double().sum(dim=0) / k).clamp(max=1).mean().item()

    ideal = fidelity(_distances(real, real).fill_diagonal_(torch.inf))
    filling = ((_distances(real, fake) < _radii(real, k)[:, None]).double().sum(dim=1) / k).clamp(max=1)
    table = [_expected_by_definition(good, len(real), k) for good in range(len(fake) + 1)]
    good = np.interp(filling.mean().item(), table, np.arange(len(fake) + 1))
    return {
        "clipped_density": min(1.0, fidelity(_distances(real, fake)) / ideal),
        "clipped_coverage": float(good) / len(fake),
    }


def _expected_by_definition(good: int, num_real: int, k: int) -> float:
    """E[min(J, k)] / k; J of the good samples are nearer than the k-th other image: a share with law Beta(k, N - k)."""
    j = np.arange(good + 1)
    ways = gammaln(good + 1) - gammaln(j + 1) - gammaln(good - j + 1)
    law = ways + betaln(k + j, num_real - k + good - j) - betaln(k, num_real - k)
    return float((np.minimum(j, k) * np.exp(law)).sum()) / k


def _assert_same(found: Prdc, expected: dict[str, float]) -> None:
    """The same numbers, of those that are expected."""
    shown = {name: getattr(found, name) for name in expected}
    assert shown == pytest.approx(expected, rel=1e-12, abs=0)


#: Of different sizes, each measure strictly between 0 and its most.
PAIRS = {
    "apart": (_features(0, 130, 6), _features(1, 90, 6, scale=0.8, shift=0.5)),
    "more fakes": (_features(2, 60, 20), _features(3, 170, 20, scale=1.1)),
    "many features": (_features(4, 80, 300), _features(5, 75, 300, scale=1.02)),
    "ties": (_lattice(6, 70, side=9), _lattice(7, 50, side=9)),
    "copies": (_features(8, 40, 4).repeat(2, 1), _features(8, 90, 4)),
}


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("pair", PAIRS)
def test_measures_are_those_of_the_definition(pair: str, k: int) -> None:
    real, fake = PAIRS[pair]
    _assert_same(prdc(real, fake, k), _by_definition(real, fake, k))


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("pair", [*PAIRS, "mean for all"])
def test_clipped_measures_are_those_of_the_definition(pair: str, k: int) -> None:
    middle = PAIRS["many features"][0]
    real, fake = PAIRS.get(pair, (middle, middle.mean(dim=0, keepdim=True).repeat(30, 1)))
    expected = _clipped_by_definition(real, fake, k)
    shown = {name: getattr(prdc(real, fake, k), name) for name in expected}
    assert shown == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_the_median_ball_reaches_its_neighbour_from_either_end(shift: float) -> None:
    """Two images that are each other's k-th neighbour have one radius, which rounding makes two of, last bit apart."""
    for seed in range(60):
        real, fake = _features(seed, 26, 3, shift=shift), _features(100 + seed, 20, 3, shift=shift)
        expected = _clipped_by_definition(real, fake, 1)["clipped_density"]
        assert prdc(real, fake, 1).clipped_density == pytest.approx(expected, rel=1e-9), seed


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("pair", ["apart", "more fakes", "many features", "ties"])
def test_measures_are_those_of_the_prdc_package(pair: str, k: int) -> None:
    real, fake = PAIRS[pair]
    _assert_same(prdc(real, fake, k), compute_prdc(real.double().numpy(), fake.double().numpy(), k))


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("pair", ["apart", "more fakes", "many features"])
def test_precision_and_recall_are_those_of_torch_fidelity(pair: str, k: int) -> None:
    real, fake = (features.double() for features in PAIRS[pair])
    found, expected = (
        prdc(real, fake, k),
        prc_features_to_metric(fake, real, prc_neighborhood=k, verbose=False),
    )
    assert 0 < found.precision < 1
    assert 0 < found.recall < 1
    assert (found.precision, found.recall) == pytest.approx(
        (expected["precision"], expected["recall"]), rel=1e-6
    )


def test_by_hand() -> None:
    real = torch.tensor([[0.0], [1.0], [3.0]])  # radii 1, 1, 2
    fake = torch.tensor([[0.5], [5.0], [9.0], [9.5]])  # radii 4.5, 4, 0.5, 0.5; 5 is on the ball of 3
    # 0.5 is inside the balls of 0 and 1. 0 is inside that of 0.5 alone; 1 and 3 of 0.5, 3 of 5 too.
    found = prdc(real, fake, 1)
    _assert_same(found, {"precision": 1 / 4, "recall": 1.0, "density": 2 / 4, "coverage": 2 / 3})
    # No radius above 1, and surfaces count: 0.5 is in two balls, of one that counts. Of real images, 0 and 1 are in a
    # ball, of each other, and 3 is in none.
    assert found.clipped_density == pytest.approx((1 / 4) / (2 / 3), rel=1e-12)
    # Two of three balls are full. One good sample of three others would fill 1/3 of them, two 1/2, three 3/5 and four
    # 2/3: the chance that one comes before the first of two real images.
    assert found.clipped_coverage == 1.0


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("dims", [3, 257])
def test_a_set_against_itself(k: int, dims: int) -> None:
    """A ball has the image itself and k - 1 neighbours inside; the k-th is on its surface, to the last bit."""
    features = _features(9, 101, dims, shift=3.0)
    shuffled = features[torch.randperm(101, generator=torch.Generator().manual_seed(0))]
    found = prdc(features, shuffled, k)
    _assert_same(found, dict.fromkeys(("precision", "recall", "density", "coverage"), 1.0))
    assert found.clipped_density == found.clipped_coverage == 1.0


def test_sets_far_apart() -> None:
    real, fake = _features(10, 30, 4), _features(11, 40, 4, shift=1000.0)
    assert set(vars(prdc(real, fake)).values()) == {0.0}


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_all_features_equal(value: float) -> None:
    """Balls of radius 0 have nothing inside, not even what lies at their centre; clipped density counts surfaces."""
    real, fake = torch.full((20, 33), value), torch.full((30, 33), value)
    assert vars(prdc(real, fake, 3)) == {**dict.fromkeys(vars(prdc(real, fake)), 0.0), "clipped_density": 1.0}


def test_a_collapsed_generator_that_copies_one_real_image() -> None:
    real = _features(12, 50, 65, shift=2.0)
    found = prdc(real, real[7:8].repeat(40, 1), k=5)
    distances = _distances(real, real)
    radii = distances.sort(dim=1).values[:, 5]
    reached = (distances[:, 7] < radii).sum().item()
    # Each fake's ball has radius 0, and where the image is a k-th neighbour, it is on the surface.
    assert (distances[:, 7] == radii).any()
    _assert_same(found, {"precision": 1.0, "recall": 0.0, "density": reached / 5, "coverage": reached / 50})


def test_a_copy_is_nearer_than_the_slightest_difference() -> None:
    """|a|² + |b|² - 2ab loses a difference of 1e-9 beside features of 1e3, and may come out below 0."""
    generator = torch.Generator().manual_seed(13)
    centre = 1e3 * torch.rand(1, 64, generator=generator, dtype=torch.float64)
    centre[0, 0] = 0.0
    nudged = centre + 1e-9 * torch.randn(200, 64, generator=generator, dtype=torch.float64)
    distances, indices = nearest_neighbours(centre, torch.cat((nudged, centre, centre)))
    assert (distances.item(), indices.item()) == (0.0, 200)
    negative_zero = centre.clone().index_fill_(1, torch.tensor(0), -0.0)
    assert nearest_neighbours(centre, torch.cat((nudged, negative_zero)))[1].item() == 200
    # Among enough copies of the centre the radius is 0: nothing is inside, whatever cancels.
    assert prdc(centre.repeat(6, 1), nudged, 5).coverage == 0.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types_are_computed_with_in_float64(dtype: torch.dtype) -> None:
    real, fake = ((30 * features).to(dtype) for features in PAIRS["more fakes"])  # squares overflow float16
    _assert_same(prdc(real, fake), _by_definition(real, fake, 5))
    distances, indices = nearest_neighbours(fake, real)
    expected = _distances(fake, real).min(dim=1)
    assert (distances.dtype, indices.dtype) == (torch.float64, torch.int64)
    torch.testing.assert_close(distances, expected.values, rtol=1e-13, atol=0)
    assert torch.equal(indices, expected.indices)


def test_equal_values_of_different_types_and_signs_of_zero_are_copies() -> None:
    real = _features(9, 101, 257, shift=3.0)
    real[:, 0] = 0.0
    fake = real.double()[torch.randperm(101, generator=torch.Generator().manual_seed(0))]
    fake[:, 0] = -0.0
    assert prdc(real, fake, k=1).density == 1.0


@pytest.mark.parametrize(
    ("block_bytes", "part"), [(1, 50), (8 * 220 * 7, 32), (8 * 220 * 64, 19), (2**20, 7)]
)
@pytest.mark.parametrize("pair", PAIRS)
def test_chunks_do_not_show(pair: str, block_bytes: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = PAIRS[pair]
    whole, (distances, indices) = prdc(real, fake), nearest_neighbours(fake, real)
    monkeypatch.setattr(distances_module, "_BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(distances_module, "_PART", part)
    assert prdc(real, fake) == whole
    chunked = nearest_neighbours(fake, real)
    assert torch.equal(chunked[1], indices)
    torch.testing.assert_close(chunked[0], distances, rtol=1e-15, atol=0)


def test_features_are_neither_changed_nor_need_they_be_contiguous() -> None:
    real, fake = PAIRS["apart"]
    kept, strided = real.clone(), real.T.contiguous().T.requires_grad_()
    assert prdc(strided, fake) == prdc(real, fake)
    assert torch.equal(real, kept)


@pytest.mark.parametrize("pair", PAIRS)
def test_nearest_is_the_smallest_distance_and_the_first_of_equal_ones(pair: str) -> None:
    references, queries = PAIRS[pair]
    distances, indices = nearest_neighbours(queries, references)
    expected = _distances(queries, references)
    torch.testing.assert_close(distances, expected.min(dim=1).values, rtol=1e-13, atol=0)
    assert torch.equal(indices, expected.argmin(dim=1))


def test_nearest_of_copies_is_at_distance_0() -> None:
    references = _features(15, 90, 513, shift=5.0)
    order = torch.randperm(90, generator=torch.Generator().manual_seed(1))
    distances, indices = nearest_neighbours(references[order], references.repeat(2, 1))
    assert torch.equal(distances, torch.zeros(90, dtype=torch.float64))
    assert torch.equal(indices, order)


def test_the_fewest_images() -> None:
    real, fake = _features(16, 6, 3), _features(17, 6, 3)
    _assert_same(prdc(real, fake, 5), _by_definition(real, fake, 5))
    for few in ((real[:5], fake), (real, fake[:5])):
        with pytest.raises(ValueError, match="at least 6 images a side"):
            prdc(*few, k=5)
    with pytest.raises(ValueError, match="at least 1 images"):
        nearest_neighbours(real, fake[:0])


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_does_not_fit_together(value: float) -> None:
    real, fake = PAIRS["apart"]
    broken = fake.clone()
    broken[3, 2] = value
    for wrong, message in (
        ((real, fake[:, :5]), r"\(130, 6\) and \(90, 5\)"),
        ((real, fake.flatten()), r"\(N, F\)"),
        ((real, broken), "finite"),
        ((broken, real), "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            prdc(*wrong)
    with pytest.raises(ValueError, match="k >= 1"):
        prdc(real, fake, k=0)


#: In a process of its own, as a peak only grows. Prints by how many bytes prdc raised it. Not from getrusage, whose
#: peak a process inherits from the one that started it.
MEMORY = """
import re, sys, torch
from pathlib import Path
from acgan.metrics import distances
from acgan.metrics.prdc import prdc
count, dims, block_bytes = map(int, sys.argv[1:])
distances._BLOCK_BYTES = block_bytes or distances._BLOCK_BYTES
def peak():
    return 1024 * int(re.search("VmHWM:\\s*([0-9]+) kB", Path("/proc/self/status").read_text())[1])
real, fake = torch.randn(count, dims), torch.randn(count, dims)
prdc(real[:100], fake[:100])
before = peak()
prdc(real, fake)
print(peak() - before)
"""
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to read the peak from"
)


def _peak_growth(*arguments: int) -> int:
    command = [sys.executable, "-c", MEMORY, *map(str, arguments)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@needs_proc
def test_memory_grows_with_the_block_and_not_with_all_pairs() -> None:
    """One matrix of all pairs would take 69 MiB."""
    assert _peak_growth(3000, 8, 2**21) < 2**25


@pytest.mark.slow
@needs_proc
def test_ten_thousand_images_a_side_need_less_than_a_gibibyte() -> None:
    assert _peak_growth(10_000, 2048, 0) < 2**30


@pytest.mark.parametrize(
    ("num_fake", "num_real", "covered"), [(2, 3, 1.0), (1, 5, 1.0), (0, 3, 0.0), (0, 9, 0.0)]
)
def test_few_real_images_are_all_covered_by_any_fake(num_fake: int, num_real: int, covered: float) -> None:
    """The nearest five of them have a fake among them. Divides by zero where the formula is taken as it stands."""
    assert expected_coverage(num_fake, num_real, 5) == covered


@pytest.mark.parametrize(("num_fake", "num_real"), [(30, 30), (12, 40), (60, 25)])
def test_expected_coverage_is_the_mean_over_many_draws(num_fake: int, num_real: int) -> None:
    draws = torch.Generator().manual_seed(0)
    found = [
        prdc(
            torch.rand(num_real, 3, generator=draws, dtype=torch.float64),
            torch.rand(num_fake, 3, generator=draws, dtype=torch.float64),
        ).coverage
        for _ in range(150)
    ]
    assert sum(found) / len(found) == pytest.approx(expected_coverage(num_fake, num_real, 5), abs=0.02)

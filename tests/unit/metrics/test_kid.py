"""The kernel distance against its definition, closed forms and the packages' numbers."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.metric_kid import kid_features_to_metric
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

from acgan.metrics.kid import KernelDistance, kernel_distance


def _features(seed: int, count: int, dims: int = 16, *, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dims, generator=generator, dtype=torch.float64) + shift


def _by_definition(real: Tensor, fake: Tensor) -> float:
    """Bińkowski et al. 2018, eq. 4, pair by pair."""

    def kernel(x: Tensor, y: Tensor) -> float:
        return (torch.dot(x, y).item() / len(x) + 1) ** 3

    def among(features: Tensor) -> float:
        return float(np.mean([kernel(x, y) for x, y in itertools.permutations(features, 2)]))

    between = np.mean([kernel(x, y) for x, y in itertools.product(real, fake)])
    return among(real) + among(fake) - 2 * float(between)


@pytest.mark.parametrize(("num_real", "num_fake"), [(2, 2), (11, 11), (7, 19), (23, 4)])
def test_one_estimate_over_everything(num_real: int, num_fake: int) -> None:
    real, fake = _features(0, num_real, 5), _features(1, num_fake, 5, scale=1.3, shift=0.2)
    found = kernel_distance(real, fake)
    assert found.value == pytest.approx(_by_definition(real, fake), rel=1e-12)
    assert found.std is None


def test_by_hand() -> None:
    real, fake = torch.tensor([[1.0, 1.0], [1.0, -1.0]]), torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    # Kernels: of the real pair 1, of the fake pair 1; of both with (2, 0) 8, with (0, 0) 1.
    assert kernel_distance(real, fake).value == 1 + 1 - 2 * (8 + 1) / 2


def test_all_features_equal() -> None:
    ones = torch.ones(9, 4)
    assert kernel_distance(ones, ones[:5]) == KernelDistance(0.0, None, 0.0, None)
    assert kernel_distance(ones, ones, subset_size=3, subsets=4) == KernelDistance(0.0, 0.0, 0.0, 0.0)


def test_a_set_against_itself_lies_below_0() -> None:
    """As the pairs of images with themselves count between the sides alone: by (mean of those - all pairs) / (n-1)."""
    features = _features(2, 40)
    kernels = (features @ features.T / 16 + 1) ** 3
    expected = 2 * (kernels.mean() - kernels.diagonal().mean()).item() / 39
    assert kernel_distance(features, features).value == pytest.approx(expected, rel=1e-10)
    assert expected < 0


def test_one_estimate_is_that_of_both_packages() -> None:
    """Of all images, in whatever order they draw them."""
    real, fake = _features(3, 120), _features(4, 120, scale=1.2)
    found = kernel_distance(real, fake, subset_size=120).value
    torch_fidelity = kid_features_to_metric(fake, real, kid_subsets=1, kid_subset_size=120, verbose=False)
    torchmetrics = KernelInceptionDistance(_AsTheyAre(), subsets=1, subset_size=120).set_dtype(torch.float64)
    torchmetrics.update(real, real=True)
    torchmetrics.update(fake, real=False)
    assert found == pytest.approx(torch_fidelity["kernel_inception_distance_mean"], rel=1e-10)
    assert found == pytest.approx(torchmetrics.compute()[0].item(), rel=1e-10)
    assert found == pytest.approx(poly_mmd(real, fake).item(), rel=1e-10)


class _AsTheyAre(nn.Module):
    """A network whose features are its input."""

    num_features = 16

    def forward(self, features: Tensor) -> Tensor:
        return features


def test_subsets_are_like_those_of_both_packages() -> None:
    """The draws differ, so mean and deviation agree as closely as 400 subsets let them."""
    real, fake = _features(5, 150), _features(6, 130, scale=1.1)
    found = kernel_distance(real, fake, subsets=400, subset_size=30)
    torch_fidelity = kid_features_to_metric(fake, real, kid_subsets=400, kid_subset_size=30, verbose=False)
    torchmetrics = KernelInceptionDistance(_AsTheyAre(), subsets=400, subset_size=30).set_dtype(torch.float64)
    torchmetrics.update(real, real=True)
    torchmetrics.update(fake, real=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mean, std = torchmetrics.compute()
    for other_mean, other_std in (tuple(torch_fidelity.values()), (mean.item(), std.item())):
        assert found.std is not None
        assert found.std == pytest.approx(other_std, rel=0.2)
        assert found.value == pytest.approx(other_mean, abs=4 * 2**0.5 * found.std / 400**0.5)


def test_the_mean_over_subsets_is_unbiased() -> None:
    """Over many subsets it comes to the estimate over everything, whatever their size."""
    real, fake = _features(7, 40), _features(8, 25, scale=1.5)
    whole = kernel_distance(real, fake).value
    for size in (2, 8, 24):
        found = kernel_distance(real, fake, subsets=400, subset_size=size)
        assert found.std is not None
        assert found.value == pytest.approx(whole, abs=4 * found.std / 400**0.5)


def test_there_are_a_hundred_subsets_of_a_thousand_as_papers_have_them() -> None:
    real, fake = _features(0, 40), _features(1, 50)
    of_twenty = kernel_distance(real, fake, subset_size=20)
    assert of_twenty == kernel_distance(real, fake, subset_size=20, subsets=100)
    assert of_twenty != kernel_distance(real, fake, subset_size=20, subsets=99)
    many, more = _features(0, 1000, 2), _features(1, 1001, 2)
    assert kernel_distance(many, more, subsets=1) == kernel_distance(many, more, subsets=1, subset_size=1000)
    assert kernel_distance(many, more[:1000]).std is None


def test_the_smaller_side_bounds_the_subset() -> None:
    """Where it is in every subset whole, the estimates differ by the larger side's images alone."""
    real, fake = _features(9, 60, 5), _features(10, 58, 5)
    found = kernel_distance(real, fake[:2], subsets=50, subset_size=59)
    assert found.std is not None
    assert found.std > 0
    pairs = [_by_definition(real[list(pair)], fake[:2]) for pair in itertools.combinations(range(60), 2)]
    assert found.value == pytest.approx(np.mean(pairs), abs=4 * np.std(pairs) / 50**0.5)
    assert found.std == pytest.approx(np.std(pairs), rel=0.5)
    assert kernel_distance(real, fake, subset_size=60).std is None
    assert kernel_distance(real, fake, subset_size=59).std is not None


def test_images_are_drawn_without_replacement() -> None:
    """Each subset is all images, so each estimate is the same."""
    real, fake = _features(11, 20), _features(12, 20)
    larger = torch.cat((real, real[:1]))
    found = kernel_distance(larger, fake, subsets=20, subset_size=20)
    without_one = [larger[torch.arange(21) != left_out] for left_out in range(21)]
    values = [kernel_distance(most, fake).value for most in without_one]
    assert found.std is not None
    assert found.std <= (max(values) - min(values)) / 2
    assert min(values) <= found.value <= max(values)


def test_the_seed_and_nothing_else_decides() -> None:
    real, fake = _features(13, 50), _features(14, 50)
    arguments = {"subsets": 5, "subset_size": 10}
    with torch.random.fork_rng():
        first = kernel_distance(real, fake, seed=1, **arguments)
        torch.manual_seed(99)
        np.random.seed(99)  # noqa: NPY002
        assert kernel_distance(real, fake, seed=1, **arguments) == first
    assert kernel_distance(real, fake, seed=2, **arguments) != first


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types_are_computed_with_in_float64(dtype: torch.dtype) -> None:
    real, fake = (
        features.to(dtype) for features in (_features(15, 30, shift=40.0), _features(16, 20, shift=41.0))
    )
    assert kernel_distance(real, fake).value == kernel_distance(real.double(), fake.double()).value


def test_what_does_not_fit_together() -> None:
    real, fake = _features(17, 5), _features(18, 5)
    for few in ((real[:1], fake), (real, fake[:1])):
        with pytest.raises(ValueError, match="at least 2 images a side"):
            kernel_distance(*few)
    with pytest.raises(ValueError, match=r"\(5, 16\) and \(5, 15\)"):
        kernel_distance(real, fake[:, :15])
    with pytest.raises(ValueError, match="finite"):
        kernel_distance(real, fake * torch.nan)
    for arguments in ({"subsets": 0}, {"subset_size": 1}):
        with pytest.raises(ValueError, match="subsets >= 1 and subset_size >= 2"):
            kernel_distance(real, fake, **arguments)


def test_equal_points_of_two_classes_in_fixed_numbers_are_at_no_distance() -> None:
    """Two classes, each of one point: whatever their numbers, two draws of them are the same distribution."""
    points = torch.tensor([[0.0, 0.0, 1.0], [3.0, -1.0, 2.0]])
    real, fake = torch.tensor([0] * 4 + [1] * 6), torch.tensor([0] * 2 + [1] * 3)
    found = kernel_distance(points[real], points[fake], strata=(real, fake)).value
    assert found == pytest.approx(0, abs=1e-12)
    assert kernel_distance(points[real], points[fake]).value < -0.1


def test_with_strata_there_is_no_bias_where_class_counts_are_fixed() -> None:
    generator = torch.Generator().manual_seed(0)
    classes = torch.tensor([0] * 3 + [1] * 5)
    centres = torch.tensor([[0.0, 0.0], [2.0, 1.0]])

    def draw() -> torch.Tensor:
        return centres[classes] + torch.randn(8, 2, generator=generator) / 2

    with_strata, without = [], []
    for _ in range(3000):
        real, fake = draw(), draw()
        with_strata.append(kernel_distance(real, fake, strata=(classes, classes)).value)
        without.append(kernel_distance(real, fake).value)
    error = torch.tensor(with_strata).std().item() / 3000**0.5
    assert abs(sum(with_strata) / 3000) < 3 * error
    assert sum(without) / 3000 < -5 * error


@pytest.mark.parametrize(
    ("classes", "joined"),
    [
        ([0, 1, 1, 1, 2, 2], [2, 1, 1, 1, 2, 2]),  # to the smallest other class
        ([0, 3, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]),
        ([0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 0]),
    ],
)
def test_classes_of_one_image_are_joined(classes: list[int], joined: list[int]) -> None:
    """They have no pairs of their own, and the others keep what makes up for their fixed numbers."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(6, 3, generator=generator), torch.randn(6, 3, generator=generator)
    found, expected = (
        kernel_distance(real, fake, strata=(strata, strata)).value
        for strata in (torch.tensor(classes), torch.tensor(joined))
    )
    assert found == expected


@pytest.mark.parametrize("subset_size", [20, 1000])
def test_the_published_value_is_that_without_strata(subset_size: int) -> None:
    real, fake = _features(19, 60), _features(20, 50, scale=1.2)
    strata = torch.arange(60) % 3, torch.arange(50) % 3
    options = {"subsets": 30, "subset_size": subset_size}
    found, plain = (
        kernel_distance(real, fake, strata=strata, **options),
        kernel_distance(real, fake, **options),
    )
    assert (
        (found.published, found.published_std)
        == (plain.value, plain.std)
        == (plain.published, plain.published_std)
    )
    assert found.value != found.published
    if subset_size == 1000:
        assert found.published == pytest.approx(_by_definition(real, fake), rel=1e-10)


def test_it_sees_collapse_blur_and_noise_and_no_copies() -> None:
    real, others = _features(21, 500), _features(22, 500)
    noise = _features(23, 500)

    def published(fake: Tensor) -> float:
        return kernel_distance(real, fake, subsets=20, subset_size=200).published

    assert abs(published(others)) < 0.04
    assert abs(published(real)) < 0.04  # copies
    for fake in (others[:1].repeat(500, 1), 0.5 * others, others + noise):
        assert published(fake) > 0.08


def test_one_tiny_class_leaves_no_more_than_its_own_bias() -> None:
    generator = torch.Generator().manual_seed(0)
    classes = torch.tensor([0] * 12 + [1] * 12 + [2])
    centres = torch.tensor([[0.0, 0.0], [4.0, 1.0], [1.0, 3.0]])
    with_strata, without = [], []
    for _ in range(500):
        real, fake = (centres[classes] + torch.randn(25, 2, generator=generator) / 2 for _ in "ab")
        with_strata.append(kernel_distance(real, fake, strata=(classes, classes)).value)
        without.append(kernel_distance(real, fake).value)
    assert abs(sum(with_strata)) < 0.2 * abs(sum(without))


def test_subsets_of_fixed_class_counts_have_no_bias_with_strata() -> None:
    """A subset has the bias of the whole that it is drawn from, however small it is."""
    generator = torch.Generator().manual_seed(0)
    few, many = torch.tensor([0] * 3 + [1] * 5), torch.tensor([0] * 9 + [1] * 15)
    centres = torch.tensor([[0.0, 0.0], [2.0, 1.0]])
    keywords = {"subsets": 4, "subset_size": 6}

    with_strata, without = [], []
    for seed in range(1500):
        real, fake = (
            centres[classes] + torch.randn(len(classes), 2, generator=generator) / 2
            for classes in (few, many)
        )
        with_strata.append(kernel_distance(real, fake, strata=(few, many), seed=seed, **keywords).value)
        without.append(kernel_distance(real, fake, seed=seed, **keywords).value)
    error = torch.tensor(with_strata).std().item() / 1500**0.5
    assert abs(sum(with_strata) / 1500) < 3 * error
    assert sum(without) / 1500 < -5 * error

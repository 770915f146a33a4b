"""Numbers of given samples by class."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acgan.api.evaluate_options import EvaluateOptions
from acgan.api.real_images import counts_of_samples
from acgan.evaluation import share_out


def subject(limits: list[int]) -> Any:
    samples = SimpleNamespace(available=limits.__getitem__, class_names=tuple("abcdefgh"[: len(limits)]))
    return SimpleNamespace(samples=samples)


@pytest.mark.parametrize("prior", ["reference", "uniform"])
def test_no_larger_number_of_samples_fits(prior: str) -> None:
    draws = np.random.default_rng(0)
    for _ in range(50):
        reference = draws.integers(1, 60, size=draws.integers(1, 8)).tolist()
        limits = draws.integers(1, 50, size=len(reference)).tolist()
        options = EvaluateOptions(label_prior=prior)
        found = counts_of_samples([subject(limits)], options, reference, lambda _: None, lambda _: None)
        fitting = [
            num
            for num in range(1, sum(reference) + 1)
            if all(a <= b for a, b in zip(share_out(num, reference, prior), limits, strict=True))
        ]
        assert sum(found) == max(fitting)
        assert found == share_out(max(fitting), reference, prior)

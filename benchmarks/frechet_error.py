"""Compare the Fréchet distance with pytorch-fid's where the result is known: a Markdown table of relative errors.

    python benchmarks/frechet_error.py

Two covariances have the same eigenvectors, so that the distance is the sum of the squared differences of the roots of
their eigenvalues: k^-p, and the same in another order, or each times a factor of 0.8 to 1.25 ("near"). Vectors, orders
and factors are random, three times; the table has the largest errors.
"""

from __future__ import annotations

import itertools
import warnings
from datetime import date

import click
import numpy as np
import torch

from acgan import _torchvision  # noqa: F401  # before pytorch-fid, which imports torchvision
from acgan.metrics.frechet import frechet_distance
from acgan.runtime import machine

_FEATURES, _POWERS, _DRAWS = (64, 512), (1, 2, 4), 3


def errors(features: int, power: int, near: bool, seed: int) -> tuple[float, float]:
    """Relative errors of our distance and of pytorch-fid's."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    draws = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(draws.standard_normal((features, features)))
    values = np.arange(1.0, features + 1) ** -power
    others = values * draws.uniform(0.8, 1.25, features) if near else draws.permutation(values)
    known = np.square(np.sqrt(values) - np.sqrt(others)).sum()
    mean = np.zeros(features)
    a, b = ((vectors * spectrum) @ vectors.T for spectrum in (values, others))
    a, b = (a + a.T) / 2, (b + b.T) / 2
    ours = frechet_distance(*(torch.from_numpy(array) for array in (mean, a, mean, b)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SciPy, about singular products
        theirs = float(calculate_frechet_distance(mean, a, mean, b))
    return abs(ours / known - 1), abs(theirs / known - 1)


@click.command()
def main() -> None:
    """Print the table."""
    print(f"{machine()}; torch {torch.__version__}; {date.today()}\n")
    print("| eigenvalues | the other side's | features | acgan | pytorch-fid |\n|---|---|---|---|---|")
    for power, near, features in itertools.product(_POWERS, (False, True), _FEATURES):
        found = [errors(features, power, near, seed) for seed in range(_DRAWS)]
        ours, theirs = (max(side) for side in zip(*found, strict=True))
        other = "near" if near else "in another order"
        print(f"| k^-{power} | {other} | {features} | {ours:.1e} | {theirs:.1e} |")


if __name__ == "__main__":
    main()

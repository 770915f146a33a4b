"""Count how often the bootstrap of a comparison finds a difference of means where there is none: a Markdown table.

    python benchmarks/bootstrap_rates.py

Both sides have the same mean, so each difference that is found is a false one. At 95 % confidence one in twenty is
meant. It is computation alone: the numbers do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable

import click
import numpy as np

from acgan.metrics.bootstrap import bootstrap_difference

_SIZES = ((3, 3), (5, 5), (10, 10), (3, 10))
Draw = Callable[[np.random.Generator, int], np.ndarray]


def _normal(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.normal(size=size)


def _lognormal(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.lognormal(size=size) - np.exp(0.5)  # its mean


#: Draws of the units of A and of B.
_CASES: dict[str, tuple[Draw, Draw]] = {
    "normal": (_normal, _normal),
    "normal, rounded": (lambda rng, size: _normal(rng, size).round(),) * 2,
    "uniform": (lambda rng, size: rng.uniform(size=size),) * 2,
    "Student's t, 3 degrees of freedom": (lambda rng, size: rng.standard_t(3, size=size),) * 2,
    "lognormal": (_lognormal, _lognormal),
    "0 or 1, as often": (lambda rng, size: rng.integers(2, size=size).astype(float),) * 2,
    "normal, A 3 times as wide": (lambda rng, size: 3 * _normal(rng, size), _normal),
    "normal, B 3 times as wide": (_normal, lambda rng, size: 3 * _normal(rng, size)),
    "lognormal, B mirrored": (_lognormal, lambda rng, size: -_lognormal(rng, size)),
}


def rate(draws: tuple[Draw, Draw], sizes: tuple[int, int], trials: int) -> float:
    """Share of the trials in which a difference is found."""
    rng = np.random.default_rng(0)
    found = [
        bootstrap_difference(*(draw(rng, size) for draw, size in zip(draws, sizes, strict=True)), seed=trial)
        for trial in range(trials)
    ]
    return float(np.mean([difference.distinguishable for difference in found]))


@click.command()
@click.option("--trials", type=click.IntRange(1), default=10_000, show_default=True, help="Trials a number.")
def main(trials: int) -> None:
    """Print the share of false differences by units a side and distribution, as a Markdown table."""
    error = (0.05 * 0.95 / trials) ** 0.5
    print(f"{trials:,} trials a number; the standard error of 5 % is {error:.2%}\n")
    print(f"| units of A and B | {' | '.join(f'{a}, {b}' for a, b in _SIZES)} |")
    print("|---" * (len(_SIZES) + 1) + "|")
    for name, draws in _CASES.items():
        cells = [f"{rate(draws, sizes, trials):.1%}" for sizes in _SIZES]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

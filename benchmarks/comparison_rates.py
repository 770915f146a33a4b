"""Count what `acgan compare` says of two methods whose truth is known: a Markdown table.

    python benchmarks/comparison_rates.py

Each cell has the share of trials in which a difference at least leans, and in which it is called distinguishable. It is
computation alone: the numbers do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable

import click
import numpy as np

from acgan.evaluation.tested_difference import judge_together
from acgan.metrics.significance import smallest_seen

_SIZES = ((3, 3), (5, 5), (10, 10), (3, 10))
Draw = Callable[[np.random.Generator, int], np.ndarray]


def _normal(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.normal(size=size)


def _collapsing(rng: np.random.Generator, size: int) -> np.ndarray:
    """Three in ten trainings fail by ten deviations; the mean is zero."""
    return _normal(rng, size) + 10 * (rng.random(size) < 0.3) - 3


def _shifted(deviations: float) -> Draw:
    return lambda rng, size: _normal(rng, size) + deviations


def _lognormal(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.lognormal(size=size) - np.exp(0.5)  # its mean


#: Draws of the units of A and of B, and whether their means differ.
CASES: dict[str, tuple[Draw, Draw, bool]] = {
    "no difference: normal": (_normal, _normal, False),
    "normal, rounded: ties": (lambda rng, size: _normal(rng, size).round(),) * 2 + (False,),
    "lognormal": (_lognormal, _lognormal, False),
    "B 3 times as wide": (_normal, lambda rng, size: 3 * _normal(rng, size), False),
    "B collapses in 30 % of seeds, equal mean": (_normal, _collapsing, False),
    "shifted by 1 deviation": (_normal, _shifted(1), True),
    "by 2 deviations": (_normal, _shifted(2), True),
    "by 3 deviations": (_normal, _shifted(3), True),
}


def rates(
    draws: tuple[Draw, Draw], sizes: tuple[int, int], trials: int, metrics: int = 1
) -> tuple[float, float]:
    """Shares of the trials in which any of some independent metrics leans or more, and is distinguishable."""
    rng = np.random.default_rng(0)
    leaning = surely = 0
    for trial in range(trials):
        groups = [
            tuple(tuple(draw(rng, size)) for draw, size in zip(draws, sizes, strict=True))
            for _ in range(metrics)
        ]
        verdicts = {found.verdict for found in judge_together(groups, trial)}  # type: ignore[arg-type]
        leaning += verdicts != {"not distinguishable"}
        surely += "distinguishable" in verdicts
    return leaning / trials, surely / trials


def share_seen(size: int, trials: int) -> float:
    """Share of trials in which a shift at least leans that is what "could see" says on the average of trials."""
    rng = np.random.default_rng(1)
    printed = [smallest_seen(_normal(rng, size), _normal(rng, size)) or 0.0 for _ in range(trials)]
    return rates((_normal, _shifted(float(np.mean(printed)))), (size, size), trials)[0]


@click.command()
@click.option("--trials", type=click.IntRange(1), default=1_000, show_default=True, help="Trials a number.")
def main(trials: int) -> None:
    """Print shares of verdicts by units a side and case, as a Markdown table."""
    print(f"{trials:,} trials a number; the standard error of 5 % is {(0.05 * 0.95 / trials) ** 0.5:.2%}\n")
    print(f"| units of A and B | {' | '.join(f'{a}, {b}' for a, b in _SIZES)} |")
    print("|---" * (len(_SIZES) + 1) + "|")
    for name, (a, b, _) in CASES.items():
        cells = ["{:.1%} / {:.1%}".format(*rates((a, b), sizes, trials)) for sizes in _SIZES]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    few = max(1, trials // 5)
    cells = ["{:.1%} / {:.1%}".format(*rates((_normal, _normal), sizes, few, 5)) for sizes in _SIZES]
    print(f"| any of 5 metrics, no difference ({few:,} trials) | {' | '.join(cells)} |", flush=True)
    for size in (3, 5, 10):
        print(
            f'\n{size} a side: the shift of "could see" is seen in {share_seen(size, trials):.0%}', flush=True
        )


if __name__ == "__main__":
    main()

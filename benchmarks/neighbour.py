"""Measure what busy neighbours cost a training: a Markdown table.

    python benchmarks/neighbour.py digits
    python benchmarks/neighbour.py mnist --data mnist:ROOT --busy 0,1

acgan's steps and the loop that everyone writes (acgan/benchmarking/plain_loop.py) take turns, in one process, beside 0,
1 and 2 busy processes, which also take turns. The steps of a training are measured without its start, because a
neighbour slows each step: a turn lasts about a second, so that a round is short, and other work on the machine falls on
all alike. The table has medians of the rounds, and of the rounds' ratios to the speed without neighbours.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import date

import click
import torch

from acgan.api.benchmark import workbench
from acgan.benchmarking.neighbours import busy_neighbours
from acgan.benchmarking.training import OURS, PLAIN, Contest
from acgan.runtime import machine

#: Seconds of each turn, by loop and number of neighbours.
Times = dict[str, dict[int, list[float]]]


def measure(contest: Contest, numbers: Sequence[int], rounds: int) -> Times:
    times: Times = {name: {number: [] for number in numbers} for name in contest.loops}
    for turn in range(rounds):
        for number in numbers if turn % 2 == 0 else reversed(numbers):
            with busy_neighbours(number):
                for name, take in contest.turns().items():
                    times[name][number].append(take().wall)
    return times


def row(times: Times, number: int, images: int) -> str:
    cells = [str(number)]
    for name in (OURS, PLAIN):
        quiet, now = times[name][0], times[name][number]
        share = statistics.median(a / b for a, b in zip(quiet, now, strict=True))
        cells += [f"{images / statistics.median(now):.0f}", f"{share:.2f}"]
    pairs = zip(times[PLAIN][number], times[OURS][number], strict=True)
    cells.append(f"{statistics.median(a / b for a, b in pairs):.2f}")
    return f"| {' | '.join(cells)} |"


def numbers_of(text: str) -> list[int]:
    found = sorted({0, *(int(part) for part in text.split(",") if part.strip().isdecimal())})
    if len(found) < 2:
        raise click.BadParameter(f"{text!r}; expected numbers of processes with commas between, as in 0,1,2.")
    return found


@click.command()
@click.argument("recipe", required=False)
@click.option("--data", metavar="SOURCE", help="Images to train on, as of `acgan train`.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key of the recipe.")
@click.option(
    "--busy", metavar="0,1,2", default="0,1,2", show_default=True, help="Numbers of busy processes."
)
@click.option("--rounds", metavar="N", type=click.IntRange(1), default=5, show_default=True)
def main(recipe: str | None, data: str | None, changes: Sequence[str], busy: str, rounds: int) -> None:
    """Measure the training of RECIPE (digits) beside busy processes."""
    numbers = numbers_of(busy)
    with workbench(recipe, data, changes, None, {"device": "cpu"}) as bench:
        contest = bench.contest()
        times = measure(contest, numbers, rounds)
        print(
            f"{bench.name}, {bench.opened.precision}; {machine()}; "
            f"torch {torch.__version__}; {date.today()}; {rounds} rounds of {contest.images:,} images\n"
        )
    print(
        f"| busy processes | {OURS} (images/s) | to quiet | {PLAIN} (images/s) | to quiet | {OURS} : {PLAIN} |"
    )
    print("|---|---|---|---|---|---|")
    for number in numbers:
        print(row(times, number, contest.images))


if __name__ == "__main__":
    main()

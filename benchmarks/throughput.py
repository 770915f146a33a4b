"""Measure the cost of each kind of step, for shipped recipes: a Markdown table.

    python benchmarks/throughput.py digits mnist=mnist:ROOT cifar10=FILE.zip
    python benchmarks/throughput.py mnist=mnist:ROOT --set model.generator.patch=1 --set model.discriminator.patch=1

Each argument is a recipe, or RECIPE=SOURCE; --set changes keys in all of them. Run it on an idle machine. The best of
several repetitions counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import click
import torch

from acgan.api import resolve_config
from acgan.api.dry_run import rehearse
from acgan.runtime import machine

_REPETITIONS = 5
_KINDS = ("discriminator", "discriminator with penalty", "generator")


@click.command()
@click.argument("arguments", metavar="RECIPE[=SOURCE]...", nargs=-1, required=True)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key in all recipes.")
def main(arguments: Sequence[str], changes: Sequence[str]) -> None:
    """Print the cost of each kind of step, for shipped recipes."""
    print(f"{machine()}; torch {torch.__version__}; {date.today()}\n")
    print("| recipe | precision | D step (ms) | D step with penalty (ms) | G step (ms) | images/s |")
    print("|---|---|---|---|---|---|")
    for argument in arguments:
        recipe, _, source = argument.partition("=")
        config, _ = resolve_config(recipe, source or None, changes)
        found = [rehearse(config, "auto") for _ in range(_REPETITIONS)]
        best = {kind: min(one.step_sec.get(kind, float("nan")) for one in found) * 1e3 for kind in _KINDS}
        every = config.loss.penalty.every if config.loss.penalty else 1
        d, penalised, g = (best[kind] for kind in _KINDS)
        mean_d = d + (penalised - d) / every if config.loss.penalty else d
        images_per_sec = config.train.batch_size / (config.train.d_steps * mean_d + g) * 1e3
        cells = [
            recipe,
            found[0].precision,
            *(f"{best[kind]:.0f}" for kind in _KINDS),
            f"{images_per_sec:.0f}",
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

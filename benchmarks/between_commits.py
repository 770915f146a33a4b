"""Measure the steps of a training by this code against those of another checkout, in turns: a Markdown table.

    git worktree add ../before COMMIT
    python benchmarks/between_commits.py ../before cifar10 --data cifar10_jpg.zip
    python benchmarks/between_commits.py ../before mnist digits --data mnist=mnist:ROOT --busy 0,1 --rounds 5

Each turn is a process of its own, which takes the steps of some iterations of a recipe after a warm-up. Its speed is
that of the quick eighth of the steps of each kind, since other work on the machine only ever makes a step slower.
Beside busy neighbours it is the mean. The table has the medians of the turns, and of the ratios of neighbouring turns.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from datetime import date
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent.parent
_WARM_UP = 9


def steps(recipe: str, source: str | None, changes: Sequence[str], iterations: int) -> dict[str, float]:
    """Seconds of a step by kind, and images a second; by the acgan on the path, of this or an earlier version."""
    import torch

    from acgan import distributed, runtime
    from acgan.api import resolve_config
    from acgan.assembly import build_gan
    from acgan.assembly.images import load_data, prepare_dataset
    from acgan.runtime import FiniteGuard
    from acgan.training.gan_loop import discriminator_step, generator_step

    config, _ = resolve_config(recipe, source, changes)
    store = prepare_dataset(config, load_data(config, None, None)).train
    cpu = torch.device("cpu")
    precision = runtime.resolve_precision(config.train.precision, cpu)
    try:
        from acgan.parallel import using_cores
    except ImportError:  # before portions
        using_cores = nullcontext
    gan = build_gan(config, store, device=cpu, precision=precision, ranks=distributed.Ranks())
    gan.generator.train()
    gan.discriminator.train()
    guard, every = FiniteGuard(cpu), gan.objective.penalty_every if gan.objective.penalty is not None else 0
    seconds: dict[str, list[float]] = {"D": [], "D, penalty": [], "G": []}

    def timed(kind: str, take: Callable[[], object]) -> None:
        started = time.perf_counter()
        take()
        seconds[kind].append(time.perf_counter() - started)

    with using_cores(None):
        for iteration in range(_WARM_UP + iterations):
            if iteration == _WARM_UP:
                seconds = {kind: [] for kind in seconds}
            due = bool(every) and iteration % every == 0
            timed("D, penalty" if due else "D", lambda: discriminator_step(gan, guard, iteration, 0))  # noqa: B023
            timed("G", lambda: generator_step(gan, guard, iteration))  # noqa: B023
    busy = os.environ.get("BUSY", "0") != "0"
    typical = {kind: _typical(found, busy) for kind, found in seconds.items()}
    share = 1 / every if every else 0.0
    total = (1 - share) * typical["D"] + share * typical["D, penalty"] + typical["G"]
    return {**typical, "images": config.train.batch_size / total}


def _typical(found: list[float], busy: bool) -> float:
    if not found:
        return 0.0
    return statistics.mean(found) if busy else sorted(found)[len(found) // 8]


def turn(checkout: Path, arguments: Mapping[str, object], busy: int) -> dict[str, float]:
    """``steps`` in a process of its own, beside so many busy ones."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "BUSY": str(busy)}
    with ExitStack() as stack:
        for _ in range(busy):
            spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(spinning.wait)
            stack.callback(spinning.kill)
        command = [
            sys.executable,
            str(HERE / "benchmarks" / Path(__file__).name),
            "--child",
            json.dumps(arguments),
        ]
        out = subprocess.run(
            command, env=environment, cwd=checkout, capture_output=True, text=True, check=True
        )
    found: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    return found


def cells(before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]]) -> list[str]:
    """Images a second, milliseconds of each kind of step, and the ratio."""
    found = []
    for turns in (before, after):
        middle = {kind: statistics.median(one[kind] for one in turns) for kind in turns[0]}
        parts = " / ".join(f"{middle[kind] * 1e3:.0f}" for kind in ("D", "D, penalty", "G") if middle[kind])
        found += [f"{middle['images']:.0f}", parts]
    ratio = statistics.median(new["images"] / old["images"] for old, new in zip(before, after, strict=True))
    return [*found, f"{ratio:.2f}"]


@click.command()
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.argument("recipes", nargs=-1)
@click.option(
    "--data", "sources", multiple=True, metavar="[RECIPE=]SOURCE", help="Images of a recipe, or of all."
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key in all recipes.")
@click.option("--busy", default="0", show_default=True, metavar="0,1", help="Numbers of busy processes.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--iterations", type=click.IntRange(8), default=64, show_default=True)
@click.option("--child", hidden=True)
def main(
    checkout: Path | None,
    recipes: Sequence[str],
    sources: Sequence[str],
    changes: Sequence[str],
    busy: str,
    rounds: int,
    iterations: int,
    child: str | None,
) -> None:
    """Measure RECIPES by this code against that of CHECKOUT."""
    if child is not None:
        print(json.dumps(steps(**json.loads(child))))
        return
    if checkout is None or not recipes:
        raise click.UsageError("name another checkout, and one or more recipes")
    import torch

    from acgan.runtime import machine

    by_recipe = dict(source.split("=", 1) for source in sources if source.partition("=")[0] in recipes)
    common = next((source for source in sources if source.partition("=")[0] not in recipes), None)
    print(
        f"{machine()}; torch {torch.__version__}; {date.today()}; {rounds} rounds of {iterations} iterations\n"
    )
    print(
        "| recipe | busy processes | before: images/s | D / D with penalty / G (ms) | after: images/s | ms | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for recipe in recipes:
        source = by_recipe.get(recipe, common)
        if source is not None and Path(source).exists():
            source = str(Path(source).resolve())
        arguments = {"recipe": recipe, "source": source, "changes": changes, "iterations": iterations}
        for number in map(int, busy.split(",")):
            before, after = [], []
            for _ in range(rounds):
                before.append(turn(checkout.resolve(), arguments, number))
                after.append(turn(HERE, arguments, number))
            print(f"| {recipe} | {number} | {' | '.join(cells(before, after))} |", flush=True)


if __name__ == "__main__":
    main()

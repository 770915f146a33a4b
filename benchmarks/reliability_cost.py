"""Measure what reliability costs a training: a Markdown table.

    python benchmarks/reliability_cost.py --mnist mnist:ROOT

Each recipe is trained in this process, without evaluations, which would only make the shares smaller. What checks and
seals is timed by the processor time of the thread that calls it, and given as a share of that of the whole
training, start and end included. Images are mapped as those of 2 GiB and more are, so that blocks are checked at first
touch. Waiting for the disk takes no processor time, and is not in the table.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click

from acgan.cli import main as acgan
from acgan.data import pack
from acgan.data.blocks import Blocks, MappedImages
from acgan.training import checkpoint, run, tracking
from acgan.training.stopping import StopRequests
from acgan.weights import file as weights

#: What is timed: the place of a function, and its name there.
TIMED: dict[str, list[tuple[Any, str]]] = {
    "lines of `stats.jsonl` sealed": [(tracking, "sealed_line")],
    "asked whether to stop": [(StopRequests, "asked")],
    "checkpoints: SHA-256": [(checkpoint, "sha256")],
    "weights sealed": [(weights, "seal_weights")],
    "weights checked when read": [(weights, "is_damaged"), (run, "is_damaged")],
    "blocks of images checked": [(Blocks, "damaged")],
    "looked up which blocks are new": [(MappedImages, "_check")],
}


class Times:
    """Processor seconds and calls by what is timed; what is called inside another counts there alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            inner = sum(self.seconds.values())
            begun = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent = time.thread_time() - begun
                self.seconds[name] += max(0.0, spent - (sum(self.seconds.values()) - inner))
                self.calls[name] += 1

        return timed


@contextmanager
def timed() -> Iterator[Times]:
    """Time all of ``TIMED`` inside."""
    times, patches = Times(), []
    for name, places in TIMED.items():
        for place, attribute in places:
            wrapped = times.wrap(name, getattr(place, attribute))
            patches.append(patch.object(place, attribute, wrapped))
    patches.append(patch.object(pack, "LARGE_BYTES", 1))
    for one in patches:
        one.start()
    try:
        yield times
    finally:
        for one in patches:
            one.stop()


def measure(recipe: str, nimg: int, source: str | None) -> tuple[Times, float]:
    """Times of a training, and its processor seconds in all."""
    keys = [f"train.total_nimg={nimg}", "data.validation_share=0", "model.starter=false"]
    keys += [] if source is None else [f"data.source={source}"]
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", recipe, "--quiet", "--run-dir", str(Path(folder) / "run")]
        with timed() as times:
            begun = time.process_time()
            acgan([*words, *(word for key in keys for word in ("--set", key))], standalone_mode=False)
            return times, time.process_time() - begun


@click.command()
@click.option("--mnist", default="mnist", show_default=True, help="MNIST, as `acgan train --data` takes it.")
@click.option("--nimg", default=50_000, show_default=True, help="Images of each training.")
def main(mnist: str, nimg: int) -> None:
    """Print the table."""
    found = {"digits": measure("digits", nimg, None), "mnist": measure("mnist", nimg, mnist)}
    click.echo(f"| processor time | {' | '.join(found)} |")
    click.echo(f"|---|{'---|' * len(found)}")
    for name in TIMED:
        cells = [f"{t.seconds[name] / total:.4%} ({t.calls[name]:,} calls)" for t, total in found.values()]
        click.echo(f"| {name} | {' | '.join(cells)} |")
    shares = [f"{sum(t.seconds.values()) / total:.4%}" for t, total in found.values()]
    click.echo(f"| all of it | {' | '.join(shares)} |")
    click.echo(f"| the training (s) | {' | '.join(f'{total:,.0f}' for _, total in found.values())} |")


if __name__ == "__main__":
    main()

"""Output of ``acgan train --dry-run``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from acgan.api.dry_run import Rehearsal, rehearse
from acgan.api.inputs import Resolved
from acgan.cli.options import time_in_words
from acgan.cli.output import echo
from acgan.cli.progress import Reporter, counting
from acgan.cli.ranks import is_first_process
from acgan.cli.tables import print_table
from acgan.cli.training import run_directories
from acgan.config import ClassifierConfig
from acgan.errors import RunError, UserError


def show_dry_run(
    resolved: Resolved,
    seeds: Sequence[int] | None,
    *,
    device: str,
    init_from: Path | None,
    fresh: bool,
    quiet: bool,
    max_time: float | None,
) -> None:
    """Rehearse a training and print the classes, parameters and estimates.

    Raises:
        UserError: For whatever a training would refuse.
    """
    config = resolved.config
    directories = run_directories(resolved.directory, seeds)
    runs = {
        directory: config if seed is None else config.model_copy(update={"seed": seed})
        for directory, seed in directories.items()
    }
    quiet = quiet or not is_first_process()
    reporter, busy = Reporter(quiet), _busy()
    with counting("reading images", quiet) as on_data:
        found = rehearse(
            config,
            device,
            runs,
            init_from,
            places=resolved.places,
            lengths=resolved.lengths,
            fresh=fresh,
            on_data=on_data,
            say=reporter.say,
            warn=reporter.warn,
        )
    if not quiet:
        _show(found)
    # Generated images are compared with a training without them, of the same length.
    arms = 2 if isinstance(config, ClassifierConfig) and config.synthetic is not None else 1
    if found.memory is not None:
        reporter.say(f"memory needed: {found.memory}")
    reporter.say(_time(found, arms * len(runs), max_time))
    if busy:
        reporter.say(busy)
    refused = [prospect for prospect in found.prospects.values() if isinstance(prospect, UserError)]
    for prospect in found.prospects.values():
        if isinstance(prospect, str):
            reporter.say(prospect)
    if refused:
        raise RunError("\n".join(f"the training would be refused: {error}" for error in refused))
    where = ", ".join(map(str, runs))
    reporter.say(
        f"would train in {where} (see --run-dir); nothing was written but the cache of decoded images"
    )


def _show(found: Rehearsal) -> None:
    table = Table("network", "part", "parameters")
    table.columns[2].justify = "right"
    for network, part, number in found.parameters:
        table.add_row(network, part, f"{number:,}")
    table.add_section()
    table.add_row("all", "", f"{sum(number for *_, number in found.parameters):,}")
    print_table(table)
    if found.heads:
        heads = Table("head", "loss weight", "own parameters", "its loss")
        for head in found.heads:
            heads.add_row(head.head, f"{head.weight:g}", f"{head.own:,}", str(head))
        print_table(heads)
    for kind, seconds in found.step_sec.items():
        echo(f"step of the {kind}: {seconds * 1e3:.0f} ms")


def _busy() -> str:
    """A line if other programs keep the machine busy, by which the estimate of the time is too long; else ""."""
    load, cores = (os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0), os.cpu_count() or 1
    if load <= cores:
        return ""
    return (
        f"other programs kept the machine busy ({load:.1f} wanted to compute on {cores} cores), which makes this time "
        "longer than that of a free machine"
    )


def _time(found: Rehearsal, num_runs: int, max_time: float | None) -> str:
    """One line on speed, time and memory."""
    seconds = found.total_nimg / found.images_per_sec
    together = f" a run and {time_in_words(num_runs * seconds)} for all {num_runs}" if num_runs > 1 else ""
    if max_time is not None and max_time < num_runs * seconds:
        images = f"{found.images_per_sec * max_time:,.0f} images"
        together += f"; --max-time stops it after {time_in_words(max_time)}, {images}"
    return (
        f"on {found.device} in {found.precision}: about {found.images_per_sec:.0f} images/s, so "
        f"{time_in_words(seconds)} for {found.total_nimg:,} images{together}; this rehearsal took "
        f"{found.peak_bytes / 2**30:.1f} GiB of memory"
    )

"""Output of ``acgan train --dry-run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from acgan.api.dry_run import Rehearsal, rehearse
from acgan.api.inputs import Resolved
from acgan.cli.options import clock
from acgan.cli.training import run_directories
from acgan.config import to_yaml


def show_dry_run(
    resolved: Resolved,
    seeds: Sequence[int] | None,
    *,
    device: str,
    init_from: Path | None,
    fresh: bool,
) -> None:
    """Rehearse a training and print the resolved configuration, parameters, and estimates."""
    config = resolved.config
    directories = run_directories(resolved.directory, seeds)
    runs = {
        directory: config if seed is None else config.model_copy(update={"seed": seed})
        for directory, seed in directories.items()
    }
    found = rehearse(config, device, {} if fresh else runs, init_from, resolved.places)
    console = Console(highlight=False, soft_wrap=True)
    console.print(to_yaml(config), markup=False)
    store = found.dataset.train
    for note in found.dataset.notes:
        console.print(note, markup=False)
    for remark in found.remarks:
        console.print(remark, markup=False)
    counts = np.bincount(store.labels, minlength=store.num_classes)
    console.print(
        f"data: {found.dataset.name}, {store.num_classes} classes, {store.channels} x {store.resolution} x "
        f"{store.resolution}; decoded a sample of {len(store)} images ({counts.min()} to {counts.max()} a class)",
        markup=False,
    )
    table = Table("network", "part", "parameters")
    table.columns[2].justify = "right"
    for network, part, number in found.parameters:
        table.add_row(network, part, f"{number:,}")
    table.add_section()
    table.add_row("all", "", f"{sum(number for *_, number in found.parameters):,}")
    console.print(table)
    if found.heads:
        _show_heads(found, console)
    for kind, seconds in found.step_sec.items():
        console.print(f"step of the {kind}: {seconds * 1e3:.0f} ms")
    total = found.total_nimg
    length = (
        f"so {clock(total / found.images_per_sec)} for {total:,} images"
        if total is not None
        else "an epoch being all training images"
    )
    console.print(
        f"on {found.device} in {found.precision}: about {found.images_per_sec:.0f} images/s, {length}; "
        f"memory {found.peak_bytes / 2**30:.1f} GiB so far"
    )
    where = ", ".join(map(str, directories))
    console.print(f"would train in {where} (see --run-dir); nothing was written", markup=False)


def _show_heads(found: Rehearsal, console: Console) -> None:
    table = Table("head", "loss weight", "own parameters", "its loss")
    for head in found.heads:
        table.add_row(head.head, f"{head.weight:g}", f"{head.own:,}", str(head))
    console.print(table)

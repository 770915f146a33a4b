"""What ``acgan train --dry-run`` prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from acgan import api
from acgan.cli.options import clock
from acgan.config import to_yaml
from acgan.dry_run import rehearse


def show_dry_run(
    config: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    *,
    run_dir: Path | None,
    device: str,
    init_from: Path | None,
    fresh: bool,
) -> None:
    """Rehearse a training and print the resolved configuration, parameters, and estimates."""
    resolved, name = api.resolve_config(config, data, overrides)
    directory = run_dir or Path("runs") / name
    found = rehearse(resolved, device, None if fresh else directory, init_from)
    console = Console(highlight=False, soft_wrap=True)
    console.print(to_yaml(resolved), markup=False)
    store = found.dataset.train
    for note in found.dataset.notes:
        console.print(note, markup=False)
    if found.init_report:
        console.print(found.init_report, markup=False)
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
    table.add_row("both", "", f"{sum(number for *_, number in found.parameters):,}")
    console.print(table)
    for kind, seconds in found.step_sec.items():
        console.print(f"step of the {kind}: {seconds * 1e3:.0f} ms")
    console.print(
        f"on {found.device} in {found.precision}: about {found.images_per_sec:.0f} images/s, so "
        f"{clock(found.total_sec)} for {resolved.train.total_nimg:,} images; "
        f"memory {found.peak_bytes / 2**30:.1f} GiB so far"
    )
    console.print(f"would train in {directory} (see --run-dir); nothing was written", markup=False)

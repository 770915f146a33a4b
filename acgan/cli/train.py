"""``acgan train``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from acgan.cli.options import Duration, clock, stopped_by_sigterm


def _seeds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        seeds = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{value!r}; expected whole numbers with commas between, as in 0,1,2."
        ) from None
    if len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise click.BadParameter(f"{value!r}; expected different numbers from 0 up.")
    return seeds


@click.command()
@click.argument("config", required=False)
@click.option(
    "--data", metavar="SOURCE", help="Folder of class folders, .zip, .csv, .npz, or a built-in NAME[:ROOT]."
)
@click.option("--run-dir", type=click.Path(path_type=Path), help="Default: runs/<recipe>[-<data name>].")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a key; `acgan config` lists them."
)
@click.option(
    "--max-time", type=Duration(), metavar="TIME", help="Stop, with a checkpoint, after e.g. 90s, 10m, 1h30m."
)
@click.option(
    "--seeds", callback=_seeds, metavar="0,1,2", help="One run a seed, in seed<N>/ under the run directory."
)
@click.option(
    "--init-from", metavar="RUN", type=click.Path(path_type=Path), help="Start from another run's weights."
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True
)
@click.option("--fresh", is_flag=True, help="Start anew; a run that is there is moved aside, never deleted.")
@click.option(
    "--dry-run", is_flag=True, help="Check everything, take one step of each kind, estimate, write nothing."
)
@click.option("--quiet", is_flag=True, help="Say nothing but warnings.")
def command(
    config: str | None,
    data: str | None,
    overrides: tuple[str, ...],
    seeds: tuple[int, ...] | None,
    dry_run: bool,
    quiet: bool,
    run_dir: Path | None,
    max_time: float | None,
    **options: Any,
) -> None:
    """Train an AC-GAN; the same command again goes on where it stopped.

    CONFIG is a shipped recipe's name (`acgan config` lists them) or a YAML path; without one it is `digits`, or
    `folder` where --data is given.
    """
    from acgan import api
    from acgan.cli.progress import Reporter

    if dry_run:
        from acgan.cli.dry_run import show_dry_run

        show_dry_run(config, data, overrides, run_dir=run_dir, **options)
        return
    if seeds is None:
        seeds_and_dirs: list[tuple[tuple[str, ...], Path | None]] = [(overrides, run_dir)]
    else:
        parent = run_dir or Path("runs") / api.resolve_config(config, data, overrides)[1]
        seeds_and_dirs = [((*overrides, f"seed={seed}"), parent / f"seed{seed}") for seed in seeds]
    end = None if max_time is None else time.monotonic() + max_time
    for own_overrides, directory in seeds_and_dirs:
        reporter = Reporter(quiet or int(os.environ.get("RANK", "0")) > 0)
        # From the first checkpoint on the run answers signals itself, at the end of a step.
        with reporter.showing(), stopped_by_sigterm("stopped before the training began"):
            result = api.train(
                config,
                data,
                reporter.tick,
                run_dir=directory,
                overrides=own_overrides,
                max_time_sec=None if end is None else end - time.monotonic(),
                on_data=reporter.data,
                say=reporter.say,
                warn=reporter.warn,
                **options,
            )
        _conclude(result, reporter)
        if not result.finished:  # the time is up
            break


def _conclude(result: Any, reporter: Any) -> None:
    """Say what was made and what to do with it."""
    state = "done" if result.finished else "stopped by --max-time; the same command goes on"
    reporter.say(
        f"{result.directory}: {result.nimg:,} images shown ({state}), "
        f"{clock(result.trained_sec)} of training, {result.images_per_sec:.0f} images/s this time."
    )
    grids = sorted((result.directory / "samples").glob("*.png"))
    if grids:
        reporter.say(f"Samples, one row a class: {grids[-1]}")
    reporter.say(f"More: acgan sample {result.directory} --out samples.png")

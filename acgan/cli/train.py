"""``acgan train``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.cli.options import training_options
from acgan.cli.output import echo
from acgan.cli.ranks import is_first_process, warn_once
from acgan.cli.training import Clock, outcome, planned_runs, watched

if TYPE_CHECKING:
    from acgan.api import TrainResult
    from acgan.cli.progress import Reporter
    from acgan.config import RunConfig


@click.command()
@click.argument("config", required=False)
@training_options("runs/<recipe>[-<data name>]")
def command(
    config: str | None,
    data: str | None,
    run_dir: Path | None,
    overrides: tuple[str, ...],
    max_time: float | None,
    seeds: tuple[int, ...] | None,
    init_from: Path | None,
    device: str,
    fresh: bool,
    dry_run: bool,
    print_config: bool,
    quiet: bool,
) -> None:
    """Train an AC-GAN; the same command again goes on where it stopped.

    CONFIG is a shipped recipe's name (`acgan config` lists them), a YAML path, or the directory of a run, which is gone
    on with there, from any folder; --run-dir then names no other one. Without CONFIG it is `digits`, or `folder` where
    --data is given.
    """
    from acgan import api
    from acgan.config import to_yaml

    resolved = api.resolve(config, data, overrides, run_dir=run_dir)
    if print_config:
        echo(to_yaml(resolved.config), nl=False)
        return
    if dry_run:
        from acgan.cli.dry_run import show_dry_run

        show_dry_run(
            resolved, seeds, device=device, init_from=init_from, fresh=fresh, quiet=quiet, max_time=max_time
        )
        return
    time, done = Clock(max_time), list[Path]()
    for run in planned_runs(resolved.directory, seeds, overrides):
        with watched(quiet, time) as reporter:
            result = api.train(
                resolved.given,
                data,
                reporter.tick,
                overrides=run.overrides,
                run_dir=run.directory,
                device=device,
                max_time_sec=time.left_sec,
                init_from=init_from,
                fresh=fresh,
                on_data=reporter.data,
                on_images=reporter.images,
                say=reporter.say,
                warn=reporter.warn,
            )
        reporter.say(outcome(result))
        _conclude(result, reporter)
        if seeds is None:
            _tell_scoring(result.directory, resolved.config, reporter.say)
        if not result.finished:  # the time is up
            return
        done.append(result.directory)
    if len(done) > 1 and is_first_process():
        from acgan.api.report import report_after

        report = report_after(done, resolved.config.report, device=device, warn=warn_once)
        if report is not None and not quiet:
            echo(f"All {len(done)} runs side by side, to be opened in a browser: {report}")
    if seeds is not None and is_first_process() and not quiet:
        _tell_scoring(done[0], resolved.config, echo, resolved.directory)


def _conclude(result: TrainResult, reporter: Reporter) -> None:
    from acgan import api

    if result.best is not None:
        reporter.say(f"Best: {result.best}; that is what `acgan sample` takes, unless told --which last.")
    grids = sorted((result.directory / "samples").glob("*.png"))
    if grids:
        reporter.say(f"Samples of each class: {grids[-1]}")
    report = result.directory / "report.html"
    if report.exists():
        reporter.say(f"Report, to be opened in a browser: {report}")
    words = ("sample", str(result.directory), "--out", "samples.png")
    reporter.say(f"More: {api.run_command(result.directory, *words)}")


def _tell_scoring(
    directory: Path, config: RunConfig, say: Callable[[str], None], scored: Path | None = None
) -> None:
    from acgan import api

    how = api.judging_commands(directory, config, scored)
    if len(how) == 1:
        say(f"How good they are, class by class: {how[0]}")
    else:
        say("How good they are, class by class, tells a classifier of the same images, trained once:")
        for line in how:
            say(f"  {line}")

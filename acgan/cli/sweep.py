"""``acgan sweep``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acgan.cli.options import Count, UserPath, device_option
from acgan.cli.output import echo
from acgan.signals import stopped_by_signals

if TYPE_CHECKING:
    from acgan.sweep.plan import SweepPlan, SweepRun

_REASONS = {3: "not finite", 70: "a bug", 75: "stopped", 130: "stopped"}


@click.command()
@click.argument("sweep", metavar="SWEEP.yaml")
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=UserPath(file_okay=False),
    help="Folder of the runs: DIR/VARIANT/seedN.",
)
@click.option(
    "--jobs",
    metavar="N",
    type=Count(1),
    default=1,
    show_default=True,
    help="Runs at once, which share the cores.",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a key of the sweep: budget.nimg=8000.",
)
@device_option
@click.option(
    "--print",
    "print_only",
    is_flag=True,
    help="Print a command for each run, for GNU parallel or a job array.",
)
@click.option(
    "--executor",
    type=click.Choice(["local", "slurm"]),
    default="local",
    show_default=True,
    help="Compute here, or as a SLURM array (pip install 'acgan[slurm]').",
)
@click.option(
    "--slurm",
    "slurm_options",
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of submitit: slurm_partition=gpu.",
)
def command(
    sweep: str,
    out: Path,
    jobs: int,
    overrides: tuple[str, ...],
    device: str,
    print_only: bool,
    executor: str,
    slurm_options: tuple[str, ...],
) -> None:
    """Train and evaluate variants of a recipe with several seeds; the same command again goes on.

    SWEEP.yaml names variants, seeds and a budget; docs/sweep.md shows one. `family` is one that comes with acgan: ways
    to tell G the class. A run that fails does not end the others: it is named at the end, and the exit code is 1.
    """
    from acgan.sweep.lengths import lengths
    from acgan.sweep.local import share_of_cores
    from acgan.sweep.plan import SweepPlan, read_sweep

    options = dict(_option(text) for text in slurm_options)
    imports = click.get_current_context().find_root().params.get("imports", ())
    plan = SweepPlan(read_sweep(sweep, overrides), out, device, imports)
    plan.check(_remark)
    threads = share_of_cores(jobs)
    runs = plan.runs(lengths(plan, threads, _remark))
    if print_only:
        for run in runs:
            echo(_line(run, threads if jobs > 1 else None))
        return
    plan.write()
    _compute(runs, out, jobs, threads, executor, options)
    _compare(plan, runs)
    found = "" if plan.sweep.evaluate is None else f" Their scores: {out}/*/seed*/evaluation.json"
    who = "The run is" if len(runs) == 1 else f"All {len(runs)} runs are"
    echo(f"{who} done.{found}")


def _compute(
    runs: Sequence[SweepRun],
    out: Path,
    jobs: int,
    threads: int,
    executor: str,
    options: Mapping[str, int | str],
) -> None:
    from acgan.cli.one_run import command_of, perform
    from acgan.errors import RunError
    from acgan.sweep.local import log_of, run_side_by_side
    from acgan.sweep.slurm import run_on_slurm

    slurm_files = out / "slurm"
    left = [run for run in runs if not run.is_done()]
    ended, failed = len(runs) - len(left), list[str]()
    if ended:
        echo(f"{ended} of {len(runs)} runs are done already")

    def on_end(run: SweepRun, code: int) -> None:
        nonlocal ended
        ended += 1
        reason = _REASONS.get(code, f"exit code {code}")
        echo(f"{ended} of {len(runs)}: {run.name}: {f'FAILED ({reason})' if code else 'done'}")
        if code:
            failed.append(
                f"  {run.directory}: {reason}; see {log_of(run) if executor == 'local' else slurm_files}"
            )

    if executor == "slurm":
        run_on_slurm(
            left, perform, folder=slurm_files, jobs=jobs, options=options, on_end=on_end, say=_remark
        )
    else:
        with stopped_by_signals("the same command resumes"):
            run_side_by_side(left, command_of, jobs=jobs, threads=threads, on_end=on_end)
    if failed:
        lines = "\n".join(failed)
        raise RunError(
            f"{len(failed)} of {len(runs)} runs failed, the others are done:\n{lines}\n"
            "The same command tries them again."
        )


def _compare(plan: SweepPlan, runs: Sequence[SweepRun]) -> None:
    """Write the page of all runs side by side."""
    from acgan.api.report import REPORT_FILE, report_after

    wanted = any(plan.config(variant).report for variant in plan.sweep.variants)
    if len(runs) < 2 or not wanted:
        return
    with stopped_by_signals("the same command writes the report"):
        directories = [run.directory for run in runs]
        place = plan.folder / REPORT_FILE
        file = report_after(directories, wanted, place, device=plan.device, warn=_remark)
    if file is not None:
        echo(f"All of them side by side, to be opened in a browser: {file}")


def _remark(message: str) -> None:
    echo(message, err=True)


def _line(run: SweepRun, threads: int | None) -> str:
    cores = () if threads is None else ("env", f"OMP_NUM_THREADS={threads}")
    commands = [shlex.join([*cores, "acgan", *words]) for words in (run.train, run.evaluate) if words]
    return " && ".join(commands)


def _option(text: str) -> tuple[str, int | str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--slurm {text}: expected KEY=VALUE, as in timeout_min=60.")
    return key, int(value) if value.isdigit() else value

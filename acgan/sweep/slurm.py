"""The runs of a sweep as a SLURM array, through submitit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acgan.errors import ConfigError
from acgan.extras import install_command
from acgan.sweep.plan import SweepRun


def run_on_slurm(
    runs: Sequence[SweepRun],
    perform: Callable[[SweepRun], int],
    *,
    folder: Path,
    jobs: int,
    options: Mapping[str, Any],
    on_end: Callable[[SweepRun, int], None],
    say: Callable[[str], None],
    cluster: str = "slurm",
) -> None:
    """Submit runs as one array, and wait for all.

    Args:
        runs: The runs, in order.
        perform: Computes one, and returns its exit code.
        folder: Folder of submitit's files.
        jobs: Tasks of the array at once.
        options: Of submitit's ``update_parameters``, as ``slurm_partition``.
        on_end: Told each run that ended, and its exit code.
        say: Receives remarks for people.
        cluster: Executor of submitit; ``local`` needs no SLURM.

    Raises:
        ConfigError: If there is no submitit, no SLURM, or an option that is none.
    """
    try:
        import submitit
    except ImportError:
        raise ConfigError(f"--executor slurm needs submitit: {install_command('slurm')}.") from None
    if not runs:
        return
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        executor.update_parameters(slurm_array_parallelism=jobs, **options)
    except (RuntimeError, NameError, TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"--executor slurm: {error}") from None
    submitted = executor.map_array(perform, runs)
    say(f"submitted {', '.join(job.job_id for job in submitted)}; files in {folder}")
    for run, job in zip(runs, submitted, strict=True):
        try:
            code = job.result()
        except (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError):
            code = 1
        on_end(run, code)

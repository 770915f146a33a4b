"""Reports of runs: one HTML file with all that is known of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from acgan.atomic import write_text
from acgan.errors import ConfigError, Interrupted, RunError, first_line
from acgan.evaluation import is_run_directory, runs_of_seeds
from acgan.runtime import own_memory_bytes, total_memory_bytes
from acgan.showing import command, warn_shown
from acgan.types import Dataset

if TYPE_CHECKING:
    from acgan.report.page import Page

#: File of a report in a run directory.
REPORT_FILE = "report.html"
#: Runs of a page that comes by itself: more are read with difficulty, and each takes memory and seconds.
_MOST_RUNS = 12
#: Memory that a report may take beside a training: samples and walks of large images, and figures.
_ROOM_BYTES = 1 << 30


def write_report(
    runs: str | Path | Sequence[str | Path],
    file: str | Path | None = None,
    *,
    data: Dataset | None = None,
    device: str | torch.device = "auto",
    quick: bool = False,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warn_shown,
) -> Path:
    """Write the report of a run, or of several side by side.

    Args:
        runs: Run directories, of GANs or of one classifier; the directory of `acgan train --seeds` stands for its runs.
        file: The file; None is ``report.html`` in the run directory, or in the folder that holds all the runs.
        data: The data of a single run, decoded and prepared; None finds them by its configuration.
        device: Device that draws and classifies.
        quick: Leave out what takes long with many images: a classifier is judged on 2,000 test images at most, and a
            source of more than 10,000 images is not read again for a contact sheet.
        say: Receives remarks for people.
        warn: Receives doubts about the data.

    Returns:
        The file.

    Raises:
        UserError: A directory is no run, or the file cannot be written.
    """
    paths = [Path(run) for run in ([runs] if isinstance(runs, (str, os.PathLike)) else runs)]
    directories = _directories(paths)
    target = _default_file(directories) if file is None else Path(file)
    if target.is_dir():
        raise ConfigError(f"--out {target}: is a folder; expected a file to write. Choose another name.")
    if not target.parent.is_dir():
        raise ConfigError(f"--out {target}: there is no such folder. Make it, or choose another place.")
    page = _page(directories, paths, data, device, quick, say, warn)
    write_text(target, page.html())
    for one in page.missing:
        say(f"could not be shown: {one}")
    return target


def report_after(
    runs: Path | Sequence[Path],
    wanted: bool,
    file: Path | None = None,
    *,
    data: Dataset | None = None,
    device: str | torch.device = "auto",
    warn: Callable[[str], None] = warn_shown,
) -> Path | None:
    """Write a report after other work, which a failure must not touch: it is told as a warning.

    Args:
        runs: The run directory, or several whose runs come side by side.
        wanted: ``report`` of the configuration.
        file: See ``write_report``.
        data: See ``write_report``.
        device: See ``write_report``.
        warn: Receives the failure.

    Returns:
        The file; None if there is none.

    Raises:
        Interrupted: If a signal asked to stop: what comes next must not begin.
    """
    if not wanted:
        return None
    several = [] if isinstance(runs, Path) else [str(run) for run in runs]
    name = f"{several[0]} and {len(several) - 1} more" if several else f"{runs}"
    again = f"`{command('report', *(several or [name]))}`"
    if len(several) > _MOST_RUNS:
        warn(
            f"{name}: {len(several)} runs are too many for a page that comes by itself, which has {_MOST_RUNS} at "
            "most. `acgan report RUN...` compares those that you name."
        )
        return None
    total = total_memory_bytes(torch.device("cpu"))
    if total is not None and total - own_memory_bytes() < _ROOM_BYTES:  # the system would kill what is done
        warn(
            f"{name}: no report was written, since less than {_ROOM_BYTES / 2**30:.0f} GiB of memory is left. "
            f"{again} writes it where there is more; `report: false` says that none is wanted."
        )
        return None
    try:
        return write_report(runs, file, data=data, device=device, quick=True, warn=lambda message: None)
    except Interrupted as stopped:
        raise Interrupted(f"{name}: done, but for the report ({stopped})", stopped.exit_code) from None
    except Exception as error:  # whatever it is: the work before it is done
        warn(
            f"{name}: the report could not be written ({first_line(error)}). Everything else is whole. "
            f"{again} tries again; `report: false` in the configuration writes none."
        )
        return None


def _directories(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        seeds = [] if is_run_directory(path) or not path.is_dir() else runs_of_seeds(path)
        if not seeds and not is_run_directory(path):
            what = "no run (it has no config.yaml)" if path.is_dir() else "no such directory"
            raise RunError(f"{path}: {what}; expected the run directory of a training.")
        found += seeds or [path]
    if not found:
        raise ConfigError("report: found no run; expected at least one.")
    return list(dict.fromkeys(found))


def _default_file(directories: Sequence[Path]) -> Path:
    if len(directories) == 1:
        return directories[0] / REPORT_FILE
    common = os.path.commonpath([directory.resolve().parent for directory in directories])
    return Path(os.path.relpath(common)) / REPORT_FILE


def _page(
    directories: Sequence[Path],
    paths: Sequence[Path],
    data: Dataset | None,
    device: str | torch.device,
    quick: bool,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Page:
    from acgan.api.report_material import (
        classifier_material,
        compared_material,
        gan_material,
        known_run,
        scores_together,
    )
    from acgan.report.classifier import classifier_page
    from acgan.report.gan import gan_page
    from acgan.report.side_by_side import compared_page

    known = [known_run(directory) for directory in directories]
    if len(known) == 1 and known[0].is_classifier:
        return classifier_page(classifier_material(known[0], data, device, quick, say, warn))
    classifiers = [str(run.directory) for run in known if run.is_classifier]
    if classifiers:
        raise ConfigError(
            f"report: {', '.join(classifiers)}: classifiers, and several runs were given; expected runs of "
            "`acgan train` side by side. Write a report of each classifier."
        )
    if len(known) == 1:
        return gan_page(gan_material(known[0], data, device, quick, say, warn))
    material = compared_material(known, data, device, say, warn)
    return compared_page(material, scores_together(paths, known))

"""Options of several commands, and times."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from acgan.types import ON_ERROR, WHICH

_SECONDS_BELOW_MIN, _MINUTES_BELOW_H = 10, 48  # minutes and hours from which on the smaller unit is left out


class Duration(click.ParamType):
    """A time such as ``90s``, ``10m``, ``1h30m`` or plain seconds, as a number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        match = re.fullmatch(
            r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)(?P<unit>s?))?",
            str(value),
        )
        bare = match and match["s"] and not match["unit"] and (match["h"] or match["m"])  # 1h30: of what?
        if not match or not any(match.groups()) or bare:
            self.fail(f"{value!r} is not a duration; expected e.g. 90s, 10m, 1h30m or seconds.", param, ctx)
        hours, minutes, seconds = (float(match[unit] or 0) for unit in "hms")
        return hours * 3600 + minutes * 60 + seconds


class Count(click.IntRange):
    """A whole number as the configuration takes it too: ``600000``, ``600_000`` or ``6e5``."""

    name = "count"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not number.is_integer():
            self.fail(f"{value!r} is not a whole number; expected e.g. 600000, 600_000 or 6e5.", param, ctx)
        found: int = super().convert(int(number), param, ctx)
        return found


class UserPath(click.Path):
    """A path in which ``~`` is the home folder, which no shell expands in ``--out=~/x``."""

    def __init__(self, **kwargs: Any):
        super().__init__(path_type=Path, **kwargs)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        text = os.path.expanduser(value)  # a slash at its end means a folder, and a Path would drop it
        if str(text).startswith("~") and not os.path.exists(text):
            user = Path(text).parts[0][1:]
            self.fail(
                f"{text!r}: there is no user {user!r} whose home it could be; expected a path. For a file of that name "
                f"write {os.curdir}{os.sep}{text}.",
                param,
                ctx,
            )
        return Path(os.fsdecode(super().convert(text, param, ctx)))


def expanded(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The text of an option that may be a path, with the home folder in place of ``~``."""
    return None if value is None else os.path.expanduser(value)


def time_in_words(seconds: float) -> str:
    """A time in words: ``38 s``, ``9 min 31 s``, ``44 min`` from ten minutes on, ``3 h 5 min``, ``2 days 3 h``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    if minutes < _SECONDS_BELOW_MIN:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    if hours < _MINUTES_BELOW_H:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} days" + (f" {hours} h" if hours else "")


def parse_seeds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Seeds with commas between."""
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


def check_json_file(file: Path | None) -> None:
    """Check, before scores are computed, that their file can be written.

    Raises:
        ConfigError: If there is no such folder, or a folder has the name.
    """
    check_output_file("--json", file)


def check_output_file(option: str, file: Path | None) -> None:
    """Check, before work is done for it, that the file of an option can be written.

    Raises:
        ConfigError: If there is no such folder, nothing can be written into it, or a folder has the name.
    """
    import tempfile

    from acgan.errors import ConfigError

    if file is not None and not file.parent.is_dir():
        raise ConfigError(f"{option} {file}: there is no such folder. Make it, or choose another place.")
    if file is not None and file.is_dir():
        raise ConfigError(f"{option} {file}: is a folder; expected a file to write. Choose another name.")
    if file is not None:
        try:  # permissions do not tell of a full disk, or one that is read-only
            with tempfile.NamedTemporaryFile(dir=file.parent):
                pass
        except OSError as error:
            raise ConfigError(
                f"{option} {file}: cannot be written ({error.strerror or error}). Choose another place."
            ) from None


def data_set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--set`` for the keys of the data."""
    return click.option(
        "--set",
        "overrides",
        metavar="data.KEY=VALUE",
        multiple=True,
        help="Change how it is read; `acgan config` lists the keys.",
    )(command)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--device``."""
    return click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True
    )(command)


def seed_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--seed``, with its help."""
    return click.option(
        "--seed", metavar="S", type=click.IntRange(min=0), default=0, show_default=True, help=help
    )


def truncation_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--truncation``."""
    return click.option(
        "--truncation",
        metavar="PSI",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        show_default=True,
        help="Factor on the latents, in (0, 1]: smaller is more typical and less diverse.",
    )(command)


def which_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--which``."""
    return click.option(
        "--which",
        type=click.Choice(WHICH),
        help="Which generator of a run.  [default: the best if one was scored, else the last]",
    )(command)


def on_error_option(default: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--on-error``; without a default it does as the training did."""
    return click.option(
        "--on-error",
        type=click.Choice(ON_ERROR),
        default=default,
        show_default=default is not None,
        help="Stop at an image that cannot be decoded, or skip it and list it."
        + ("" if default else "  [default: as in training]"),
    )


def training_options(
    default_dir: str, config_option: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of every command that trains.

    Args:
        default_dir: Default directory of runs, for the help.
        config_option: Option of `acgan config` that lists the keys.
    """
    options = (
        click.option(
            "--data",
            metavar="SOURCE",
            help="Folder of class folders, zip, list (.csv, …), .npz, .parquet, .tar, hf:NAME, built-in NAME[:ROOT].",
        ),
        click.option("--run-dir", type=UserPath(), help=f"Default: {default_dir}."),
        click.option(
            "--set",
            "overrides",
            metavar="KEY=VALUE",
            multiple=True,
            help=f"Change a key; `acgan config{config_option}` lists them.",
        ),
        click.option(
            "--max-time",
            type=Duration(),
            metavar="TIME",
            help="Stop, with a checkpoint, after e.g. 90s, 10m, 1h30m.",
        ),
        click.option(
            "--seeds",
            callback=parse_seeds,
            metavar="0,1,2",
            help="One run a seed, in seed<N>/ under the run directory.",
        ),
        click.option(
            "--init-from",
            metavar="RUN",
            type=UserPath(),
            help="Start from another run's weights"
            + ("." if config_option else "; also from those of `starter`, which comes with acgan."),
        ),
        device_option,
        click.option(
            "--fresh", is_flag=True, help="Start anew; a run that is there is moved aside, never deleted."
        ),
        click.option(
            "--dry-run",
            is_flag=True,
            help="Check everything, take a step, estimate; write nothing but the cache of decoded images.",
        ),
        click.option("--print-config", is_flag=True, help="Print the configuration as YAML, and do no more."),
        click.option("--quiet", is_flag=True, help="Say nothing but warnings."),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add

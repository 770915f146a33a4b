"""The command line. Commands parse options, call ``acgan.api`` and print; heavy imports wait until they run."""

from __future__ import annotations

import importlib
import shlex
import sys
from typing import IO, Any

import click

from acgan.cli.output import echo, output_dropped_unread
from acgan.cli.ranks import told_once
from acgan.errors import EXIT_BUG, Interrupted, PeerLostError, UnregisteredError, UserError
from acgan.showing import shown_lines
from acgan.signals import stopped_by_signals

_STOPPED = "stopped; nothing half-written is left"
_WORDS = "acgan.words"  # the arguments as they were typed


class _Failure(click.ClickException):
    """An error with its own exit code, printed without a traceback, once where several processes met it."""

    def __init__(self, message: str, exit_code: int, *, lost: bool = False):
        super().__init__(shown_lines(message))
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it a class variable
        self._lost = lost

    def show(self, file: IO[Any] | None = None) -> None:
        told = told_once(self.message, lost=self._lost)
        if told is not None:
            click.ClickException(told).show(file)


class Commands(click.Group):
    """Commands by name, each in a module of that name, which is imported when it is asked for."""

    def __init__(self, *args: Any, package: str = "acgan.cli", names: tuple[str, ...] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._package, self._names = package, names

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._names:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from acgan.errors import did_you_mean

        if args and args[0] not in self._names and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}.{did_you_mean(args[0], self._names)}")
        return super().resolve_command(ctx, args)


class _Main(Commands):
    """The top command, which turns our errors and signals into exit codes, and never stops because nobody reads."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with output_dropped_unread():
            return super().main(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with stopped_by_signals(_STOPPED):  # a command with more to say has a context of its own inside
                return super().invoke(ctx)
        except UserError as error:
            if ctx.params.get("debug"):
                raise
            lost = isinstance(error, PeerLostError)
            raise _Failure(f"{error}{_remedy(error, ctx)}", error.exit_code, lost=lost) from error
        except Interrupted as stopped:
            _tell_once(str(stopped))
            ctx.exit(stopped.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _tell_once(f"SIGINT: {_STOPPED}.")
            ctx.exit(130)
        except click.ClickException as error:
            error.message = shown_lines(error.message)  # type: ignore[misc]
            if told_once(error.message) is None:
                ctx.exit(error.exit_code)
            raise
        except click.exceptions.Exit:
            raise
        except OSError as error:  # a full disk, a directory that may not be written to
            if ctx.params.get("debug"):
                raise
            raise _Failure(
                f"{error.filename or 'file'}: {error.strerror or error}", UserError.exit_code
            ) from error
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise _Failure(
                f"{type(error).__name__}: {error}\nThis is a bug in acgan. "
                "`acgan --debug …` shows where; please report it with the command.",
                EXIT_BUG,
            ) from error


def _tell_once(message: str) -> None:
    """Print a message that ends this process, unless another process of the training tells it."""
    told = told_once(message)
    if told is not None:
        echo(told, err=True)


def _remedy(error: UserError, ctx: click.Context) -> str:
    """The command that imports what is missing."""
    if not isinstance(error, UnregisteredError):
        return ""
    imports = [word for script in error.scripts for word in ("--import", script)]
    return f" Type: `{shlex.join(['acgan', *imports, *ctx.meta[_WORDS]])}`"


def _show_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    """Print the version, with the commit of a checkout."""
    if asked:
        from acgan.code_version import code_version

        echo(f"acgan {code_version()}")
        ctx.exit()


@click.group(
    cls=_Main,
    names=(
        *("train", "sample", "evaluate", "report", "fid", "compare", "table", "plot", "classify", "data"),
        *("config", "sweep", "export", "explore", "info", "benchmark", "doctor", "completion"),
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.option("--debug", is_flag=True, help="Show a traceback for every error.")
@click.option(
    "--import",
    "imports",
    metavar="SCRIPT.py",
    multiple=True,
    help="Import a script, or a module, that registers parts of your own; docs/code.md has how.",
)
def main(debug: bool, imports: tuple[str, ...]) -> None:
    """Train and sample auxiliary-classifier GANs on any labelled images, and classifiers with auxiliary heads.

    \b
    acgan train                             digits, in minutes on a laptop
    acgan train --data PICTURES/            a folder with one folder per class
    acgan data show PICTURES/               how that folder is read, before you train
    acgan sample RUN --class cat --out cats/
    acgan classify train --data PICTURES/   a classifier of the same folder
    """  # noqa: D301  # click wants the backspace itself
    for name in imports:
        from acgan.cli.importing import import_script

        import_script(name)


if __name__ == "__main__":
    sys.exit(main())

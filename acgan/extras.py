"""Packages of the optional extras."""

from __future__ import annotations

import importlib
import os
import shlex
from pathlib import Path
from typing import Any

from acgan.errors import UserError

#: In a checkout: the versions that acgan is tested with.
_CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"


def install_command(extra: str) -> str:
    """The command that installs the packages of an extra, as one types it here."""
    tested: tuple[str, ...] = ()
    if _CONSTRAINTS.is_file():
        inside = Path.cwd() == _CONSTRAINTS.parent
        tested = ("-c", os.fspath(_CONSTRAINTS.name if inside else _CONSTRAINTS))
    return shlex.join(["pip", "install", *tested, f"acgan[{extra}]"])


def optional_package(name: str, extra: str, what: str) -> Any:
    """A module of a package that an extra brings.

    Args:
        name: Name of the module.
        extra: Name of the extra.
        what: The option or argument that needs it, for the error.

    Raises:
        UserError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise UserError(
            f"{what} needs the package {package}, which is not installed or cannot be imported ({error}): "
            f"{install_command(extra)}"
        ) from error

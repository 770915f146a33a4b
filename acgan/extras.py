"""Packages of the optional extras."""

from __future__ import annotations

import importlib
from typing import Any

from acgan.errors import UserError


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
            f"{what} needs the package {package}, which is not installed or cannot be imported ({error}). "
            f"`pip install 'acgan[{extra}]'` does."
        ) from error

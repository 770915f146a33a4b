"""``acgan --import``: scripts that register parts, imported before a command runs."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from acgan.errors import UserError, first_line
from acgan.reading import user_path

_PACKAGE = Path(__file__).parents[1]


def import_script(name: str) -> None:
    """Import a file, which may import its neighbours, or a module.

    Raises:
        UserError: If there is none, or it fails; the message has the line.
    """
    path = user_path(name)
    if path.suffix != ".py":
        _import(name, name, Path.cwd())  # as `python -m` does
        return
    if not path.is_file():
        raise UserError(f"--import {name}: no such file; expected a Python file, or a module's name.")
    path = path.resolve()
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() != path:
        raise UserError(
            f"--import {name}: another module of the name {path.stem} is imported; rename the file."
        )
    _import(name, path.stem, path.parent)  # as `python FILE` does


def _import(name: str, module: str, folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {first_line(error)}"
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if _is_own(frame.filename)]
        where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
        raise UserError(f"--import {name}: {what}{where}") from error


def _is_own(file: str) -> bool:
    """True for a file that is neither ours nor Python's import system."""
    return (
        not file.startswith("<")
        and _PACKAGE not in Path(file).parents
        and Path(file).parent.name != "importlib"
    )

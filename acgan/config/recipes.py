"""The recipes that come with acgan."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from acgan.errors import ConfigError, did_you_mean
from acgan.file_kinds import odd_kind

#: Folders of the recipes of each kind of training, and of sweeps, below ``configs``, each with what their names begin
#: with.
_FOLDERS = {
    "gan": {".": "", "studiogan": "studiogan/"},
    "classify": {"classify": ""},
    "sweep": {"sweep": ""},
}
#: The command of each kind of training.
COMMANDS = {"gan": "acgan train", "classify": "acgan classify train"}
#: The configuration in a run directory.
CONFIG_FILE = "config.yaml"
_SHOWN = 5  # runs of a folder


def recipes(task: str = "gan") -> dict[str, Path]:
    """Shipped recipes of a kind of training, or sweeps, by name, each a commented YAML file."""
    package = Path(__file__).resolve().parents[1]
    # Inside the package once it is installed, at the top of the repository in a checkout.
    for directory in (package / "configs", package.parent / "configs"):
        if directory.is_dir():
            return {
                start + file.stem: file
                for folder, start in _FOLDERS[task].items()
                for file in sorted((directory / folder).glob("*.yaml"), key=lambda file: file.stem)
            }
    return {}


def find_recipe(name: str, task: str = "gan") -> Path:
    """The file for the name of a shipped recipe, a YAML path or a run directory.

    A file that exists wins over a recipe, and a recipe over a run directory.

    Raises:
        ConfigError: If it is none of them.
    """
    name = os.path.expanduser(name)
    path, known = Path(name), recipes(task)
    check_is_file(path)
    if path.is_file():
        return path
    if name in known:
        return known[name]
    if path.is_dir():
        return _config_of(path, task)
    if path.name != name and path.parent.is_dir():
        near = did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])
    else:
        near = did_you_mean(name, known)
    raise ConfigError(
        f"no recipe, file or run {name!r}; expected a YAML file, a run directory or one of {', '.join(known)}.{near}"
    )


def check_is_file(path: Path) -> None:
    """Check that the path of a configuration does not lead to a pipe, as ``<(…)`` of a shell does, or to a device.

    Raises:
        ConfigError: It does: a run reads its configuration more than once.
    """
    if kind := odd_kind(path):
        raise ConfigError(
            f"{path}: is {kind}; expected a YAML file, which is read more than once. Write what comes out of it into a"
            " file, and give that."
        )


def _config_of(directory: Path, task: str) -> Path:
    """The configuration of a run directory."""
    file = directory / CONFIG_FILE
    if file.is_file():
        return file
    runs = sorted(str(found.parent) for found in directory.glob(f"*/{CONFIG_FILE}"))
    if runs:
        more = ", …" if len(runs) > _SHOWN else ""
        raise ConfigError(
            f"{directory}: holds runs and is none itself; expected one of them: {', '.join(runs[:_SHOWN])}{more}."
        )
    raise ConfigError(
        f"{directory}: is a folder without a run (it has no {CONFIG_FILE}); expected a recipe, a YAML file or a run "
        f"directory. To train on the images in it: `{COMMANDS[task]} --data {shlex.quote(str(directory))}`."
    )

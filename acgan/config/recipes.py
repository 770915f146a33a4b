"""The recipes that come with acgan."""

from __future__ import annotations

from pathlib import Path

from acgan.errors import ConfigError, did_you_mean

#: Folder of the recipes of each kind of training, below ``configs``.
_FOLDERS = {"gan": ".", "classify": "classify"}


def recipes(task: str = "gan") -> dict[str, Path]:
    """Shipped recipes of a kind of training by name, each a commented YAML file."""
    package = Path(__file__).resolve().parents[1]
    # Inside the package once it is installed, at the top of the repository in a checkout.
    for directory in (package / "configs", package.parent / "configs"):
        if directory.is_dir():
            files = (directory / _FOLDERS[task]).glob("*.yaml")
            return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}
    return {}


def find_recipe(name: str, task: str = "gan") -> Path:
    """The file for the name of a shipped recipe or a YAML path; a path that exists wins.

    Raises:
        ConfigError: If it is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = recipes(task)
    if name in known:
        return known[name]
    raise ConfigError(
        f"no recipe or file {name!r}; expected a YAML file or one of {', '.join(known)}.{did_you_mean(name, known)}"
    )

"""The remedy that texts about data name, in commands without ``--set``: ``acgan data pack`` has it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from acgan.config import value_of
from acgan.config.shared import DataConfig
from acgan.errors import DataError

_NAMES_SET = re.compile(r'--set "?data\.')
#: Keys that make an image what it is, and those of the held-out part: in a zip they are done with.
_FORM = ("resolution", "channels", "fit", "range", "frames", "test_share", "split_seed")


def names_set(text: str) -> bool:
    """True for a text that names ``--set`` for a key of the data."""
    return bool(_NAMES_SET.search(text))


@dataclass(frozen=True)
class Packing:
    """The way to another reading of a source: ``acgan data pack`` writes its images as they are to be read.

    Attributes:
        source: The source, as the user named it.
        data: How the command that speaks brings images to their form, which those of the zip then have.
    """

    source: str
    data: DataConfig

    def remedy(self, text: str) -> str:
        """A sentence on ``--set`` for a text that names it for a key of the data; "" for others."""
        if not names_set(text):
            return ""
        defaults = DataConfig()
        given = {
            key: value for key in _FORM if (value := value_of(self.data, key)) != value_of(defaults, key)
        }
        sets = [
            f"data.{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in given.items()
        ]
        words = ["acgan", "data", "pack", self.source, "NEW.zip"]
        words += [word for setting in sets for word in ("--set", setting)]
        return (
            f"--set is an option of `{shlex.join(words)}`, and not of this command: add it there, and give NEW.zip in "
            f"place of {self.source}."
        )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Add the remedy to errors of the data."""
        try:
            yield
        except DataError as error:
            remedy = self.remedy(str(error))
            if not remedy:
                raise
            raise DataError(f"{error}\n{remedy}") from error

    def after(self, warnings: tuple[str, ...]) -> tuple[str, ...]:
        """Warnings, and after them the remedy, once for all."""
        remedy = self.remedy("\n".join(warnings))
        return (*warnings, remedy) if remedy else warnings

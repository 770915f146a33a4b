"""Errors that a user can cause, each kind with the exit code of the command line.

Codes: 0 done, 1 user error, 2 usage (click's own), 3 not finite, 70 bug, 75 stopped by SIGTERM, SIGHUP or the loss of
another process (run the same command again), 130 stopped by Ctrl-C.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

EXIT_BUG = 70
_LONGEST_NAME = 200  # comparing takes time that grows with the square


class UserError(Exception):
    """An error that the user can correct; the command line prints it without a traceback.

    The message names the option or file, the value found, the value expected, and the remedy.
    """

    exit_code = 1


class ConfigError(UserError):
    """A config key or value that does not fit."""


class UnregisteredError(ConfigError):
    """Parts of the user's own, whose scripts were not imported.

    Attributes:
        scripts: Files or modules that register them.
    """

    def __init__(self, message: str, *scripts: str):
        self.scripts = tuple(dict.fromkeys(scripts))
        super().__init__(message)


class UnknownKindError(UserError):
    """A kind of network that is not there."""

    def __init__(self, kind: str, known: Iterable[str]):
        self.kind = kind
        super().__init__(f"there is no kind {kind!r}; there are {', '.join(known)}")


class DataError(UserError):
    """A data source that cannot be read or used."""


class BrokenPicturesError(DataError):
    """Pictures that cannot be decoded, or are not where a list says; ``data.on_error=skip`` passes over them."""


class RunError(UserError):
    """A run directory, checkpoint or generator file that cannot be used."""


class NotFiniteError(UserError):
    """Training met a loss or gradient that is not finite."""

    exit_code = 3


class PeerLostError(UserError):
    """Another process of the same training is gone; the training can go on from its last checkpoint."""

    exit_code = 75


class Interrupted(BaseException):
    """Work stopped by a signal; ``exit_code`` is 130 for SIGINT, else 75.

    As Python's own ``KeyboardInterrupt`` it is no ``Exception``: a signal may come where every ``Exception`` of a
    library is taken for a broken picture.
    """

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


def first_line(error: BaseException) -> str:
    """The first line of an error of a library's, or its type if it has no text."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def bounded(value: object, longest: int = 80) -> str:
    """A value as text for a message, shortened."""
    text = str(value)
    return text if len(text) <= longest else f"{text[:longest]}…"


def problem_in_words(problem: Mapping[str, Any]) -> str:
    """One of pydantic's problems with values of a file: the key, what was found, and what should be there."""
    key = bounded(".".join(map(str, problem["loc"])) or "its top")
    if problem["type"] == "missing":
        return f"{key}: it is not there"
    if problem["type"] == "value_error":  # of a check of ours
        return f"{key}: {problem['ctx']['error']}"
    message = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{key}: found {bounded(repr(problem['input']))}; {message}"


def nearest_names(name: str, candidates: Iterable[str], count: int = 3, cutoff: float = 0.5) -> list[str]:
    """The candidates most like ``name``, best first; for "did you mean". Names of great length are like none."""
    if len(name) > _LONGEST_NAME:
        return []
    lowered: dict[str, list[str]] = {}
    for candidate in dict.fromkeys(candidates):
        lowered.setdefault(candidate.lower(), []).append(candidate)
    matches = difflib.get_close_matches(name.lower(), lowered, n=count, cutoff=cutoff)
    return [candidate for match in matches for candidate in lowered[match]][:count]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """An ending for an error message; empty if no candidate is near."""
    return suggested(nearest_names(name, candidates))


def suggested(names: Iterable[str]) -> str:
    """The same ending for names that were found to be near."""
    listed = " or ".join(map(repr, names))
    return f" Did you mean {listed}?" if listed else ""

"""Weights on the Hugging Face hub, which paths name as ``hf://user/name`` or ``hf://user/name@revision``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from acgan.errors import Interrupted, RunError, bounded, first_line
from acgan.extras import optional_package
from acgan.sealed import is_damaged

#: Name of the file of weights in a repository, and in the folder that is one.
HUB_WEIGHTS = "model.safetensors"
_SCHEME = "hf:/"
_PLACE = re.compile(r"hf:/{1,2}(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>.+))?")  # a Path joins slashes
_LONGEST = 300  # letters of the library's own reasons


@dataclass(frozen=True)
class HubPlace:
    """A repository of the hub.

    Attributes:
        repository: ``user/name``.
        revision: A branch, tag or commit; None is the newest state.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def named_by(cls, path: str | Path) -> HubPlace | None:
        """The repository that a path names; None if it is a path of this machine.

        Raises:
            RunError: If it begins as one of the hub and names none.
        """
        text = path.as_posix() if isinstance(path, Path) else path
        if not text.startswith(_SCHEME):
            return None
        found = _PLACE.fullmatch(text)
        if found is None:
            raise RunError(
                f"{path}: names no repository of the hub; expected hf://user/name, or hf://user/name@revision."
            )
        return cls(found["repository"], found["revision"])

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")

    def fetch(self) -> Path:
        """The file of weights, in the hub's cache on this machine; it is loaded if it is not there, or damaged there.

        Raises:
            RunError: If there is no such repository, revision or file, or the hub cannot be reached.
        """
        hub = optional_package("huggingface_hub", "hub", str(self))
        failures = optional_package("huggingface_hub.errors", "hub", str(self))
        try:
            file = Path(hub.hf_hub_download(self.repository, HUB_WEIGHTS, revision=self.revision))
            if is_damaged(file):  # the library does not look at what it has
                hub.hf_hub_download(self.repository, HUB_WEIGHTS, revision=self.revision, force_download=True)
            return file
        except failures.RepositoryNotFoundError:
            remedy = "Check the name; for a private one, `hf auth login` or set HF_TOKEN."
            raise RunError(f"{self}: the hub has no such repository, or not for everyone. {remedy}") from None
        except failures.RevisionNotFoundError:
            raise RunError(
                f"{self}: there is no revision {bounded(self.revision)}; expected a branch, tag or commit."
            ) from None
        except failures.LocalEntryNotFoundError as error:
            raise RunError(
                f"{self}: the hub cannot be reached, and no copy is on this machine ({self._reason(error)}). Check the "
                "connection, or name a folder that has the files."
            ) from None
        except failures.EntryNotFoundError:
            raise RunError(
                f"{self}: has no {HUB_WEIGHTS}; expected a repository of `acgan export --format huggingface`."
            ) from None
        except Interrupted:
            raise
        except Exception as error:  # those of a connection differ with the version of the library
            raise RunError(f"{self}: cannot be fetched from the hub ({self._reason(error)}).") from None

    @staticmethod
    def _reason(error: BaseException) -> str:
        return bounded(first_line(error), _LONGEST)

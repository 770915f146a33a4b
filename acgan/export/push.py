"""Upload of an exported folder to the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from acgan.errors import Interrupted, UserError, bounded, first_line
from acgan.extras import optional_package

_WHAT, _EXTRA = "--push", "hub"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_LONGEST = 300


def check_can_push(repository: str) -> None:
    """Check, before work is done, the name of the repository and that the package is there.

    Raises:
        UserError: If the name is none, or the package is missing.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise UserError(f"--push {repository}: names no repository; expected user/name.")
    optional_package("huggingface_hub", _EXTRA, _WHAT)


def push_to_hub(files: Mapping[str, bytes], repository: str, *, private: bool, message: str) -> str:
    """Upload files in one commit; the repository is made if there is none.

    Args:
        files: Contents by name.
        repository: ``user/name``.
        private: Make a new repository private, and take no public one.
        message: Title of the commit.

    Returns:
        The address of the commit.

    Raises:
        UserError: If the hub refuses, or cannot be reached.
    """
    hub: Any = optional_package("huggingface_hub", _EXTRA, _WHAT)
    failures = optional_package("huggingface_hub.errors", _EXTRA, _WHAT)
    operations = [
        hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()
    ]
    api = hub.HfApi(library_name="acgan")
    try:
        api.create_repo(repository, private=private or None, exist_ok=True)
        if private and not api.repo_info(repository).private:
            raise UserError(
                f"--private: {repository} is there already, and public. Nothing was uploaded. Make it private on "
                "the hub, or choose another name."
            )
        done = api.create_commit(repository, operations, commit_message=message)
    except failures.LocalTokenNotFoundError:
        raise UserError(
            f"--push {repository}: nobody is logged in. `hf auth login`, or set HF_TOKEN."
        ) from None
    except (UserError, Interrupted):
        raise
    except Exception as error:  # those of a connection differ with the version of the library
        raise UserError(
            f"--push {repository}: the hub did not take it ({bounded(first_line(error), _LONGEST)}). Log in by "
            "`hf auth login` or HF_TOKEN with a token that may write, and check the name and the connection."
        ) from None
    return str(done.commit_url)

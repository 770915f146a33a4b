"""Folders of samples: names of the entries, and protection of files that are not ours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from acgan.errors import UserError
from acgan.file_kinds import read_text
from acgan.sealed import ChangedError, read_json
from acgan.showing import shown
from acgan.types import NOT_IN_FOLDERS, SAMPLER_FILE

#: End of the name of the hidden folder in which samples are written.
UNFINISHED = ".acgan-unfinished"
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)
_MAX_NAME_BYTES = 200  # file systems allow 255; some is left for a number


def folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder name for each class: safe on any system, distinct where case is ignored, like the class if possible.

    Args:
        class_names: All of the generator's, so that a class has the same folder whichever are drawn.
    """
    taken, folders = {SAMPLER_FILE}, [""] * len(class_names)
    safe = [_safe_name(name) for name in class_names]
    # A name that is safe as it is comes first: it should not lose to one that was changed into it.
    for label in sorted(range(len(safe)), key=lambda label: safe[label] != class_names[label]):
        if _folded(safe[label]) not in taken:
            folders[label] = safe[label]
            taken.add(_folded(safe[label]))
    for label, folder in enumerate(folders):
        number = 2
        while not folder:
            if _folded(f"{safe[label]}-{number}") not in taken:
                folder = folders[label] = f"{safe[label]}-{number}"
                taken.add(_folded(folder))
            number += 1
    return folders


def told_folders(class_names: Sequence[str], labels: Sequence[int]) -> Iterator[str]:
    """A sentence for each of some classes whose folder does not have its name."""
    folders = folder_names(class_names)
    for label in labels:
        name, folder = class_names[label], folders[label]
        if folder == name:
            continue
        alike = [other for other in class_names if other != name and _folded(other) == _folded(name)]
        reason = "not every system takes the class's name for a folder"
        if alike:
            reason = f"not every system tells it from the folder of the class {shown(alike[0])}"
        yield (
            f"class {shown(name)} is in the folder {folder}: {reason}. {SAMPLER_FILE} beside it tells acgan the class; "
            "keep both together."
        )


def _safe_name(name: str) -> str:
    name = "".join("_" if char in NOT_IN_FOLDERS or not char.isprintable() else char for char in name)
    name = name.encode("utf-8")[:_MAX_NAME_BYTES].decode("utf-8", "ignore")
    # Windows drops spaces and dots at the end, shells and listings hide names that begin with a dot.
    name = re.sub(r"^[ .]+|[ .]+$", lambda found: "_" * len(found[0]), name) or "_"
    return f"_{name}" if _RESERVED.match(name) else name


def _folded(name: str) -> str:
    """Equal for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def file_name(index: int, picture_format: str) -> str:
    """An image's file name, of a fixed width, so that names sort and do not depend on how many there are."""
    return f"{index:06d}.{picture_format}"


def check_folder(out: str | Path, target: Path, new: Iterable[str], force: bool) -> list[str]:
    """Check that a folder can be written to without loss.

    Args:
        out: The folder as the user named it.
        target: The folder, which exists.
        new: Names of the class folders to come.
        force: Allows to replace the entries of an earlier call.

    Returns:
        The entries that an earlier call wrote.

    Raises:
        UserError: If there are others in the way, or ``force`` is not given.
    """
    entries = {entry.name for entry in target.iterdir()} - {UNFINISHED}
    if not entries:
        return []
    if not force:
        raise UserError(
            f"{out}: not empty. Choose another folder, or --force to replace what `acgan sample` wrote there."
        )
    try:
        manifest = read_json(read_text(target / SAMPLER_FILE))
        # Only names of entries are taken: one such as ".." must not lead outside.
        earlier = sorted(entries & set(manifest["folders"]))
        ends = {folder: int(manifest["ends"][folder]) for folder in earlier}
        ending = str(manifest["format"])
    except ChangedError as error:
        raise UserError(
            f"{target / SAMPLER_FILE}: {error}. --force deletes only what is certainly of `acgan sample`. Choose "
            "another folder."
        ) from None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        raise UserError(
            f"{out}: not empty, and not written by `acgan sample` (it has no {SAMPLER_FILE} of it); --force replaces "
            "nothing else. Choose another folder."
        ) from None
    others = {_folded(name): name for name in entries - {*earlier, SAMPLER_FILE}}
    foreign = [others[_folded(name)] for name in new if _folded(name) in others]
    for folder in earlier:
        foreign += _foreign_entries(target / folder, ends[folder], ending)
    if foreign:
        raise UserError(
            f"{out}: {foreign[0]!r} is in the way, which `acgan sample` did not write and --force does not delete. "
            "Move it, or choose another folder."
        )
    return [*earlier, SAMPLER_FILE]


def _foreign_entries(folder: Path, end: int, ending: str) -> list[str]:
    """Entries of a folder that are not among the images below ``end`` of an earlier call."""
    if folder.is_symlink() or not folder.is_dir():
        return [folder.name]
    return [
        f"{folder.name}/{entry.name}" for entry in folder.iterdir() if not _is_written(entry, end, ending)
    ]


def _is_written(entry: Path, end: int, ending: str) -> bool:
    number = entry.stem
    return (
        number.isdecimal()
        and entry.name == file_name(int(number), ending)
        and int(number) < end
        and entry.is_file()
    )

"""Names of classes in folders that ``acgan sample`` wrote: file systems do not take every name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from acgan.data.layouts.branches import Labelled
from acgan.data.sources.files import class_name
from acgan.data.sources.tree import Container, Parts, Tree
from acgan.errors import DataError
from acgan.sealed import ChangedError, read_json
from acgan.types import SAMPLER_FILE


def with_sampled_names(container: Container, tree: Tree, found: Labelled) -> Labelled:
    """A reading of folders in which those of samples stand for the classes that their ``sampler.json`` tells."""
    if found.layout == "list":
        return found
    warnings: list[str] = []
    classes: dict[Parts, str] = {}
    for file in tree.files:
        if file[-1] == SAMPLER_FILE:
            told = _read(container, file, warnings)
            classes |= {(*file[:-1], folder): name for folder, name in told.items() if folder != name}
    renamed: dict[Parts, str] = {}
    names = list(found.names)
    for number, position in enumerate(found.positions):
        parts = tree.files[position]
        for depth in range(1, len(parts)):
            name = classes.get(parts[:depth])
            if name is not None and class_name(parts[depth - 1]) == class_name(names[number]):
                names[number] = renamed[parts[:depth]] = name
                break
    notes = [
        f"the folder {'/'.join(folder)} is of the class {name}, as its {SAMPLER_FILE} says"
        for folder, name in sorted(renamed.items())
    ]
    return replace(
        found,
        names=names,
        folders=found.folders - renamed.keys(),
        notes=(*found.notes, *notes),
        warnings=(*found.warnings, *warnings),
    )


def _read(container: Container, file: Parts, warnings: list[str]) -> Mapping[str, str]:
    """The class of each folder; none where the file is damaged, or of something else."""
    where = f"{container.where}/{'/'.join(file)}"
    try:
        folders = read_json(container.content(file).decode())["folders"]
    except ChangedError as error:
        warnings.append(f"{where}: {error}. The classes have the names of their folders.")
    except (DataError, ValueError, KeyError):
        return {}
    else:
        if isinstance(folders, dict) and all(isinstance(name, str) and name for name in folders.values()):
            return folders
    return {}

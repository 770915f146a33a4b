"""Places of the paths in a run's configuration, so that it is gone on with and scored from any folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from acgan.assembly.images import DATASET, load_data
from acgan.config import AnyConfig, ClassifierConfig, RunConfig, value_of, with_values
from acgan.data import is_builtin, is_name, is_there, place_of
from acgan.errors import DataError, RunError, bounded
from acgan.extracting.choose import INCEPTION
from acgan.file_kinds import read_text
from acgan.predicting import shipped
from acgan.reading import is_finite_number
from acgan.sealed import ChangedError, read_json, sealed_json
from acgan.types import Dataset

#: File of a run directory with its ``KnownPaths``.
PLACES_FILE = "data.json"
SOURCE = "data.source"
_ROOT = "data.root"  # of the pictures of a list
_REMEDY = "Delete it: then paths count from the present folder."
_Tell = Callable[[str], None]
_Config = TypeVar("_Config", RunConfig, ClassifierConfig)


@dataclass(frozen=True)
class KnownPaths:
    """Paths of a configuration as they hold in any folder, and the content of the data source.

    Attributes:
        paths: By key, an absolute path; for ``data.source`` as ``place_of`` writes it. A torch Dataset has none.
        fingerprint: Of the source's training images, before a part is chosen or held out.
        images: Number of the source's training images by class.
    """

    paths: Mapping[str, str]
    fingerprint: str | None = None
    images: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> KnownPaths | None:
        """The places of a run; None if it has none.

        Raises:
            RunError: If the file is damaged.
        """
        file = directory / PLACES_FILE
        try:
            values = read_json(read_text(file))
            known = cls(dict(values["paths"]), values["fingerprint"], dict(values["images"]))
            known._check()
            return known
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ChangedError as error:
            raise RunError(f"{file}: {error}. {_REMEDY}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{file}: cannot be read ({bounded(repr(error))}); expected what acgan wrote. {_REMEDY}"
            ) from None

    def _check(self) -> None:
        """Check what was read.

        Raises:
            TypeError: A value is of another kind.
        """
        if not all(isinstance(path, str) and "\0" not in path for path in self.paths.values()):
            raise TypeError("a path is no text")
        if not isinstance(self.fingerprint, (str, type(None))):
            raise TypeError("the fingerprint is no text")
        if not all(type(count) is int and is_finite_number(count) for count in self.images.values()):
            raise TypeError("a number of images is none")

    @classmethod
    def of(cls, config: AnyConfig, dataset: Dataset, source: str | None) -> KnownPaths:
        """The places of paths that are found from this folder; ``source`` is that of the data, None if it has none."""
        paths = {} if source is None else {SOURCE: source}
        names = {"evaluate.extractor": ("auto", INCEPTION, *shipped())}
        for key in config.paths:
            value = value_of(config, key)
            if isinstance(value, str) and value not in names.get(key, ()) and Path(value).exists():
                paths[key] = str(Path(value).resolve())
        return cls(paths, dataset.train.fingerprint, images_by_class(dataset))

    @property
    def source(self) -> str | None:
        """The place of the data."""
        return self.paths.get(SOURCE)

    def kept(self, old: AnyConfig, new: AnyConfig) -> KnownPaths:
        """The places of paths that two configurations have in common."""
        same = {
            key: path
            for key, path in self.paths.items()
            if value_of(old, key) == value_of(new, key) is not None
        }
        return replace(self, paths=same)

    def without_source(self) -> KnownPaths:
        """The places of other paths than the data's."""
        return replace(self, paths={key: path for key, path in self.paths.items() if key != SOURCE})

    def to_json(self) -> str:
        """JSON text for the file with its check, in ASCII: a path need not be UTF-8."""
        return json.dumps(sealed_json(asdict(self)), indent=2) + "\n"


def images_by_class(dataset: Dataset) -> dict[str, int]:
    """Training images of each class."""
    store = dataset.train
    counts: list[int] = np.bincount(store.labels, minlength=store.num_classes).tolist()
    return dict(zip(store.class_names, counts, strict=True))


def with_known_paths(config: _Config, places: KnownPaths | None) -> _Config:
    """A configuration in which paths that this folder has not are those of the run; not the data's."""
    known = {} if places is None else places.paths
    changes = {
        key: known[key]
        for key in config.paths
        if key in known and isinstance(found := value_of(config, key), str) and not Path(found).exists()
    }
    return with_values(config, changes)


def find_data(
    config: _Config,
    places: KnownPaths | None,
    *,
    chosen: bool,
    run: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: _Tell,
    warn: _Tell,
) -> tuple[_Config, str]:
    """Find the data of a run from any folder.

    A source that this folder has counts, if it holds the images of the run or the user chose it in this command; else
    the one at the place where the run had it.

    Args:
        config: The configuration.
        places: Places of the run's paths, if it has some.
        chosen: True if the source is of this command, and not of the run.
        run: The run directory, if it is about to be trained in.
        progress: Called with (done, total) while images are decoded, to compare two places.
        say: Told where the data is, if that is elsewhere than the source says.
        warn: Told if this folder has other data of that name.

    Returns:
        The configuration with the data as this folder finds it, and its place.

    Raises:
        DataError: If it is in neither place.
    """
    given = config.data.source
    here = place_of(given, config.data.root, run)
    there = None if places is None else places.source
    if places is not None and there is None and given == DATASET and not chosen:
        raise DataError(
            f"data.source: found {DATASET!r}: the run was trained on images that Python handed over, and that have no "
            "path. Hand them over again (train(…, data), EvaluateOptions(data=…)), or name the same images with --data."
        )
    if is_builtin(here):  # a run directory may have its name
        config = with_values(config, {SOURCE: here})
    reachable = is_there(here) or (is_builtin(here) and there == here)
    if places is None or there is None or (reachable and (chosen or there == here)):
        return config, here
    if is_name(there):  # a folder of that name was not meant
        return _at(config, places), there
    also_here = is_there(here)
    if also_here and _holds(config, places.fingerprint, progress):
        say(f"{given}: reading {here}, which holds the same images as {there}, where the run had them")
        return config, here
    if not is_there(there):
        seen = f"other images at {here}" if also_here else f"no {given!r} from this folder"
        raise DataError(
            f"data.source: found {seen}, and nothing at {there}, where the run had its images. Name their new place "
            "with --data."
        )
    if also_here:
        warn(f"{given}: {here} holds other images than the run's; reading {there}, where the run had them")
    else:
        say(f"{given}: not in this folder; reading {there}, where the run had it")
    return _at(config, places), there


def find_trained_on(
    config: _Config, file: Path, origin: Mapping[str, Any], say: _Tell, warn: _Tell
) -> _Config:
    """Find the data that a generator or classifier was trained on, from any folder.

    Args:
        config: Its configuration.
        file: Its file; its run may know a newer place than it does.
        origin: Its provenance.
        say: See ``find_data``.
        warn: See ``find_data``.

    Returns:
        The configuration with the data as this folder finds it.
    """
    fingerprint = origin.get("source_fingerprint")
    places = KnownPaths.read(file.parent)
    if places is None or places.fingerprint != fingerprint:
        places = KnownPaths(origin["paths"], fingerprint) if "paths" in origin else None
    return find_data(with_known_paths(config, places), places, chosen=False, say=say, warn=warn)[0]


def _holds(
    config: RunConfig | ClassifierConfig,
    fingerprint: str | None,
    progress: Callable[[int, int], None] | None,
) -> bool:
    """True if the configured source holds the training images of this fingerprint."""
    try:
        return load_data(config, progress=progress).train.fingerprint == fingerprint
    except DataError:  # it may be anything
        return False


def _at(config: _Config, places: KnownPaths) -> _Config:
    """A configuration with the data where the run had it."""
    known = {key: places.paths[key] for key in (SOURCE, _ROOT) if key in places.paths}
    return with_values(config, known)

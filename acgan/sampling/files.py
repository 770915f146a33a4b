"""Writing of samples: a folder per class, one ``.npz`` of arrays, or a grid as ``.png``."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import acgan
from acgan.atomic import write_atomically
from acgan.errors import UserError
from acgan.plots.grid import tile, write_png
from acgan.reading import to_json
from acgan.sampling import CHUNK, ClassSampler
from acgan.sampling.folder import MANIFEST, check_folder, file_name, folder_names
from acgan.sealed import sealed_json

MAX_COLUMNS = 64
_DIGEST_DIGITS = 16  # of a generator's SHA-256 in hex: enough to tell files apart
_Progress = Callable[[int], None]


@dataclass(frozen=True)
class Selection:
    """The images to draw.

    Attributes:
        sampler: The generator.
        labels: Different classes.
        num_per_class: Images of each.
        seed: Seed of the latents.
        truncation: Factor on the latents, above 0 and at most 1.
    """

    sampler: ClassSampler
    labels: Sequence[int]
    num_per_class: int
    seed: int = 0
    truncation: float = 1.0

    @property
    def total(self) -> int:
        """Images in all."""
        return len(self.labels) * self.num_per_class

    def mark(self, **more: Any) -> dict[str, Any]:
        """The origin of generated images, for their files: plain values."""
        return {
            "generator": self.sampler.sha256[:_DIGEST_DIGITS],
            **more,
            "seed": self.seed,
            "truncation": self.truncation,
            "version": acgan.__version__,
        }

    def mark_of_all(self) -> dict[str, Any]:
        """The origin of a file with images of all the classes."""
        return self.mark(classes=[self.sampler.class_names[label] for label in self.labels])

    def portions(self) -> Iterator[tuple[int, int, Tensor]]:
        """Draw, class by class: label, index of the portion's first image, images (n, C, H, W) uint8."""
        counts = dict.fromkeys(self.labels, self.num_per_class)
        return self.sampler.stream_classes(counts, seed=self.seed, truncation=self.truncation)


def write_samples(
    selection: Selection,
    out: str | Path,
    *,
    force: bool = False,
    progress: _Progress = lambda count: None,
) -> None:
    """Draw images and write them, completely or not at all; memory holds a portion, or a whole grid.

    Args:
        selection: The images to draw.
        out: A folder, a ``.npz`` or a ``.png`` file (see ``form_of``).
        force: Replace an existing file, or what an earlier call wrote into a folder.
        progress: Receives the number of images of each written portion.

    Raises:
        UserError: If something is in the way, or it cannot be written. Nothing is left behind then.
    """
    form, target = form_of(out), Path(out).resolve()
    if form == ".png" and selection.num_per_class > MAX_COLUMNS:
        raise UserError(
            f"{out}: found {selection.num_per_class} images a class; a grid shows at most {MAX_COLUMNS}. "
            "Lower -n, or write them to a folder or a .npz file."
        )
    try:
        earlier = _check_target(selection, out, target, form, force)
        with _staging(target) as staging:
            new = staging / "new"
            _WRITERS[form](selection, new, progress)
            if target.is_dir():
                _swap(new, target, earlier, aside=staging / "old")
            elif form:
                write_atomically(target, partial(os.replace, new))
            else:
                new.replace(target)
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written ({error.strerror or error}). Make room or choose another place."
        ) from error


def form_of(out: str | Path) -> str:
    """The form of samples that a path stands for: ``.npz``, ``.png`` or ``""``, a folder.

    An existing folder and a name with a slash at its end are folders, whatever else is in the name.

    Raises:
        UserError: If it is none of them.
    """
    path = Path(out)
    form = path.suffix.lower()
    if path.is_dir() or str(out).endswith(("/", os.sep)):
        return ""
    if form not in _WRITERS:
        raise UserError(
            f"{out}: nothing is known to write as {path.suffix!r}; expected a folder (samples), arrays "
            "(samples.npz) or a grid (samples.png). To mean a folder with a dot in its name, end it with a slash."
        )
    return form


def _check_target(selection: Selection, out: str | Path, target: Path, form: str, force: bool) -> list[str]:
    """Refuse to overwrite; of a folder, return the entries that an earlier call wrote and ``force`` gives up."""
    if target.is_dir():
        folders = folder_names(selection.sampler.class_names)
        return check_folder(out, target, [folders[label] for label in selection.labels], force)
    if target.exists() and form == "":
        raise UserError(f"{out}: is a file; expected a folder. Choose another name.")
    if target.exists() and not force:
        raise UserError(f"{out}: exists already. Choose another name, or --force to replace it.")
    return []


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A temporary directory on the target's file system; parents that were made for it go too if it fails."""
    home = target if target.is_dir() else target.parent
    made = [folder for folder in (home, *home.parents) if not folder.exists()]
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".acgan-sample-", dir=home) as staging:
            yield Path(staging)
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _swap(new: Path, target: Path, earlier: Iterable[str], aside: Path) -> None:
    """Move earlier entries of a folder aside and new ones in; if one move fails, all are undone."""
    aside.mkdir()
    moves = [(target / name, aside / name) for name in earlier]
    moves += [(entry, target / entry.name) for entry in new.iterdir()]
    with contextlib.ExitStack() as undo:
        for source, goal in moves:
            source.rename(goal)
            undo.callback(goal.rename, source)
        undo.pop_all()


def _write_folders(selection: Selection, path: Path, progress: _Progress) -> None:
    """``<class>/<number>.png`` and the manifest."""
    class_names, info = selection.sampler.class_names, selection.sampler.info
    folders = folder_names(class_names)
    path.mkdir()
    for label in selection.labels:
        (path / folders[label]).mkdir()
    for label, start, images in selection.portions():
        for index, image in enumerate(images, start):
            mark = selection.mark(**{"class": class_names[label]}, index=index)
            write_png(image, path / folders[label] / file_name(index), mark)
        progress(len(images))
    manifest = {
        "folders": {folders[label]: class_names[label] for label in selection.labels},
        "num_per_class": selection.num_per_class,
        "seed": selection.seed,
        "truncation": selection.truncation,
        "generator": {"architecture": info.architecture, "provenance": info.provenance},
    }
    text = to_json(sealed_json(manifest))
    (path / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def _write_npz(selection: Selection, path: Path, progress: _Progress) -> None:
    """Arrays as ``np.load`` reads them.

    They are ``images`` (N, H, W, C) uint8, ``labels`` (N,) int64, ``class_names`` (K,), and the JSON text
    ``generated_by`` ().
    """
    generator = selection.sampler.generator
    shape = (selection.total, generator.resolution, generator.resolution, generator.image_channels)

    def images() -> Iterator[np.ndarray[Any, Any]]:
        for _, _, portion in selection.portions():
            yield portion.permute(0, 2, 3, 1).numpy()  # (n, H, W, C)
            progress(len(portion))

    labels = (
        np.full(min(CHUNK, selection.num_per_class - start), label, np.int64)
        for label in selection.labels
        for start in range(0, selection.num_per_class, CHUNK)
    )
    class_names = np.array(selection.sampler.class_names, dtype=np.str_)
    mark = np.array(json.dumps(selection.mark_of_all()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _write_member(archive, "images", np.dtype(np.uint8), shape, images())
        _write_member(archive, "labels", np.dtype(np.int64), (selection.total,), labels)
        _write_member(archive, "class_names", class_names.dtype, class_names.shape, [class_names])
        _write_member(archive, "generated_by", mark.dtype, mark.shape, [mark])


def _write_member(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    portions: Iterable[np.ndarray[Any, Any]],
) -> None:
    """Write an array portion by portion, after a header with its full shape."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for portion in portions:
            member.write(portion.tobytes())


def _write_grid(selection: Selection, path: Path, progress: _Progress) -> None:
    """One picture, a row per class."""
    rows = []
    for _, _, images in selection.portions():
        rows.append(images)
        progress(len(images))
    write_png(tile(torch.cat(rows), selection.num_per_class), path, selection.mark_of_all())


_WRITERS: dict[str, Callable[[Selection, Path, _Progress], None]] = {
    "": _write_folders,
    ".npz": _write_npz,
    ".png": _write_grid,
}

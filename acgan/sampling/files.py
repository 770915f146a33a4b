"""Writing of samples: a folder per class, one ``.npz`` of arrays, or a page as ``.png``."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from acgan.atomic import write_atomically
from acgan.errors import UserError
from acgan.plots.grid import write_generated
from acgan.plots.page import ClassPage, PageTooLargeError
from acgan.reading import to_json
from acgan.sampling.folder import check_folder, file_name, folder_names
from acgan.sampling.room import check_room
from acgan.sampling.selection import DrawnPortion, Selection, as_grid
from acgan.sampling.unfinished import Workplace, workplace
from acgan.sealed import sealed_json
from acgan.types import PICTURE_FORMATS, SAMPLER_FILE

MAX_ON_A_PAGE = 64  # images of a class
_Progress: TypeAlias = Callable[[int], None]


def write_samples(
    selection: Selection,
    out: str | Path,
    *,
    force: bool = False,
    picture_format: str = PICTURE_FORMATS[0],
    scale: int | None = None,
    progress: _Progress = lambda count: None,
    warn: Callable[[str], None] = lambda message: None,
) -> list[DrawnPortion]:
    """Draw images and write them, completely or not at all; memory holds a portion, or a whole page.

    What a kill or SIGTERM stopped, the same call goes on with.

    Args:
        selection: The images to draw.
        out: A folder, a ``.npz`` or a ``.png`` file (see ``form_of``).
        force: Replace an existing file, or what an earlier call wrote into a folder.
        picture_format: Ending of the pictures in a folder: ``png`` or ``webp``, which are exact, or ``jpg``.
        scale: Whole factor that enlarges the images of a page; None makes the page fit a screen.
        progress: Receives the number of images of each portion that is written, or was by an earlier call.
        warn: Told what stays behind of a call that is stopped.

    Returns:
        All portions, without their images.

    Raises:
        UserError: If something is in the way, the disk has no room, or it cannot be written. Nothing is left behind
            then.
    """
    form, target = form_of(out), Path(out).resolve()
    if form == ".png":
        return _write_page(selection, out, target, force=force, scale=scale, progress=progress)
    if scale is not None:
        raise UserError(
            f"--scale: found {scale}, and {out}, whose images keep their size. Leave --scale out, or name a page "
            "(samples.png)."
        )
    try:
        earlier = _check_target(selection, out, target, form, force)
        check_room(selection, out, target, None if form else picture_format)
        plan = {**selection.plan(), "form": form or picture_format}
        with workplace(target, plan, warn) as work:
            new = work.folder / "new"
            if form == ".npz":
                written = _write_npz(selection, work, new, progress)
            else:
                written = _write_folders(selection, work, new, picture_format, progress)
            if target.is_dir():
                _swap(new, target, earlier, aside=work.folder / "old")
            elif form:
                write_atomically(target, partial(os.replace, new))
            else:
                new.replace(target)
    except OSError as error:
        raise _unwritable(out, error) from error
    return written


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
    if form not in ("", ".npz", ".png"):
        raise UserError(
            f"{out}: nothing is known to write as {path.suffix!r}; expected a folder (samples), arrays "
            "(samples.npz) or a page to look at (samples.png). To mean a folder with a dot in its name, end it with a "
            "slash."
        )
    return form


def _unwritable(out: str | Path, error: OSError) -> UserError:
    return UserError(
        f"{out}: cannot be written ({error.strerror or error}). Make room or choose another place."
    )


def _check_target(selection: Selection, out: str | Path, target: Path, form: str, force: bool) -> list[str]:
    """Refuse to overwrite; of a folder, return the entries that an earlier call wrote and ``force`` gives up."""
    if target.is_dir():
        folders = folder_names(selection.sampler.class_names)
        return check_folder(out, target, [folders[label] for label in selection.counts], force)
    if target.exists() and form == "":
        raise UserError(f"{out}: is a file; expected a folder. Choose another name.")
    if target.exists() and not force:
        raise UserError(f"{out}: exists already. Choose another name, or --force to replace it.")
    return []


def _swap(new: Path, target: Path, earlier: Iterable[str], aside: Path) -> None:
    """Move earlier entries of a folder aside and new ones in; if one move fails, all are undone."""
    aside.mkdir(exist_ok=True)
    moves = [(target / name, aside / name) for name in earlier]
    moves += [(entry, target / entry.name) for entry in new.iterdir()]
    with contextlib.ExitStack() as undo:
        for source, goal in moves:
            source.rename(goal)
            undo.callback(goal.rename, source)
        undo.pop_all()


def _drawn(selection: Selection, work: Workplace, progress: _Progress) -> Iterator[DrawnPortion]:
    """The portions that are still to be written; each is recorded when the caller asks for the next one."""
    if work.done:
        progress(sum(len(portion.indices) for portion in work.done))
    for portion in selection.portions(work.done):
        yield portion
        work.add(portion)
        work.done.append(DrawnPortion(portion.label, portion.start, portion.indices))
        progress(len(portion.indices))


def _write_folders(
    selection: Selection, work: Workplace, path: Path, picture_format: str, progress: _Progress
) -> list[DrawnPortion]:
    """``<class>/<number>.png`` and the manifest."""
    class_names, info = selection.sampler.class_names, selection.sampler.info
    folders = folder_names(class_names)
    path.mkdir(exist_ok=True)
    for label in selection.counts:
        (path / folders[label]).mkdir(exist_ok=True)
    for portion in _drawn(selection, work, progress):
        assert portion.images is not None
        folder = path / folders[portion.label]
        for index, image in zip(portion.indices, portion.images, strict=True):
            mark = selection.mark(**{"class": class_names[portion.label]}, index=index)
            write_generated(image, folder / file_name(index, picture_format), mark)
    ends = {portion.label: portion.indices[-1] + 1 for portion in work.done if portion.indices}
    manifest = {
        **selection.mark(),
        "folders": {folders[label]: class_names[label] for label in selection.counts},
        "images": {folders[label]: count for label, count in selection.counts.items()},
        "ends": {folders[label]: end for label, end in ends.items()},
        "format": picture_format,
        "generator": {
            "sha256": selection.sampler.sha256,
            "architecture": info.architecture,
            "provenance": info.provenance,
        },
    }
    (path / SAMPLER_FILE).write_text(to_json(sealed_json(manifest)) + "\n", encoding="utf-8")
    return work.done


def _write_npz(selection: Selection, work: Workplace, path: Path, progress: _Progress) -> list[DrawnPortion]:
    """Arrays as ``np.load`` reads them.

    They are ``images`` (N, H, W, C) uint8, ``labels`` (N,) int64, ``class_names`` (K,), and the JSON text
    ``generated_by`` ().
    """
    channels, side, _ = selection.sampler.image_shape
    shape = (selection.total, side, side, channels)
    pixels = work.folder / "pixels"
    with open(pixels, "ab") as handle:
        handle.truncate(sum(len(portion.indices) for portion in work.done) * side * side * channels)
        for portion in _drawn(selection, work, progress):
            assert portion.images is not None
            handle.write(portion.images.permute(0, 2, 3, 1).numpy().tobytes())  # (n, H, W, C)
            handle.flush()
    labels = np.repeat(list(selection.counts), list(selection.counts.values()))
    class_names = np.array(selection.sampler.class_names, dtype=np.str_)
    mark = np.array(json.dumps(selection.mark_of_all()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _write_member(archive, "images", np.dtype(np.uint8), shape, _read_blocks(pixels))
        _write_member(archive, "labels", np.dtype(np.int64), labels.shape, [labels.tobytes()])
        _write_member(archive, "class_names", class_names.dtype, class_names.shape, [class_names.tobytes()])
        _write_member(archive, "generated_by", mark.dtype, mark.shape, [mark.tobytes()])
    return work.done


def _read_blocks(file: Path) -> Iterator[bytes]:
    with open(file, "rb") as handle:
        while block := handle.read(1 << 22):
            yield block


def _write_member(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    blocks: Iterable[bytes],
) -> None:
    """Write an array block by block, after a header with its full shape."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for block in blocks:
            member.write(block)


def page_of(
    names: Sequence[str],
    count: int,
    side: int,
    scale: int | None,
    *,
    is_walk: bool = False,
    room: Sequence[str] = (),
) -> ClassPage:
    """The page that shows as many images of each class, or walks; see ``ClassPage.planned``.

    Raises:
        UserError: It would be too large.
    """
    try:
        return ClassPage.planned(names, count, side, scale, is_walk=is_walk, room=room)
    except PageTooLargeError as error:
        raise UserError(
            f"the page would have {error}, which viewers do not open. Lower -n or --scale, choose classes with "
            "--class, or write to a folder or a .npz file."
        ) from None


def _write_page(
    selection: Selection,
    out: str | Path,
    target: Path,
    *,
    force: bool,
    scale: int | None,
    progress: _Progress,
) -> list[DrawnPortion]:
    """One picture of all classes, as many images of each."""
    counts = set(selection.counts.values())
    if len(counts) > 1 or max(counts) > MAX_ON_A_PAGE:
        raise UserError(
            f"{out}: found {max(counts):,} images a class{', and fewer of some' if len(counts) > 1 else ''}; a page "
            f"shows at most {MAX_ON_A_PAGE}, as many of each. Lower -n, or write them to a folder or a .npz file."
        )
    page = page_of(selection.class_names, max(counts), selection.sampler.image_shape[1], scale)
    try:
        _check_target(selection, out, target, ".png", force)
        with workplace(target, {}, lambda message: None) as work:
            portions = []
            for portion in selection.portions():
                portions.append(portion)
                progress(len(portion.indices))
            new = work.folder / "new.png"
            write_generated(page.draw(as_grid(portions)), new, selection.mark_of_all())
            write_atomically(target, partial(os.replace, new))
    except OSError as error:
        raise _unwritable(out, error) from error
    return portions

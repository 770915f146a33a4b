"""Room on the disk for samples, which is looked at before they are drawn."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from acgan.errors import UserError
from acgan.plots.grid import write_generated
from acgan.sampling.folder import file_name
from acgan.sampling.selection import Selection
from acgan.sampling.unfinished import workplace_of
from acgan.showing import size_in_words

_CLASSES, _OF_EACH = 4, 4  # images that are written to see how large they are
_BLOCK = 4096  # bytes, in which file systems give room to a file
_MOST_BESIDE = 8192  # bytes of a picture beside its pixels, which no picture needs


def check_room(selection: Selection, out: str | Path, target: Path, picture_format: str | None) -> None:
    """Refuse images that the disk has no room for.

    Args:
        selection: The images.
        out: Their folder or file, as the user named it.
        target: The same, resolved.
        picture_format: Ending of the pictures in a folder; None of arrays in one file.

    Raises:
        UserError: If they need more than is free. What waits of an earlier call counts as free: it is gone on with,
            or removed.
    """
    nearest = next(folder for folder in (target, *target.parents) if folder.is_dir())
    free = shutil.disk_usage(nearest).free
    channels, side, _ = selection.sampler.image_shape
    pixels = side * side * channels
    if picture_format is None:
        needed = 2.0 * selection.total * pixels  # the pixels, then the file of them
    elif selection.total * (2 * pixels + _MOST_BESIDE) <= free:
        return
    else:
        needed = selection.total * _typical_bytes(selection, picture_format)
    if needed > free:
        free += _bytes_in(workplace_of(target))
    if needed > free:
        raise UserError(
            f"{out}: {selection.total:,} images need about {size_in_words(needed)}, and {size_in_words(free)} is free "
            f"on the disk of {nearest}. Draw fewer (-n, or --class with --balance), or choose another place."
        )


def _typical_bytes(selection: Selection, picture_format: str) -> float:
    """Mean room of a picture, of a few that are drawn and written."""
    sampler, sizes = selection.sampler, []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / file_name(0, picture_format)
        for label in list(selection.counts)[:_CLASSES]:
            mark = selection.mark(**{"class": sampler.class_names[label]}, index=0)
            images = sampler.chunk(label, 0, seed=selection.seed, truncation=selection.truncation)
            for image in images[:_OF_EACH]:
                write_generated(image, file, mark)
                sizes.append(-(-file.stat().st_size // _BLOCK) * _BLOCK)
    return sum(sizes) / len(sizes)


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

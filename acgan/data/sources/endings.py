"""Endings of image files: those that can be read here, and remedies for other pictures."""

from __future__ import annotations

import contextlib
import functools
import mimetypes
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from PIL import Image, ImageFile, UnidentifiedImageError, features

from acgan.file_kinds import odd_kind

#: Formats that Pillow recognises, but cannot decode, or only by a program outside of it (Ghostscript).
_NOT_DECODED = frozenset({"MPEG", "EPS"})
#: Formats that Pillow opens by the plugin of another one.
_OPENED_BY = {"MPO": "JPEG"}
#: Libraries of formats that Pillow may have been built without.
_LIBRARIES = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000"}

_LFS = b"version https://git-lfs"  # the text that stands for a file that was not fetched
#: Formats of images that may come without an ending: those with a mark of their own at the beginning.
_USUAL = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
#: Endings of files of every kind, the same on every machine.
_KNOWN = mimetypes.MimeTypes()

_TO_PNG = "convert to PNG"
_NEWER_PILLOW = "pip install --upgrade pillow"
_REMEDIES = {
    "pip install pillow-heif": ".heic .heics .heif .heifs .hif",
    _NEWER_PILLOW: ".avif .avifs .webp .jp2 .j2k .j2c .jpc .jpf .jpx .qoi .psd",
    f"{_TO_PNG} of 8 or 16 bits, with pydicom or dcm2pnm": ".dcm .dicom .dic .ima",
    f"{_TO_PNG}, a file for each slice, with nibabel or SimpleITK": ".nii .mha .mhd .nrrd .mgz",
    "develop to JPEG or PNG, with darktable or dcraw": (
        ".3fr .arw .cr2 .cr3 .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw .rw2 .rwl .sr2"
        " .srf .srw .x3f"
    ),
    "draw to PNG, with Inkscape or Ghostscript": ".ai .cdr .emf .eps .pdf .ps .svg .svgz .wmf",
    f"{_TO_PNG} with the program that they were drawn with": ".afphoto .clip .kra .psb .xcf",
    f"{_TO_PNG}, with ImageMagick or the format's own tool": ".bpg .cin .dpx .exr .flif .hdr .jxl .jxr .wdp",
    "cut to tiles in PNG, with OpenSlide or QuPath": ".czi .lif .lsm .mrxs .nd2 .ndpi .scn .svs .vsi",
    "take frames out as PNG, with ffmpeg": (
        ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .webm .wmv"
    ),
    "write as PNG, or put all into one .npz": ".npy .mat",
}
#: Endings of pictures that cannot be read here, each with the remedy as an order. What ``is_image`` accepts is read.
PICTURE_ENDINGS = {ending: remedy for remedy, endings in _REMEDIES.items() for ending in endings.split()}


def is_image(name: str) -> bool:
    """True if a file has the ending of an image that can be read."""
    return ending_of(name) in image_endings()


def ending_of(name: str) -> str:
    """The ending of a file name, with its dot, in small letters; empty if there is none."""
    return os.path.splitext(name)[1].lower()


@functools.cache
def image_endings() -> frozenset[str]:
    """Endings of the images that can be read: those of Pillow's own formats, and of pillow-heif if it is installed."""
    Image.preinit()  # the usual formats are tried first when a file is opened
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    return frozenset(
        ending
        for ending, kind in Image.registered_extensions().items()
        if _is_decoded(_OPENED_BY.get(kind, kind))
    )


def _is_decoded(kind: str) -> bool:
    if kind not in Image.OPEN or kind in _NOT_DECODED:
        return False
    plugin = Image.OPEN[kind][0]
    if isinstance(plugin, type) and issubclass(plugin, ImageFile.StubImageFile):
        return False  # only its header is read
    return kind not in _LIBRARIES or bool(features.check(_LIBRARIES[kind]))


def tells_nothing(name: str) -> bool:
    """True if a file's ending is not known to be one of images, other pictures, texts, archives and so on."""
    return not is_image(name) and not remedy_for(name) and _KNOWN.guess_type(name) == (None, None)


def is_image_inside(open_file: Callable[[], IO[bytes]]) -> bool:
    """True if a file holds an image of a usual format, by its first bytes."""
    try:
        with open_file() as file, Image.open(file, formats=_USUAL):
            return True
    except Exception:  # of nearly every kind, on files that hold anything
        return False


def open_image(file: str | Path | IO[bytes]) -> Image.Image:
    """Open an image of any format that ``is_image`` knows; its pixels are not read yet."""
    if isinstance(file, (str, Path)) and (kind := odd_kind(file)):
        raise ValueError(f"it is {kind}, not a file")
    image_endings()  # HEIC is opened by a plugin that must have been registered
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        if _start_of(file, len(_LFS)) == _LFS:
            raise ValueError(
                "it is a pointer of Git LFS, and the picture is not there: run `git lfs pull` in its repository"
            ) from None
        raise


def _start_of(file: str | Path | IO[bytes], count: int) -> bytes:
    """The first bytes of a file."""
    if isinstance(file, (str, Path)):
        with open(file, "rb") as opened:
            return opened.read(count)
    file.seek(0)
    return file.read(count)


def remedy_for(name: str) -> str:
    """Advice for a picture that cannot be read, as an order; empty if there is none."""
    return "" if is_image(name) else PICTURE_ENDINGS.get(ending_of(name), "")


def unread_pictures(names: Iterable[str]) -> str:
    """A sentence on the pictures among files that cannot be read, by ending, each with its remedy; empty if none."""
    counts = Counter(ending_of(name) for name in names if remedy_for(name))
    return "; ".join(
        f"{count:,} {'file ends' if count == 1 else 'files end'} in {ending}: {PICTURE_ENDINGS[ending]}"
        for ending, count in counts.most_common()
    )

"""Checks of files and folders: FID's weights, the cache, and the room for runs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from acgan.doctor.diagnosis import Diagnosis
from acgan.showing import size_in_words

#: Free bytes below which it is told, and below which nothing can be kept.
_LITTLE, _NONE = 2 << 30, 64 << 20


def check_inception_weights() -> list[Diagnosis]:
    """Look for the weights of FID's network, and compare their hash."""
    from acgan.atomic import sha256
    from acgan.extracting.inception_weights import HUB_SHA256, URL, hub_file, ways_out

    file, values = hub_file(), {"file": str(hub_file()), "url": URL}
    if not file.is_file():
        return [Diagnosis("inception", "FID's weights are not here", "remark", ways_out(), values)]
    digest = sha256(file)
    if digest.startswith(HUB_SHA256):
        return [Diagnosis("inception", str(file), values=values)]
    told = f"{file}: its SHA-256 begins with {digest[:8]}; expected {HUB_SHA256}"
    return [
        Diagnosis("inception", told, "remark", "Delete it, and it is fetched anew when it is needed.", values)
    ]


def check_cache() -> list[Diagnosis]:
    """Look at the cache folder: its size, and whether it can be written."""
    from acgan.data import cache_dir

    folder = cache_dir()
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    told = f"{folder}, {size_in_words(sum(sizes))}"
    values = {"folder": str(folder), "bytes": sum(sizes), "files": len(sizes)}
    return [_room("cache", folder, told, "Set ACGAN_CACHE to a folder that can be written", values)]


def check_runs() -> list[Diagnosis]:
    """Look at the present folder, where runs go by default."""
    folder = Path("runs")
    found = _room("runs", folder, str(folder.resolve()), "Name another place with --run-dir", {})
    if found.verdict == "problem":  # another place will do
        return [Diagnosis(found.check, found.found, "remark", found.remedy, found.values)]
    return [found]


def _room(check: str, folder: Path, told: str, remedy: str, values: dict[str, object]) -> Diagnosis:
    """Check that a folder can be made and written, and that its disk has room."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=nearest):
            pass
    except OSError as error:
        why = f"{told}; {nearest} cannot be written ({error.strerror or error})"
        return Diagnosis(check, why, "problem", f"{remedy}.", values)
    free = shutil.disk_usage(nearest).free
    told, values = f"{told}, {size_in_words(free)} free", {**values, "free_bytes": free}
    if free < _NONE:
        return Diagnosis(check, told, "problem", f"Make room. {remedy}.", values)
    if free < _LITTLE:
        return Diagnosis(check, told, "remark", "A training with many checkpoints may fill it.", values)
    return Diagnosis(check, told, values=values)

"""Evaluations of a run, kept by what they are of: none overwrites another, and metrics of the same are added up."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.evaluation import EVALUATION_FILE, KEPT_FOLDER
from acgan.file_kinds import read_text
from acgan.reading import is_finite_number
from acgan.sealed import ChangedError, read_json

_SAME = (
    "generators",
    "reference",
    "classes",
    "num_images",
    "label_prior",
    "seed",
    "repeats",
    "truncation",
    "nearest_k",
    "units",
)
_LONGEST_NAME = 100
_SAME_CODE = ("acgan", "torch", "device")
_NETWORKS = ("extractor", "classifier")  # None where no metric of an evaluation needed it
_BY_METRIC = ("overall", "floor", "at_floor_count")
_BY_CLASS = ("per_class", "floor_per_class", "at_floor_count_per_class")

_Values = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """Place of an evaluation.

    Attributes:
        scores: File of the scores.
        values: What goes there: the new scores, and others of the same that are there already.
        moved: Another evaluation that makes room: its new file, and its text.
        damaged: True if that is damaged, or was changed after it was written.
    """

    scores: Path
    values: _Values
    moved: tuple[Path, str] | None = None
    damaged: bool = False

    @property
    def is_main(self) -> bool:
        """True for the run's evaluation.json."""
        return self.scores.name == EVALUATION_FILE

    def beside(self, name: str) -> Path:
        """The file of a picture."""
        return picture_of(self.scores, name)


def picture_of(scores: Path, name: str) -> Path:
    """The file of a picture that belongs to a file of scores."""
    return scores.with_name(name if scores.name == EVALUATION_FILE else f"{scores.stem}-{name}")


def place(home: Path, values: _Values) -> Kept:
    """Find the place of an evaluation in its run directory; nothing is written.

    evaluation.json has the newest one, unless it has one of the same generators and the same reference that is of more
    samples, or not truncated as the new one is.
    """
    file, folder = home / EVALUATION_FILE, home / KEPT_FOLDER
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    old = _read(text)
    if old is not None and _is_same(old, values):
        return Kept(file, _merged(old, values))
    others = [
        one for one in sorted(folder.glob("*.json")) if (found := _read_file(one)) and _is_same(found, values)
    ]
    values = _merged(_read_file(others[0]) or {}, values) if others else values
    if old is not None and _stays(old, values):
        return Kept(others[0] if others else folder / _name(values), values)
    if not text:
        return Kept(file, values)
    name = f"unreadable-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json" if old is None else _name(old)
    return Kept(file, values, (folder / name, text), damaged=old is None)


def _read(text: str) -> _Values | None:
    """The values of an evaluation; None of a damaged one."""
    try:
        values = read_json(text)
        return values if _is_whole(values) else None
    except (ValueError, TypeError, KeyError, AttributeError, ChangedError):
        return None


def _is_whole(values: Any) -> bool:
    """True if all that is looked at, and added to, is of its kind."""
    origin = values["provenance"]
    tables = [origin, *origin["generators"], *(values.get(key, {}) for key in (*_BY_METRIC, *_BY_CLASS))]
    tables += [one for key in _BY_CLASS for one in values.get(key, {}).values()]
    counts = [origin.get(key) or 1 for key in ("num_images", "repeats")]
    numbers = [*counts, origin.get("truncation", 1), origin.get("floor_images", 0)]
    return (
        bool(origin["generators"])
        and isinstance(origin.get("reference", {}), dict)
        and all(isinstance(table, dict) for table in tables)
        and all(map(is_finite_number, numbers))
        and all(isinstance(name, str) for name in origin.get("metrics", []))
    )


def _read_file(file: Path) -> _Values | None:
    return _read(read_text(file, errors="replace"))


def _generators(origin: Mapping[str, Any]) -> list[str]:
    return [str(one.get("sha256")) for one in origin["generators"]]


def _identity(values: _Values) -> _Values:
    origin = values["provenance"]
    found = {key: origin.get(key) for key in (*_SAME, *_SAME_CODE)}
    return {**found, "generators": _generators(origin), "format": values.get("format")}


def _is_same(a: _Values, b: _Values) -> bool:
    networks = [(a["provenance"].get(key), b["provenance"].get(key)) for key in _NETWORKS]
    agree = all(one is None or other is None or one == other for one, other in networks)
    return agree and _identity(a) == _identity(b)


def _stays(old: _Values, new: _Values) -> bool:
    """True if the old evaluation tells more of the generators than the new one."""
    a, b = old["provenance"], new["provenance"]
    if _generators(a) != _generators(b) or a.get("reference") != b.get("reference"):
        return False
    truncations = [float(one.get("truncation", 1.0)) for one in (a, b)]
    if truncations[0] != truncations[1] and 1.0 in truncations:
        return truncations[0] == 1.0
    counts = [int(one.get("num_images") or 0) * int(one.get("repeats") or 1) for one in (a, b)]
    return counts[0] > counts[1]


def _name(values: _Values) -> str:
    origin = values["provenance"]
    whole = {**_identity(values), **{key: origin.get(key) for key in _NETWORKS}}
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:8]
    split = (origin.get("reference") or {}).get("split", "")
    told = f"{_generators(origin)[0][:8]}-{split}-{origin.get('num_images')}x{origin.get('repeats', 1)}"
    # What the file says must not lead out of its folder.
    plain = re.sub(r"[^\w.-]", "_", told)[:_LONGEST_NAME]
    return f"{plain}-{digest}.json"


def _merged(old: _Values, new: _Values) -> _Values:
    """The new values, and old ones of metrics that were not measured anew."""
    if not old:
        return new
    result = {**old, **new}
    for key in _BY_METRIC:
        result[key] = {**old.get(key, {}), **new.get(key, {})}
    for key in _BY_CLASS:
        before, after = old.get(key, {}), new.get(key, {})
        names = dict.fromkeys([*before, *after])
        result[key] = {name: {**before.get(name, {}), **after.get(name, {})} for name in names}
    a, b = old["provenance"], new["provenance"]
    origin = {**a, **{key: value for key, value in b.items() if value is not None}}
    origin["metrics"] = list(dict.fromkeys([*a.get("metrics", []), *b.get("metrics", [])]))
    origin["floor_images"] = max(a.get("floor_images", 0), b.get("floor_images", 0))
    # Keys that are null in both stay.
    result["provenance"] = {**dict.fromkeys(b), **origin}
    return result

"""Pydantic's problems in our words: which key, what was found, what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from acgan.config.listing import kind_of, sections_of
from acgan.errors import did_you_mean

_NUMBERS = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number, as in 200_000 or 2e5"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number, as in 0.5 or 5e-4"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
}


@dataclass(frozen=True)
class _Place:
    """The place of a problem that pydantic found."""

    path: list[str]  # our key, without the kinds that pydantic puts among the keys
    sections: list[type[BaseModel]]  # sections at this place; one where the kind is known
    kinds: list[type[BaseModel]]  # sections of every kind at this place


def _locate(model: type[BaseModel], path: Sequence[Any]) -> _Place:
    sections = kinds = [model]
    kept: list[str] = []
    for part in path:
        fields = {name: info for section in sections for name, info in section.model_fields.items()}
        if part not in fields:
            chosen = [section for section in sections if kind_of(section) == part]
            if chosen:
                sections = chosen
                continue
            return _Place([*kept, str(part)], sections, kinds)
        kept.append(str(part))
        inner = sections_of(fields[part].annotation)
        if not inner:
            break
        sections = kinds = inner
    return _Place(kept, sections, kinds)


def explain(model: type[BaseModel], problem: Any) -> str:
    """Describe one of pydantic's problems in a line: our key, what was found, what was expected."""
    place, found = _locate(model, problem["loc"]), problem["input"]
    dotted, kinds = ".".join(place.path), [kind for kind in map(kind_of, place.kinds) if kind]
    if problem["type"] == "extra_forbidden":
        return _explain_unknown(model, place)
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        found = found.get("kind") if isinstance(found, Mapping) else found
        hint = did_you_mean(str(found), kinds)
        return f"{dotted}.kind: found {found!r}; expected one of {', '.join(kinds)}.{hint}"
    expected, choices = _expected(problem, kinds)
    start = f"{dotted}: " if dotted else ""
    if dotted and not isinstance(found, Mapping):
        start += f"found {found!r}; "
    return f"{start}{expected}.{did_you_mean(str(found), choices)}"


def _expected(problem: Any, kinds: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The expected value in words, and candidates for "did you mean"; ``kinds`` are those of the section."""
    found = problem["input"]
    if problem["type"] in ("model_type", "model_attributes_type"):
        if not kinds:
            return "expected a section of keys, as in {key: value}", ()
        # The short form that users try: a kind's name alone.
        kind, others = (found, ()) if found in kinds else (kinds[0], kinds)
        return f"expected a section of keys, as in {{kind: {kind}}}, of kind {', '.join(kinds)}", others
    if problem["type"] == "literal_error":
        listed = re.split(", | or ", problem["ctx"]["expected"])  # words are in quotes, numbers are not
        choices = [choice.strip("'") for choice in listed]
        words = [choice.strip("'") for choice in listed if choice.startswith("'")]
        return f"expected one of {', '.join(choices)}", words
    if problem["type"] in _NUMBERS:
        return f"expected {_NUMBERS[problem['type']]}", ()
    if problem["type"] == "too_short":
        return f"expected {problem['ctx']['min_length']} or more in the list", ()
    return str(problem["msg"]).removeprefix("Value error, ").rstrip("."), ()


def _explain_unknown(model: type[BaseModel], place: _Place) -> str:
    """Describe a key that does not exist, or not in a section of this kind."""
    dotted, key = ".".join(place.path), place.path[-1]
    owners = [kind for section in place.kinds if key in section.model_fields and (kind := kind_of(section))]
    if owners and len(place.sections) == 1:
        return (
            f"unknown key {dotted} for kind {kind_of(place.sections[0])}; it belongs to {', '.join(owners)}."
        )
    hint = did_you_mean(key, [name for section in place.sections for name in section.model_fields])
    if "task" not in model.model_fields:
        return f"unknown key {dotted}.{hint} Expected some of {', '.join(place.sections[0].model_fields)}."
    option = " --classify" if model.model_fields["task"].default == "classify" else ""
    return f"unknown key {dotted}.{hint} `acgan config{option}` lists all keys."

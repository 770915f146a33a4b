"""Pydantic's problems in our words: which key, what was found, what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from acgan.config.base import Kinds, fields_of
from acgan.config.listing import kind_of, kinds_of, list_keys, number_in_words, sections_of
from acgan.errors import did_you_mean, nearest_names, suggested
from acgan.own_parts import OwnPart

_TYPES = {
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"),
        "a whole number, as in 200_000 or 2e5",
    ),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number, as in 0.5 or 5e-4"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text; quotes make one of a number, as in '3'",
    **dict.fromkeys(("list_type", "tuple_type"), "a list, as in [a, b]"),
    "dict_type": "a table of keys, as in {key: value}",
}
_BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "greater than or equal to",
    "less_than": "less than",
    "less_than_equal": "less than or equal to",
}
_ALIKE = 0.75  # likeness of two names of keys, from 0 to 1
_KEYS_NAMED = 3
_SHOWN = 80  # characters of a value in errors
_BAD_KIND = ("union_tag_invalid", "union_tag_not_found")


@dataclass(frozen=True)
class _Place:
    """The place of a problem that pydantic found."""

    path: list[str]  # our key, without the kinds that pydantic puts among the keys
    sections: list[type[BaseModel]]  # sections at this place; one where the kind is known
    kinds: list[type[BaseModel]]  # sections of every kind at this place
    is_open: bool = False  # scripts may register more kinds, or keys
    is_section: bool = True

    @property
    def key(self) -> str:
        key = ".".join(self.path)
        return key if len(key) <= _SHOWN and key.isprintable() else _shown(key)

    @property
    def known(self) -> list[str]:
        """Every kind at this place."""
        return [kind for section in self.kinds for kind in kinds_of(section)]


def _locate(model: type[BaseModel], path: Sequence[Any]) -> _Place:
    sections = kinds = [model]
    kept, is_open = list[str](), False
    for part in path:
        fields = {name: info for section in sections for name, info in fields_of(section).items()}
        if part not in fields:
            chosen = [section for section in sections if part in kinds_of(section)]
            if chosen:
                sections = chosen
                continue
            takes_keys = any(hasattr(section, "registered") for section in sections)
            return _Place([*kept, str(part)], sections, kinds, takes_keys)
        kept.append(str(part))
        inner = sections_of(fields[part].annotation, fields[part].metadata)
        if not inner:
            return _Place(kept, sections, kinds, is_open, is_section=False)
        sections, kinds, is_open = inner, inner, _takes_more(fields[part])
    return _Place(kept, sections, kinds, is_open)


def _takes_more(field: FieldInfo) -> bool:
    """True if scripts may register more kinds of a section."""
    inside = [one for member in get_args(field.annotation) for one in getattr(member, "__metadata__", ())]
    return any(isinstance(one, Kinds) for one in (*field.metadata, *inside))


def own_part(model: type[BaseModel], problem: Any, parts: Mapping[str, OwnPart]) -> OwnPart | None:
    """The part, among those recorded by key, that a problem does not know; None if it is about something else."""
    place, found = _locate(model, problem["loc"]), problem["input"]
    part = parts.get(place.key.removesuffix(".kind"))
    if part is None or problem["type"] not in (*_BAD_KIND, "literal_error", "extra_forbidden"):
        return None
    kind = place.path[-1] if problem["type"] == "extra_forbidden" else _kind_in(found)
    return part if kind == part.kind else None


def explain(model: type[BaseModel], problem: Any, part: OwnPart | None = None) -> str:
    """Describe one of pydantic's problems in a line: our key, what was found, what was expected.

    Args:
        model: The configuration's class.
        problem: The problem.
        part: A part of the user's own that is not known; None for another problem.
    """
    place, found = _locate(model, problem["loc"]), problem["input"]
    dotted, kinds = place.key, place.known
    if part is not None:
        return f"{dotted.removesuffix('.kind')}: {part.is_missing}"
    if problem["type"] == "extra_forbidden":
        return _explain_unknown(model, place)
    if problem["type"] in _BAD_KIND:
        found = _kind_in(found)
        hint = did_you_mean(str(found), kinds)
        listed = ", ".join(kinds)
        return f"{dotted}.kind: found {_shown(found)}; expected one of {listed}.{hint}{_own(place, found)}"
    if problem["type"] in ("model_type", "model_attributes_type"):
        return no_section(dotted, place.sections, found)
    expected, choices = _expected(problem)
    start = f"{dotted}: " if dotted else ""
    if dotted and not (place.is_section and isinstance(found, Mapping)):
        start += f"found {_shown(found)}; "
    own = _own(place, found) if place.path[-1:] == ["kind"] else ""
    return f"{start}{expected}.{did_you_mean(str(found), choices)}{own}"


def key_path(model: type[BaseModel], problem: Any) -> list[str]:
    """Our key of a problem, in parts."""
    return _locate(model, problem["loc"]).path


def is_of_one_value(model: type[BaseModel], problem: Any) -> bool:
    """True for a problem of a value or key by itself, false if those of a section do not fit together, or one lacks."""
    is_check = problem["type"] in ("value_error", "assertion_error") and isinstance(problem["input"], Mapping)
    return problem["type"] != "missing" and not (is_check and _locate(model, problem["loc"]).is_section)


def no_section(key: str, sections: Sequence[type[BaseModel]], found: Any) -> str:
    """Tell that a value is in the place of a section, with an example that can be copied."""
    kinds = [kind for section in sections for kind in kinds_of(section)]
    if not kinds:
        name, example = _example(sections[0])
        option = f" (--set {key}.{name}={example})" if key and "{" not in example else ""
        return (
            f"{key}: found {_shown(found)}; expected a section of keys, as in {{{name}: {example}}}{option}."
        )
    # The short form that users try: a kind's name alone.
    is_kind = isinstance(found, str) and found in kinds
    hint = "" if is_kind else did_you_mean(str(found), kinds)
    return (
        f"{key}: found {_shown(found)}; expected a section of keys, as in {{kind: {found if is_kind else kinds[0]}}}, "
        f"of kind {', '.join(kinds)}.{hint}"
    )


def _example(section: type[BaseModel]) -> tuple[str, str]:
    """A key of a section and a value for it: the first that has a default."""
    values = {
        name: field.get_default(call_default_factory=True) for name, field in section.model_fields.items()
    }
    name = next(
        (name for name, value in values.items() if isinstance(value, (int, float, str))), next(iter(values))
    )
    value = values[name]
    if isinstance(value, BaseModel):
        return name, "{{{}: {}}}".format(*_example(type(value)))
    return name, "true" if value is True else "false" if value is False else str(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _kind_in(found: Any) -> Any:
    return found.get("kind") if isinstance(found, Mapping) else found


def _own(place: _Place, kind: object) -> str:
    """A hint for a kind or key that a script would have to register."""
    hint = " One of your own is known once its script is imported: `acgan --import SCRIPT.py …`."
    return hint if place.is_open and isinstance(kind, str) else ""


def _expected(problem: Any) -> tuple[str, Sequence[str]]:
    """The expected value in words, and candidates for "did you mean"."""
    if problem["type"] == "literal_error":
        listed = re.split(", | or ", problem["ctx"]["expected"])  # words are in quotes, numbers are not
        choices = [choice.strip("'") for choice in listed]
        words = [choice.strip("'") for choice in listed if choice.startswith("'")]
        return f"expected one of {', '.join(choices)}", words
    if problem["type"] in _TYPES:
        return f"expected {_TYPES[problem['type']]}", ()
    if problem["type"] in _BOUNDS:
        (bound,) = problem["ctx"].values()
        return f"expected a number {_BOUNDS[problem['type']]} {number_in_words(bound)}", ()
    if problem["type"] == "too_short":
        return f"expected {problem['ctx']['min_length']} or more in the list", ()
    if problem["type"] == "too_long":
        return f"expected {problem['ctx']['max_length']} or fewer in the list", ()
    if problem["type"] == "missing":
        return "expected a value; the key is missing", ()
    return str(problem["msg"]).removeprefix("Value error, ").rstrip("."), ()


def _explain_unknown(model: type[BaseModel], place: _Place) -> str:
    """Describe a key that does not exist, or not in a section of this kind."""
    dotted, key = place.key, place.path[-1]  # one from a file may be any text
    owners = [kind for section in place.kinds if key in section.model_fields and (kind := kind_of(section))]
    if owners and len(place.sections) == 1:
        return (
            f"unknown key {dotted} for kind {kind_of(place.sections[0])}; it belongs to {', '.join(owners)}."
        )
    hint = _nearest_keys(model, place)
    if "task" not in model.model_fields:
        return f"unknown key {dotted}.{hint} Expected some of {', '.join(place.sections[0].model_fields)}."
    option = " --classify" if model.model_fields["task"].default == "classify" else ""
    return f"unknown key {dotted}.{hint} `acgan config{option}` lists all keys.{_own(place, key)}"


def _nearest_keys(model: type[BaseModel], place: _Place) -> str:
    """A hint with whole dotted keys: those of this section, or where none is much like it those of any section."""
    above, key = place.path[:-1], place.path[-1]
    names = [name for section in place.sections for name in fields_of(section)]
    here = [".".join([*above, name]) for name in nearest_names(key, names)]
    if nearest_names(key, names, cutoff=_ALIKE):
        return suggested(here)
    every = list(dict.fromkeys(known.key for known in list_keys(model)))
    last = {known.rpartition(".")[2] for known in every}
    near = nearest_names(key, last, count=1, cutoff=_ALIKE)
    elsewhere = [known for known in every if known.rpartition(".")[2] in near]
    return suggested(elsewhere[:_KEYS_NAMED] or here)

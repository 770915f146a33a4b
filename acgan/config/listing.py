"""Lists of the keys of a configuration, with type, default and meaning."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from pydantic import BaseModel

from acgan.config.base import MOST, Kinds, fields_of


@dataclass(frozen=True)
class KeyInfo:
    """A key with its declared type, default and meaning."""

    key: str
    type: str
    default: Any
    meaning: str


def list_keys(model: type[BaseModel], prefix: str = "") -> Iterator[KeyInfo]:
    """Every key of a configuration in order of declaration; a section that has kinds lists each kind's keys."""
    for name, info in fields_of(model).items():
        members = sections_of(info.annotation, info.metadata)
        if not members:
            default = None if info.is_required() else info.get_default(call_default_factory=True)
            meaning = info.description or inspect.getdoc(model) or ""
            yield KeyInfo(f"{prefix}{name}", type_name(info.annotation, info.metadata), default, meaning)
        elif not info.is_required() and info.get_default(call_default_factory=True) is None:
            kinds, fields = kinds_of(members[0])[:1], members[0].model_fields
            needed = [f"{key}: …" for key, field in fields.items() if field.is_required() and key != "kind"]
            on = f"{prefix}{name}='{{{', '.join([*(f'kind: {kind}' for kind in kinds), *needed])}}}'"
            meaning = f"{info.description} Off; --set {on} switches it on, with the defaults below."
            yield KeyInfo(f"{prefix}{name}", "section | null", None, meaning)
        for member in members:
            yield from list_keys(member, f"{prefix}{name}.")


def sections_of(annotation: Any, metadata: Sequence[Any] = ()) -> list[type[BaseModel]]:
    """The section classes that an annotation admits, given its metadata; none for a plain value."""
    for kinds in metadata:
        if isinstance(kinds, Kinds):
            return list(kinds.sections)
    if is_section(annotation):
        return [annotation]
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *metadata = typing.get_args(annotation)
        return sections_of(inner, metadata)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [section for member in typing.get_args(annotation) for section in sections_of(member)]
    return []


def is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Tell whether an annotation is a section's class itself."""
    # For Python 3.10, `list[str]` is a type, too, but issubclass refuses it.
    plain = typing.get_origin(annotation) is None and isinstance(annotation, type)
    return plain and issubclass(annotation, BaseModel)


def takes_null(annotation: Any) -> bool:
    """True if the value of a key may be null."""
    if typing.get_origin(annotation) is typing.Annotated:
        return takes_null(typing.get_args(annotation)[0])
    return type(None) in typing.get_args(annotation)


def type_name(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type as a user would write it, with its range: ``int, 1 to 8``, ``crop | pad``, ``list of str``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_name(arguments[0], arguments[1:])
    if annotation in (int, float):
        return f"{annotation.__name__}{bounds_of(metadata)}"
    if origin is typing.Literal:
        return " | ".join(str(argument) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(type_name(argument) for argument in arguments)
    if origin in (list, tuple):
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"{{{type_name(arguments[0])}: {type_name(arguments[1])}}}"
    if annotation is type(None):
        return "null"
    return str(getattr(annotation, "type_name", annotation.__name__))


def bounds_of(metadata: Sequence[Any]) -> str:
    """The range of a number in words, after a comma; empty if there is none."""
    found = [one for member in metadata for one in (member, *getattr(member, "metadata", ()))]
    given = {
        name: value
        for one in found
        for name in ("ge", "gt", "le", "lt")
        if (value := getattr(one, name, None)) is not None
    }
    if not given:
        return ""
    if given.get("gt") == 0 and isinstance(given.get("le"), int) and given["le"] > 1:  # a count
        given["ge"] = 1
    low = number_in_words(given["ge"]) if "ge" in given else f"above {number_in_words(given['gt'])}"
    if given.get("le", 0) >= MOST:  # a bound against overflow, which tells nobody anything
        return f", {low}" if "ge" not in given else f", {low} or more"
    high = number_in_words(given["le"]) if "le" in given else f"below {number_in_words(given['lt'])}"
    return f", {low} to {high}"


def number_in_words(number: float) -> str:
    """A bound as people write it: ``1,024``, ``0.5``, ``1e+12``."""
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def kinds_of(section: type[BaseModel]) -> tuple[str, ...]:
    """The kinds of a section; none if the section has only one form."""
    field = section.model_fields.get("kind")
    return typing.get_args(field.annotation) if field else ()


def kind_of(section: type[BaseModel]) -> str | None:
    """The kind of a section, or its kinds in a text; None if the section has only one form."""
    return " | ".join(kinds_of(section)) or None

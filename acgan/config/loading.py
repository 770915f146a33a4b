"""Configurations from files and options, and back: merge, validate, explain, save, compare, list."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from acgan.errors import ConfigError, did_you_mean

Config = TypeVar("Config", bound=BaseModel)


def load(model: type[Config], file: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Merge defaults < file < overrides and validate.

    Args:
        model: The configuration's class.
        file: A YAML file, or None for the defaults.
        overrides: ``KEY=VALUE`` texts, the key dotted, the value as in YAML.

    Raises:
        ConfigError: Naming the file or option, the key, what was found and what was expected.
    """
    values = model().model_dump(mode="json")
    if file is not None:
        given = _read_yaml(file)
        _check_task(values.get("task"), given.get("task", "gan"), file)
        values = _merge(values, given)
    changes = [_parse_override(override) for override in overrides]
    for path, value in sorted(changes, key=_precedence):
        nested = value
        for part in reversed(path):
            nested = {part: nested}
        values = _merge(values, nested)
    where = " and ".join([str(file)] * (file is not None) + ["--set"] * bool(overrides)) or "configuration"
    return validate(model, values, where)


def validate(model: type[Config], values: Mapping[str, Any], where: str) -> Config:
    """Validate plain values, explaining in the terms of ``load`` what does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [_explain(model, problem) for problem in error.errors()]
        raise ConfigError("\n".join(f"{where}: {problem}" for problem in problems)) from None


def save(config: BaseModel, file: Path) -> None:
    """Write a configuration as YAML that ``load`` reads back to an equal one."""
    file.write_text(to_yaml(config), encoding="utf-8")


def to_yaml(config: BaseModel) -> str:
    """A configuration as YAML."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def diff(old: BaseModel, new: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ, dotted, each with (old, new); a key that one side lacks counts as None."""
    before, after = (dict(_flatten(config.model_dump(mode="json"))) for config in (old, new))
    keys = dict.fromkeys([*before, *after])
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def is_harmless(key: str, allowed: Sequence[str]) -> bool:
    """Whether a key is among those allowed: keys, and with a dot at the end sections."""
    return any(key == name or (name.endswith(".") and key.startswith(name)) for name in allowed)


@dataclass(frozen=True)
class KeyInfo:
    """What is declared about a key."""

    key: str
    type: str
    default: Any
    meaning: str


def list_keys(model: type[BaseModel], prefix: str = "") -> Iterator[KeyInfo]:
    """Every key of a configuration in order of declaration; a section that has kinds lists each kind's keys."""
    for name, info in model.model_fields.items():
        members = _sections(info.annotation)
        if not members:
            default = None if info.is_required() else info.get_default(call_default_factory=True)
            meaning = info.description or inspect.getdoc(model) or ""
            yield KeyInfo(f"{prefix}{name}", _type_name(info.annotation), default, meaning)
        elif not info.is_required() and info.get_default(call_default_factory=True) is None:
            kind, fields = _kind(members[0]), members[0].model_fields
            needed = [f"{key}: …" for key, field in fields.items() if field.is_required() and key != "kind"]
            on = f"{prefix}{name}='{{{', '.join([f'kind: {kind}'] * (kind is not None) + needed)}}}'"
            meaning = f"{info.description} Off; --set {on} switches it on, with the defaults below."
            yield KeyInfo(f"{prefix}{name}", "section | null", None, meaning)
        for member in members:
            yield from list_keys(member, f"{prefix}{name}.")


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain values: ``on`` and ``no`` are words (a key of ours, a class of yours), 5e-4 is a number."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what YAML 1.1 or ``_Loader`` would not read as a text, so that any reader gets it right."""


for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eE]))(?:[eE][-+]?\d+)?$"),
        list("-+.0123456789"),
    )


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, _Loader)  # a SafeLoader


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        values = _parse_yaml(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from None
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"{file}: expected sections of keys such as 'train: {{batch_size: 64}}'.")
    return values or {}


def _check_task(expected: str | None, found: object, file: Path) -> None:
    commands = {"gan": "acgan train", "classify": "acgan classify train"}
    if found != expected and found in commands and expected in commands:
        raise ConfigError(f"{file}: configures `{commands[str(found)]}`, not `{commands[expected]}`.")


def _parse_override(override: str) -> tuple[list[str], Any]:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: expected KEY=VALUE, as in --set train.batch_size=32.")
    try:
        return key.strip().split("."), _parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML: {error}") from None


def _precedence(override: tuple[list[str], Any]) -> tuple[int, bool]:
    """A section before its keys, and a kind before the keys that belong to it, in whatever order they were given."""
    path, _ = override
    is_kind = path[-1] == "kind"
    return len(path) - is_kind, not is_kind


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` wins; a section whose ``kind`` changes drops the keys of the kind it had."""
    if "kind" in over and base.get("kind") != over["kind"]:
        base = {}
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = _merge(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _sections(annotation: Any) -> list[type[BaseModel]]:
    """The section classes that an annotation admits; none for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) is typing.Annotated:
        return _sections(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [section for member in typing.get_args(annotation) for section in _sections(member)]
    return []


def _type_name(annotation: Any) -> str:
    """A type as a user would write it: ``int``, ``crop | pad``, ``list of str``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_name(arguments[0])
    if origin is typing.Literal:
        return " | ".join(str(argument) for argument in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_type_name(argument) for argument in arguments)
    if origin in (list, tuple):
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"{{{_type_name(arguments[0])}: {_type_name(arguments[1])}}}"
    if annotation is type(None):
        return "null"
    return str(getattr(annotation, "type_name", annotation.__name__))


def _kind(section: type[BaseModel]) -> str | None:
    """Of a section that is one of several kinds."""
    field = section.model_fields.get("kind")
    return _type_name(field.annotation) if field else None


@dataclass(frozen=True)
class _Place:
    """Where pydantic found a problem.

    Attributes:
        path: Our key, without the kinds that pydantic puts among the keys.
        sections: That may stand there, or of which a key does: of one kind where that is known.
        kinds: Those sections, of whatever kind.
    """

    path: list[str]
    sections: list[type[BaseModel]]
    kinds: list[type[BaseModel]]


def _locate(model: type[BaseModel], path: Sequence[Any]) -> _Place:
    sections = kinds = [model]
    kept: list[str] = []
    for part in path:
        fields = {name: info for section in sections for name, info in section.model_fields.items()}
        if part not in fields:
            chosen = [section for section in sections if _kind(section) == part]
            if chosen:
                sections = chosen
                continue
            return _Place([*kept, str(part)], sections, kinds)
        kept.append(str(part))
        inner = _sections(fields[part].annotation)
        if not inner:
            break
        sections = kinds = inner
    return _Place(kept, sections, kinds)


def _explain(model: type[BaseModel], problem: Any) -> str:
    """One of pydantic's problems in a line: our key, what was found, what was expected."""
    place, found = _locate(model, problem["loc"]), problem["input"]
    dotted, kinds = ".".join(place.path), [kind for kind in map(_kind, place.kinds) if kind]
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
    """What was expected, in words, and names that may have been meant; ``kinds`` are those of the section."""
    found = problem["input"]
    if problem["type"] in ("model_type", "model_attributes_type"):
        if not kinds:
            return "expected a section of keys, as in {key: value}", ()
        # The short form that users try: a kind's name alone.
        kind, others = (found, ()) if found in kinds else (kinds[0], kinds)
        return f"expected a section of keys, as in {{kind: {kind}}}, of kind {', '.join(kinds)}", others
    if problem["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        return f"expected one of {', '.join(choices)}", choices
    if problem["type"] == "too_short":
        return f"expected {problem['ctx']['min_length']} or more in the list", ()
    return str(problem["msg"]).removeprefix("Value error, ").rstrip("."), ()


def _explain_unknown(model: type[BaseModel], place: _Place) -> str:
    """A key that is not there, or not in a section of this kind."""
    dotted, key = ".".join(place.path), place.path[-1]
    owners = [kind for section in place.kinds if key in section.model_fields and (kind := _kind(section))]
    if owners and len(place.sections) == 1:
        return f"unknown key {dotted} for kind {_kind(place.sections[0])}; it belongs to {', '.join(owners)}."
    hint = did_you_mean(key, [name for section in place.sections for name in section.model_fields])
    task = model.model_fields["task"].default if "task" in model.model_fields else "gan"
    option = " --classify" if task == "classify" else ""
    return f"unknown key {dotted}.{hint} `acgan config{option}` lists all keys."

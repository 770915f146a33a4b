"""Configurations from files and options, and back: merge, validate, compare."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from acgan.config.base import Points, fields_of
from acgan.config.earlier import with_shares
from acgan.config.explaining import explain, own_part
from acgan.config.recipes import COMMANDS, CONFIG_FILE
from acgan.errors import ConfigError, UnregisteredError
from acgan.own_parts import OwnPart, recorded_parts

Config = TypeVar("Config", bound=BaseModel)


def load(model: type[Config], file: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Merge defaults < file < overrides and validate.

    Args:
        model: The configuration's class.
        file: A YAML file, or None for the defaults.
        overrides: ``KEY=VALUE`` texts, the key dotted, the value as in YAML.

    Raises:
        ConfigError: Naming the file or option, the key, what was found and what was expected; an
            ``UnregisteredError`` where the file is that of a run that has parts of a script.
    """
    parts: Mapping[str, OwnPart] = {}
    values = model.model_construct().model_dump(mode="json")  # defaults alone need not be valid
    if file is not None:
        given = _read_yaml(file)
        if file.name == CONFIG_FILE:
            given, parts = with_shares(given), recorded_parts(file.parent)
        _check_task(values.get("task"), given.get("task", "gan"), file)
        values = _merge(values, given)
    changes = [_parse_override(override) for override in overrides]
    tables = set(_tables(model))
    for path, value in sorted(changes, key=_precedence):
        if tuple(path) in tables:  # a given table replaces the whole table
            values = _merge(values, _nested(path, None))
        values = _merge(values, _nested(path, value))
    where = " and ".join([str(file)] * (file is not None) + ["--set"] * bool(overrides)) or "configuration"
    return _validate(model, values, where, parts)


def restore(
    model: type[Config], values: Mapping[str, Any], where: str, parts: Mapping[str, OwnPart] | None = None
) -> Config:
    """The configuration of a run from its plain values; errors are those of ``load``.

    Args:
        model: The configuration's class.
        values: Plain values.
        where: Their origin, for errors.
        parts: Parts by key that a script registered.
    """
    return _validate(model, with_shares(values), where, parts or {})


def schedules(config: BaseModel) -> dict[str, Points]:
    """Dotted keys that follow a schedule, with its points."""
    found: dict[str, Points] = {}
    for name in fields_of(type(config)):
        value = getattr(config, name, None)
        if isinstance(value, Points):
            found[name] = value
        elif isinstance(value, BaseModel):
            found |= {f"{name}.{key}": points for key, points in schedules(value).items()}
    return found


def _validate(
    model: type[Config], values: Mapping[str, Any], where: str, parts: Mapping[str, OwnPart]
) -> Config:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines, scripts = [], []
        for problem in error.errors():
            part = own_part(model, problem, parts)
            lines.append(f"{where}: {explain(model, problem, part)}")
            scripts += [part.script] if part is not None else []
        text = "\n".join(lines)
        raise (UnregisteredError(text, *scripts) if scripts else ConfigError(text)) from None


def to_yaml(config: BaseModel) -> str:
    """A configuration as YAML."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def diff(old: BaseModel, new: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ, dotted, each with (old, new); a key that one side lacks counts as None."""
    before, after = (dict(_flatten(config.model_dump(mode="json"))) for config in (old, new))
    keys = dict.fromkeys([*before, *after])
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def value_of(config: BaseModel, key: str) -> Any:
    """The value of a dotted key; None if the configuration has no such key."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name, None)
    return value


def with_values(config: Config, changes: Mapping[str, Any]) -> Config:
    """A configuration with other values of some dotted keys, which it has."""
    for key, value in changes.items():
        name, _, rest = key.partition(".")
        inner = with_values(getattr(config, name), {rest: value}) if rest else value
        config = config.model_copy(update={name: inner})
    return config


def is_harmless(key: str, allowed: Sequence[str]) -> bool:
    """True if a key is among those allowed: names of keys, or prefixes of sections that end with a dot."""
    return any(key == name or (name.endswith(".") and key.startswith(name)) for name in allowed)


class _Loader(yaml.SafeLoader):
    """Reads plain values as in YAML 1.2: ``on`` and ``no`` are words, 5e-4 is a number.

    Whole numbers are decimal. YAML 1.1 makes 8 of 010, 90 of 1:30, and a date of 2020-01-01: here they are texts, as
    the names of class folders may be. A key that is there twice is an error: one of its values would be lost.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.removeprefix("tag:yaml.org,2002:") not in ("bool", "float", "int", "timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9](?:_?\d)*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that YAML 1.1 or ``_Loader`` would read as something else."""


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
    if found != expected and found in COMMANDS and expected in COMMANDS:
        raise ConfigError(f"{file}: configures `{COMMANDS[str(found)]}`, not `{COMMANDS[expected]}`.")


def _parse_override(override: str) -> tuple[list[str], Any]:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: expected KEY=VALUE, as in --set train.batch_size=32.")
    try:
        return key.strip().split("."), _parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML: {error}") from None


def _precedence(override: tuple[list[str], Any]) -> tuple[int, bool]:
    """Sort key: a section comes before its keys, and a kind before the keys that belong to it."""
    path, _ = override
    is_kind = path[-1] == "kind"
    return len(path) - is_kind, not is_kind


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two tables, ``over`` first; a section whose ``kind`` changes loses the keys of the old kind."""
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


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _tables(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of the keys whose values are tables with the user's own keys."""
    for name, field in fields_of(model).items():
        for member in (field.annotation, *get_args(field.annotation)):
            if get_origin(member) is dict:
                yield (*prefix, name)
            elif isinstance(member, type) and issubclass(member, BaseModel):
                yield from _tables(member, (*prefix, name))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:  # an empty table is a value
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

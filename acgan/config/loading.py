"""Configurations from files and options, and back: merge, validate, compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from acgan.config.base import Points, fields_of
from acgan.config.earlier import with_shares
from acgan.config.explaining import explain, is_of_one_value, key_path, no_section, own_part
from acgan.config.listing import is_section, sections_of, takes_null
from acgan.config.reading import MAX_DEPTH, dump, parse, read
from acgan.config.recipes import COMMANDS, CONFIG_FILE
from acgan.errors import ConfigError, UnregisteredError
from acgan.own_parts import OwnPart, recorded_parts

Config = TypeVar("Config", bound=BaseModel)
_SHOWN = 80  # characters of an option in errors


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
    origins = _Origins(file, bool(overrides))
    values = model.model_construct().model_dump(mode="json")  # defaults alone need not be valid
    if file is not None:
        given, origins.lines = read(file)
        if file.name == CONFIG_FILE:
            given, parts = with_shares(given), recorded_parts(file.parent)
        _check_task(values.get("task"), given.get("task", "gan"), file)
        _check_sections(model, given, origins)
        values = _merge(values, given)
        if overrides:
            _check_own(model, values, origins, parts)
    tables = set(_tables(model))
    for path, value in sorted(map(_parse_override, overrides), key=_precedence):
        change = _nested(path, value)
        origins.add(change)
        _check_sections(model, change, origins)
        if tuple(path) in tables:  # a given table replaces the whole table
            values = _merge(values, _nested(path, None))
        values = _merge(values, change)
    return _validate(model, values, origins, parts)


def changed_keys(overrides: Sequence[str]) -> set[str]:
    """Dotted keys that ``KEY=VALUE`` texts change, a section's own ones included."""
    changes = (_nested(*_parse_override(override)) for override in overrides)
    return {".".join(path) for change in changes for path in _paths(change)}


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
    return _validate(model, with_shares(values), _Origins(where, False), parts or {})


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
    model: type[Config], values: Mapping[str, Any], origins: _Origins, parts: Mapping[str, OwnPart]
) -> Config:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _refusal(model, error.errors(), origins, parts) from None


def _check_own(
    model: type[BaseModel], values: Mapping[str, Any], origins: _Origins, parts: Mapping[str, OwnPart]
) -> None:
    """Refuse unknown keys and values of a file itself, which options that replace a section or a kind would hide.

    What does not fit together in the file may be made to fit by an option, and a part that a script registers may be
    replaced by one.
    """
    try:
        model.model_validate(values)
    except ValidationError as error:
        own = [
            problem
            for problem in error.errors()
            if is_of_one_value(model, problem)
            and origins.is_in_file(key_path(model, problem))
            and own_part(model, problem, parts) is None
        ]
        if own:
            raise _refusal(model, own, origins, parts) from None


def _refusal(
    model: type[BaseModel], problems: Sequence[Any], origins: _Origins, parts: Mapping[str, OwnPart]
) -> ConfigError:
    """The error that tells pydantic's problems, a line each."""
    lines, scripts = [], []
    for problem in problems:
        part = own_part(model, problem, parts)
        lines.append(f"{origins.of(key_path(model, problem))}: {explain(model, problem, part)}")
        scripts += [part.script] if part is not None else []
    text = "\n".join(lines)
    return UnregisteredError(text, *scripts) if scripts else ConfigError(text)


def to_yaml(config: BaseModel) -> str:
    """A configuration as YAML."""
    return dump(config.model_dump(mode="json"))


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


def _check_task(expected: str | None, found: object, file: Path) -> None:
    if found != expected and isinstance(found, str) and found in COMMANDS and expected in COMMANDS:
        raise ConfigError(f"{file}: configures `{COMMANDS[found]}`, not `{COMMANDS[expected]}`.")


class _Origins:
    """Origins of the values, for errors: the lines of a file, and options."""

    def __init__(self, file: Path | str | None, has_options: bool):
        self._file = file
        self._all = " and ".join([str(file)] * (file is not None) + ["--set"] * has_options)
        self._options = set[tuple[str, ...]]()
        self.lines: Mapping[tuple[str, ...], int] = {}

    def add(self, change: Mapping[str, Any]) -> None:
        """Note the keys of an option."""
        self._options |= set(_paths(change))

    def is_in_file(self, path: Sequence[str]) -> bool:
        """True if the file itself has that key."""
        return tuple(path) in self.lines

    def of(self, path: Sequence[str]) -> str:
        """The option, or the file with its line, that the value of a key is from; all of them if it is not known."""
        for end in range(len(path), 0, -1):
            key = tuple(path[:end])
            if key in self._options:
                return "--set"
            if key in self.lines:
                return f"{self._file}: line {self.lines[key]}"
        return self._all or "configuration"


def _paths(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from _paths(value, (*path, key))


def _check_sections(
    model: type[BaseModel], values: Mapping[str, Any], origins: _Origins, path: tuple[str, ...] = ()
) -> None:
    """Refuse a plain value in the place of a section: keys that are merged into it later would hide it.

    ``null`` is a value of a section that can be off; of another one it is refused here too.
    """
    for key, value in values.items():
        field = fields_of(model).get(key)
        sections = sections_of(field.annotation, field.metadata) if field is not None else []
        own = (*path, key)
        if isinstance(value, Mapping):
            for section in sections:
                _check_sections(section, value, origins, own)
        elif field is not None and sections and not (value is None and _can_be_off(field)):
            raise ConfigError(f"{origins.of(own)}: {no_section('.'.join(own), sections, value)}")


def _can_be_off(field: FieldInfo) -> bool:
    """True for a section that null switches off; one of a script's is off unless it is given."""
    return takes_null(field.annotation) or field.default is None


def _parse_override(override: str) -> tuple[list[str], Any]:
    shown = override if len(override) <= _SHOWN else f"{override[:_SHOWN]}…"
    # KEY: VALUE is what error messages have.
    sign = min(("=", ": "), key=lambda sign: override.find(sign) % (len(override) + 1))
    key, found, text = override.partition(sign)
    path = key.strip().split(".")
    if not found or not all(path):
        raise ConfigError(f"--set {shown}: expected KEY=VALUE, as in --set train.batch_size=32.")
    if len(path) > MAX_DEPTH:
        raise ConfigError(f"--set {shown}: found a key of {len(path):,} parts; expected one that is listed.")
    return path, parse(text, f"--set {shown}").value


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
            elif is_section(member):
                yield from _tables(member, (*prefix, name))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:  # an empty table is a value
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

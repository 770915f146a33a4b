"""The command on a card of `benchmarks/gallery.py`: guessing it from a run, and checking that it makes the run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acgan import api
from acgan.cli.train import command as train_command
from acgan.config import RunConfig, diff, load
from acgan.config.recipes import recipes
from acgan.data import data_name
from acgan.errors import ConfigError
from acgan.weights import STARTER

#: Keys that are not compared: paths on a machine, which the command names in another way, and the description.
_NOT_COMPARED = ("data.source", "data.root", "description")
#: Strings that YAML reads as strings.
_PLAIN = re.compile(r"(?!(?:null|true|false|yes|no|on|off)$)[a-z][a-z_]*")
_ABSOLUTE = re.compile(r"""(?:^|[=:,\[{\s"'])(?:[/~\\]|[A-Za-z]:[\\/])""")


def read_command(text: str) -> tuple[str, RunConfig, dict[str, Any]]:
    """The recipe in a command, the configuration that it gives, and its options."""
    example = "expected a command as `acgan train mnist --data mnist:ROOT`"
    if _ABSOLUTE.search(text):
        raise ConfigError(f"--command: found {text!r}, with a path of one machine; {example}.")
    try:
        words = shlex.split(text)
        start = words.index("acgan") + 1
    except ValueError:  # quotes without an end, or no such word
        raise ConfigError(f"--command: found {text!r}; {example}.") from None
    if words[start : start + 1] != ["train"]:
        raise ConfigError(f"--command: found {text!r}; {example}.")
    options = train_command.make_context("acgan train", words[start + 1 :]).params
    recipe = options["config"] or ("folder" if options["data"] else "digits")
    if recipe not in recipes():
        raise ConfigError(
            f"--command: found {recipe!r}; expected one of {', '.join(recipes())}, and what differs as --set."
        )
    config, _ = api.resolve_config(recipe, options["data"], options["overrides"])
    return recipe, config, options


def likely_command(config: RunConfig) -> str:
    """A command that gives a configuration, from the recipe nearest to it."""
    config = _anywhere(config)
    known = {name: load(RunConfig, file) for name, file in recipes().items()}
    recipe = min(known, key=lambda name: len(_changes(known[name], config)))
    words, source = ["acgan", "train", recipe], config.data.source
    if source != known[recipe].data.source:
        name, colon, _ = source.partition(":")
        words += ["--data", f"{name}:ROOT" if colon and data_name(source) == name else Path(source).name]
    settings = [_setting(config, key) for key in _changes(known[recipe], config)]
    settings = list(dict.fromkeys(setting for setting in settings if setting))
    for setting in tuple(settings):  # leave out settings that follow from others, as a kind's own defaults
        fewer = [other for other in settings if other != setting]
        if _gives(recipe, fewer, config):
            settings = fewer
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def _gives(recipe: str, settings: Sequence[str], config: RunConfig) -> bool:
    try:
        return not _changes(load(RunConfig, recipes()[recipe], settings), config)
    except ConfigError:  # a key of the kind that is left out
        return False


def _setting(config: RunConfig, key: str) -> str:
    """The ``--set`` that gives a key its value, or sets its section to null."""
    value, path = config.model_dump(mode="json"), key.split(".")
    for depth, part in enumerate(path, start=1):
        if part not in value:  # the section is of another kind: setting its kind is enough
            return ""
        value = value[part]
        if value is None:
            return f"{'.'.join(path[:depth])}=null"
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value)
    return f"{key}={value if is_plain else json.dumps(value)}"


def _changes(old: RunConfig, new: RunConfig) -> dict[str, tuple[Any, Any]]:
    old, new = _anywhere(old), _anywhere(new)
    return {key: values for key, values in diff(old, new).items() if key not in _NOT_COMPARED}


def _anywhere(config: RunConfig) -> RunConfig:
    """A configuration without the path of its extractor: only the name stays."""
    extractor = config.evaluate.extractor
    if extractor is None:
        return config
    named = config.evaluate.model_copy(update={"extractor": Path(extractor).name})
    return config.model_copy(update={"evaluate": named})


def check_command(text: str, config: RunConfig, origin: Mapping[str, Any]) -> tuple[str, RunConfig]:
    """The recipe and configuration of a command.

    Raises:
        ConfigError: If the command does not make the run.
    """
    recipe, given, options = read_command(text)
    differing = _changes(given, config)
    if config.seed in (options["seeds"] or ()):
        differing.pop("seed", None)
    lines = [
        f"{key}: {ours} in the command, {theirs} in the run" for key, (ours, theirs) in differing.items()
    ]
    data = data_name(given.data.source)
    if data != origin["data"]:
        lines.append(f"data: {data} in the command, {origin['data']} in the run")
    start = origin["init_from"]
    if given.model.starter and start and start["path"] == STARTER:
        start = None  # the recipe takes it without being asked
    if bool(options["init_from"]) != bool(start):
        lines.append(f"--init-from: {options['init_from']} in the command, {start} in the run")
    if lines:
        raise ConfigError(f"--command: {text!r} does not make this run: {'; '.join(lines)}.")
    return recipe, given

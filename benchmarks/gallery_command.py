"""The command that makes a run: what `benchmarks/gallery.py` writes on a card, once it is found to be true."""

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

#: Not compared: where things lie on a machine, which the command tells in its own words, and what changes nothing.
_NOT_COMPARED = ("data.source", "data.root", "description")
#: Texts that YAML reads as such.
_PLAIN = re.compile(r"(?!(?:null|true|false|yes|no|on|off)$)[a-z][a-z_]*")
_ABSOLUTE = re.compile(r"""(?:^|[=:,\[{\s"'])(?:[/~\\]|[A-Za-z]:[\\/])""")


def read_command(text: str) -> tuple[str, RunConfig, dict[str, Any]]:
    """The recipe that a command names, the configuration that it gives, and its options."""
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
    """The command that gives a configuration, by the recipe that is nearest to it."""
    config = _anywhere(config)
    known = {name: load(RunConfig, file) for name, file in recipes().items()}
    recipe = min(known, key=lambda name: len(_changes(known[name], config)))
    words, source = ["acgan", "train", recipe], config.data.source
    if source != known[recipe].data.source:
        name, colon, _ = source.partition(":")
        words += ["--data", f"{name}:ROOT" if colon and data_name(source) == name else Path(source).name]
    settings = [_setting(config, key) for key in _changes(known[recipe], config)]
    settings = list(dict.fromkeys(setting for setting in settings if setting))
    for setting in tuple(settings):  # another kind of section brings its own defaults
        fewer = [other for other in settings if other != setting]
        if _gives(recipe, fewer, config):
            settings = fewer
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def _gives(recipe: str, settings: Sequence[str], config: RunConfig) -> bool:
    try:
        return not _changes(load(RunConfig, recipes()[recipe], settings), config)
    except ConfigError:  # what belongs to the kind that is left out
        return False


def _setting(config: RunConfig, key: str) -> str:
    """What ``--set`` takes to bring a key to a configuration's value: of the key, or of a section that is null."""
    value, path = config.model_dump(mode="json"), key.split(".")
    for depth, part in enumerate(path, start=1):
        if part not in value:  # of another kind of section, whose kind says it all
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
    """With the name alone of a classifier that lies somewhere on a machine."""
    extractor = config.evaluate.extractor
    if extractor is None:
        return config
    named = config.evaluate.model_copy(update={"extractor": Path(extractor).name})
    return config.model_copy(update={"evaluate": named})


def check_command(text: str, config: RunConfig, origin: Mapping[str, Any]) -> tuple[str, RunConfig]:
    """The recipe and configuration of a command, which is refused where it does not make the run."""
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
    if bool(options["init_from"]) != bool(origin["init_from"]):
        lines.append(f"--init-from: {options['init_from']} in the command, {origin['init_from']} in the run")
    if lines:
        raise ConfigError(f"--command: {text!r} does not make this run: {'; '.join(lines)}.")
    return recipe, given

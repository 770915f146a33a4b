"""YAML as people write it: text to plain values, with the line of each key, within bounds.

Plain values are read as in YAML 1.2: ``on`` and ``no`` are words, 5e-4 is a number. Whole numbers are decimal. YAML 1.1
makes 8 of 010, 90 of 1:30, and a date of 2020-01-01: here they are texts, as the names of class folders may be. A key
is the text that stands there, and stands there once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from acgan.errors import ConfigError
from acgan.showing import shown_lines

#: Bounds of a document, far above any configuration: twenty thousand classes fit in.
MAX_CHARACTERS, MAX_VALUES, MAX_DEPTH, MAX_DIGITS = 1_000_000, 50_000, 20, 40

_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[-+]?(?:0|[1-9](?:_?\d)*)$")
_BROKEN = re.compile(r"[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eE]))(?:[eE][-+]?\d+)?$")
_TRUTH = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")
_NOTHING = re.compile(r"(?:~|null|Null|NULL|)$")
#: What a value with a tag must look like, and that in words.
_FORMS = {
    f"{_TAG}int": (_WHOLE, "a whole number"),
    f"{_TAG}float": (re.compile(f"{_BROKEN.pattern}|{_WHOLE.pattern}"), "a number"),
    f"{_TAG}bool": (_TRUTH, "true or false"),
    f"{_TAG}null": (_NOTHING, "null"),
    f"{_TAG}str": (re.compile(""), "a text"),
}
_MERGE = f"{_TAG}merge"
_KINDS = {yaml.ScalarNode: "a value", yaml.SequenceNode: "a list", yaml.MappingNode: "a table of keys"}


@dataclass(frozen=True)
class Document:
    """A text that was read: its value, and the line of each key by its path."""

    value: Any
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)


def parse(text: str, where: str, *, in_file: bool = False) -> Document:
    """Read a YAML text.

    Args:
        text: The text.
        where: Its file or option, for errors.
        in_file: Errors tell the line, too.

    Raises:
        ConfigError: For what is no YAML, and for what no configuration holds, with the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(
            f"{where}: found {len(text):,} characters; expected {MAX_CHARACTERS:,} or fewer in a configuration."
        )

    def at(line: int) -> str:
        return f"{where}: line {line}" if in_file else where

    try:
        loader = _Loader(text)  # looks at each character
        root = loader.get_single_node()
        if root is None:
            return Document(None)
        lines = dict[tuple[str, ...], int]()
        _note_lines(root, (), lines)
        return Document(loader.construct_document(root), lines)
    except _FoundError as error:
        raise ConfigError(f"{at(error.line)}: {error}.") from None
    except yaml.reader.ReaderError as error:
        place = at(text.count("\n", 0, error.position) + 1)
        found = f"the character {error.character:#06x}"
        raise ConfigError(f"{place}: not valid YAML: found {found}, which no text may have.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = at(mark.line + 1) if mark is not None else where
        raise ConfigError(f"{place}: not valid YAML: {error.problem or error.context}.") from None
    except (ValueError, OverflowError) as error:  # an escape of a character that there is not
        raise ConfigError(f"{where}: not valid YAML: {error}.") from None


def read(file: Path) -> tuple[dict[str, Any], Mapping[tuple[str, ...], int]]:
    """The table of keys in a file, and their lines.

    Raises:
        ConfigError: Naming the file, and the line where there is one.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(4 * MAX_CHARACTERS + 4)  # no more of an endless file
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror or error}); expected a YAML file."
        ) from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(
            f"{file}: not valid YAML: found UTF-16; expected text in UTF-8. Save it anew as UTF-8."
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file}: line {line}: not valid YAML: found the byte {content[error.start]:#04x}; expected text in UTF-8."
        ) from None
    document = parse(text, str(file), in_file=True)
    expected = "expected sections of keys such as 'train: {batch_size: 64}'"
    if document.value is None:
        raise ConfigError(f"{file}: found no keys; {expected}. If it was not cut off: {{}} is all defaults.")
    if not isinstance(document.value, dict):
        found = "a list" if isinstance(document.value, list) else repr(document.value)[:40]
        raise ConfigError(f"{file}: found {found}; {expected}.")
    return document.value, document.lines


class _FoundError(Exception):
    """Finding, at a line, that no configuration holds."""

    def __init__(self, found: str, mark: Any):
        self.line = mark.line + 1
        super().__init__(found)


class _Loader(yaml.SafeLoader):
    """Checks each part of a document as soon as it is read.

    An alias counts as all that it stands for, so that a few lines cannot unfold to billions of values.
    """

    def __init__(self, text: str):
        super().__init__(text)
        self._depth = 0
        self._open = set[str]()  # anchors whose part is not read to its end
        self._sizes = dict[int, tuple[int, int]]()  # values and characters of each part by its id

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        is_alias, anchor = self.check_event(yaml.AliasEvent), event.anchor
        if is_alias and anchor in self._open:
            raise _FoundError(
                f"found *{anchor} within &{anchor} itself; expected an alias of another part",
                event.start_mark,
            )
        if self._depth == MAX_DEPTH:
            raise _FoundError(f"found more than {MAX_DEPTH} levels; expected fewer", event.start_mark)
        opened = {anchor} if anchor is not None and not is_alias else set[str]()
        self._open |= opened
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._open -= opened
        if not is_alias:
            self._sizes[id(node)] = self._size(node)
        return node

    def _size(self, node: Any) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, len(node.value)
        parts = (
            node.value
            if isinstance(node, yaml.SequenceNode)
            else [one for pair in node.value for one in pair]
        )
        sizes = [self._sizes[id(part)] for part in parts]
        values, characters = 1 + sum(size for size, _ in sizes), sum(size for _, size in sizes)
        for found, bound, what in (
            (values, MAX_VALUES, "values"),
            (characters, MAX_CHARACTERS, "characters"),
        ):
            if found > bound:
                raise _FoundError(
                    f"found {found:,} {what}, each alias written out; expected {bound:,} or fewer",
                    node.start_mark,
                )
        return values, characters

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        shown = _shown(node.value)
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in node.value):
            raise _FoundError(f"found {shown}, with a character that no text may have", node.start_mark)
        if node.tag == _MERGE:
            return node
        form, words = _FORMS.get(node.tag, (None, ""))
        if form is None:
            raise _bad_tag(node)
        if not form.match(node.value):
            raise _FoundError(f"found {shown} with a tag; expected {words}", node.start_mark)
        if node.tag in (f"{_TAG}int", f"{_TAG}float"):
            _check_number(node, shown)
        return node

    def compose_sequence_node(self, anchor: Any) -> Any:
        node = super().compose_sequence_node(anchor)
        if node.tag != f"{_TAG}seq":
            raise _bad_tag(node)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        if node.tag != f"{_TAG}map":
            raise _bad_tag(node)
        first = dict[str, int]()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _FoundError(f"found {_KINDS[type(key)]} as a key; expected a name", key.start_mark)
            if key.value in first:
                raise _FoundError(
                    f"the key {_shown(key.value)} is there twice, first in line {first[key.value]}; expected it once",
                    key.start_mark,
                )
            first[key.value] = key.start_mark.line + 1
        # An alias may stand for the key and for a value elsewhere, whose tag stays.
        node.value = [
            (key if key.tag == _MERGE else yaml.ScalarNode(f"{_TAG}str", key.value, key.start_mark), value)
            for key, value in node.value
        ]
        for key, _ in node.value:
            self._sizes[id(key)] = 1, len(key.value)
        return node


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_DIGITS else f"{text[:MAX_DIGITS]}…")


def _bad_tag(node: Any) -> _FoundError:
    return _FoundError(
        f"not valid YAML: found the tag {node.tag.replace(_TAG, '!!')[:80]}; expected values without tags",
        node.start_mark,
    )


def _check_number(node: Any, shown: str) -> None:
    if len(node.value) > MAX_DIGITS:
        raise _FoundError(
            f"found a number of {len(node.value):,} characters; expected {MAX_DIGITS} or fewer",
            node.start_mark,
        )
    if not math.isfinite(float(node.value.replace("_", ""))):
        raise _FoundError(f"found {shown}, too large for a number; expected a finite one", node.start_mark)


def _note_lines(node: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    """Note the line of each key; keys that a merge brings stand elsewhere."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            own = (*path, key.value)
            lines[own] = key.start_mark.line + 1
            _note_lines(value, own, lines)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that YAML 1.1 or ``_Loader`` would read as something else, and those that need escapes."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(f"{_TAG}str", text, style=None if shown_lines(text) == text else '"')


def dump(values: Any) -> str:
    """Plain values as YAML, from which ``parse`` reads them again."""
    return shown_lines(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


_Dumper.add_representer(str, _represent_text)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.removeprefix(_TAG) not in ("bool", "float", "int", "timestamp", "value")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}int", _WHOLE, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}bool", _TRUTH, list("tTfF"))
for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(f"{_TAG}float", _BROKEN, list("-+.0123456789"))

"""Configurations at random, from the shipped recipes: whatever they are, the answer is quick and plain."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from fuzzing import acgan, answers, counted, places
from hypothesis import strategies as st

from acgan.config.recipes import recipes

RECIPES = {
    (task, name): (file.read_text(encoding="utf-8"), yaml.safe_load(file.read_text(encoding="utf-8")))
    for task in ("gan", "classify")
    for name, file in recipes(task).items()
}
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 17, 2**31, 2**32, 2**63, 10**39, -(2**63), 0.5, -0.0, 1e-300, 1e300),
    *(
        float("inf"),
        float("nan"),
        "",
        " ",
        "x",
        "null",
        "1e5",
        "5e-4",
        ".inf",
        "2026-13-45",
        "adc",
        "resnet",
        "kind",
    ),
    *(
        [],
        {},
        [[]],
        [1, 2],
        [[0, 1], [1, 2]],
        [None],
        {"kind": "resnet"},
        {"kind": ["a"]},
        {"kind": {}},
        {"": 1},
    ),
    *({1: 2}, {None: 3}, {True: {0.5: []}}, "\x85", "é", "\u202e", "x" * 5000, "(", "*", "a: b", "#"),
]
PIECES = [
    *(
        ":",
        " ",
        "\n",
        "\t",
        "- ",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "<<: ",
        "<<: *a",
        "!!int ",
        "!mine ",
    ),
    *(
        "!!python/name:os ",
        "!!timestamp ",
        "---\n",
        "...\n",
        "%YAML 9\n",
        "|",
        ">",
        "'",
        '"',
        '"\\x00"',
        "\0",
        "\ufeff",
    ),
    *(
        "@",
        "`",
        "7" * 5000,
        "~",
        "=",
        "[" * 100,
        "{a: " * 100,
        "a: &a [*a]\n",
        "\ud800",
        "kind: ",
        "train: ",
        "0x1F",
    ),
    *("1:30", "-", "2026-13-45"),
]
NAMES = [one for one in ODD if not isinstance(one, (list, dict))]
values = st.one_of(
    st.sampled_from(ODD),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.recursive(
        st.sampled_from(ODD[:24]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """A task, the text of a recipe with a few changes, and texts for ``--set``."""
    task, name = draw(st.sampled_from(sorted(RECIPES)))
    text, plain = RECIPES[(task, name)]
    plain = copy.deepcopy(plain)
    found = places(plain)
    for _ in range(draw(st.integers(0, 3))):
        *path, key = draw(st.sampled_from(found))
        table = plain
        for part in path:
            table = table.get(part) if isinstance(table, dict) else None
        if not isinstance(table, dict) or key not in table:
            continue
        change = draw(st.sampled_from(["value", "delete", "nest", "unnest", "key", "deep"]))
        if change == "value":
            table[key] = draw(values)
        elif change == "delete":
            del table[key]
        elif change == "nest":
            table[key] = {draw(st.sampled_from([key, "kind", "x"])): table[key]}
        elif change == "unnest":
            table.update(table.pop(key) if isinstance(table[key], dict) else {})
        elif change == "key":
            table[draw(st.sampled_from([*NAMES, str(key)[:-1]]))] = table.pop(key)
        else:
            for _ in range(draw(st.sampled_from([5, 30, 200]))):
                table[key] = [table[key]]
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    for _ in range(draw(st.integers(0, 2))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        if draw(st.booleans()):  # duplicate a line
            lines.insert(at, lines[at])
        else:
            column = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:column] + draw(st.sampled_from(PIECES)) + lines[at][column:]
        text = "\n".join(lines)
    options = []
    for _ in range(draw(st.integers(0, 3))):
        key = ".".join(map(str, draw(st.sampled_from(found))))
        key = draw(st.sampled_from([key, key, key, f"{key}.kind", f"{key}.x", key[:-1], "", "a.b"]))
        value = draw(
            values.map(
                lambda one: yaml.safe_dump(one, default_flow_style=True, allow_unicode=True).removesuffix(
                    "...\n"
                )
            )
            | st.sampled_from(PIECES)
        )
        options.append(f"{key}={value}" if draw(st.integers(0, 9)) else value)
    return task, text, options


def _check(case: tuple[str, str, list[str]], folder: Path) -> None:
    task, text, options = case
    file = folder / "mine.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    command = ["train"] if task == "gan" else ["classify", "train"]
    arguments = [*command, str(file), "--print-config", *(word for one in options for word in ("--set", one))]
    result = acgan(*arguments)
    if result.exit_code == 0:  # what is printed is the configuration
        file.write_text(result.stdout, encoding="utf-8")
        assert acgan(*command, str(file), "--print-config").stdout == result.stdout


@counted
def test_odd_configurations_are_answered(count: int, tmp_path: Path) -> None:
    answers(documents(), lambda case: _check(case, tmp_path), count)

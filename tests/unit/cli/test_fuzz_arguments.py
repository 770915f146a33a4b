"""Arguments of every command at random, from the command's own parameters, in a folder with nothing in it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from every_command import LEAVES
from fuzzing import acgan, answers, counted
from hypothesis import strategies as st

#: What each command's line ends with where its arguments may all be right, so that nothing long begins.
STOPS = {
    "train": ["--data", "missing/pictures"],
    "classify train": ["--data", "missing/pictures"],
    "benchmark": ["--json", "missing/folder/out.json"],
    "doctor": ["--json", "missing/folder/out.json"],
    "sweep": ["--out", "missing.yaml/out", "--set", "recipe=missing.yaml"],
}
TEXTS = [
    *(
        "",
        " ",
        "x",
        "missing",
        "missing.json",
        "sub/missing.csv",
        "a,b",
        ",",
        "cat",
        "kid,recall",
        "paper",
        "-",
        "=",
    ),
    *(
        "é",
        "\u202e",
        "\x1b[2J",
        "a\nb",
        "x" * 300,
        "x" * 5000,
        "[",
        "a=b",
        "seed=1",
        "train.total_nimg=0",
        "hf:",
        "%s",
    ),
    *(
        "--set",
        "-n",
        "*",
        "\\",
        "auto",
        "cpu",
        "tpu",
        "cuda:9",
        "best",
        "0,1,2",
        "0-3",
        "nan",
        "a.npz",
        "png",
    ),
]
NUMBERS = [
    "0",
    "1",
    "-1",
    "2",
    "0.5",
    "1.0",
    "1e3",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "1_000",
    "2k",
    str(2**63),
]
NUMBERS += ["9" * 5000, "٣", "1h", "90m", "5s", "1h30m", "-5s"]


def _bounds(kind: click.ParamType) -> list[str]:
    """Values at the bounds of a parameter, and beyond."""
    if isinstance(kind, click.Choice):
        return [str(choice) for choice in kind.choices] * 3
    ends = [getattr(kind, end, None) for end in ("min", "max")]
    return [str(end + step) for end in ends if end is not None for step in (-1, 0, 1)]


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command's name and arguments."""
    path, command = draw(st.sampled_from(sorted(LEAVES.items())))
    words = path.split()
    options = [one for one in command.params if isinstance(one, click.Option) and "--help" not in one.opts]
    for one in draw(st.lists(st.sampled_from(options), max_size=4)) if options else ():
        name = draw(st.sampled_from([*one.opts, *one.opts, *one.secondary_opts, one.opts[0][:-1]]))
        words.append(name)
        if not one.is_flag or draw(st.integers(0, 9)) == 0:
            words.append(draw(st.sampled_from([*_bounds(one.type) * 4, *TEXTS, *NUMBERS])))
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    for _ in range(draw(st.integers(0, len(arguments) + 1))):
        words.insert(
            draw(st.integers(len(path.split()), len(words))), draw(st.sampled_from([*TEXTS, *NUMBERS]))
        )
    if draw(st.integers(0, 19)) == 0:
        words = [
            draw(st.sampled_from(["--import", "--debugg", "", "é"])),
            draw(st.sampled_from(TEXTS)),
            *words,
        ]
    return [*words, *STOPS.get(path, [])]


@counted
def test_odd_arguments_are_answered(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answers(lines(), lambda words: acgan(*words) and None, count)


def test_every_command_is_among_them() -> None:
    assert len(LEAVES) > 14
    assert set(LEAVES) >= set(STOPS)

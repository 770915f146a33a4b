"""Completion in a shell: the script, and what it completes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from acgan.cli import main


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_a_script_for_each_shell(shell: str, word: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert word in result.output
    assert "_ACGAN_COMPLETE" in result.output


def test_another_shell_is_refused() -> None:
    result = CliRunner().invoke(main, ["completion", "cmd"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("acgan s", {"sample", "sweep"}),
        ("acgan sample --int", {"--interpolate"}),
        ("acgan data ", {"show", "pack"}),
    ],
)
def test_what_the_script_asks_for(words: str, expected: set[str]) -> None:
    """As the script does: the command line and the place in it are environment variables."""
    variables = {"_ACGAN_COMPLETE": "fish_complete", "COMP_WORDS": words, "COMP_CWORD": words.split(" ")[-1]}
    script = "import sys; from acgan.cli import main; sys.exit(main(prog_name='acgan'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected <= set(done.stdout.replace(",", "\n").replace("\t", "\n").split("\n")), done.stderr

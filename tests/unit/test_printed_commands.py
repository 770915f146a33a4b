"""Commands that are printed can be pasted: paths with spaces in them are quoted."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import acgan
from acgan.api.judging import classifier_command
from acgan.config import RunConfig
from acgan.config.recipes import find_recipe
from acgan.errors import ConfigError, UserError
from acgan.evaluation import read_scores

CODE = Path(acgan.__file__).parent
#: Values in commands that are no paths: options, and names of recipes, parts, networks and extras.
NO_PATHS = {
    "option",
    "config_option",
    "wanted",
    "part",
    "extra",
    "COMMANDS[task]",
    "COMMANDS[config.task]",
    "place",
    "INCEPTION",
    "knowing[0]",
}
QUOTED = re.compile(r"^(run_)?command(_on)?\(|_command\(|^shlex\.")


def _values_in_commands(text: ast.JoinedStr) -> Iterator[str]:
    """Code of the values that stand between the backticks of a command of acgan."""
    inside, typed = False, ""
    for part in text.values:
        if isinstance(part, ast.Constant):
            pieces = str(part.value).split("`")
            for number, piece in enumerate(pieces):
                inside = inside if number == 0 else not inside
                typed = typed + piece if number == 0 else piece
        elif (
            isinstance(part, ast.FormattedValue)
            and inside
            and (not typed or "acgan" in typed or "--" in typed)
        ):
            code = ast.unparse(part.value)
            typed += code
            if typed != code:
                yield code


def test_no_path_stands_in_a_command_as_it_is() -> None:
    found = [
        f"{file.relative_to(CODE)}:{node.lineno}: {code}"
        for file in sorted(CODE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for code in _values_in_commands(node)
        if code not in NO_PATHS and not QUOTED.search(code)
    ]
    assert found == []


def test_a_judge_of_pictures_in_a_folder_with_spaces() -> None:
    config = RunConfig.model_validate(
        {"data": {"source": "My Photos 2024/", "on_error": "skip", "resolution": 64}}
    )
    words = shlex.split(classifier_command(config, None))
    assert words[:5] == ["acgan", "classify", "train", "--data", "My Photos 2024/"]
    assert "data.on_error=skip" in words
    assert classifier_command(config, "more cats") == "acgan classify train --data 'more cats'"
    assert classifier_command(config, object()) == "acgan classify train --data SOURCE"


def test_errors_about_folders_with_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    folder.mkdir()
    with pytest.raises(UserError, match=re.escape(f"`acgan evaluate '{folder}'`")):
        read_scores(folder)
    with pytest.raises(ConfigError, match=re.escape(f"--data '{folder}'`")):
        find_recipe(str(folder))

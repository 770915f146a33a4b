"""``~`` is the home folder in whatever names a path: no shell expands it in ``--data=~/pictures``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from every_command import LEAVES

from acgan.cli import main
from acgan.cli.options import UserPath, expanded
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.loading import value_of
from acgan.errors import ConfigError

COMMANDS = {"": main, **LEAVES}
#: Texts that are no paths.
PLAIN = {
    *("--set", "--class", "--seeds", "--metrics", "--baseline", "--aux", "--freeze", "--slurm", "part"),
}
#: Sources of images, read by the function that reads those of trainings.
SOURCES = {"evaluate --data", "evaluate --train-data", "classify evaluate --data"}
LONG = "--dry-run"
#: Texts that are paths, or may be: a command that says what it found, and refuses, below the home folder.
LINES = {
    " --import": ["--import=~/x.py", "config"],
    "train config": ["train", "~/x.yaml"],
    "train --data": ["train", "--data=~/x", LONG],
    "fid a": ["fid", "~/x", "~/x", "--extractor=digits"],
    "fid b": ["fid", "~/x", "~/x", "--extractor=digits"],
    "classify train config": ["classify", "train", "~/x.yaml"],
    "classify train --backbone": ["classify", "train", "--backbone=discriminator:~/x", LONG],
    "classify train --synthetic": ["classify", "train", "--synthetic=~/x:3", LONG],
    "classify train --data": ["classify", "train", "--data=~/x", LONG],
    "data show source": ["data", "show", "~/x"],
    "data pack source": ["data", "pack", "~/x", "out.zip"],
    "config recipe": ["config", "~/x.yaml"],
    "sweep sweep": ["sweep", "~/x.yaml", "--out=~/out"],
    "benchmark recipe": ["benchmark", "train", "~/x.yaml"],
    "benchmark --data": ["benchmark", "train", "--data=~/x"],
}


def texts() -> dict[str, click.Parameter]:
    """Parameters of all commands whose type does not expand ``~`` and that take any text."""
    return {
        f"{name} {param.opts[0]}": param
        for name, command in COMMANDS.items()
        for param in command.params
        if not isinstance(param.type, UserPath)
        and param.callback is not expanded
        and param.opts[0] not in PLAIN
        and isinstance(param.type, type(click.STRING))
    }


def test_every_text_is_a_path_that_is_tested_or_none() -> None:
    assert set(texts()) == {*LINES, *SOURCES}
    assert not [
        name
        for name, command in COMMANDS.items()
        for param in command.params
        if isinstance(param.type, click.Path) and not isinstance(param.type, UserPath)
    ]


@pytest.mark.parametrize("parameter", LINES)
def test_a_text_below_the_home_folder(
    parameter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x.yaml").write_text("[1]")
    (tmp_path / "x.py").write_text("raise RuntimeError('reached')")
    result = CliRunner().invoke(main, LINES[parameter])
    assert result.exit_code == 1, result.output
    assert str(tmp_path / "x") in result.stderr


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        (RunConfig, {}),
        (ClassifierConfig, {"model.backbone": "{kind: torchvision}", "synthetic": "{run: x}"}),
        (ClassifierConfig, {"model.backbone": "{kind: discriminator, run: x}", "synthetic": "{run: x}"}),
    ],
)
def test_keys_of_configurations(
    model: type[RunConfig | ClassifierConfig], overrides: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    settings = [f"{key}={value}" for key, value in overrides.items()]
    seen = 0
    for key in model.paths:
        try:
            config = load(model, None, [*settings, f"{key}=~/x"])
        except ConfigError:  # of another backbone
            continue
        assert value_of(config, key) == "/home/somebody/x"
        seen += 1
    assert seen >= len(model.paths) - 1

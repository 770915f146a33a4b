"""Classes and files whose names would steer a terminal: each command shows them with escapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from fid_cli_helpers import pictures
from run_helpers import acgan, sets, train_args
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

NAMES = ("\x1b[31mred\x07", "a\u202eb", "日本")
SHOWN = (r"\x1b[31mred\x07", r"a\u202eb", "日本")
BROKEN = "日本/\x1b]0;bad\x07\n\u202e.png"
BROKEN_SHOWN = r"日本/\x1b]0;bad\x07\n\u202e.png"
SKIP = {"data.on_error": "skip"}
SHORT = {
    **SKIP,
    "data.source": "digits",
    "data.resolution": 16,
    "data.channels": 3,
    "data.test_share": 0.5,
    "train.total_nimg": 16,
    "monitor.num_per_class": 0,
}


def _check(output: str, *expected: str) -> None:
    assert not set("\x1b\x07\u202e") & set(output), ascii(output)
    for name in expected:
        assert name in output, output


@pytest.fixture
def folder(workdir: Path) -> Path:
    """Pictures of three classes, and one that is broken."""
    for number, name in enumerate(NAMES):
        pictures(workdir / "set" / name, 70, seed=number)
    (workdir / "set" / BROKEN).write_bytes(b"no picture")
    return workdir / "set"


def test_the_data(folder: Path) -> None:
    result = acgan("data", "show", "set")
    assert result.exit_code == 1
    _check(result.output, f"set/{BROKEN_SHOWN} cannot be decoded")
    result = acgan("data", "show", "set", *sets(SKIP), "--save", "sheet.png")
    assert result.exit_code == 0, result.output
    _check(result.output, *SHOWN, f"skipped set/{BROKEN_SHOWN}:")


def test_fid(folder: Path) -> None:
    fid = ("fid", "set", f"set/{NAMES[0]}", "--extractor", "cifar10_jpg")
    result = acgan(*fid)
    assert result.exit_code == 1
    _check(result.output, f"set/{BROKEN_SHOWN} cannot be decoded")
    result = acgan(*fid, "--on-error", "skip")
    assert result.exit_code == 0, result.output
    _check(result.output, f"set/{BROKEN_SHOWN}")


def test_a_gan(folder: Path) -> None:
    result = acgan(*train_args("run", SHORT, "--data", "set"))
    assert result.exit_code == 0, result.output
    _check(result.output, *SHOWN, BROKEN_SHOWN)
    _check(acgan("config", "run").output, "data")
    result = acgan("evaluate", "run", "--extractor", "cifar10_jpg")
    assert result.exit_code == 0, result.output
    _check(result.output, *SHOWN)
    events = EventAccumulator("run/tensorboard/evaluate")
    events.Reload()
    _check("".join(events.Tags()["scalars"]))
    result = acgan("sample", "run", "--class", NAMES[0], "--class", NAMES[1], "--out", "some.png")
    _check(result.output, *SHOWN[:2])
    result = acgan("sample", "run", "--class", "\x1b[31m", "--out", "some.png")
    assert result.exit_code in (1, 2)
    _check(result.output)


def test_a_classifier(folder: Path) -> None:
    train = ["classify", "train", "--data", "set", "--run-dir", "run", "--epochs", "1"]
    result = acgan(
        *train, *sets({**SKIP, "data.resolution": 16, "data.test_share": 0.5, "train.batch_size": 16})
    )
    assert result.exit_code == 0, result.output
    _check(result.output, *SHOWN, BROKEN_SHOWN)
    predict = ("classify", "predict", "run", "set", "--on-error", "skip")
    _check(acgan(*predict).output, *SHOWN, BROKEN_SHOWN)
    _check(acgan(*predict, "--json").output, BROKEN_SHOWN)
    found = json.loads(acgan("classify", "predict", "run", f"set/{NAMES[1]}", "--json").stdout)
    assert Path(found[0]["path"]).is_file()
    assert set(found[0]["classes"]) == set(NAMES)
    result = acgan("classify", "evaluate", "run")
    assert result.exit_code == 0, result.output
    _check(result.output, *SHOWN)


def test_a_configuration(workdir: Path) -> None:
    Path("some.yaml").write_text(yaml.dump({"data": {"classes": list(NAMES)}}))
    result = acgan("config", "some.yaml")
    assert result.exit_code == 0, result.output
    _check(result.output)
    assert yaml.safe_load(result.output)["data"]["classes"] == list(NAMES)
    for command in (["--set", "data.\x1b[2J=1"], ["--\u202e"]):
        result = acgan("train", *command)
        assert result.exit_code in (1, 2)
        _check(result.output)

"""Without its extra, the page is refused before anything is read or told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from acgan.cli import main


def test_gradio_is_missed_before_images_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acgan.exploring.page", None)
    read = []
    monkeypatch.setattr("acgan.api.explore.explorers", lambda *args, **_: read.append(args))
    result = CliRunner().invoke(main, ["explore", str(tmp_path)])
    assert result.exit_code == 1
    assert "acgan explore needs Gradio" in result.output
    assert read == []


def test_only_trainings_of_generators_name_the_starter() -> None:
    for words, named in ((["train"], True), (["classify", "train"], False)):
        result = CliRunner().invoke(main, [*words, "--help"])
        assert ("`starter`" in result.output) is named

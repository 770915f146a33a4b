"""Commands that are printed hold where they are pasted: what evaluations keep of paths, and the source of a run."""

from pathlib import Path

import pytest

from acgan.api import EvaluateOptions
from acgan.api.judging import source_to_type
from acgan.api.places import KnownPaths
from acgan.config import RunConfig


def test_an_evaluation_keeps_paths_from_the_root_and_names_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("judge", "digits"):  # a shipped extractor wins over a folder of its name
        Path(name).mkdir()
    Path("w.pth").write_bytes(b"")
    asked = EvaluateOptions(extractor="judge", weights=Path("w.pth")).asked_for
    assert asked == {
        "extractor_asked_for": str(tmp_path / "judge"),
        "weights_asked_for": str(tmp_path / "w.pth"),
        "resize_asked_for": None,
    }
    for name in ("inception", "digits", "timm:resnet18", "hf://user/name", None):
        assert EvaluateOptions(extractor=name).asked_for["extractor_asked_for"] == name


@pytest.mark.parametrize(
    ("source", "folder", "directory", "expected"),
    [
        ("pictures", "", "run", "pictures"),
        ("pictures", "elsewhere", "../run", "{}/pictures"),
        ("pictures", "", "{}/run", "{}/pictures"),  # a command with absolute paths is pasted anywhere
        ("digits", "", "{}/run", "digits"),
    ],
)
def test_the_source_is_found_from_where_the_run_is(
    source: str, folder: str, directory: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pictures", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / folder)
    place = "digits:" if source == "digits" else str(tmp_path / source)
    config = RunConfig.model_validate({"data": {"source": source}})
    found = source_to_type(Path(directory.format(tmp_path)), config, KnownPaths({"data.source": place}))
    assert found == expected.format(tmp_path)

"""Which paths name a repository of the hub."""

from pathlib import Path

import pytest

from acgan.api.subjects import is_given
from acgan.errors import RunError, UserError
from acgan.weights import HubPlace


@pytest.mark.parametrize("as_path", [str, Path])  # a Path joins slashes
@pytest.mark.parametrize(
    ("text", "repository", "revision"),
    [
        ("hf://ada/digits", "ada/digits", None),
        ("hf://ada/digits@v1.0", "ada/digits", "v1.0"),
        ("hf://ada/digits@refs/pr/1", "ada/digits", "refs/pr/1"),
    ],
)
def test_a_repository(as_path: type, text: str, repository: str, revision: str | None) -> None:
    place = HubPlace.named_by(as_path(text))
    assert place == HubPlace(repository, revision)
    assert str(place) == text


@pytest.mark.parametrize("text", ["runs/digits", "/hf:/a/b", "hf", "hf:digits", "C:/runs"])
def test_a_path_of_this_machine(text: str) -> None:
    assert HubPlace.named_by(Path(text)) is None


@pytest.mark.parametrize("text", ["hf://digits", "hf://a/b/c", "hf://a/b@", "hf://@v1"])
def test_neither(text: str) -> None:
    with pytest.raises(RunError, match="expected hf://user/name, or hf://user/name@revision"):
        HubPlace.named_by(text)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"hf://a/b needs the package huggingface_hub.*'acgan\[hub\]'"):
        HubPlace("a/b").fetch()


def test_weights_of_the_hub_are_no_pictures_and_folders_of_hf_are(tmp_path: Path) -> None:
    assert not is_given(Path("hf://ada/digits"))
    assert is_given(Path("hf:mnist"))
    assert is_given(Path(f"hf:{tmp_path}"))
    (tmp_path / "model.safetensors").write_bytes(b"of another library")
    assert is_given(tmp_path)

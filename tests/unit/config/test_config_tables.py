"""Tables with keys of the user's own: what is given is the whole, and an empty one is a value."""

from pathlib import Path

import pytest

from acgan.config import ClassifierConfig, RunConfig, diff, load
from acgan.config.loading import _tables


def from_text(tmp_path: Path, text: str, *overrides: str) -> ClassifierConfig:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"task: classify\n{text}", encoding="utf-8")
    return load(ClassifierConfig, file, overrides)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model.aux={}"], {}),
        (["model.aux=null"], None),
        (["model.aux={block2: 0.4}"], {"block2": 0.4}),
        (["model.aux.block2=0.4"], {"block1": 0.3, "block2": 0.4}),
        (["model.aux.block2=0.4", "model.aux={block3: 0.1}"], {"block2": 0.4, "block3": 0.1}),
    ],
)
def test_a_table_takes_the_place_of_the_files(overrides: list[str], expected: object, tmp_path: Path) -> None:
    found = from_text(tmp_path, "model: {aux: {block1: 0.3}}", *overrides)
    assert found.model.aux == expected


def test_class_weights_are_a_table_too(tmp_path: Path) -> None:
    found = from_text(tmp_path, "loss: {class_weights: {cat: 2.0}}", "loss.class_weights={dog: 3}")
    assert found.loss.class_weights == {"dog": 3.0}


def test_which_keys_are_tables() -> None:
    assert sorted(_tables(ClassifierConfig)) == [("loss", "class_weights"), ("model", "aux")]
    assert not list(_tables(RunConfig))


def test_no_heads_and_the_networks_own_heads_differ() -> None:
    """``{}`` is none, and null is those that GoogLeNet and Inception v3 have."""
    none, own = (load(ClassifierConfig, None, [f"model.aux={value}"]) for value in ("{}", "null"))
    assert diff(none, own) == {"model.aux": ({}, None)}

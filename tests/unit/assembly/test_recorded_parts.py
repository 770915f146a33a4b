"""Parts of one's own are on record in runs and networks, and their scripts are named where they are not registered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toy_parts
from registering import forgotten_afterwards
from toy_parts import ALL, Line, LineConfig, register_all

import acgan
from acgan.config import ClassifierConfig, RunConfig, load, restore
from acgan.errors import ConfigError, RunError, UnregisteredError
from acgan.own_parts import PROVENANCE_FILE, OwnPart, recorded_parts, to_record
from acgan.weights import (
    CLASSIFIER_FILE,
    ClassifierInfo,
    GeneratorInfo,
    build_classifier,
    read_generator,
    save_generator,
)

pytestmark = pytest.mark.usefixtures("registry")


def test_a_run_records_the_parts_that_it_uses(tmp_path: Path) -> None:
    register_all()
    assert acgan.register.registered_parts(RunConfig()) == {}
    parts = acgan.register.registered_parts(load(RunConfig, None, ALL))
    assert {key: (part.kind, part.module, part.file) for key, part in parts.items()} == {
        "loss.adversarial": ("least_squares", toy_parts.__name__, toy_parts.__file__),
        "loss.classification": ("scaled", toy_parts.__name__, toy_parts.__file__),
        "loss.penalty": ("dragan", toy_parts.__name__, toy_parts.__file__),
        "loss.shrink": ("shrink", toy_parts.__name__, toy_parts.__file__),
        "model.generator": ("line", toy_parts.__name__, toy_parts.__file__),
        "model.discriminator": ("pooled", toy_parts.__name__, toy_parts.__file__),
    }
    assert recorded_parts(tmp_path, to_record(parts, folders=True)) == parts
    short = recorded_parts(tmp_path, to_record(parts, folders=False))
    assert short["loss.penalty"].file == "toy_parts.py"
    assert to_record({}, folders=True) == {}


@pytest.mark.parametrize(
    "changed",
    [{"module": 5}, {"file": 5}, {"kind": ["a"]}, {"file": "a.py\nError: all is well"}, {"file": "\x1b[2K"}],
)
def test_a_damaged_record_of_parts_tells_nothing(changed: dict[str, Any], tmp_path: Path) -> None:
    """It comes with a run from elsewhere, and is printed."""
    record = to_record({"loss.penalty": OwnPart("mine", "nets", "/x/nets.py")}, folders=True)
    record["parts"]["loss.penalty"] |= changed
    assert recorded_parts(tmp_path, record) == {}


def test_a_classifier_on_a_trunk_of_ones_own_records_it(tmp_path: Path) -> None:
    parts = {"model.discriminator": OwnPart("pooled", "nets", "/x/nets.py")}
    (tmp_path / PROVENANCE_FILE).write_text(json.dumps(to_record(parts, folders=True)))
    config = load(ClassifierConfig, None, [f"model.backbone={{kind: discriminator, run: {tmp_path}}}"])
    assert acgan.register.registered_parts(config) == {"model.backbone": parts["model.discriminator"]}


def test_a_classifier_on_a_trunk_of_ones_own_names_its_script(tmp_path: Path) -> None:
    file, size = tmp_path / "c.safetensors", {"resolution": 16, "image_channels": 1, "width": 2}
    with forgotten_afterwards():
        register_all()
        backbone = {"kind": "pooled_trunk", **size}
        architecture = {"backbone": backbone, "num_classes": 2, "in_channels": 1, "image_size": 16}
        record = to_record({"model.backbone": OwnPart("pooled", "nets", "nets.py")}, folders=False)
        info = ClassifierInfo(architecture, ("a", "b"), 1, 16, provenance=record)
        CLASSIFIER_FILE.save(file, build_classifier(architecture), info)
    with pytest.raises(UnregisteredError, match=r"pooled is registered by nets\.py; import that first"):
        CLASSIFIER_FILE.read(file)


@pytest.mark.parametrize("damaged", [{"parts": 3}, {"parts": {"a": 1}}, {"parts": {"a": {"x": 1}}}, {}])
def test_a_damaged_record_is_none(damaged: Any, tmp_path: Path) -> None:
    assert recorded_parts(tmp_path, damaged) == {}


def test_the_value_for_import() -> None:
    assert OwnPart("a", "mine", "/x/mine.py").script == "/x/mine.py"
    assert OwnPart("a", "package.mine", "/x/package/mine.py").script == "package.mine"
    assert OwnPart("a", "__main__", None).script == "__main__"


PARTS = {
    "loss.classification": OwnPart("other", "mine", "/x/mine.py"),
    "loss.shrink": OwnPart("shrink", "mine", "/x/mine.py"),
    "loss.adversarial": OwnPart("softer", "theirs", "/x/theirs.py"),
}


def test_what_is_not_registered_is_named_with_its_script() -> None:
    loss = {"classification": {"kind": "other"}, "adversarial": {"kind": "softer"}, "shrink": {"weight": 1}}
    with pytest.raises(UnregisteredError) as caught:
        restore(RunConfig, {"loss": loss, "seed": -1}, "a run", PARTS)
    assert caught.value.scripts == ("/x/theirs.py", "/x/mine.py")
    lines = str(caught.value).splitlines()
    assert "a run: loss.shrink: shrink is registered by /x/mine.py; import that first." in lines
    assert "a run: loss.classification: other is registered by /x/mine.py; import that first." in lines
    assert "a run: loss.adversarial: softer is registered by /x/theirs.py; import that first." in lines
    assert any("seed: found -1" in line for line in lines)


@pytest.mark.parametrize("kind", ["odher", "tack"])
def test_another_kind_than_the_recorded_one_is_plainly_unknown(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        restore(RunConfig, {"loss": {"classification": {"kind": kind}}}, "a run", PARTS)
    assert not isinstance(caught.value, UnregisteredError)
    assert f"found {kind!r}; expected one of cross_entropy, tac, adc, d2d_ce." in str(caught.value)
    assert "`acgan --import SCRIPT.py …`" in str(caught.value)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_generator_of_ones_own_names_its_script(tmp_path: Path, recorded: bool) -> None:
    with forgotten_afterwards():
        acgan.register.generator(Line, LineConfig)
        keywords = {"latent_dim": 3, "num_classes": 2, "resolution": 16, "image_channels": 1, "width": 2}
        parts = {"model.generator": OwnPart("line", "nets", "nets.py")} if recorded else {}
        info = GeneratorInfo({"kind": "line", **keywords}, ("a", "b"), to_record(parts, folders=False))
        save_generator(tmp_path / "g.safetensors", Line(**keywords), info)
        assert type(read_generator(tmp_path / "g.safetensors")[0]) is Line
    expected = "line is registered by nets.py; import that first" if recorded else "there is no kind 'line'"
    with pytest.raises(UnregisteredError if recorded else RunError, match=expected):
        read_generator(tmp_path / "g.safetensors")

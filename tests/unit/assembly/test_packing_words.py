"""Commands without ``--set``: a text about data that names it is followed by the command that has it."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acgan import api
from acgan.api.sample import missing_by_class
from acgan.api.subjects import find_subjects
from acgan.assembly.packing_words import Packing
from acgan.assembly.to_score import load_to_score
from acgan.config import RunConfig
from acgan.config.shared import DataConfig
from acgan.data import load_samples
from acgan.errors import DataError

CONFIG = RunConfig.model_validate(
    {"data": {"resolution": 16, "channels": 3, "split_seed": 4, "layout": "leaves"}}
)


def _write(top: Path, *folders: str) -> str:
    generator = np.random.default_rng(0)
    for name in folders:
        (top / name).mkdir(parents=True)
        for number in range(20):
            pixels = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(top / name / f"{number}.png")
    return str(top)


@pytest.fixture
def doubtful(tmp_path: Path) -> str:
    return _write(tmp_path / "some pictures", "images/a", "images/b", "masks/a", "masks/b")


def _balance(source: str) -> None:
    sampler: Any = SimpleNamespace(image_shape=(3, 16, 16), origin={}, class_names=("a", "b"))
    missing_by_class(sampler, source, [0, 1], say=print)


def _score(source: str, warn: Callable[[str], None] = print, names: tuple[str, ...] = ("a", "b")) -> Any:
    config = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"layout": "auto"})})
    return load_to_score(config, source, names, whose="generator", warn=warn)


ASKED: dict[str, tuple[Callable[[str], object], str]] = {
    "score": (_score, "--set data.resolution=16 --set data.channels=3 --set data.split_seed=4"),
    "balance": (_balance, "--set data.resolution=16 --set data.channels=3"),
    "samples": (
        lambda source: find_subjects(source, None, "cpu", beside_real=True),
        "--set data.test_share=0.0",
    ),
    "fid": (
        lambda source: api.fid(
            source, extractor="digits", resolution=16, split="test", save_stats=Path(source, "a.npz")
        ),
        "--set data.resolution=16",
    ),
}


@pytest.mark.parametrize("command", ASKED)
def test_an_error_that_names_set_names_the_command_that_has_it(command: str, doubtful: str) -> None:
    ask, settings = ASKED[command]
    with pytest.raises(DataError, match=r"--set data\.layout=") as caught:
        ask(doubtful)
    packs = f"`acgan data pack {shlex.quote(doubtful)} NEW.zip {settings}`"
    assert f"{packs}, and not of this command" in str(caught.value)
    assert "--data" not in str(caught.value)


def test_what_the_remedy_writes_is_read_and_parted_as_a_training_does(doubtful: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _score(doubtful)
    found = re.search("`acgan data pack (.*)`", str(caught.value))
    assert found is not None
    source, _, *options = shlex.split(found[1])
    sets = [*options[1::2], "data.layout=leaves"]
    packed = tmp_path / "new.zip"
    api.pack_data(source, packed, sets, warn=print)
    _, scored, _ = _score(str(packed))
    _, direct, _ = load_to_score(CONFIG, doubtful, ("a", "b"), whose="generator", warn=print)
    for part in ("train", "test"):
        assert getattr(scored, part).fingerprint == getattr(direct, part).fingerprint


def test_a_layout_of_the_training_that_makes_unknown_classes_of_a_zip_is_not_used(
    doubtful: str, tmp_path: Path
) -> None:
    packed = tmp_path / "new.zip"
    api.pack_data(doubtful, packed, ["data.layout=leaves", "data.resolution=16"], warn=print)
    _, scored, sets = load_to_score(CONFIG, str(packed), ("a", "b"), whose="generator", warn=print)
    assert scored.train.class_names == ("a", "b")
    assert not sets.left_out


def test_packed_samples_have_no_parts(doubtful: str, tmp_path: Path) -> None:
    packed = tmp_path / "new.zip"
    api.pack_data(doubtful, packed, ["data.test_share=0.0", "data.layout=leaves"], warn=print)
    assert len(load_samples(str(packed), on_error="stop").train) == 80


def test_warnings_that_name_set_are_followed_by_one_sentence(tmp_path: Path) -> None:
    top = tmp_path / "wide"
    for name in ("a", "b"):
        (top / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (64, 16), (number, 0, 0)).save(top / name / f"{number}.png")
    told: list[str] = []
    _score(str(top), told.append)
    assert [text for text in told if "--set data.fit=pad" in text]
    assert told[-1].startswith(f"--set is an option of `acgan data pack {top} NEW.zip ")
    assert sum("acgan data pack" in text for text in told) == 1


def test_texts_that_name_no_key_of_the_data_stay() -> None:
    packing = Packing("here", DataConfig())
    assert packing.after(("no remedy", "--set train.threads=1")) == ("no remedy", "--set train.threads=1")
    with pytest.raises(DataError, match=r"^plain$"), packing.told():
        raise DataError("plain")


def test_whoever_is_scored_beside_doubtful_images_is_told(doubtful: str, tmp_path: Path) -> None:
    samples = _write(tmp_path / "samples", "a", "b")
    with pytest.raises(DataError, match=r"acgan data pack .* NEW\.zip --set data\.resolution=16"):
        api.evaluate(samples, api.EvaluateOptions(data=doubtful))

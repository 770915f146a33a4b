"""Images to score on: what is held out of a class is the same, whatever other classes are scored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acgan.assembly.to_score import load_to_score
from acgan.config import RunConfig
from acgan.data import SAMPLES
from acgan.errors import DataError
from acgan.types import Dataset

SOME = ("2", "7")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    generator = np.random.default_rng(0)
    for name in "0123456789":
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number}.png")
    return str(tmp_path / "set")


def _loaded(source: str, names: tuple[str, ...]) -> Dataset:
    config = RunConfig.model_validate({"data": {"resolution": 16}})
    config, dataset, _ = load_to_score(
        config, source, names, whose=SAMPLES, on_error=None, warn=lambda text: None
    )
    assert dataset.train.class_names == dataset.test.class_names == names
    return dataset


def _held_out(dataset: Dataset, name: str) -> set[bytes]:
    test = dataset.test
    return {image.tobytes() for image in test.images[test.labels == test.class_names.index(name)]}


@pytest.mark.parametrize("source", ["digits", "folder"])
def test_held_out_images_are_those_of_all_classes(source: str, folder: str) -> None:
    place = folder if source == "folder" else source
    whole, part = _loaded(place, tuple("0123456789")), _loaded(place, SOME)
    for name in SOME:
        assert _held_out(part, name) == _held_out(whole, name)
    assert len(part.train) + len(part.test) < len(whole.train)


@pytest.mark.parametrize(("options", "named"), [({}, True), ({"skip_with": ""}, False)])
def test_a_command_without_the_option_names_none_for_broken_pictures(
    options: dict[str, str], named: bool, folder: str
) -> None:
    Path(folder, "2", "0.png").write_bytes(b"no picture")
    config = RunConfig.model_validate({"data": {"resolution": 16}})
    with pytest.raises(DataError, match=r"cannot be decoded") as caught:
        load_to_score(config, folder, SOME, whose="generator", warn=print, **options)
    assert ("--on-error skip" in str(caught.value)) is named
    assert "Replace or remove it" in str(caught.value)

"""Pictures of 12 bits in files of 16: the command line tells of them, and later pictures get the training's range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from run_helpers import acgan_train, classified, trained

from acgan import api
from acgan.assembly import data_options
from acgan.config.shared import DataConfig
from acgan.data import load_dataset

SHORT = {"train.total_nimg": 32, "data.resolution": 16}


@pytest.fixture
def folder(workdir: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 2000)):
        (workdir / "set" / name).mkdir(parents=True)
        for index in range(8):
            values = rng.integers(low, low + 2096, (16, 16), dtype=np.uint16)
            Image.fromarray(values).save(workdir / "set" / name / f"{index}.png")
    return workdir / "set"


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_small_part_of_the_range_is_told(folder: Path, quiet: list[str]) -> None:
    changes = {**SHORT, "data.source": str(folder)}
    result = acgan_train("full", changes, "--max-time", "0", *quiet)
    assert result.exit_code == 0, result.output
    assert "warning: The 16 images with more than 8 bits a channel use values from" in result.stderr
    assert "--set data.range=auto" in result.stderr
    result = acgan_train("auto", {**changes, "data.range": "auto"}, "--max-time", "0", *quiet)
    assert result.exit_code == 0, result.output
    assert "warning: The 16 images" not in result.stderr
    assert ("data.range auto: black is" in result.stdout) == (not quiet)


def test_a_classifier_brings_other_pictures_to_the_range_of_its_own(folder: Path) -> None:
    changes = {**SHORT, "data.source": str(folder), "data.range": "auto"}
    run = classified(folder.parent / "run", changes)
    loaded = api.load_classifier(run)
    found = loaded.target.black_white
    assert found is not None
    assert 0 <= found[0] < 20
    assert 4070 < found[1] < 4096
    (folder.parent / "one").mkdir()
    file = folder / "light" / "0.png"
    file.rename(folder.parent / "one" / "0.png")  # whose own ends are others
    ((_, classes),) = api.predict(run, [folder.parent / "one"])
    with Image.open(folder.parent / "one" / "0.png") as image:
        values = np.asarray(image).astype(float)
    expected = np.rint((values - found[0]) * 255 / (found[1] - found[0])).astype(np.uint8)
    probabilities = loaded(torch.from_numpy(expected[None, None]))[0].tolist()
    assert dict(classes) == pytest.approx(dict(zip(loaded.class_names, probabilities, strict=True)))


def test_the_range_of_a_generator_is_in_its_file(folder: Path) -> None:
    run = trained(folder.parent / "run", {**SHORT, "data.source": str(folder), "data.range": "auto"})
    config = api.load_generator(run).info.provenance["config"]
    data = load_dataset(str(folder), data_options(DataConfig(resolution=16, range="auto")))
    assert data.report is not None
    assert config["data"]["range"] == list(data.report.black_white or ())

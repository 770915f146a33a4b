"""A new file format: one entry in ``FILE_SOURCES`` brings it everywhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from acgan.api import load_data
from acgan.config import RunConfig, load
from acgan.data.index import Index, Unlabelled, index_by_name, without_labels
from acgan.data.load import FILE_SOURCES
from acgan.data.options import ReadOptions
from acgan.data.sources.arrays import ArrayReader
from acgan.data.sources.files import digest_lines, file_stamp
from acgan.fid import Stored, open_side


class JsonSource:
    """A .json file of ``{class name: [gray values]}``, a plain image for each value."""

    def __init__(self, path: Path, options: ReadOptions):
        self._path = path

    def identity(self) -> str:
        return digest_lines(("json", str(self._path.resolve()), file_stamp(self._path)))

    def index(self) -> Index:
        pairs = [
            (name, value) for name, grays in json.loads(self._path.read_text()).items() for value in grays
        ]
        images = np.array([np.full((16, 16), value, np.uint8) for _, value in pairs])
        return index_by_name(ArrayReader([images], ["json"]), [name for name, _ in pairs], held_out=None)

    def unlabelled(self) -> Unlabelled:
        return without_labels(self.index())


def test_a_new_file_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FILE_SOURCES, ".json", JsonSource)
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "shades.json"
    file.write_text('{"dark": [0, 1, 2, 3, 4, 5], "light": [200, 201, 202, 203]}')
    config = load(RunConfig, None, [f"data.source={file}", "data.classes=[light, dark]"])
    dataset = load_data(config)
    assert dataset.name == "shades"
    assert dataset.train.class_names == ("light", "dark")
    assert (len(dataset.train), len(dataset.test)) == (9, 1)
    assert dataset.train.images.shape[1:] == (1, 16, 16)
    assert load_data(config).train.fingerprint == dataset.train.fingerprint
    assert len(list((tmp_path / "cache" / "datasets").glob("*/images.npy"))) == 1, "decoded once"
    side = open_side(str(file))
    assert isinstance(side, Stored)
    assert len(side) == 10

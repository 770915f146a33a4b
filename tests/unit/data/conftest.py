from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from data_helpers import options, picture
from PIL import Image

from acgan.data import load_dataset
from acgan.types import Dataset

Write = Callable[..., Path]


@pytest.fixture
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Dataset]:
    """``load_dataset`` with defaults and a cache of the test's own."""
    cache = tmp_path_factory.mktemp("cache")
    return lambda source, progress=None, **changes: load_dataset(
        str(source), options(cache, **changes), progress
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a folder: images from their gray value or a PIL image, others from bytes."""

    def write(files: dict[str, int | Image.Image | bytes], folder: str = "set") -> Path:
        top = tmp_path / folder
        for name, content in files.items():
            path = top / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                (content if isinstance(content, Image.Image) else picture(content)).save(path)
        return top

    return write


@pytest.fixture
def offline_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the library ``datasets`` of the test's own, and no way to the hub."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

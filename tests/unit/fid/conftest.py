"""Fixtures of the tests of Fréchet distances."""

from pathlib import Path

import pytest
from fid_helpers import noise_pictures, small_generator, write_pictures

from acgan.weights import save_generator


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with a generator of RGB images of 3 classes, which tests only read."""
    run = tmp_path_factory.mktemp("run")
    sampler = small_generator()
    save_generator(run / "generator.safetensors", sampler.generator, sampler.info)
    (run / "samples").mkdir()
    write_pictures(run / "samples", noise_pictures(3))
    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", noise_pictures(20))

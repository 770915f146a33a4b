"""What the integration tests share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, and a cache of the test's own beside it."""
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    return directory


@pytest.fixture(scope="module")
def nothing_at_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of the module's own, and no weights of Inception where torch's hub keeps them."""
    with _with_nothing_at_hand(tmp_path_factory):
        yield


@contextmanager
def _with_nothing_at_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same for what the fixtures of a session make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="session")
def trained_seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two training seeds, seed0 and seed1; tests take the copy of their module, ``seeds``."""
    from evaluate_helpers import SHORT
    from run_helpers import trained

    with _with_nothing_at_hand(tmp_path_factory):
        return trained(tmp_path_factory.mktemp("trained") / "seeds", SHORT, "--seeds", "0,1")


@pytest.fixture(scope="module")
def seeds(nothing_at_hand: None, trained_seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two training seeds, seed0 and seed1, in which the tests of a module at most leave scores."""
    return Path(shutil.copytree(trained_seeds, tmp_path_factory.mktemp("copied") / "seeds"))


@pytest.fixture(scope="session")
def pet_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of cats and dogs, without a split of its own, which tests leave as it is."""
    from evaluate_helpers import write_images

    return write_images(tmp_path_factory.mktemp("data") / "pictures", {"cat": 20, "dog": 20})


@pytest.fixture(scope="session")
def trained_on_pets(pet_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on that folder; tests take the copy of their module, ``pet_run``."""
    from evaluate_helpers import SHORT
    from run_helpers import trained

    with _with_nothing_at_hand(tmp_path_factory):
        return trained(tmp_path_factory.mktemp("pets") / "run", {**SHORT, "data.source": str(pet_pictures)})


@pytest.fixture(scope="module")
def pet_run(nothing_at_hand: None, trained_on_pets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run trained on a folder of pictures, in which the tests of a module at most leave scores."""
    return Path(shutil.copytree(trained_on_pets, tmp_path_factory.mktemp("pets") / "run"))


@pytest.fixture(scope="session")
def digits_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of all digits, which has learned a little, and which tests only read."""
    from run_helpers import classified

    changes = {
        "train.total_nimg": 1280,
        "optim.lr": 1e-2,
        **{f"every.{interval}_nimg": 1280 for interval in ("log", "sample", "evaluate", "checkpoint")},
    }
    return classified(tmp_path_factory.mktemp("classifier") / "run", changes)


@pytest.fixture(scope="session")
def gallery_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with a best generator and two looks of the monitor, which tests only read."""
    from gallery_helpers import CHANGES
    from run_helpers import trained

    with _with_nothing_at_hand(tmp_path_factory):
        return trained(tmp_path_factory.mktemp("runs") / "tiny", CHANGES)


@pytest.fixture(scope="session")
def small_gallery(gallery_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery with two cards of the run, one of them a failure, and the tables; tests only read it."""
    from gallery_helpers import PAGE, README, run

    root = tmp_path_factory.mktemp("gallery")
    (root / "samples").mkdir()
    (root / "docs").mkdir(exist_ok=True)
    (root / PAGE).write_text(README, encoding="utf-8")
    with _with_nothing_at_hand(tmp_path_factory):
        run(root, "add", gallery_run)
        failure = ("--failure", "noise | and\nlittle else")
        run(root, "add", gallery_run, "--name", "early", "--which", "last", *failure)
        run(root, "table")
    return root


@pytest.fixture
def gallery_copy(small_gallery: Path, tmp_path: Path) -> Path:
    """A copy of that gallery, to change."""
    return Path(shutil.copytree(small_gallery, tmp_path / "gallery"))


@pytest.fixture(scope="module")
def forked_sweeps(nothing_at_hand: None) -> Iterator[None]:
    """Runs of sweeps are forked, not started."""
    from sweep_helpers import Forked

    from acgan.sweep import local

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "subprocess", SimpleNamespace(Popen=Forked, STDOUT=None))
        yield


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went on once and was evaluated, with the reports of both in it; tests only read it.

    ``trained.html`` beside it is the report after the training.
    """
    from evaluate_helpers import evaluate
    from run_helpers import acgan_train, trained

    directory = tmp_path_factory.mktemp("reported") / "run"
    changes = {"report": True, "evaluate.num_images": 50, "data.validation_share": 0.1}
    with _with_nothing_at_hand(tmp_path_factory):
        trained(directory, {**changes, "report": False, "train.total_nimg": 160})
        assert not (directory / "report.html").exists()
        result = acgan_train(directory, {**changes, "train.total_nimg": 320})
        assert result.exit_code == 0, result.output
        file = directory / "report.html"
        assert f"Report, to be opened in a browser: {file}" in result.stdout
        file.rename(directory.with_name("trained.html"))
        result = evaluate(directory, "-n", "100")
        assert result.exit_code == 0, result.output
        assert f"report: {file}" in result.stdout
    return directory


@pytest.fixture
def sides(tmp_path: Path) -> tuple[str, str]:
    """Two folders of 150 images, for ``acgan fid``."""
    from fid_cli_helpers import pictures

    return str(pictures(tmp_path / "a", 150)), str(pictures(tmp_path / "b", 150, seed=1, least=120))


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of a classifier extractor was given, but for the probe when it is made."""
    from acgan.extracting import ClassifierExtractor, Extracted

    counts: list[int] = []
    plain = ClassifierExtractor.__call__

    def counting(self: ClassifierExtractor, images: Any) -> Extracted:
        if hasattr(self, "dims"):
            counts.append(len(images))
        return plain(self, images)

    monkeypatch.setattr(ClassifierExtractor, "__call__", counting)
    return counts

"""From a file of pictures, as other programs write it, to images of a class by its right name."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image
from run_helpers import acgan, latest_payload, train_args

from acgan.extras import install_command

SHORT = {
    "train.total_nimg": 16,
    "every.log_nimg": 16,
    "monitor.num_per_class": 0,
    "data.resolution": 16,
    "data.test_share": 0,
}
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
LABELS = np.arange(12) % 2


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def _parquet(file: Path) -> None:
    names = datasets.ClassLabel(names=["mel anoma", "nevus"])
    features = datasets.Features({"image": datasets.Image(), "label": names})
    content = {"image": [Image.fromarray(pixels) for pixels in PIXELS], "label": LABELS.tolist()}
    datasets.Dataset.from_dict(content, features=features).to_parquet(file)


def parquet(folder: Path) -> str:
    _parquet(folder / "skin.parquet")
    return "skin.parquet"


def hub(folder: Path) -> str:
    (folder / "skin").mkdir()
    _parquet(folder / "skin" / "train-00000-of-00001.parquet")
    return "hf:skin"


def webdataset(folder: Path) -> str:
    with tarfile.open(folder / "train-000000.tar", "w") as archive:
        for number, pixels in enumerate(PIXELS):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "png")
            name = ("mel anoma", "nevus")[LABELS[number]]
            for ending, content in (("png", buffer.getvalue()), ("cls", name.encode())):
                member = tarfile.TarInfo(f"{number:06}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return "train-000000.tar"


def medmnist(folder: Path) -> str:
    arrays = {f"{part}_images": PIXELS[:count] for part, count in (("train", 8), ("val", 4), ("test", 4))}
    arrays |= {
        f"{part}_labels": LABELS[:count, None] for part, count in (("train", 8), ("val", 4), ("test", 4))
    }
    np.savez(folder / "pathmnist.npz", **arrays)
    return "pathmnist.npz"


def keras(folder: Path) -> str:
    np.savez(folder / "c.npz", x_train=PIXELS[:8], y_train=LABELS[:8], x_test=PIXELS[8:], y_test=LABELS[8:])
    return "c.npz"


@pytest.mark.parametrize(
    ("make", "drawn", "names"),
    [
        (parquet, "nevus", ["mel anoma", "nevus"]),
        (hub, "mel anoma", ["mel anoma", "nevus"]),
        (webdataset, "mel anoma", ["mel anoma", "nevus"]),
        (medmnist, "1", ["0", "1"]),
        (keras, "0", ["0", "1"]),
    ],
)
def test_a_class_is_drawn_by_its_name(
    make: Callable[[Path], str], drawn: str, names: list[str], workdir: Path
) -> None:
    result = acgan(*train_args("run", SHORT, "--data", make(workdir)))
    assert result.exit_code == 0, result.output
    assert latest_payload(Path("run"))["meta"]["class_names"] == names
    result = acgan("sample", "run", "--class", drawn, "-n", "2", "--out", "drawn.npz")
    assert result.exit_code == 0, result.output
    with np.load("drawn.npz") as found:
        assert found["images"].shape == (2, 16, 16, 3)
        assert found["class_names"][found["labels"]].tolist() == [drawn] * 2


def test_the_default_directory_of_a_set_of_the_hub(workdir: Path) -> None:
    options = ["--set", "data.resolution=16", "--set", "train.batch_size=8", "--max-time", "0"]
    result = acgan("train", "--data", hub(workdir), *options)
    assert result.exit_code == 0, result.output
    assert Path("runs/folder-skin/config.yaml").exists()


def test_without_the_library_a_line_tells_how_to_get_it(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet(workdir)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for source in ("skin.parquet", "hf:skin"):
        result = acgan("train", "--data", source)
        assert result.exit_code == 1
        assert install_command("hf") in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not [path for path in Path("runs").rglob("*") if path.is_file()]

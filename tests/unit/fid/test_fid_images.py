"""The images of a side are those that training, pytorch-fid and the other side would see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fid_helpers import Means, chosen, noise_pictures, pixels, small_generator, write_pictures
from PIL import Image

from acgan.assembly import data_options
from acgan.config.shared import DataConfig
from acgan.data import load_dataset
from acgan.extracting import ClassifierExtractor
from acgan.fid import Generated, Saved, open_side, stored_of, warn_of_statistics
from acgan.types import ImageStore

# stored images


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16"])
def test_images_of_every_mode_become_what_pytorch_fid_makes_of_them(mode: str, tmp_path: Path) -> None:
    for seed in range(2):
        image = Image.fromarray(noise_pictures(1, seed)[0]).convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        if mode in ("RGBA", "LA"):
            image.putalpha(Image.fromarray(noise_pictures(1, 9)[0][..., 0]))
        image.save(tmp_path / f"{seed}.{'tif' if mode == 'CMYK' else 'png'}")
    expected = [
        np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file in sorted(tmp_path.iterdir())
    ]
    assert np.array_equal(pixels(open_side(str(tmp_path))), np.stack(expected))


def loaded(
    source: Path, tmp_path: Path, resolution: int, channels: int | None = None, **more: Any
) -> ImageStore:
    config = DataConfig.model_validate(
        {"resolution": resolution, "channels": channels, "test_share": 0, "layout": "classes", **more}
    )
    options = replace(data_options(config), cache=tmp_path / "cache")
    return load_dataset(str(source), options).train


@pytest.mark.parametrize("sides", [(28, 28), (50, 8)])
@pytest.mark.parametrize("gray", [False, True])
def test_a_resolution_makes_images_as_training_sees_them(
    sides: tuple[int, int], gray: bool, tmp_path: Path
) -> None:
    draws = np.random.default_rng(0)
    pictures = [draws.integers(0, 256, sides if gray else (*sides, 3), dtype=np.uint8) for _ in range(5)]
    write_pictures(tmp_path / "set" / "class", pictures)
    (side,) = chosen(open_side(str(tmp_path / "set")), resolution=32)
    store = loaded(tmp_path / "set", tmp_path, 32)
    assert store.channels == (1 if gray else 3)
    assert np.array_equal(pixels(side), np.broadcast_to(store.images, (5, 3, 32, 32)))


@pytest.mark.parametrize(("name", "channels", "resolution"), [("digits", 1, 16), ("cifar10_jpg", 3, 32)])
def test_a_classifier_sees_images_as_it_was_trained_to(
    name: str, channels: int, resolution: int, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "set" / "class", noise_pictures(5, sides=(40, 28, 8)))
    extractor = ClassifierExtractor(name)
    assert extractor.size == (channels, resolution)
    found = pixels(open_side(str(tmp_path / "set")), extractor)
    store = loaded(tmp_path / "set", tmp_path, resolution, channels)
    assert np.array_equal(np.sort(found.reshape(5, -1), 0), np.sort(store.images.reshape(5, -1), 0))


def test_images_of_28_pixels_are_padded_for_a_classifier_of_32(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    write_pictures(tmp_path / "set" / "class", list(pictures))
    found = pixels(open_side(str(tmp_path / "set")), ClassifierExtractor("mnist"))
    assert np.array_equal(found[:, 0, 2:30, 2:30], pictures)
    assert np.array_equal(found, loaded(tmp_path / "set", tmp_path, 32, 1).images)


def test_a_classifier_pads_where_it_was_trained_so(tmp_path: Path) -> None:
    write_pictures(tmp_path / "set" / "class", noise_pictures(2, sides=(40,)))
    extractor = ClassifierExtractor("digits")
    extractor.classifier.info.provenance["config"]["data"]["fit"] = "pad"
    assert extractor.describe()["resize"] == "16 px, pad"
    store = loaded(tmp_path / "set", tmp_path, 16, 1, fit="pad")
    assert np.array_equal(pixels(open_side(str(tmp_path / "set")), extractor), store.images)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_store_as_a_side(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 16, 16), dtype=np.uint8)
    store = ImageStore(images, np.zeros(5, np.int64), ("a",), "digest")
    side = stored_of("given", "name", store, "test")
    assert np.array_equal(pixels(side), np.broadcast_to(images, (5, 3, 16, 16)))
    assert side.describe()["fingerprint"] == "digest"
    assert side.describe()["split"] == "test"


# generated images


def test_a_generator_draws_its_classes_in_equal_numbers(generator: Path) -> None:
    (side,) = chosen(open_side(str(generator)), num=200, seed=3)
    sampler = side.sampler
    counts = [67, 67, 66]
    expected = torch.cat(
        [images for label in range(3) for _, images in sampler.stream(label, counts[label], seed=3)]
    )
    assert len(side) == 200
    assert np.array_equal(pixels(side), expected.numpy())
    assert side.describe()["label_prior"] == "uniform"
    assert side.describe()["nimg"] == 7


@pytest.mark.parametrize(("made", "taken"), [(1, 3), (3, 1)])
def test_generated_images_for_an_extractor_of_another_shape(made: int, taken: int) -> None:
    side = Generated("run", Path("run"), small_generator(made), num=5)
    resolution = side.sampler.generator.resolution
    assert pixels(side).shape == (5, 3, resolution, resolution), "gray is repeated"
    extractor = ClassifierExtractor("digits" if taken == 1 else "cifar10_jpg")
    assert pixels(side, extractor).shape == (5, *(extractor.size[:1]), *(extractor.size[1:] * 2))


# beside a generator


def fitted_generator(channels: int, fit: str) -> Generated:
    sampler = small_generator(channels)
    sampler.info.provenance["config"] = {"data": {"fit": fit}}
    return Generated("run", Path("run"), sampler)


def odd_pictures(folder: Path) -> Path:
    """Transparent, turned, deep, gray and of several sizes."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(0)
    clear = Image.fromarray(draws.integers(0, 256, (20, 30, 4), dtype=np.uint8))
    clear.save(folder / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise_pictures(1, sides=(40,))[0]).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(draws.integers(0, 65536, (25, 25), dtype=np.uint16)).save(folder / "deep.png")
    Image.fromarray(draws.integers(0, 256, (24, 18), dtype=np.uint8)).save(folder / "gray.png")
    return folder


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_stored_images_are_prepared_as_the_generator_s_training_did(
    channels: int, fit: str, tmp_path: Path
) -> None:
    odd_pictures(tmp_path / "set" / "class")
    generator = fitted_generator(channels, fit)
    for order in (1, -1):
        sides = chosen(*[generator, open_side(str(tmp_path / "set"))][::order])[::order]
        store = loaded(tmp_path / "set", tmp_path, 16, channels, fit=fit)
        assert np.array_equal(pixels(sides[1]), np.broadcast_to(store.images, (4, 3, 16, 16)))
    told = sides[1].describe()
    assert (told["resolution"], told["channels"], told["fit"]) == (16, channels, fit)
    assert chosen(open_side(str(tmp_path / "set")))[0].describe()["resolution"] is None
    _, other = chosen(generator, open_side(str(tmp_path / "set")), resolution=32)
    assert other.describe()["resolution"] == 32, "what is asked for wins"


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (None, False),
        ({"num_images": 9, "kind": "images", "resolution": None}, True),
        ({"num_images": 9, "kind": "images", "resolution": 32}, True),
        ({"num_images": 9, "kind": "images", "resolution": 16}, False),
        ({"num_images": 9, "kind": "generator"}, False),
    ],
)
def test_statistics_of_images_prepared_otherwise_are_remarked_on(
    origin: dict[str, Any] | None, told: bool
) -> None:
    remarks: list[str] = []
    sides = [fitted_generator(3, "crop"), Saved(torch.zeros(6), torch.eye(6), origin)]
    warn_of_statistics(["run", "a.npz"], sides, Means(), remarks.append)
    assert len(remarks) == told
    assert all("a.npz" in remark and "--resolution 16" in remark for remark in remarks)
    remarks.clear()
    warn_of_statistics(["run", "a.npz"], sides, ClassifierExtractor("digits"), remarks.append)
    assert not remarks, "16 px is what this network sees anyway"

"""``acgan fid``: the numbers of pytorch-fid, from and to its files, from anything that holds images."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fid_cli_helpers import pictures, refused, scored
from PIL import Image
from pytorch_fid import fid_score, inception
from run_helpers import acgan, trained
from sample_helpers import make_run

import acgan as acgan_package
from acgan import api
from acgan.assembly import data_options
from acgan.atomic import sha256
from acgan.config.shared import DataConfig
from acgan.data import load_dataset
from acgan.errors import UserError
from acgan.extracting import ClassifierExtractor, Extracted, InceptionExtractor
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.sampling import load_generator
from acgan.weights import save_generator

SCORED = "fcd[digits@"
pytestmark = pytest.mark.usefixtures("workdir")  # a current directory and a cache of each test's own


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps on digits."""
    return trained(tmp_path_factory.mktemp("trained") / "run")


# against pytorch-fid


@pytest.fixture
def handed(inception_weights: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The same random weights for both; options of ours."""
    tensors = torch.load(inception_weights, weights_only=True)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *args, **kwargs: tensors)
    return ["--weights", str(inception_weights), "--dims", "64"]


def between(a: str, b: str) -> float:
    """pytorch-fid's distance between statistics."""
    return float(fid_score.calculate_fid_given_paths([a, b], 50, "cpu", 64))


def test_fid_is_that_of_pytorch_fid_and_statistics_go_both_ways(
    handed: list[str], inception_weights: Path, tmp_path: Path
) -> None:
    a, b = pictures(tmp_path / "a", 66), pictures(tmp_path / "b", 70, seed=1, least=120)
    Image.fromarray(np.asarray(Image.open(b / "0.png"))[:9]).save(b / "0.png")  # another size
    fid_score.save_fid_stats([str(a), "their_a.npz"], 50, "cpu", 64, num_workers=0)
    fid_score.save_fid_stats([str(b), "their_b.npz"], 1, "cpu", 64, num_workers=0)
    expected = between("their_a.npz", "their_b.npz")
    assert expected > 1
    found = scored(str(a), str(b), *handed, "--save-stats", "a.npz")
    name = f"fid[inception-64@{sha256(inception_weights)[:8]}]"
    assert found["metric"] == name
    assert found["value"] == pytest.approx(expected, rel=1e-4)

    assert between("a.npz", "their_b.npz") == pytest.approx(expected, rel=1e-4), "they read ours"
    mixed = acgan("fid", str(a), "their_b.npz", *handed)
    assert "their_b.npz does not say which extractor" in mixed.stderr
    assert float(mixed.stdout.split()[1]) == pytest.approx(expected, rel=1e-4)
    alone = scored("a.npz", "their_b.npz")
    assert alone["metric"] == name, "of which ours says what it is"
    assert alone["value"] == pytest.approx(expected, rel=1e-4)
    unknown = scored("their_a.npz", "their_b.npz")
    assert (unknown["metric"], unknown["provenance"]["extractor"]) == ("frechet", None)
    assert unknown["value"] == pytest.approx(expected, rel=1e-6)
    assert "a.npz holds 64 features, and inception-192" in refused("a.npz", str(b), *handed[:3], "192").stderr


def test_from_the_same_features_it_is_the_same_number(
    sides: tuple[str, str], pytorch_fids_distance: Callable[..., float]
) -> None:
    features: list[torch.Tensor] = []

    class Kept(ClassifierExtractor):
        def __call__(self, images: Any) -> Extracted:
            found = super().__call__(images)
            features.append(found.features)
            return found

    extractor, arguments, told = Kept("digits"), [], []
    for side in sides:
        features.clear()
        api.fid(side, save_stats=Path("x.npz"), extractor=extractor, warn=told.append)
        x = torch.cat(features).double().numpy()
        assert len(x) == 150
        arguments += [x.mean(0), np.cov(x, rowvar=False)]
    expected = pytorch_fids_distance(*arguments)
    assert expected > 1
    found = api.fid(*sides, extractor=extractor, warn=told.append)
    assert all(warning.startswith("Strange judge: ") for warning in told), "these images have colours"
    assert found.value == pytest.approx(expected, rel=1e-6)


# what can be compared


def test_the_same_images_however_they_lie(sides: tuple[str, str], tmp_path: Path) -> None:
    a, b = sides
    classes = pictures(tmp_path / "classes", 150, name="class{0}/{0}.PNG")
    shutil.make_archive("zipped", "zip", a)
    arrays = np.stack([np.asarray(Image.open(file)) for file in sorted(Path(a).iterdir())])
    np.savez("arrays.npz", images=arrays)
    np.savez("channels_first.npz", images=arrays.transpose(0, 3, 1, 2), labels=np.zeros(150, int))
    rows = "".join(f"{file},x\n" for file in sorted(Path(a).iterdir()))
    Path("list.csv").write_text(f"path,label\n{rows}")
    sources = [str(classes), "zipped.zip", "arrays.npz", "channels_first.npz", "list.csv"]
    expected = scored(a, b, "--extractor", "digits")["value"]
    assert expected > 1
    values = [scored(source, b, "--extractor", "digits")["value"] for source in sources]
    assert values == pytest.approx([expected] * 5, rel=1e-6)
    assert scored(a, str(classes), "--extractor", "digits")["value"] == pytest.approx(0, abs=1e-3 * expected)


def test_a_generator_scores_as_what_it_writes(run: Path) -> None:
    result = acgan("sample", str(run), "--out", "samples.npz", "-n", "20", "--seed", "3", "--quiet")
    assert result.exit_code == 0, result.output
    drawn = scored(str(run), "digits", "-n", "200", "--seed", "3")
    stored = scored("samples.npz", "digits", "-n", "200", "--seed", "3")
    assert drawn["metric"].startswith(SCORED)
    assert drawn["value"] == pytest.approx(stored["value"], rel=1e-6)
    generator = drawn["provenance"]["a"]
    assert (generator["kind"], generator["num_images"], generator["label_prior"]) == (
        "generator",
        200,
        "uniform",
    )
    assert generator["sha256"] == sha256(run / "generator.safetensors")
    text = acgan("fid", str(run), "digits", "-n", "200").stdout
    assert "200 images drawn, uniform label prior" in text
    other = scored(str(run), "digits", "-n", "200", "--seed", "4")["value"]
    assert other != pytest.approx(drawn["value"], rel=1e-3)


def test_parts_that_training_makes(tmp_path: Path) -> None:
    arguments = ["digits", "--extractor", "digits", "--resolution", "16"]
    found = {
        split: scored(*arguments, "--split", split, "--save-stats", f"{split}.npz")["provenance"]["a"]
        for split in ("train", "test", "all")
    }
    dataset = load_dataset("digits", data_options(DataConfig(resolution=16, channels=1)))
    assert [found[split]["num_images"] for split in found] == [len(dataset.train), len(dataset.test), 1797]
    assert found["test"]["fingerprint"] == dataset.test.fingerprint
    statistics = FeatureStatistics(64)
    statistics.update(ClassifierExtractor("digits")(dataset.test.images).features)
    with np.load("test.npz") as saved:
        torch.testing.assert_close(torch.from_numpy(saved["mu"]), statistics.mean, rtol=1e-5, atol=1e-6)
    with np.load("train.npz") as train:
        moments = [torch.from_numpy(train[key]) for key in ("mu", "sigma")]
    expected = frechet_distance(*moments, statistics.mean, statistics.covariance)
    assert scored("train.npz", "test.npz")["value"] == pytest.approx(expected, rel=1e-4)
    assert "digits has no split of its own" in refused("digits", "test.npz", "--split", "test").stderr


# what is kept


def test_a_data_source_is_looked_at_once(sides: tuple[str, str], seen: list[int], tmp_path: Path) -> None:
    def images_seen(*changes: str) -> int:
        seen.clear()
        scored(*sides, "--extractor", "digits", *changes)
        return sum(seen)

    assert [images_seen(), images_seen()] == [300, 0]
    assert [images_seen("-n", "100"), images_seen("-n", "100"), images_seen("-n", "100", "--seed", "1")] == [
        200,
        200,
        200,
    ], "random choices are not kept"
    assert images_seen("-n", "150", "--seed", "7") == 0, "all images, whatever the seed"
    assert images_seen("--resolution", "32") == 300
    assert images_seen("--extractor", "cifar10_jpg") == 300
    file = Path(sides[0]) / "0.png"
    before, times = file.read_bytes(), file.stat()
    file.write_bytes(before[:-30] + bytes(30))  # the end of the last chunk, of no pixels
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert images_seen() == 150, "as large and as old as what was there"
    Image.new("RGB", (20, 20)).save(Path(sides[0]) / "0.png")
    assert images_seen() == 150, "those of the folder that changed"
    result = acgan("fid", *sides, "--extractor", "digits")
    assert result.stdout.count("statistics from the cache") == 2
    for file in (tmp_path / "cache" / "statistics").glob("*.npz"):
        file.write_bytes(file.read_bytes()[:99])
    assert images_seen() == 300, "damaged entries are made anew"
    assert images_seen() == 0


def test_what_is_cached_is_the_same_number(sides: tuple[str, str]) -> None:
    first, second = (scored(*sides, "--extractor", "digits", "--save-stats", f"{i}.npz") for i in range(2))
    assert first["value"] == second["value"]
    assert [found["provenance"]["a"]["cached"] for found in (first, second)] == [False, True]
    contents = [np.load(f"{i}.npz") for i in range(2)]
    assert all(np.array_equal(contents[0][key], contents[1][key]) for key in ("mu", "sigma", "acgan"))


def test_statistics_alone(sides: tuple[str, str]) -> None:
    found = scored(sides[0], "--extractor", "digits", "--save-stats", "a.npz")
    assert found["value"] is None
    with np.load("a.npz") as saved:
        origin = json.loads(str(saved["acgan"]))
    assert (origin["num_images"], origin["split"], origin["source"]) == (150, "all", sides[0])
    assert origin["extractor"] == ClassifierExtractor("digits").describe()
    value = scored(*sides, "--extractor", "digits")["value"]
    assert scored("a.npz", sides[1], "--extractor", "digits")["value"] == pytest.approx(value, rel=1e-9)
    assert "another extractor" in refused("a.npz", sides[1], "--extractor", "mnist").stderr


def test_the_provenance(sides: tuple[str, str]) -> None:
    found = scored(*sides, "--extractor", "digits", "-n", "140", "--seed", "5")
    provenance = found["provenance"]
    assert found.keys() == {"metric", "value", "provenance"}
    assert provenance.keys() >= {"a", "b", "extractor", "seed", "acgan", "torch", "machine", "date"}
    expected = {"kind": "images", "source": sides[0], "num_images": 140, "split": "all", "resolution": None}
    assert expected.items() <= provenance["a"].items()
    assert provenance["a"]["fingerprint"] != provenance["b"]["fingerprint"]
    assert provenance["extractor"] == ClassifierExtractor("digits").describe()
    assert provenance["seed"] == 5


def test_options_of_no_effect_are_refused(sides: tuple[str, str]) -> None:
    for side, name in zip(sides, ("a.npz", "b.npz"), strict=True):
        scored(side, "--extractor", "digits", "--save-stats", name)
    for option, value in (("--extractor", "digits"), ("--weights", "w.pth")):
        assert f"{option}: has no effect" in refused("a.npz", "b.npz", option, value).stderr
    assert "expected --dims 192" in refused("a.npz", "b.npz", "--dims", "192").stderr
    with pytest.raises(UserError, match="--dims: has no effect"):
        api.fid(*sides, extractor=ClassifierExtractor("digits"), dims=64)


def test_images_resized_as_clean_fid_does_have_a_score_of_their_own(
    sides: tuple[str, str], handed: list[str]
) -> None:
    clean = pytest.importorskip("cleanfid.resize").build_resizer("clean")
    found = scored(*sides, *handed, "--resize", "clean", "--save-stats", "a.npz")
    assert found["metric"].startswith("fid[inception-64-clean@")
    assert found["provenance"]["extractor"]["resize"] == "299 px, bicubic as clean-fid's"
    # Their resizing and scale, and the same network.
    stem = InceptionExtractor(64, handed[1], warn=lambda message: None)._network.stem
    of_sides = [FeatureStatistics(64), FeatureStatistics(64)]
    for side, statistics in zip(sides, of_sides, strict=True):
        for file in sorted(Path(side).iterdir()):
            x = torch.from_numpy(clean(np.asarray(Image.open(file)))).permute(2, 0, 1)[None]
            with torch.inference_mode():
                statistics.update(stem((x - 128) / 128).mean(dim=(2, 3)))
    a, b = of_sides
    expected = frechet_distance(a.mean, a.covariance, b.mean, b.covariance)
    assert found["value"] == pytest.approx(expected, rel=1e-4)

    assert "a.npz was made with another extractor" in refused("a.npz", sides[1], *handed).stderr
    result = refused(*sides, "--extractor", "digits", "--resize", "clean")
    assert "--resize clean: is of Inception" in result.stderr


def test_which_generator_of_a_run(run: Path, tmp_path: Path) -> None:
    both = shutil.copytree(run, tmp_path / "both")
    sampler = load_generator(run / "generator.safetensors")
    with torch.no_grad():
        next(sampler.parameters()).mul_(2)
    save_generator(both / "generator-best.safetensors", sampler.generator, sampler.info)
    found = {
        which: scored(str(both), "digits", "-n", "20", *(["--which", which] if which else []))["provenance"][
            "a"
        ]
        for which in ("", "best", "last")
    }
    files = [both / f"generator{end}.safetensors" for end in ("-best", "-best", "")]
    assert [(one["file"], one["sha256"]) for one in found.values()] == [
        (file.name, sha256(file)) for file in files
    ]


def test_from_python_paths_and_texts_are_the_same(sides: tuple[str, str], tmp_path: Path) -> None:
    classifier = shutil.copy(
        Path(acgan_package.__file__).parent / "extractors" / "digits.safetensors", tmp_path
    )
    found = [
        api.fid(
            *sides,
            extractor=kind(classifier),
            save_stats=kind(tmp_path / "a.npz"),
            device="auto",
            warn=lambda message: None,
        ).value
        for kind in (str, Path)
    ]
    assert found[0] == found[1]
    with pytest.raises(UserError, match="split: found 'tset'; expected one of test, train, all"):
        api.fid(*sides, split="tset")


def test_broken_images_are_skipped_listed_and_counted(sides: tuple[str, str], tmp_path: Path) -> None:
    a, b = sides
    expected = scored(a, b, "--extractor", "digits")["value"]
    for number in range(22):
        (Path(a) / f"broken{number:02}.png").write_bytes(b"no image")
    refused_ = acgan("fid", a, b, "--extractor", "digits")
    assert "22 of 172 images cannot be decoded:" in refused_.stderr
    assert "broken00.png: it is empty" in refused_.stderr
    assert "and 2 more" in refused_.stderr
    assert "--on-error skip" in refused_.stderr
    skip = (a, b, "--extractor", "digits", "--on-error", "skip")
    for _ in range(2):
        found = scored(*skip)
        assert found["value"] == pytest.approx(expected, rel=1e-6)
        origin = found["provenance"]["a"]
        assert (origin["num_images"], origin["num_skipped"], origin["cached"]) == (150, 22, False)
        assert len(origin["skipped"]) == 22
        assert found["provenance"]["b"]["num_skipped"] == 0
        assert found["provenance"]["b"]["cached"], "nothing was skipped there"
    text = acgan("fid", *skip).stdout
    assert "150 images (22 skipped), all of it" in text
    assert sum(line.startswith("skipped ") for line in text.splitlines()) == 21
    assert "skipped 2 more broken images" in text
    assert "22 of 172 images cannot be decoded" in acgan("fid", a, b, "--extractor", "digits").stderr
    few = pictures(tmp_path / "few", 3)
    for number in (0, 1):
        (few / f"{number}.png").write_bytes(b"no image")
    result = refused(str(few), b, "--extractor", "digits", "--on-error", "skip")
    assert "1 of its 3 images could be decoded; expected at least 2" in result.stderr
    result = acgan(
        "fid",
        str(few),
        b,
        "--extractor",
        "digits",
        "--on-error",
        "skip",
        "--split",
        "train",
        "--resolution",
        "16",
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


def test_beside_a_run_images_are_prepared_as_its_training_did(run: Path, tmp_path: Path) -> None:
    """Also for a network that takes any size: a picture and its upright, opaque, small twin score alike."""
    odd, twin = tmp_path / "odd", tmp_path / "twin"
    odd.mkdir()
    twin.mkdir()
    draws = np.random.default_rng(0)
    for number in range(6):
        values = draws.integers(0, 256, (16, 16), dtype=np.uint8)
        image = Image.fromarray(values).resize((64, 64), Image.Resampling.NEAREST).convert("RGBA")
        image.putalpha(Image.new("L", image.size, 40 * number))
        image.save(odd / f"{number}.png")
    config = DataConfig(
        source=str(odd.parent / "classes"), resolution=16, channels=1, test_share=0, layout="classes"
    )
    shutil.copytree(odd, tmp_path / "classes" / "a")
    for number, pixels in enumerate(load_dataset(config.source, data_options(config)).train.images):
        Image.fromarray(pixels[0]).save(twin / f"{number}.png")
    results = [
        api.fid(run, folder, extractor=ClassifierExtractor("mnist"), warn=lambda message: None)
        for folder in (odd, twin)
    ]
    assert results[0].value == pytest.approx(results[1].value, rel=1e-9)
    text = acgan("fid", str(run), str(odd), "--extractor", "mnist").stdout
    assert "6 images, all of it, fitted to 16 px as in training (crop, gray)" in text


# a classifier that was made for other images


def test_a_strange_judge_is_told_once(tmp_path: Path) -> None:
    sides = [str(pictures(tmp_path / name, 4, seed)) for seed, name in enumerate("ab")]
    result = acgan("fid", *sides, "--extractor", "digits")
    assert result.exit_code == 0
    (told,) = [line for line in result.stderr.splitlines() if "Strange judge" in line]
    assert "the classifier digits@" in told
    assert "sees no colours, which these images have: its scores" in told
    assert "knows none" not in told, "pictures in folders may be of any class"
    for file in tmp_path.rglob("*.png"):
        Image.open(file).convert("L").convert("RGB").save(file)
    assert "Strange judge" not in acgan("fid", *sides, "--extractor", "digits").stderr
    for file in tmp_path.rglob("*.png"):
        Image.open(file).resize((64, 80)).save(file)
    assert "digits@" in (said := acgan("fid", *sides, "--extractor", "digits").stderr)
    assert "sees 16 px of 64: its scores" in said


def test_a_generator_tells_the_classes_that_a_judge_does_not_know(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    said = acgan("fid", str(run), str(pictures(tmp_path / "a", 4)), "--extractor", "digits").stderr
    assert said.count("Strange judge") == 1
    assert "knows none of these classes and sees no colours" in said

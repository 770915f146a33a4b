"""``--init-from``: what fits is taken, the rest is listed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from run_helpers import acgan as command
from run_helpers import acgan_train, differences, latest_payload, sets, trained

import acgan

SHORT: dict[str, Any] = {"train.total_nimg": 64, "monitor.num_per_class": 0}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with digits 1, 2 and 3."""
    return trained(tmp_path_factory.mktemp("source") / "run", {**SHORT, "data.classes": ["1", "2", "3"]})


def begin(run: Path, source: Path, changes: dict[str, Any]) -> str:
    """Begin a run from another one, without an iteration; what was said."""
    result = acgan_train(run, {**SHORT, **changes}, "--init-from", str(source), "--max-time", "0")
    assert result.exit_code == 0, result.output
    return result.stdout


def weights(run: Path, part: str) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = latest_payload(run)["state"][part]
    return state


def test_the_same_classes_and_shape_take_everything(source: Path, tmp_path: Path) -> None:
    said = begin(tmp_path / "run", source, {"data.classes": ["1", "2", "3"], "seed": 9})
    assert not differences(weights(tmp_path / "run", "generator"), weights(source, "ema"))
    assert not differences(weights(tmp_path / "run", "ema"), weights(source, "ema"))
    assert not differences(weights(tmp_path / "run", "discriminator"), weights(source, "discriminator"))
    number = len(weights(source, "generator"))
    assert f"generator: took {number} of {number} tensors" in said
    assert "not taken" not in said
    assert latest_payload(tmp_path / "run")["nimg"] == 0


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({"data.classes": ["3", "1", "2"]}, {"3": "3", "1": "1", "2": "2"}),
        ({"data.classes": ["2", "7", "1"]}, {"2": "2", "1": "1"}),
        ({"data.classes": ["0", "1", "2", "3", "4"]}, {"1": "1", "2": "2", "3": "3"}),
        ({"data.classes": ["3"]}, {"3": "3"}),
    ],
    ids=["another order", "others of as many", "more", "fewer"],
)
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_classes_are_matched_by_name(
    changes: dict[str, Any], taken: dict[str, str], spectral_norm: bool, source: Path, tmp_path: Path
) -> None:
    if spectral_norm:
        norm = {"model.discriminator.spectral_norm": True}
        source = trained(tmp_path / "source", {**SHORT, **norm, "data.classes": ["1", "2", "3"]})
        changes = {**changes, **norm}
    said = begin(tmp_path / "run", source, changes)
    new, old = weights(tmp_path / "run", "generator"), weights(source, "ema")
    d_new, d_old = (weights(path, "discriminator") for path in (tmp_path / "run", source))
    weight = (
        "aux_head.classify.parametrizations.weight.original" if spectral_norm else "aux_head.classify.weight"
    )
    names = changes["data.classes"]
    for name in names:
        here = names.index(name)
        if name in taken:
            there = ["1", "2", "3"].index(name)
            assert torch.equal(new["embed.weight"][here], old["embed.weight"][there])
            assert torch.equal(d_new[weight][here], d_old[weight][there])
        else:
            assert not any(torch.equal(new["embed.weight"][here], row) for row in old["embed.weight"])
            assert not any(torch.equal(d_new[weight][here], row) for row in d_old[weight])
    assert torch.equal(new["to_image.weight"], old["to_image.weight"])
    assert f"embed.weight (only the rows of {len(taken)} of {len(names)} classes)" in said


def test_a_class_by_name_gives_its_images(source: Path, tmp_path: Path) -> None:
    begin(tmp_path / "run", source, {"data.classes": ["3", "1", "2"]})
    before, after = acgan.load_generator(source), acgan.load_generator(tmp_path / "run")
    assert (before.class_names, after.class_names) == (("1", "2", "3"), ("3", "1", "2"))
    z = torch.randn(8, 16)
    for name in "123":
        images = [
            sampler(z, torch.full((8,), sampler.class_names.index(name))) for sampler in (before, after)
        ]
        assert torch.equal(images[0], images[1])


@pytest.mark.parametrize(
    "generator",
    [
        {"kind": "dcgan", "channels": 4},
        {"kind": "paper"},
        {"kind": "biggan", "channels": 2, "class_dim": 4},
        {"kind": "biggan", "channels": 2, "class_dim": None, "skip_z": False, "spectral_norm": False},
    ],
    ids=lambda generator: " ".join(map(str, generator.values())),
)
def test_other_generators_match_classes_by_name_too(generator: dict[str, Any], tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "model.generator": generator,
        "data.resolution": 32,
        "train.standing_nimg": 0,  # statistics over other classes are others
    }
    source = trained(
        tmp_path / "source",
        {**SHORT, **changes, "train.total_nimg": 16, "every.log_nimg": 16, "data.classes": ["1", "2", "3"]},
    )
    said = begin(tmp_path / "run", source, {**changes, "data.classes": ["3", "1", "7"]})
    before, after = acgan.load_generator(source), acgan.load_generator(tmp_path / "run")
    z = torch.randn(8, 16)
    for name in "31":
        images = [
            sampler(z, torch.full((8,), sampler.class_names.index(name))) for sampler in (before, after)
        ]
        torch.testing.assert_close(images[0], images[1])
    assert "classes)" in said, "it is told that not every class was taken"


def test_another_resolution_takes_what_fits(source: Path, tmp_path: Path) -> None:
    said = begin(tmp_path / "run", source, {"data.resolution": 32, "data.classes": ["1", "2", "3"]})
    new, old = weights(tmp_path / "run", "generator"), weights(source, "ema")
    fitting = [name for name in new if name in old and old[name].shape == new[name].shape]
    assert len(fitting) > 3
    assert all(torch.equal(new[name], old[name]) for name in fitting)
    assert f"generator: took {len(fitting)} of {len(new)} tensors; not taken: " in said
    unfit = next(name for name in new if name in old and name not in fitting)
    assert f"{unfit} {tuple(new[unfit].shape)} (there {tuple(old[unfit].shape)})" in said


def test_a_generator_file_has_no_discriminator(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    shutil.copy(source / "generator.safetensors", file)
    said = begin(tmp_path / "run", file, {"data.classes": ["1", "2", "3"]})
    assert not differences(weights(tmp_path / "run", "generator"), weights(source, "ema"))
    assert "discriminator: starts anew" in said


def test_another_family_takes_next_to_nothing_and_says_so(source: Path, tmp_path: Path) -> None:
    said = begin(tmp_path / "run", source, {"model.generator": {"kind": "dcgan", "channels": 4}})
    line = next(line for line in said.splitlines() if "generator: took" in line)
    assert line.split("took ")[1][:2] in ("0 ", "1 "), line  # both have an embed.weight
    assert "not taken: embed.weight" in line


def test_training_goes_on_from_there_and_resumes_without_it(source: Path, tmp_path: Path) -> None:
    changes = {**SHORT, "data.classes": ["1", "2", "3"], "seed": 4}
    run = tmp_path / "run"
    assert acgan_train(run, changes, "--init-from", str(source), "--max-time", "0").exit_code == 0
    again = acgan_train(run, changes, "--init-from", str(source))
    assert again.exit_code == 0
    assert "took" not in again.stdout, "weights are taken at the beginning alone"
    whole = tmp_path / "whole"
    assert acgan_train(whole, changes, "--init-from", str(source)).exit_code == 0
    assert not differences(weights(run, "generator"), weights(whole, "generator"))


def test_not_a_generator(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path in (tmp_path / "notes.txt", tmp_path / "nowhere", tmp_path):
        result = acgan_train(tmp_path / "run", SHORT, "--init-from", str(path))
        assert result.exit_code == 1, result.output
        assert str(path) in result.stderr
        assert not (tmp_path / "run").exists()


def test_plain_weights_start_a_spectrally_normalised_discriminator(source: Path, tmp_path: Path) -> None:
    norm = {"model.discriminator.spectral_norm": True}
    said = begin(tmp_path / "run", source, {"data.classes": ["2", "7", "1"], "seed": 9, **norm})
    new, old = (weights(path, "discriminator") for path in (tmp_path / "run", source))
    originals = [key for key in new if key.endswith(".parametrizations.weight.original")]
    plain = [key for key in originals if not key.startswith("aux_head.")]
    assert len(plain) > 5
    for key in plain:
        assert torch.equal(new[key], old[key.replace("parametrizations.weight.original", "weight")]), key
    assert not any(f"{key} " in said for key in plain), "taken whole"
    # Its largest singular value is known from the first step on.
    for key in originals:
        u = new[key.replace("original", "0.u")]
        torch.testing.assert_close(u.norm().item(), 1.0)
        found = (new[key].flatten(1).T @ u).norm().item()
        assert found > 0.9 * torch.linalg.matrix_norm(new[key].flatten(1), 2).item()


def test_the_recipe_folder_starts_from_the_shipped_networks_and_says_so(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    draws = np.random.default_rng(0)
    for name in ("lamp", "chair"):
        (pictures / name).mkdir(parents=True)
        for index in range(6):
            pixels = draws.integers(0, 256, (64, 64, 3), np.uint8)
            Image.fromarray(pixels).save(pictures / name / f"{index}.png")
    brief: dict[str, Any] = {"monitor.num_per_class": 0, "train.standing_nimg": 0, "train.batch_size": 4}

    def train(run: str, changes: dict[str, Any], *more: str) -> str:
        given = ["--data", str(pictures), "--run-dir", str(tmp_path / run), *sets({**brief, **changes})]
        result = command("train", "folder", *given, *more, "--max-time", "0")
        assert result.exit_code == 0, result.output
        return result.stdout

    started = "model.starter: G and D start from networks trained on photographs"
    assert started in train("given", {})
    assert acgan.load_generator(tmp_path / "given").info.provenance["init_from"]["path"] == "starter"
    assert started not in train("given", {}), "a run that goes on has its own weights"
    assert "starter" not in train("random", {"model.starter": False})
    assert acgan.load_generator(tmp_path / "random").info.provenance["init_from"] is None
    assert "(model.starter) are for colour images of 64 px.\n" in train("small", {"data.resolution": 32})
    assert started in train("dry", {}, "--dry-run")
    said = train("mine", {}, "--init-from", str(tmp_path / "random"))
    assert "model.starter" not in said
    assert "generator: took" in said

"""``--init-from`` with weights that acgan did not write: a backbone's are taken, a GAN has none."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from build_helpers import CPU, SHUFFLENET, built, make_config, make_store, refuse
from safetensors.torch import save_file
from torch import Tensor

from acgan.assembly import build_gan
from acgan.assembly.initialise import initialise_classifier, initialise_gan
from acgan.atomic import sha256
from acgan.config import RunConfig, load
from acgan.distributed import Ranks
from acgan.errors import UserError
from acgan.models import AuxClassifier
from acgan.weights import ClassifierInfo


def _classifier(*overrides: str) -> tuple[AuxClassifier, ClassifierInfo]:
    task, info = built(make_config(*overrides))
    return task.network, info


@pytest.fixture
def weights(places: dict[str, str]) -> dict[str, Tensor]:
    """torchvision's ShuffleNet, with its last layer."""
    state: dict[str, Tensor] = torch.load(places["WEIGHTS"], weights_only=True)
    return state


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_backbone_starts_from_a_wrapped_state_dict(
    ending: str, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    network, info = _classifier(*SHUFFLENET, "model.aux={stage2: 0.5}")
    heads = {name: tensor.clone() for name, tensor in network.heads.state_dict().items()}
    file, named = tmp_path / f"net{ending}", {f"module.{name}": tensor for name, tensor in weights.items()}
    if ending == ".pth":
        torch.save({"state_dict": named, "epoch": 3}, file)
    else:
        save_file(named, file)
    warned: list[str] = []
    report, origin = initialise_classifier(file, network, info, warned.append)
    found = network.backbone.state_dict()
    assert found.keys() == weights.keys() - {"fc.weight", "fc.bias"}
    assert all(torch.equal(tensor, weights[name]) for name, tensor in found.items())
    assert all(torch.equal(tensor, heads[name]) for name, tensor in network.heads.state_dict().items())
    table = "took the tensors in 'state_dict', " if ending == ".pth" else ""
    assert report == (
        f"--init-from {file}:\n  {table}removed 'module.' from their names.\n  backbone: took all tensors\n"
        "  heads: start anew"
    )
    assert origin == {"path": str(file), "sha256": sha256(file)}
    (warning,) = warned
    assert "most weights of shufflenet_v2_x0_5 want them by those of ImageNet" in warning
    assert "model.backbone.weights instead" in warning


def test_images_that_are_normalised_for_it_need_no_warning(
    weights: dict[str, Tensor], places: dict[str, str]
) -> None:
    network, info = _classifier(*SHUFFLENET, f"model.backbone.weights={places['WEIGHTS']}")
    network.backbone.get_parameter("conv1.0.weight").data.zero_()
    initialise_classifier(Path(places["WEIGHTS"]), network, info, refuse)
    assert torch.equal(network.backbone.get_parameter("conv1.0.weight"), weights["conv1.0.weight"])


def test_a_small_network_starts_from_a_classifier_saved_in_python(tmp_path: Path) -> None:
    other, _ = _classifier("seed=5")
    torch.save(other.state_dict(), tmp_path / "mine.pt")
    network, info = _classifier()
    report, _ = initialise_classifier(tmp_path / "mine.pt", network, info, refuse)
    assert all(
        torch.equal(tensor, other.backbone.state_dict()[name])
        for name, tensor in network.backbone.state_dict().items()
    )
    assert (
        "removed 'backbone.' from their names, left out what is not of the backbone small: heads.main."
        in report
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"weight": torch.zeros(3)},
            "not the weights of the backbone small: .*Its tensors are weight; expected stem.0",
        ),
        ({"model": {}, "args": argparse.Namespace(lr=1)}, r"Python objects \(argparse.Namespace\)"),
        ([1], "expected a state dict, tensors by name, found list"),
        ({"meta": {"class_names": ["a"]}, "state": {}}, "is of a training of acgan's; .*the run directory"),
    ],
)
def test_what_does_not_fit_is_refused(content: Any, told: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    network, info = _classifier()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(UserError, match=rf"other\.pt: .*{told}"):
        initialise_classifier(tmp_path / "other.pt", network, info, refuse)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_a_gan_starts_from_acgan_s_own_files_alone(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"generator{ending}"
    if ending == ".pt":
        torch.save({"g_ema": {"weight": torch.zeros(3)}}, file)
    else:
        save_file({"weight": torch.zeros(3)}, file)
    config = load(RunConfig, None, ["model.generator.channels=4", "model.discriminator.channels=4"])
    store = make_store()
    gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
    with pytest.raises(
        UserError, match=r"--init-from .*: is no file of acgan's; expected a run directory, or"
    ):
        initialise_gan(file, gan, store.class_names)

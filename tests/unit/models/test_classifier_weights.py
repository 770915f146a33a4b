"""Weights of AuxClassifier's backbones: from files, under older names too, and torchvision's."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision
from build_helpers import scramble
from classifier_helpers import SIZE, K, N, Toy, changed_in, make_classifier, make_images, make_plain, state_of
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from acgan.errors import UserError
from acgan.models import AuxClassifier
from acgan.models.backbones import build_torchvision

# Weights from a file


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_resnet18(suffix: str, tmp_path: Path) -> None:
    original, file = make_plain("resnet18"), tmp_path / f"net{suffix}"
    original.apply(scramble)
    state = state_of(original)
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    model = AuxClassifier("resnet18", 9, {"layer2": 0.3}, weights=file, image_size=SIZE)
    loaded = model.backbone.state_dict()
    assert loaded.keys() == state.keys() - {"fc.weight", "fc.bias"}
    assert not changed_in(model.backbone, state)
    model = AuxClassifier("resnet18", K, weights=str(file), image_size=SIZE).eval()
    model.heads["main"].classify.load_state_dict(original.fc.state_dict())
    assert_close(model(make_images()), original.eval()(make_images()))


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_weights_of_networks_with_auxiliary_classifiers(name: str, tmp_path: Path) -> None:
    state, file = state_of(make_plain(name, aux_logits=True)), tmp_path / "net.pth"
    assert any(key.startswith(("AuxLogits.", "aux1.")) for key in state)
    torch.save(state, file)
    network = build_torchvision(name, weights=file)
    assert network.transform_input  # torchvision's weights are of images in [-1, 1]
    last = {"fc.weight", "fc.bias"}
    loaded = {key: value for key, value in network.state_dict().items() if key not in last}
    assert loaded.keys() == {
        key for key in state if not key.startswith(("AuxLogits.", "aux1.", "aux2.", "fc."))
    }
    assert all(torch.equal(value, state[key]) for key, value in loaded.items())


def test_no_input_is_transformed_without_weights(inception: AuxClassifier) -> None:
    assert not inception.backbone.transform_input
    assert not build_torchvision("googlenet").transform_input


def test_weights_of_a_vision_transformer_for_other_images(tmp_path: Path) -> None:
    # Of 64 px, 2x2 patches; for 96 px, 3x3: corners stay, those between are means.
    original, file = make_plain("vit_b_32", image_size=64), tmp_path / "net.pth"
    state = state_of(original)
    torch.save(state, file)
    model = AuxClassifier("vit_b_32", 9, weights=file, image_size=96)
    assert changed_in(model.backbone, {**state, "encoder.pos_embedding": torch.empty(0)}) == {
        "encoder.pos_embedding"
    }
    positions, old = model.backbone.encoder.pos_embedding[0], state["encoder.pos_embedding"][0]
    assert torch.equal(positions[0], old[0])
    assert_close(positions[[1, 3, 7, 9]], old[1:])
    assert_close(positions[5], old[1:].mean(dim=0))
    assert model.eval()(make_images(96)).shape == (N, 9)


def test_positions_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        state = make_plain("vit_b_32").state_dict()
        state["encoder.pos_embedding"] = torch.zeros(1, 4, 768)
        monkeypatch.setattr("acgan.models.backbones.read_state_file", lambda file: state)
        with pytest.raises(
            UserError, match=r"file.pth: not the weights of vit_b_32: encoder.pos_embedding \(\(1, 4,"
        ):
            build_torchvision("vit_b_32", weights="file.pth")


def _named_as_in_old_densenets(key: str) -> str:
    return re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key)


def _named_as_in_old_transformers(key: str) -> str:
    return key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


@pytest.mark.parametrize(
    ("name", "rename"),
    [
        ("densenet121", _named_as_in_old_densenets),
        ("vit_b_32", _named_as_in_old_transformers),
        ("mnasnet0_5", str),
    ],
)
def test_published_files_load_whose_tensors_have_older_names(
    name: str, rename: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywords = {"image_size": 64} if name == "vit_b_32" else {}
    original = make_plain(name, **keywords)
    own = original.state_dict()
    old = type(own)((rename(key), value) for key, value in own.items())
    old._metadata = own._metadata  # MNASNets look at it
    assert (old.keys() == own.keys()) == (rename is str)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_args, **_keywords: old)
    network = build_torchvision(name, pretrained=True, image_size=keywords.get("image_size"))
    loaded = {key: value for key, value in network.state_dict().items() if value.shape == own[key].shape}
    assert len(loaded) >= len(own) - 2
    assert all(torch.equal(value, own[key]) for key, value in loaded.items())


def test_a_file_without_versions_loads_into_mnasnet(tmp_path: Path) -> None:
    original, file = make_plain("mnasnet0_5"), tmp_path / "net.safetensors"
    save_file(state_of(original), file)
    model = AuxClassifier("mnasnet0_5", 9, weights=file, image_size=SIZE)
    assert not changed_in(model.backbone, original.state_dict())


def test_counts_of_batches_may_be_absent(tmp_path: Path) -> None:
    state = {key: v for key, v in make_plain("resnet18").state_dict().items() if "num_batches" not in key}
    torch.save(state, tmp_path / "net.pth")
    network = build_torchvision("resnet18", weights=tmp_path / "net.pth")
    assert torch.equal(network.layer4[1].bn2.weight, state["layer4.1.bn2.weight"])
    assert torch.equal(network.conv1.weight, state["conv1.weight"])


def test_files_that_are_not_that_network_s_weights(tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    state = state_of(make_plain("resnet18"))

    def refusal(content: Any) -> str:
        torch.save(content, file)
        with pytest.raises(UserError) as caught:
            build_torchvision("resnet18", weights=file)
        assert str(caught.value).startswith(f"{file}: ")
        return str(caught.value)

    assert "not the weights of resnet18: " in refusal(state_of(make_plain("squeezenet1_1")))
    message = refusal({**state, "layer1.0.conv1.weight": torch.zeros(2, 3)})
    assert "layer1.0.conv1.weight ((2, 3), expected (64, 64, 3, 3))" in message
    missing = refusal({key: value for key, value in state.items() if key != "bn1.weight"})
    assert "bn1.weight (missing, expected (64,))." in missing
    assert "layer5.weight ((1,), expected none)." in refusal({**state, "layer5.weight": torch.zeros(1)})
    other = refusal(
        {"stem.weight": torch.zeros(1), "stem.bias": torch.zeros(1), "c": torch.zeros(1), "d": torch.zeros(1)}
    )
    assert re.search(
        r"bn1.bias .*; bn1.running_mean .*; bn1.running_var .* and \d\d\d more\. Its tensors", other
    )
    assert (
        "Its tensors are stem.weight, stem.bias, c and 1 more; expected conv1.weight, bn1.weight, bn1.bias and"
        in other
    )
    assert "expected a state dict, tensors by name, found list" in refusal([1, 2])
    assert "found an empty table; no tensors have names" in refusal({})
    assert "found a table with epoch, args, lr and 1 more; no" in refusal(
        {"epoch": 1, "args": {"a": 2}, "lr": 1, "x": [1]}
    )
    # No code from a file is run.
    assert "besides tensors it holds Python objects (classifier_helpers.Toy), which could run" in refusal(
        Toy()
    )
    told = refusal({"model": state, "args": argparse.Namespace(lr=0.1)})
    assert "Python objects (argparse.Namespace), which could run any code" in told
    assert "Save the weights alone where it was made, as torch.save(network.state_dict(), FILE) does." in told


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("length", [0, 20, 1000, -1000])
def test_truncated_files(length: int, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"net{suffix}"
    state = state_of(make_plain("squeezenet1_1"))
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(UserError, match=re.escape(f"{file}: cannot be read as a state dict (")):
        build_torchvision("squeezenet1_1", weights=file)


def test_nobody_is_advised_to_read_a_file_without_care(tmp_path: Path) -> None:
    """torch's own message says that its ``weights_only=False`` would likely succeed."""
    file = tmp_path / "notes.py"
    file.write_text("import torch\n")
    with pytest.raises(UserError, match="cannot be read as a state dict") as raised:
        build_torchvision("squeezenet1_1", weights=file)
    assert "weights_only" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for file in (tmp_path / "net.pth", tmp_path / "net.safetensors", tmp_path):
        with pytest.raises(UserError, match=re.escape(f"{file}: cannot be read as a state dict (")):
            build_torchvision("squeezenet1_1", weights=file)


def test_old_names_with_a_prefix_and_auxiliary_classifiers(tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    for name, rename in (("densenet121", _named_as_in_old_densenets), ("googlenet", str)):
        keywords = {"aux_logits": True} if name == "googlenet" else {}
        state = state_of(make_plain(name, **keywords))
        torch.save({f"module.{rename(key)}": value for key, value in state.items()}, file)
        said: list[str] = []
        network = build_torchvision(name, weights=file, say=said.append)
        first = next(key for key in state if key.endswith("weight"))
        assert torch.equal(network.state_dict()[first], state[first])
        assert said == [f"{file}: removed 'module.' from their names."]


# torchvision's weights


def test_pretrained_loads_torchvision_s_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    original = torchvision.models.get_model("inception_v3", weights=None, init_weights=False)
    asked: list[tuple[str, dict[str, Any]]] = []

    def load(url: str, **keywords: Any) -> dict[str, Tensor]:
        asked.append((url, keywords))
        return original.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", load)
    model = make_classifier("inception_v3", pretrained=True, image_size=96)
    ((url, keywords),) = asked
    assert url == torchvision.models.Inception_V3_Weights.DEFAULT.url
    assert keywords["check_hash"]
    assert not changed_in(model.backbone, original.state_dict())
    assert model.backbone.transform_input
    assert list(model.heads) == ["main", "Mixed_6e"]


@pytest.mark.parametrize(
    "error",
    [
        URLError("no route to host"),
        TimeoutError("timed out"),
        RuntimeError("invalid hash value"),
        RuntimeError("PytorchStreamReader failed reading zip archive"),
        EOFError(),
    ],
    ids=str,
)
def test_weights_that_cannot_be_downloaded(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, **keywords: Any) -> None:
        raise error

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fail)
    with pytest.raises(UserError, match="the weights of squeezenet1_1 cannot be downloaded") as caught:
        make_classifier("squeezenet1_1", pretrained=True)
    assert (str(error) or "EOFError") in str(caught.value)
    assert torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url in str(caught.value)
    assert "name the file with model.backbone.weights" in str(caught.value)

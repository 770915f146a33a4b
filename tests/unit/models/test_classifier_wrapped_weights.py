"""Weights of backbones in files as trainings write them: in tables, with prefixes, beside a running mean."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from classifier_helpers import SIZE, K, changed_in, make_plain, state_of
from safetensors.torch import save_file
from torch import Tensor

from acgan.errors import UserError
from acgan.models import AuxClassifier
from acgan.models.backbones import build_torchvision

State = dict[str, Tensor]


def _with_prefix(prefix: str, state: State) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def _averaged(state: State) -> State:
    """As torch.optim.swa_utils.AveragedModel writes it: other weights."""
    means = {key: value + 1 for key, value in state.items()}
    return {"n_averaged": torch.tensor(3), **_with_prefix("module.", means)}


def _new_head(state: State) -> State:
    return {**state, "fc.1.weight": torch.zeros(2, 512), "fc.1.bias": torch.zeros(2)}


ADAM = {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
WRAPPED: dict[str, tuple[Callable[[State], Any], str]] = {
    "torchvision's references": (
        lambda state: {"model": state, "optimizer": ADAM, "lr_scheduler": {"last_epoch": 2}, "epoch": 3},
        "took the tensors in 'model'.",
    ),
    "with a running mean": (
        lambda state: {"epoch": 3, "model_ema": _averaged(state), "model": state},
        "took the tensors in 'model', not the running mean in 'model_ema.module'.",
    ),
    "timm": (
        lambda state: {
            "state_dict": state,
            "state_dict_ema": {key: value + 1 for key, value in state.items()},
        },
        "took the tensors in 'state_dict', not the running mean in 'state_dict_ema'.",
    ),
    "a running mean alone": (
        lambda state: {"ema": state},
        "took the tensors in 'ema', a running mean of weights by its name.",
    ),
    "Lightning": (
        lambda state: {
            "epoch": 3,
            "hyper_parameters": {"lr": 0.1},
            "state_dict": {
                **_with_prefix("model.backbone.", state),
                "model.head.weight": torch.zeros(2, 512),
            },
        },
        "took the tensors in 'state_dict', removed 'model.backbone.' from their names, left out what is not of "
        "resnet18: model.head.weight.",
    ),
    "data parallel": (lambda state: _with_prefix("module.", state), "removed 'module.' from their names."),
    "compiled, data parallel, in a table": (
        lambda state: {"net": _with_prefix("module._orig_mod.", state)},
        "took the tensors in 'net', removed 'module.' from their names.",
    ),
    "a table in a table": (
        lambda state: {"checkpoint": {"model_state": _with_prefix("net.", state)}},
        "took the tensors in 'checkpoint.model_state', removed 'net.' from their names.",
    ),
    "another last layer": (
        lambda state: {"net": _new_head({key: v for key, v in state.items() if not key.startswith("fc.")})},
        "took the tensors in 'net'.",
    ),
    "twice the same": (lambda state: {"model": state, "best": dict(state)}, "took the tensors in 'model'."),
    "a mean in the same table": (
        lambda state: {
            "state_dict": {
                **_with_prefix("ema_model.", {key: value + 1 for key, value in state.items()}),
                **_with_prefix("model.", state),
            }
        },
        "took the tensors in 'state_dict', removed 'model.' from their names, not the running mean in "
        "'state_dict.ema_model', left out what is not of resnet18: ema_model.conv1.weight, ema_model.bn1.weight, "
        "ema_model.bn1.bias and 119 more.",
    ),
    "half precision": (
        lambda state: {"model": {key: v.half() if v.is_floating_point() else v for key, v in state.items()}},
        "took the tensors in 'model'.",
    ),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_weights_as_trainings_wrap_them(kind: str, tmp_path: Path) -> None:
    wrap, told = WRAPPED[kind]
    state, file = state_of(make_plain("resnet18")), tmp_path / "net.ckpt"
    torch.save(wrap(state), file)
    said: list[str] = []
    network = build_torchvision("resnet18", weights=file, say=said.append)
    expected = (
        {key: value.half().float() for key, value in state.items()} if kind == "half precision" else state
    )
    loaded = {key: value for key, value in network.state_dict().items() if not key.startswith("fc.")}
    assert all(torch.equal(value, expected[key].to(value.dtype)) for key, value in loaded.items())
    assert said == [f"{file}: {told}"]


def test_a_plain_state_dict_needs_no_remark(tmp_path: Path) -> None:
    torch.save(make_plain("resnet18").state_dict(), tmp_path / "net.pth")
    build_torchvision("resnet18", weights=tmp_path / "net.pth", say=pytest.fail)


def test_weights_that_are_there_twice_and_differ(tmp_path: Path) -> None:
    state, file = state_of(make_plain("resnet18")), tmp_path / "net.pth"
    other = {key: value + 1 for key, value in state.items()}
    for content, places in (
        ({"student": state, "teacher": other}, "'student' and 'teacher'"),
        (
            {**_with_prefix("encoder_q.", state), **_with_prefix("encoder_k.", other)},
            "'encoder_q' and 'encoder_k'",
        ),
    ):
        torch.save(content, file)
        with pytest.raises(
            UserError, match=f"holds weights of resnet18 2 times, at {places}, and they differ. Save"
        ):
            build_torchvision("resnet18", weights=file)


def test_a_prefix_of_some_is_no_prefix(tmp_path: Path) -> None:
    state, file = state_of(make_plain("resnet18")), tmp_path / "net.pth"
    some = {f"module.{key}" if key.startswith("layer") else key: value for key, value in state.items()}
    torch.save({"state_dict": some}, file)
    with pytest.raises(
        UserError, match=r"not the weights of resnet18 at 'state_dict.module': bn1.bias \(missing"
    ):
        build_torchvision("resnet18", weights=file)


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    state, file = state_of(make_plain("resnet18")), tmp_path / "net.pth"
    torch.save({**state, "conv1.weight": state["conv1.weight"].char()}, file)
    with pytest.raises(UserError, match=r"not the weights of resnet18: conv1.weight \(.*int8"):
        build_torchvision("resnet18", weights=file)


@pytest.mark.parametrize("kind", ["safetensors", "checkpoint"])
def test_acgan_s_own_files_are_named(kind: str, tmp_path: Path) -> None:
    state = _with_prefix("backbone.", state_of(make_plain("resnet18")))
    file = tmp_path / {"safetensors": "classifier.safetensors", "checkpoint": "64.pt"}[kind]
    if kind == "safetensors":
        save_file(state, file, metadata={"acgan": "{}"})
    else:
        torch.save({"nimg": 64, "meta": {"class_names": ["a"]}, "state": {"network": state}}, file)
    with pytest.raises(UserError, match=r"is of a training of acgan's; .* with --init-from\."):
        build_torchvision("resnet18", weights=file)


def test_another_s_safetensors_with_a_prefix(tmp_path: Path) -> None:
    state, file = state_of(make_plain("resnet18")), tmp_path / "net.safetensors"
    save_file(_with_prefix("net.", state), file, metadata={"format": "pt"})
    with pytest.warns(UserWarning, match=re.escape(f"{file}: removed 'net.' from their names.")):
        model = AuxClassifier("resnet18", K, weights=file, image_size=SIZE)
    assert not changed_in(model.backbone, state)

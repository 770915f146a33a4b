"""Copies of an AuxClassifier, and what it costs in eval mode: compiled and exported it is the main head alone."""

import copy
import io
from pathlib import Path

import pytest
import torch
from classifier_helpers import (
    LABELS,
    SIZE,
    K,
    changed_in,
    count_hooks,
    make_classifier,
    make_images,
    state_of,
    train_steps,
)
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models import AuxClassifier

# Copies


def test_reloads() -> None:
    model = make_classifier("resnet18", {"layer2": 0.3}, image_size=SIZE)
    with torch.no_grad():
        model(make_images())  # moves running statistics
        torch.manual_seed(9)
        reloaded = AuxClassifier("resnet18", K, {"layer2": 0.3}, image_size=SIZE)
        assert not torch.equal(reloaded.eval()(make_images()), model.eval()(make_images()))
        assert {name.split(".")[0] for name in model.state_dict()} == {"backbone", "heads"}
        reloaded.load_state_dict(model.state_dict())
        assert torch.equal(reloaded(make_images()), model(make_images()))
        for name, logits in reloaded.train()(make_images()).items():
            assert torch.equal(logits, model.train()(make_images())[name])


@pytest.mark.parametrize("layer", ["layer2", "layer3.0.conv1"])
def test_a_copy_s_heads_are_on_the_copy_s_layers(layer: str) -> None:
    model = make_classifier("resnet18", {layer: 0.3}, image_size=SIZE)
    model(make_images())
    twin = copy.deepcopy(model)
    before, calls = state_of(model), []
    for part in model.modules():
        part.register_forward_hook(lambda *_: calls.append(1))
    untrained = copy.deepcopy(before)
    train_steps(twin, SIZE)
    assert not calls
    assert not changed_in(model, untrained)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert changed_in(twin, before) == before.keys()
    model(make_images())
    assert calls


def test_a_copy_does_not_depend_on_the_original() -> None:
    model = make_classifier("small", {"block1": 0.3})
    twin = copy.deepcopy(model)
    with torch.no_grad():
        expected = copy.deepcopy(model)(make_images(32))
        for parameter in model.parameters():
            parameter.zero_()
        for name, logits in twin(make_images(32)).items():
            assert torch.equal(logits, expected[name])


def test_pickles() -> None:
    model = make_classifier("small", {"block1": 0.3, "block2.conv1": 0.1}, head="stem")
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    twin = torch.load(buffer, weights_only=False)
    assert twin.reach() == model.reach()
    assert twin.weights == model.weights
    assert torch.equal(twin.eval()(make_images(32)), model.eval()(make_images(32)))
    assert list(twin.train()(make_images(32))) == ["main", "block1", "block2.conv1"]


def test_no_hook_outlives_a_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_classifier("small", {"block1": 0.3, "block2": 0.3})
    own = model.backbone.block1.register_forward_hook(lambda *_: None)
    for _ in range(3):
        model(make_images(32))
        assert count_hooks(model) == 1
    own.remove()

    def fail(x: Tensor) -> Tensor:
        raise ZeroDivisionError

    monkeypatch.setattr(model.backbone.block3, "forward", fail)
    with pytest.raises(ZeroDivisionError):
        model(make_images(32))
    assert count_hooks(model) == 0
    monkeypatch.undo()
    assert list(model(make_images(32))) == ["main", "block1", "block2"]


# What eval mode costs


def test_eval_mode_runs_the_backbone_and_the_main_head_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_classifier("resnet18", {"layer1": 0.3, "layer2": 0.3}, head="stem", image_size=SIZE)
    calls: list[str] = []
    for name, part in model.named_modules():
        part.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(make_images())
    assert {"heads.layer1.stem.hidden", "heads.layer2.classify"} <= set(calls)
    calls.clear()
    monkeypatch.setattr(nn.Module, "register_forward_hook", lambda *_args, **_keywords: pytest.fail("a hook"))
    model.eval()(make_images())
    assert [name for name in calls if name.startswith("heads")] == [
        f"heads.main.{name}" for name in ("dropout", "classify")
    ] + ["heads.main"]
    assert calls.count("backbone") == calls.count("backbone.layer1") == 1
    with pytest.raises(pytest.fail.Exception, match="a hook"):
        model.train()(make_images())


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_it_does_the_same(backend: str) -> None:
    torch._dynamo.reset()
    model = make_classifier("small", {"block1": 0.3, "block2.conv1": 0.2})
    twin = copy.deepcopy(model)
    compiled = torch.compile(twin, backend=backend)
    loss = model.summed_loss()
    for _ in range(2):  # the second time from dynamo's cache
        x = make_images(32)
        expected, found = model.train()(x), compiled.train()(x)
        assert list(found) == list(expected) == ["main", "block1", "block2.conv1"]
        for name, logits in expected.items():
            assert_close(found[name], logits, rtol=1e-4, atol=1e-5)
        for outputs, network in ((expected, model), (found, twin)):
            network.zero_grad(set_to_none=True)
            loss(outputs, LABELS).backward()
        for name, parameter in model.named_parameters():
            assert_close(twin.get_parameter(name).grad, parameter.grad, rtol=1e-3, atol=1e-5)
        for name, value in model.state_dict().items():
            assert_close(twin.state_dict()[name], value)  # running statistics
        with torch.no_grad():
            logits = compiled.eval()(x)
            assert isinstance(logits, Tensor)
            assert_close(logits, model.eval()(x), rtol=1e-4, atol=1e-5)
        assert count_hooks(twin) == 0


def test_exported_it_is_the_main_head_alone() -> None:
    model = make_classifier("small", {"block1": 0.3}, head="stem").eval()
    program = torch.export.export(model, (make_images(32),))
    lifted = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers}
    used = {lifted[node.name] for node in program.graph.nodes if node.name in lifted and node.users}
    assert {name for name in used if name.startswith("heads.")} == {
        "heads.main.classify.weight",
        "heads.main.classify.bias",
    }
    assert "backbone.block3.conv2.weight" in used
    assert_close(program.module()(make_images(32)), model(make_images(32)))


def test_exported_to_onnx_it_is_the_main_head_alone(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    model = make_classifier("small", {"block1": 0.3}, head="stem").eval()
    file = tmp_path / "net.onnx"
    torch.onnx.export(model, (make_images(32),), file, dynamo=True, external_data=False, verbose=False)
    graph = onnx.load(file).graph
    assert len(graph.output) == 1
    assert not [tensor.name for tensor in graph.initializer if "heads.block1" in tensor.name]
    from onnx.reference import ReferenceEvaluator

    (logits,) = ReferenceEvaluator(str(file)).run(None, {graph.input[0].name: make_images(32).numpy()})
    assert_close(torch.from_numpy(logits), model(make_images(32)).detach(), rtol=1e-3, atol=1e-4)

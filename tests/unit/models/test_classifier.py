"""AuxClassifier's heads: on every network of torchvision's, and at layers."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from build_helpers import scramble
from classifier_helpers import LABELS, SIZE, K, N, Toy, make_classifier, make_images, make_plain
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.models import TRUNKS, AuxClassifier, AuxHead, Discriminator
from acgan.models.backbones import OWN_AUX, torchvision_names

# Every network of torchvision's, without memory for its parameters


@pytest.fixture
def meta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tensors have shapes alone; but RegNets compute their widths with tensors."""
    regnet = torchvision.models.regnet.BlockParams
    original = regnet.from_init_params.__func__

    def with_values(cls: type, *args: Any, **keywords: Any) -> Any:
        with torch.device("cpu"):
            return original(cls, *args, **keywords)

    monkeypatch.setattr(regnet, "from_init_params", classmethod(with_values))
    with torch.device("meta"):
        yield


def test_all_of_torchvision_s_networks_are_tested_here() -> None:
    assert len(torchvision_names()) >= 80
    assert {"resnet18", "inception_v3", "googlenet", "vit_b_16"} <= set(torchvision_names())


def _by_family() -> list[Any]:
    """All names; but for the first of each family (resnet18, vit_b_16, ...) they are slow."""
    families = [re.match("[a-z]+", name)[0] for name in torchvision_names()]  # type: ignore[index]
    return [
        pytest.param(name, marks=[pytest.mark.slow] * (family in families[:number]))
        for number, (name, family) in enumerate(zip(torchvision_names(), families, strict=True))
    ]


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize("name", _by_family())
def test_the_main_head_sits_on_every_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file with weights for other classes, and with the network's own auxiliary classifiers, fits all of them.
    original = make_plain(name)
    monkeypatch.setattr("acgan.models.backbones.read_state_file", lambda file: original.state_dict())
    model = AuxClassifier(name, 7, {}, weights="file.pth")
    size = 299 if name == "inception_v3" else 224
    assert model.eval()(torch.zeros(N, 3, size, size)).shape == (N, 7)
    assert list(model.heads) == ["main"]
    last = [weight for weight in original.parameters() if weight.ndim > 1 and len(weight) == K][-1]
    assert model.heads["main"].in_channels == last.shape[1]
    (main,) = model.reach()
    assert (
        main.reached == main.backbone == sum(parameter.numel() for parameter in model.backbone.parameters())
    )
    own_aux = sum(
        parameter.numel()
        for key, parameter in original.named_parameters()
        if key.startswith(("AuxLogits.", "aux1.", "aux2."))
    )
    last_bias = K * any(bias.shape == (K,) for bias in original.parameters())
    assert main.backbone == (
        sum(parameter.numel() for parameter in original.parameters()) - own_aux - last.numel() - last_bias
    )
    assert not [
        layer for layer in model.modules() if isinstance(layer, nn.Linear) and layer.out_features == 1000
    ]


# Heads at layers


def _channels_last(maps: Tensor) -> Tensor:
    return maps.permute(0, 3, 1, 2)


def _as_it_is(features: Tensor) -> Tensor:
    return features


#: Backbone, layers, kind of head, the layer's output as (N, C, H, W) or (N, T, C), keywords for torchvision.
TAPS: dict[str, tuple[str, dict[str, float], str, Callable[[Tensor], Tensor], dict[str, Any]]] = {
    "resnet18": ("resnet18", {"layer3": 0.2, "layer2": 0.3}, "linear", _as_it_is, {}),
    "stem": ("resnet18", {"layer2": 0.3}, "stem", _as_it_is, {}),
    "tokens": (
        "vit_b_16",
        {"encoder.layers.encoder_layer_5": 0.3},
        "linear",
        _as_it_is,
        {"image_size": SIZE},
    ),
    "swin": ("swin_t", {"features.3": 0.3}, "linear", _channels_last, {}),
    "swin with a stem": ("swin_t", {"features.5.1": 0.3}, "stem", _channels_last, {}),
    "swin's first": ("swin_t", {"features.0.0": 0.3}, "linear", _as_it_is, {}),
    "swin's last": ("swin_t", {"permute": 0.3}, "linear", _as_it_is, {}),
    "convnext": ("convnext_tiny", {"features.3": 0.3}, "linear", _as_it_is, {}),
    "efficientnet": ("efficientnet_b0", {"features.4": 0.3, "features.6": 0.3}, "linear", _as_it_is, {}),
    "googlenet": ("googlenet", OWN_AUX["googlenet"], "stem", _as_it_is, {}),
    "before an in-place layer": ("resnet18", {"layer2.0.bn2": 0.3}, "stem", _as_it_is, {}),
    "small": ("small", {"block2": 0.3, "stem": 0.1}, "linear", _as_it_is, {}),
}


@pytest.mark.parametrize(("name", "aux", "kind", "arranged", "keywords"), TAPS.values(), ids=TAPS)
def test_heads_read_their_layers(
    name: str,
    aux: dict[str, float],
    kind: str,
    arranged: Callable[[Tensor], Tensor],
    keywords: dict[str, Any],
) -> None:
    own_places = name in OWN_AUX
    model = make_classifier(name, None if own_places else aux, head=kind, image_size=SIZE)
    assert model.weights == {"main": 1.0, **aux}
    x, seen = make_images(), {}
    for layer in aux:
        model.backbone.get_submodule(layer).register_forward_hook(
            lambda _layer, _inputs, output, layer=layer: seen.__setitem__(layer, output.detach().clone())
        )
    model.backbone.register_forward_hook(
        lambda _layer, _inputs, output: seen.__setitem__("main", output.detach())
    )
    model.heads.eval()  # for the stem's dropout
    with torch.no_grad():
        outputs = model(x)
        assert list(outputs) == ["main", *aux]
        assert_close(outputs.pop("main"), model.heads["main"](seen["main"]).logits)
        for layer, logits in outputs.items():
            head = model.heads[layer.replace(".", "/")]
            assert type(head) is AuxHead
            assert logits.shape == (N, K)
            assert logits.dtype is torch.float32
            assert_close(logits, head(arranged(seen[layer])).logits, rtol=1e-5, atol=1e-6)

        model.backbone.apply(scramble)
        model.eval()
        logits, features = model(x), model.features(x)
        assert isinstance(logits, Tensor)
        assert_close(logits, model.heads["main"](seen["main"]).logits)
        assert features.shape == (N, model.heads["main"].in_channels)
        assert_close(model.heads["main"](features).logits, logits)
        if name == "small":
            return
        # The same network as torchvision has it.
        original = make_plain(name, **keywords, **({"aux_logits": False} if own_places else {}))
        rest = original.load_state_dict(model.backbone.state_dict(), strict=False)
        assert len(rest.missing_keys) == 2
        assert not rest.unexpected_keys
        original.get_parameter(rest.missing_keys[0]).copy_(model.heads["main"].classify.weight)
        original.get_parameter(rest.missing_keys[1]).copy_(model.heads["main"].classify.bias)
        assert_close(original.eval()(x), logits, rtol=1e-4, atol=1e-5)


def test_a_head_is_the_same_in_both_modes() -> None:
    trunk = TRUNKS["dcgan"](resolution=16, image_channels=3, channels=4, spectral_norm=False)
    assert type(Discriminator(trunk, num_classes=K).aux_head) is AuxHead
    model = make_classifier("small", {"block1": 0.3})
    assert {type(head) for head in model.heads.values()} == {AuxHead}


def test_head_s_options() -> None:
    model = make_classifier("small", {"block1": 0.3}, head="stem", dropout=0.4)
    assert model.heads["main"].stem is None
    assert model.heads["main"].dropout.probability == 0.4
    assert model.heads["block1"].stem is not None
    assert model.heads["block1"].dropout.probability == 0.7
    assert make_classifier("small", {"block1": 0.3}, dropout=0.4).heads["block1"].dropout.probability == 0.0


def test_gray_images_are_repeated() -> None:
    model, gray = make_classifier("resnet18", {"layer1": 0.3}, image_size=SIZE), make_images(channels=1)
    twin = copy.deepcopy(model)
    for name, logits in model(gray).items():
        assert_close(logits, twin(gray.repeat(1, 3, 1, 1))[name])
    model.eval()
    assert_close(model(gray), model(gray.repeat(1, 3, 1, 1)))
    assert_close(model.features(gray), model.features(gray.repeat(1, 3, 1, 1)))
    one = make_classifier("small", in_channels=1).eval()
    assert one(make_images(32, channels=1)).shape == (N, K)


def test_logits_are_float32_under_bf16() -> None:
    model = make_classifier("small", {"block1": 0.3})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, features = model(make_images(32)), model.features(make_images(32))
    assert {logits.dtype for logits in outputs.values()} == {features.dtype} == {torch.float32}


def test_a_network_in_float64_gets_heads_in_float64() -> None:
    model = make_classifier(Toy(nn.Linear(6, 10)).double(), {"norm": 0.3}, image_size=16)
    outputs = model(make_images(16).double())
    assert {logits.dtype for logits in outputs.values()} == {torch.float64}


def test_summed_loss_has_the_model_s_weights() -> None:
    model = make_classifier("small", {"block1": 0.3, "block2": 0.5})
    outputs = model(make_images(32))
    class_weights = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])
    value = model.summed_loss(label_smoothing=0.1, class_weights=class_weights)(outputs, LABELS)
    terms = [
        ((0.9 * F.one_hot(LABELS, K) + 0.1 / K) * -logits.log_softmax(dim=1))
        .sum(dim=1)
        .mul(class_weights[LABELS])
        .mean()
        for logits in outputs.values()
    ]
    assert_close(value, terms[0] + 0.3 * terms[1] + 0.5 * terms[2])

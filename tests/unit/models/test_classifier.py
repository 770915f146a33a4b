"""AuxClassifier on torchvision's networks, on the small one and on networks of one's own: its heads."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from build_helpers import scramble
from classifier_helpers import (
    LABELS,
    SIZE,
    K,
    N,
    Toy,
    changed_in,
    count_hooks,
    make_classifier,
    make_images,
    make_plain,
    reached,
    state_of,
)
from torch import Tensor, nn
from torch.testing import assert_close

from acgan.errors import UserError
from acgan.models import TRUNKS, AuxClassifier, AuxHead, Discriminator
from acgan.models.backbones import OWN_AUX, cut_last_layer, torchvision_names
from acgan.models.inspecting import run_once
from acgan.models.small import SmallNet

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


# Layers, images and networks that do not fit


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(
        UserError, match=r"^aux: no layer 'blok2' in the backbone\. Did you mean 'block2'"
    ) as caught:
        make_classifier("small", {"blok2": 0.3})
    assert "There are: stem, stem.0, stem.1, stem.2, block1, block1.conv1, " in str(caught.value)
    with pytest.raises(UserError, match=r"no layer 'Mixed_8a'.* There are: .*Mixed_6e") as caught:
        make_classifier(make_plain("inception_v3", aux_logits=False), {"Mixed_8a": 0.3})
    assert "Mixed_6e.branch1x1.conv" not in str(caught.value)  # of many layers the upper ones


def test_a_layer_that_takes_no_part() -> None:
    with pytest.raises(UserError, match="the layer 'idle' takes no part in the network's forward pass"):
        make_classifier(Toy(), {"idle": 0.3}, image_size=16)


def test_a_layer_that_returns_something_else() -> None:
    with pytest.raises(UserError, match=r"a head at 'pair' needs features \(N, C, H, W\).* found tuple"):
        make_classifier(Toy(), {"pair": 0.3}, image_size=16)
    with pytest.raises(UserError, match=r"a head at 'main' needs features .* found \(1, 4, 2, 3, 1\)"):
        make_classifier(Toy(nn.Sequential(nn.Linear(6, 24), nn.Unflatten(1, (4, 2, 3, 1)))), image_size=16)


def test_a_layer_called_as_the_main_head() -> None:
    with pytest.raises(UserError, match="'main' is the head at the network's end"):
        make_classifier(Toy(), {"main": 0.3}, image_size=16)


def test_images_that_a_network_does_not_take() -> None:
    with pytest.raises(UserError, match=r"the backbone does not take images of 3 x 32 x 32 \(.+\)\. Choose"):
        make_classifier(make_plain("inception_v3", aux_logits=False), image_size=32)
    with pytest.raises(UserError, match="does not take images of 1 x 16 x 16"):
        make_classifier(Toy(), in_channels=1, image_size=16)
    with torch.device("meta"), pytest.raises(UserError, match="vit_b_32 cannot be built for images of 60 px"):
        make_classifier("vit_b_32", image_size=60)

    class Silent(Toy):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[2] == 16
            raise AssertionError

    with pytest.raises(UserError, match=r"3 x 16 x 16 \(AssertionError\)"):
        make_classifier(Silent(), image_size=16)


def test_an_unknown_backbone() -> None:
    with pytest.raises(UserError, match=r"no backbone 'resnet17'.* Did you mean 'resnet1"):
        make_classifier("resnet17")


# Networks of one's own


def test_a_network_of_one_s_own_loses_its_last_linear_layer() -> None:
    torch.manual_seed(5)
    network = Toy(nn.Linear(6, 10))
    hidden, x = network.hidden, make_images(16)
    model = make_classifier(network, {"norm": 0.3}, image_size=16)
    assert model.backbone is network
    assert isinstance(network.last, nn.Identity)
    assert network.hidden is hidden
    assert model.heads["main"].in_channels == 6
    model.eval()
    features = network.hidden(network.norm(network.main(x)).relu().mean(dim=(2, 3))).tanh()
    assert_close(model.features(x), features)
    assert_close(
        model(x), features @ model.heads["main"].classify.weight.T + model.heads["main"].classify.bias
    )


@pytest.mark.parametrize(
    "last",
    [
        nn.Identity(),
        nn.Sequential(nn.Linear(6, 8), nn.ReLU()),
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True)),
    ],
    ids=["none", "ReLU", "ReLU in place"],
)
def test_a_network_that_returns_features_stays_as_it_is(last: nn.Module) -> None:
    network = Toy(copy.deepcopy(last)).eval()
    expected = network(make_images(16))
    model = make_classifier(network, image_size=16)
    assert model.heads["main"].in_channels == expected.shape[1]
    assert_close(model.eval().features(make_images(16)), expected)


def test_trying_a_network_out_leaves_it_as_it_was() -> None:
    network = Toy(nn.Linear(6, 10))
    network.norm.eval()
    network.hidden.weight.requires_grad_(False)
    before = state_of(network)
    modes = {name: layer.training for name, layer in network.named_modules()}
    free = {name: parameter.requires_grad for name, parameter in network.named_parameters()}

    def assert_as_it_was() -> None:
        assert not changed_in(network, before)
        assert {name: layer.training for name, layer in network.named_modules()} == modes
        assert {name: parameter.requires_grad for name, parameter in network.named_parameters()} == free
        assert count_hooks(network) == 0

    with torch.no_grad():
        output, outputs = run_once(network, torch.zeros(1, 3, 16, 16), ["hidden"])
    assert output.requires_grad
    assert outputs.keys() == {"hidden"}
    assert_as_it_was()
    with pytest.raises(UserError):
        run_once(network, torch.zeros(1, 4, 16, 16), ["hidden"])
    assert_as_it_was()
    before = {name: value for name, value in before.items() if not name.startswith("last.")}
    modes["last"] = True  # of the new identity
    free = {name: value for name, value in free.items() if not name.startswith("last.")}
    cut_last_layer(network, torch.zeros(1, 3, 16, 16))
    assert_as_it_was()


def test_construction_moves_no_running_statistics_and_leaves_training_mode() -> None:
    network = make_plain("resnet18")
    before = state_of(network)
    with torch.no_grad():
        model = make_classifier(network, {"layer2": 0.3}, image_size=SIZE)
    after = model.backbone.state_dict()
    assert before.keys() - after.keys() == {"fc.weight", "fc.bias"}
    assert not changed_in(model.backbone, before)
    assert all(layer.training for layer in model.modules())
    assert count_hooks(model) == 0
    assert reached(model, "layer2") > 0


@pytest.mark.parametrize("keywords", [{"pretrained": True}, {"weights": "file.pth"}])
def test_weights_go_with_a_name(keywords: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="pretrained and weights go with a backbone's name"):
        make_classifier(Toy(), image_size=16, **keywords)


# The small network


@pytest.mark.parametrize(
    ("resolution", "widths"),
    [(16, [16, 32]), (28, [16, 32]), (32, [16, 48, 32]), (64, [16, 48, 48, 32]), (80, [16, 48, 48, 32])],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_halves_down_to_4_to_7_px(resolution: int, widths: list[int], channels: int) -> None:
    network = SmallNet(image_channels=channels, resolution=resolution, channels=8)
    blocks = {name: part for name, part in network.named_children() if name.startswith("block")}
    assert list(blocks) == [f"block{number}" for number in range(1, len(widths) + 1)]
    shapes: dict[str, tuple[int, ...]] = {}
    for name, part in network.named_children():
        part.register_forward_hook(lambda *args, name=name: shapes.__setitem__(name, tuple(args[2].shape)))
    features = network(make_images(resolution, channels=channels))
    assert features.shape == (N, 32)
    assert network.feature_dim == 32
    sides = [resolution // 2**number for number in range(1, len(widths) + 1)]
    assert 4 <= sides[-1] < 8
    assert shapes == {
        "stem": (N, 8, resolution, resolution),
        **{name: (N, width, side, side) for name, width, side in zip(blocks, widths, sides, strict=True)},
    }


@pytest.mark.parametrize(
    ("resolution", "near"),
    [
        (8, "is 16"),
        (36, "are 32 and 40"),
        (299, "are 256 and 320"),
        (2048, "is 1024"),
        (0, "is 16"),
        (-32, "is 16"),
    ],
)
def test_small_refuses_other_sides(resolution: int, near: str) -> None:
    message = (
        f"serves 16 to 1024 px, 4, 5, 6 or 7 times .* images are {resolution} px; .* \\(the nearest {near}\\)"
    )
    with pytest.raises(UserError, match=message):
        SmallNet(image_channels=3, resolution=resolution, channels=8)


def test_small_follows_the_images() -> None:
    assert make_classifier("small").eval()(make_images(32)).shape == (N, K)
    assert [
        len(list(make_classifier("small", image_size=size).backbone.children())) for size in (16, 32, 64)
    ] == [3, 4, 5]

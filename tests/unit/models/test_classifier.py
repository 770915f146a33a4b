"""AuxClassifier on torchvision's networks, on the small one and on networks of one's own."""

import copy
import io
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from acgan._torchvision import torchvision
from acgan.errors import UserError
from acgan.models import TRUNKS, AuxClassifier, AuxHead, Discriminator
from acgan.models.backbones import OWN_AUX, build_torchvision, cut_last_layer, run_once, torchvision_names
from acgan.models.small import SmallNet

K = 5
N = 2
SIZE = 64
LABELS = torch.tensor([1, 3])


def _images(size: int = SIZE, count: int = N, channels: int = 3) -> Tensor:
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def _classifier(
    backbone: str | nn.Module, aux: dict[str, float] | None = None, **changes: Any
) -> AuxClassifier:
    torch.manual_seed(0)
    return AuxClassifier(backbone, K, aux, **changes)


def _torchvision(name: str, **changes: Any) -> nn.Module:
    """torchvision's own, whose initialisation is slow where it is not to be seen."""
    torch.manual_seed(3)
    if name in OWN_AUX:
        changes = {"init_weights": False, **changes}
    return torchvision.models.get_model(name, weights=None, num_classes=K, **changes)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _changed(network: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}


def _hooks(network: nn.Module) -> int:
    return sum(len(layer._forward_hooks) + len(layer._forward_pre_hooks) for layer in network.modules())


def _scramble(network: nn.Module) -> None:
    """Give BatchNorm something to do in eval mode, and biases values other than 0."""
    generator = torch.Generator().manual_seed(4)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)


class Toy(nn.Module):
    """A network of one's own, with the odd layers that those have."""

    def __init__(self, last: nn.Module | None = None):
        super().__init__()
        self.main = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.pair = _Pair()
        self.idle = nn.Linear(4, 4)
        self.hidden = nn.Linear(4, 6)
        self.last = last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.pair(self.norm(self.main(x)))
        return self.last(self.hidden(h.mean(dim=(2, 3))).tanh())


class _Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return F.relu(x), 1


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


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize("name", torchvision_names())
def test_the_main_head_sits_on_every_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file with weights for other classes, and with the network's own auxiliary classifiers, fits all of them.
    original = _torchvision(name)
    monkeypatch.setattr("acgan.models.backbones._read_state", lambda file: original.state_dict())
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
    model = _classifier(name, None if own_places else aux, head=kind, image_size=SIZE)
    assert model.weights == {"main": 1.0, **aux}
    x, seen = _images(), {}
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

        model.backbone.apply(_scramble)
        model.eval()
        logits, features = model(x), model.features(x)
        assert isinstance(logits, Tensor)
        assert_close(logits, model.heads["main"](seen["main"]).logits)
        assert features.shape == (N, model.heads["main"].in_channels)
        assert_close(model.heads["main"](features).logits, logits)
        if name == "small":
            return
        # The same network as torchvision has it.
        original = _torchvision(name, **keywords, **({"aux_logits": False} if own_places else {}))
        rest = original.load_state_dict(model.backbone.state_dict(), strict=False)
        assert len(rest.missing_keys) == 2
        assert not rest.unexpected_keys
        original.get_parameter(rest.missing_keys[0]).copy_(model.heads["main"].classify.weight)
        original.get_parameter(rest.missing_keys[1]).copy_(model.heads["main"].classify.bias)
        assert_close(original.eval()(x), logits, rtol=1e-4, atol=1e-5)


def test_a_head_is_the_same_in_both_modes() -> None:
    trunk = TRUNKS["dcgan"](resolution=16, image_channels=3, channels=4, spectral_norm=False)
    assert type(Discriminator(trunk, num_classes=K).aux_head) is AuxHead
    model = _classifier("small", {"block1": 0.3})
    assert {type(head) for head in model.heads.values()} == {AuxHead}


def test_head_s_options() -> None:
    model = _classifier("small", {"block1": 0.3}, head="stem", dropout=0.4)
    assert model.heads["main"].stem is None
    assert model.heads["main"].dropout.probability == 0.4
    assert model.heads["block1"].stem is not None
    assert model.heads["block1"].dropout.probability == 0.7
    assert _classifier("small", {"block1": 0.3}, dropout=0.4).heads["block1"].dropout.probability == 0.0


def test_gray_images_are_repeated() -> None:
    model, gray = _classifier("resnet18", {"layer1": 0.3}, image_size=SIZE), _images(channels=1)
    twin = copy.deepcopy(model)
    for name, logits in model(gray).items():
        assert_close(logits, twin(gray.repeat(1, 3, 1, 1))[name])
    model.eval()
    assert_close(model(gray), model(gray.repeat(1, 3, 1, 1)))
    assert_close(model.features(gray), model.features(gray.repeat(1, 3, 1, 1)))
    one = _classifier("small", in_channels=1).eval()
    assert one(_images(32, channels=1)).shape == (N, K)


def test_logits_are_float32_under_bf16() -> None:
    model = _classifier("small", {"block1": 0.3})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, features = model(_images(32)), model.features(_images(32))
    assert {logits.dtype for logits in outputs.values()} == {features.dtype} == {torch.float32}


def test_a_network_in_float64_gets_heads_in_float64() -> None:
    model = _classifier(Toy(nn.Linear(6, 10)).double(), {"norm": 0.3}, image_size=16)
    outputs = model(_images(16).double())
    assert {logits.dtype for logits in outputs.values()} == {torch.float64}


def test_summed_loss_has_the_model_s_weights() -> None:
    model = _classifier("small", {"block1": 0.3, "block2": 0.5})
    outputs = model(_images(32))
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


# What a head's loss reaches


@pytest.fixture(scope="module")
def inception() -> AuxClassifier:
    """Inception v3 with its own auxiliary head; copy it."""
    return _classifier("inception_v3", image_size=96)


def _names_with_gradient(model: AuxClassifier, head: str, size: int) -> set[str]:
    model.zero_grad(set_to_none=True)
    F.cross_entropy(model(_images(size))[head], LABELS).backward()
    names = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    without_effect = [name for name in names if not model.get_parameter(name).grad.abs().max() > 0]
    assert not without_effect
    own = "heads." + head.replace(".", "/")
    assert {name for name in names if name.startswith("heads.")} == {
        f"{own}.{name}" for name, _ in model.get_submodule(own).named_parameters()
    }
    return {name.removeprefix("backbone.") for name in names if name.startswith("backbone.")}


def _starting_with(model: AuxClassifier, *prefixes: str) -> set[str]:
    return {name for name, _ in model.backbone.named_parameters() if name.startswith(prefixes)}


def _reached(model: AuxClassifier, head: str) -> int:
    (found,) = [reach for reach in model.reach() if reach.head == head]
    return found.reached


def test_an_auxiliary_loss_trains_what_is_below_it_in_resnet18() -> None:
    model = _classifier("resnet18", {"layer2": 0.3, "layer3.0.bn2": 0.2}, image_size=SIZE)
    expected = {
        "layer2": _starting_with(model, "conv1.", "bn1.", "layer1.", "layer2."),
        # Its block adds the short cut in place afterwards.
        "layer3.0.bn2": _starting_with(
            model, "conv1.", "bn1.", "layer1.", "layer2.", "layer3.0.conv", "layer3.0.bn"
        ),
        "main": _starting_with(model, ""),
    }
    for head, names in expected.items():
        assert _names_with_gradient(model, head, SIZE) == names
        assert _reached(model, head) == sum(model.backbone.get_parameter(name).numel() for name in names)


def test_an_auxiliary_loss_trains_what_is_below_it_in_inception(inception: AuxClassifier) -> None:
    model = copy.deepcopy(inception)
    assert model.weights == {"main": 1.0, "Mixed_6e": 0.4}
    below = ("Conv2d_", "Mixed_5", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
    expected = _starting_with(model, *below)
    everything = _starting_with(model, "")
    assert everything - expected == _starting_with(model, "Mixed_7")
    assert _names_with_gradient(model, "Mixed_6e", 96) == expected
    assert _reached(model, "Mixed_6e") == sum(model.backbone.get_parameter(name).numel() for name in expected)
    assert _names_with_gradient(model, "main", 96) == everything
    assert _reached(model, "main") == sum(p.numel() for p in model.backbone.parameters())


def test_reach_counts() -> None:
    model = _classifier("small", {"block1": 0.3})
    main, aux = model.reach()
    total = sum(parameter.numel() for parameter in model.backbone.parameters())
    assert (main.head, main.weight, main.own, main.reached, main.backbone) == (
        "main",
        1.0,
        128 * K + K,
        total,
        total,
    )
    below = (3 * 32 * 9 + 64) + (32 * 64 * 9 + 128) + (64 * 64 * 9 + 128)
    assert (aux.head, aux.weight, aux.own, aux.reached, aux.backbone) == (
        "block1",
        0.3,
        64 * K + K,
        below,
        total,
    )
    assert str(aux) == f"reaches {below / 1e3:.1f} k of {total / 1e3:.1f} k backbone parameters"


# Freezing


def _step(model: AuxClassifier, size: int, steps: int = 1) -> None:
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    loss = model.summed_loss()
    for _ in range(steps):
        optimiser.zero_grad()
        loss(model.train()(_images(size)), LABELS).backward()
        optimiser.step()


def test_feature_extraction_with_inception(inception: AuxClassifier) -> None:
    model = copy.deepcopy(inception)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # statistics of this batch, so that features in eval mode are of size 1
    with torch.no_grad():
        model(_images(96))
    with pytest.warns(UserWarning, match="everything below Mixed_6e is frozen"):
        model.freeze("backbone")
    before = _state(model)
    _step(model, 96, steps=2)
    trained = {
        f"heads.{head}.classify.{kind}" for head in ("main", "Mixed_6e") for kind in ("weight", "bias")
    }
    assert sum("num_batches_tracked" in name for name in before) > 90
    assert _changed(model, before) == trained
    assert isinstance(model.eval()(_images(96)), Tensor)
    for reach in model.reach():
        assert reach.reached == 0
        assert str(reach) == "reaches 0 of 21.8 M backbone parameters"


def test_feature_extraction_from_the_start() -> None:
    with pytest.warns(UserWarning, match=re.escape("everything below block1, block2 is frozen")):
        model = _classifier("small", {"block1": 0.3, "block2": 0.3}, freeze="backbone")
    assert model.frozen == "backbone"
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert all(parameter.requires_grad for parameter in model.heads.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _classifier("small", freeze="backbone")


def _batch_norms_in_training(model: AuxClassifier) -> set[str]:
    return {
        name
        for name, layer in model.backbone.named_modules()
        if isinstance(layer, nn.BatchNorm2d) and layer.training
    }


def test_freezing_until_a_layer() -> None:
    model = _classifier("resnet18", {"layer3": 0.3}, freeze="until:layer2", image_size=SIZE)
    frozen = _starting_with(model, "conv1.", "bn1.", "layer1.", "layer2.")
    all_norms = {name for name, layer in model.backbone.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    free_norms = {name for name in all_norms if name.startswith(("layer3.", "layer4."))}
    assert {name for name, p in model.backbone.named_parameters() if not p.requires_grad} == frozen
    assert _batch_norms_in_training(model) == free_norms
    assert _batch_norms_in_training(model.train()) == free_norms
    assert _batch_norms_in_training(model.eval()) == set()
    assert _batch_norms_in_training(model.train()) == free_norms
    assert model.training
    assert model.backbone.layer2.training
    before = _state(model)
    _step(model, SIZE)
    below = ("backbone.conv1", "backbone.bn1", "backbone.layer1", "backbone.layer2")
    assert _changed(model, before) == {name for name in before if not name.startswith(below)}

    model.freeze("none")
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert _batch_norms_in_training(model) == all_norms
    model.eval().freeze("until:layer2")
    assert _batch_norms_in_training(model) == set()
    assert not model.training


def test_freezing_until_a_layer_goes_by_what_it_is_computed_from() -> None:
    # The block adds the short cut, in place, to what bn2 returned.
    model = _classifier("resnet18", freeze="until:layer2.0.bn2", image_size=SIZE)
    assert {name for name, p in model.backbone.named_parameters() if not p.requires_grad} == _starting_with(
        model, "conv1.", "bn1.", "layer1.", "layer2.0.conv", "layer2.0.bn"
    )


def test_freezing_below_an_auxiliary_head_warns_where_nothing_is_left_to_it() -> None:
    model = _classifier("resnet18", {"layer2": 0.3, "layer3": 0.3}, image_size=SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.freeze("until:layer1")
    assert _reached(model, "layer2") == sum(p.numel() for p in model.backbone.layer2.parameters())
    with pytest.warns(UserWarning, match=r"everything below layer2 is frozen"):
        model.freeze("until:layer2")
    assert _reached(model, "layer2") == 0
    assert _reached(model, "layer3") == sum(p.numel() for p in model.backbone.layer3.parameters())


@pytest.mark.parametrize("freeze", ["", "head", "until:", "backbone:layer2", "layer2"])
def test_other_words_for_freezing_are_refused(freeze: str) -> None:
    with pytest.raises(UserError, match=f"freeze: found {freeze!r}; expected none, backbone or until:LAYER"):
        _classifier("small", freeze=freeze)


def test_freezing_until_a_layer_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"freeze: until: no layer 'blok2'.* Did you mean 'block2'"):
        _classifier("small", freeze="until:blok2")
    for layer in ("pair", "idle"):
        with pytest.raises(UserError, match=f"freeze: the layer '{layer}' returns no tensor"):
            _classifier(Toy(), freeze=f"until:{layer}", image_size=16)


# Layers, images and networks that do not fit


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(
        UserError, match=r"^aux: no layer 'blok2' in the backbone\. Did you mean 'block2'"
    ) as caught:
        _classifier("small", {"blok2": 0.3})
    assert "There are: stem, stem.0, stem.1, stem.2, block1, block1.conv1, " in str(caught.value)
    with pytest.raises(UserError, match=r"no layer 'Mixed_8a'.* There are: .*Mixed_6e") as caught:
        _classifier(_torchvision("inception_v3", aux_logits=False), {"Mixed_8a": 0.3})
    assert "Mixed_6e.branch1x1.conv" not in str(caught.value)  # of many layers the upper ones


def test_a_layer_that_takes_no_part() -> None:
    with pytest.raises(UserError, match="the layer 'idle' takes no part in the network's forward pass"):
        _classifier(Toy(), {"idle": 0.3}, image_size=16)


def test_a_layer_that_returns_something_else() -> None:
    with pytest.raises(UserError, match=r"a head at 'pair' needs features \(N, C, H, W\).* found tuple"):
        _classifier(Toy(), {"pair": 0.3}, image_size=16)
    with pytest.raises(UserError, match=r"a head at 'main' needs features .* found \(1, 4, 2, 3, 1\)"):
        _classifier(Toy(nn.Sequential(nn.Linear(6, 24), nn.Unflatten(1, (4, 2, 3, 1)))), image_size=16)


def test_a_layer_called_as_the_main_head() -> None:
    with pytest.raises(UserError, match="'main' is the head at the network's end"):
        _classifier(Toy(), {"main": 0.3}, image_size=16)


def test_images_that_a_network_does_not_take() -> None:
    with pytest.raises(UserError, match=r"the backbone does not take images of 3 x 32 x 32 \(.+\)\. Choose"):
        _classifier(_torchvision("inception_v3", aux_logits=False), image_size=32)
    with pytest.raises(UserError, match="does not take images of 1 x 16 x 16"):
        _classifier(Toy(), in_channels=1, image_size=16)
    with torch.device("meta"), pytest.raises(UserError, match="vit_b_32 cannot be built for images of 60 px"):
        _classifier("vit_b_32", image_size=60)

    class Silent(Toy):
        def forward(self, x: Tensor) -> Tensor:
            assert x.shape[2] == 16
            raise AssertionError

    with pytest.raises(UserError, match=r"3 x 16 x 16 \(AssertionError\)"):
        _classifier(Silent(), image_size=16)


def test_an_unknown_backbone() -> None:
    with pytest.raises(UserError, match=r"no backbone 'resnet17'.* Did you mean 'resnet1"):
        _classifier("resnet17")


# Networks of one's own


def test_a_network_of_one_s_own_loses_its_last_linear_layer() -> None:
    torch.manual_seed(5)
    network = Toy(nn.Linear(6, 10))
    hidden, x = network.hidden, _images(16)
    model = _classifier(network, {"norm": 0.3}, image_size=16)
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
    expected = network(_images(16))
    model = _classifier(network, image_size=16)
    assert model.heads["main"].in_channels == expected.shape[1]
    assert_close(model.eval().features(_images(16)), expected)


def test_trying_a_network_out_leaves_it_as_it_was() -> None:
    network = Toy(nn.Linear(6, 10))
    network.norm.eval()
    network.hidden.weight.requires_grad_(False)
    before = _state(network)
    modes = {name: layer.training for name, layer in network.named_modules()}
    free = {name: parameter.requires_grad for name, parameter in network.named_parameters()}

    def assert_as_it_was() -> None:
        assert not _changed(network, before)
        assert {name: layer.training for name, layer in network.named_modules()} == modes
        assert {name: parameter.requires_grad for name, parameter in network.named_parameters()} == free
        assert _hooks(network) == 0

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
    network = _torchvision("resnet18")
    before = _state(network)
    with torch.no_grad():
        model = _classifier(network, {"layer2": 0.3}, image_size=SIZE)
    after = model.backbone.state_dict()
    assert before.keys() - after.keys() == {"fc.weight", "fc.bias"}
    assert not _changed(model.backbone, before)
    assert all(layer.training for layer in model.modules())
    assert _hooks(model) == 0
    assert _reached(model, "layer2") > 0


@pytest.mark.parametrize("keywords", [{"pretrained": True}, {"weights": "file.pth"}])
def test_weights_go_with_a_name(keywords: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="pretrained and weights go with a backbone's name"):
        _classifier(Toy(), image_size=16, **keywords)


# Weights from a file


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_resnet18(suffix: str, tmp_path: Path) -> None:
    original, file = _torchvision("resnet18"), tmp_path / f"net{suffix}"
    original.apply(_scramble)
    state = _state(original)
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    model = AuxClassifier("resnet18", 9, {"layer2": 0.3}, weights=file, image_size=SIZE)
    loaded = model.backbone.state_dict()
    assert loaded.keys() == state.keys() - {"fc.weight", "fc.bias"}
    assert not _changed(model.backbone, state)
    model = AuxClassifier("resnet18", K, weights=str(file), image_size=SIZE).eval()
    model.heads["main"].classify.load_state_dict(original.fc.state_dict())
    assert_close(model(_images()), original.eval()(_images()))


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_weights_of_networks_with_auxiliary_classifiers(name: str, tmp_path: Path) -> None:
    state, file = _state(_torchvision(name, aux_logits=True)), tmp_path / "net.pth"
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
    original, file = _torchvision("vit_b_32", image_size=64), tmp_path / "net.pth"
    state = _state(original)
    torch.save(state, file)
    model = AuxClassifier("vit_b_32", 9, weights=file, image_size=96)
    assert _changed(model.backbone, {**state, "encoder.pos_embedding": torch.empty(0)}) == {
        "encoder.pos_embedding"
    }
    positions, old = model.backbone.encoder.pos_embedding[0], state["encoder.pos_embedding"][0]
    assert torch.equal(positions[0], old[0])
    assert_close(positions[[1, 3, 7, 9]], old[1:])
    assert_close(positions[5], old[1:].mean(dim=0))
    assert model.eval()(_images(96)).shape == (N, 9)


def test_positions_of_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        state = _torchvision("vit_b_32").state_dict()
        state["encoder.pos_embedding"] = torch.zeros(1, 4, 768)
        monkeypatch.setattr("acgan.models.backbones._read_state", lambda file: state)
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
    original = _torchvision(name, **keywords)
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
    original, file = _torchvision("mnasnet0_5"), tmp_path / "net.safetensors"
    save_file(_state(original), file)
    model = AuxClassifier("mnasnet0_5", 9, weights=file, image_size=SIZE)
    assert not _changed(model.backbone, original.state_dict())


def test_counts_of_batches_may_be_absent(tmp_path: Path) -> None:
    state = {key: v for key, v in _torchvision("resnet18").state_dict().items() if "num_batches" not in key}
    torch.save(state, tmp_path / "net.pth")
    network = build_torchvision("resnet18", weights=tmp_path / "net.pth")
    assert torch.equal(network.layer4[1].bn2.weight, state["layer4.1.bn2.weight"])
    assert torch.equal(network.conv1.weight, state["conv1.weight"])


def test_files_that_are_not_that_network_s_weights(tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    state = _state(_torchvision("resnet18"))

    def refusal(content: Any) -> str:
        torch.save(content, file)
        with pytest.raises(UserError) as caught:
            build_torchvision("resnet18", weights=file)
        assert str(caught.value).startswith(f"{file}: ")
        return str(caught.value)

    assert "not the weights of resnet18: " in refusal(_state(_torchvision("squeezenet1_1")))
    message = refusal({**state, "layer1.0.conv1.weight": torch.zeros(2, 3)})
    assert "layer1.0.conv1.weight ((2, 3), expected (64, 64, 3, 3))" in message
    missing = refusal({key: value for key, value in state.items() if key != "bn1.weight"})
    assert "bn1.weight (missing, expected (64,))." in missing
    assert "layer5.weight ((1,), expected none)." in refusal({**state, "layer5.weight": torch.zeros(1)})
    assert re.search(r"bn1.bias .*; bn1.running_mean .*; bn1.running_var .* and \d\d more\.$", refusal({}))
    assert "expected a state dict, tensors by name, found list" in refusal([1, 2])
    assert "expected a state dict, tensors by name, found dict" in refusal({"state_dict": state})
    assert "cannot be read as a state dict" in refusal(Toy())  # no code from a file is run


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("length", [0, 20, 1000, -1000])
def test_truncated_files(length: int, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"net{suffix}"
    state = _state(_torchvision("squeezenet1_1"))
    if suffix == ".pth":
        torch.save(state, file)
    else:
        save_file(state, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(UserError, match=re.escape(f"{file}: cannot be read as a state dict (")):
        build_torchvision("squeezenet1_1", weights=file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for file in (tmp_path / "net.pth", tmp_path / "net.safetensors", tmp_path):
        with pytest.raises(UserError, match=re.escape(f"{file}: cannot be read as a state dict (")):
            build_torchvision("squeezenet1_1", weights=file)


# torchvision's weights


def test_pretrained_loads_torchvision_s_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    original = torchvision.models.get_model("inception_v3", weights=None, init_weights=False)
    asked: list[tuple[str, dict[str, Any]]] = []

    def load(url: str, **keywords: Any) -> dict[str, Tensor]:
        asked.append((url, keywords))
        return original.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", load)
    model = _classifier("inception_v3", pretrained=True, image_size=96)
    ((url, keywords),) = asked
    assert url == torchvision.models.Inception_V3_Weights.DEFAULT.url
    assert keywords["check_hash"]
    assert not _changed(model.backbone, original.state_dict())
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
        _classifier("squeezenet1_1", pretrained=True)
    assert (str(error) or "EOFError") in str(caught.value)
    assert torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url in str(caught.value)
    assert "name the file with model.backbone.weights" in str(caught.value)


# Copies


def test_reloads() -> None:
    model = _classifier("resnet18", {"layer2": 0.3}, image_size=SIZE)
    with torch.no_grad():
        model(_images())  # moves running statistics
        torch.manual_seed(9)
        reloaded = AuxClassifier("resnet18", K, {"layer2": 0.3}, image_size=SIZE)
        assert not torch.equal(reloaded.eval()(_images()), model.eval()(_images()))
        assert {name.split(".")[0] for name in model.state_dict()} == {"backbone", "heads"}
        reloaded.load_state_dict(model.state_dict())
        assert torch.equal(reloaded(_images()), model(_images()))
        for name, logits in reloaded.train()(_images()).items():
            assert torch.equal(logits, model.train()(_images())[name])


@pytest.mark.parametrize("layer", ["layer2", "layer3.0.conv1"])
def test_a_copy_s_heads_are_on_the_copy_s_layers(layer: str) -> None:
    model = _classifier("resnet18", {layer: 0.3}, image_size=SIZE)
    model(_images())
    twin = copy.deepcopy(model)
    before, calls = _state(model), []
    for part in model.modules():
        part.register_forward_hook(lambda *_: calls.append(1))
    untrained = copy.deepcopy(before)
    _step(twin, SIZE)
    assert not calls
    assert not _changed(model, untrained)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert _changed(twin, before) == before.keys()
    model(_images())
    assert calls


def test_a_copy_does_not_depend_on_the_original() -> None:
    model = _classifier("small", {"block1": 0.3})
    twin = copy.deepcopy(model)
    with torch.no_grad():
        expected = copy.deepcopy(model)(_images(32))
        for parameter in model.parameters():
            parameter.zero_()
        for name, logits in twin(_images(32)).items():
            assert torch.equal(logits, expected[name])


def test_pickles() -> None:
    model = _classifier("small", {"block1": 0.3, "block2.conv1": 0.1}, head="stem")
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    twin = torch.load(buffer, weights_only=False)
    assert twin.reach() == model.reach()
    assert twin.weights == model.weights
    assert torch.equal(twin.eval()(_images(32)), model.eval()(_images(32)))
    assert list(twin.train()(_images(32))) == ["main", "block1", "block2.conv1"]


def test_no_hook_outlives_a_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _classifier("small", {"block1": 0.3, "block2": 0.3})
    own = model.backbone.block1.register_forward_hook(lambda *_: None)
    for _ in range(3):
        model(_images(32))
        assert _hooks(model) == 1
    own.remove()

    def fail(x: Tensor) -> Tensor:
        raise ZeroDivisionError

    monkeypatch.setattr(model.backbone.block3, "forward", fail)
    with pytest.raises(ZeroDivisionError):
        model(_images(32))
    assert _hooks(model) == 0
    monkeypatch.undo()
    assert list(model(_images(32))) == ["main", "block1", "block2"]


# What eval mode costs


def test_eval_mode_runs_the_backbone_and_the_main_head_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _classifier("resnet18", {"layer1": 0.3, "layer2": 0.3}, head="stem", image_size=SIZE)
    calls: list[str] = []
    for name, part in model.named_modules():
        part.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(_images())
    assert {"heads.layer1.stem.hidden", "heads.layer2.classify"} <= set(calls)
    calls.clear()
    monkeypatch.setattr(nn.Module, "register_forward_hook", lambda *_args, **_keywords: pytest.fail("a hook"))
    model.eval()(_images())
    assert [name for name in calls if name.startswith("heads")] == [
        f"heads.main.{name}" for name in ("dropout", "classify")
    ] + ["heads.main"]
    assert calls.count("backbone") == calls.count("backbone.layer1") == 1
    with pytest.raises(pytest.fail.Exception, match="a hook"):
        model.train()(_images())


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_it_does_the_same(backend: str) -> None:
    torch._dynamo.reset()
    model = _classifier("small", {"block1": 0.3, "block2.conv1": 0.2})
    twin = copy.deepcopy(model)
    compiled = torch.compile(twin, backend=backend)
    loss = model.summed_loss()
    for _ in range(2):  # the second time from dynamo's cache
        x = _images(32)
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
        assert _hooks(twin) == 0


def test_exported_it_is_the_main_head_alone() -> None:
    model = _classifier("small", {"block1": 0.3}, head="stem").eval()
    program = torch.export.export(model, (_images(32),))
    lifted = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers}
    used = {lifted[node.name] for node in program.graph.nodes if node.name in lifted and node.users}
    assert {name for name in used if name.startswith("heads.")} == {
        "heads.main.classify.weight",
        "heads.main.classify.bias",
    }
    assert "backbone.block3.conv2.weight" in used
    assert_close(program.module()(_images(32)), model(_images(32)))


def test_exported_to_onnx_it_is_the_main_head_alone(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    model = _classifier("small", {"block1": 0.3}, head="stem").eval()
    file = tmp_path / "net.onnx"
    torch.onnx.export(model, (_images(32),), file, dynamo=True, external_data=False, verbose=False)
    graph = onnx.load(file).graph
    assert len(graph.output) == 1
    assert not [tensor.name for tensor in graph.initializer if "heads.block1" in tensor.name]
    from onnx.reference import ReferenceEvaluator

    (logits,) = ReferenceEvaluator(str(file)).run(None, {graph.input[0].name: _images(32).numpy()})
    assert_close(torch.from_numpy(logits), model(_images(32)).detach(), rtol=1e-3, atol=1e-4)


# The small network


@pytest.mark.parametrize(
    ("resolution", "widths"), [(16, [16, 32]), (32, [16, 48, 32]), (64, [16, 48, 48, 32])]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_small_halves_down_to_4_px(resolution: int, widths: list[int], channels: int) -> None:
    network = SmallNet(image_channels=channels, resolution=resolution, channels=8)
    blocks = {name: part for name, part in network.named_children() if name.startswith("block")}
    assert list(blocks) == [f"block{number}" for number in range(1, len(widths) + 1)]
    shapes: dict[str, tuple[int, ...]] = {}
    for name, part in network.named_children():
        part.register_forward_hook(lambda *args, name=name: shapes.__setitem__(name, tuple(args[2].shape)))
    features = network(_images(resolution, channels=channels))
    assert features.shape == (N, 32)
    assert network.feature_dim == 32
    sides = [resolution // 2**number for number in range(1, len(widths) + 1)]
    assert sides[-1] == 4
    assert shapes == {
        "stem": (N, 8, resolution, resolution),
        **{name: (N, width, side, side) for name, width, side in zip(blocks, widths, sides, strict=True)},
    }


@pytest.mark.parametrize("resolution", [8, 20, 28, 48, 0, -32])
def test_small_serves_powers_of_two_alone(resolution: int) -> None:
    with pytest.raises(UserError, match=f"16, 32, 64, … px, and the images are {resolution} px"):
        SmallNet(image_channels=3, resolution=resolution, channels=8)


def test_small_follows_the_images() -> None:
    assert _classifier("small").eval()(_images(32)).shape == (N, K)
    assert [
        len(list(_classifier("small", image_size=size).backbone.children())) for size in (16, 32, 64)
    ] == [3, 4, 5]

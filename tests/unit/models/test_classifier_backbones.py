"""AuxClassifier's backbones: networks of one's own, the small one, and what does not fit."""

import copy
from typing import Any

import pytest
import torch
from classifier_helpers import (
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
from acgan.models.backbones import cut_last_layer
from acgan.models.inspecting import run_once
from acgan.models.small import SmallNet

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

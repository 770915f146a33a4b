"""What the loss of each head of an AuxClassifier reaches, and what freezing leaves to it."""

import copy
import re
import warnings

import pytest
import torch
import torch.nn.functional as F
from classifier_helpers import (
    LABELS,
    SIZE,
    K,
    Toy,
    changed_in,
    make_classifier,
    make_images,
    reached,
    state_of,
    train_steps,
)
from torch import Tensor, nn

from acgan.errors import UserError
from acgan.models import AuxClassifier

# What a head's loss reaches


def _names_with_gradient(model: AuxClassifier, head: str, size: int) -> set[str]:
    model.zero_grad(set_to_none=True)
    F.cross_entropy(model(make_images(size))[head], LABELS).backward()
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


def test_an_auxiliary_loss_trains_what_is_below_it_in_resnet18() -> None:
    model = make_classifier("resnet18", {"layer2": 0.3, "layer3.0.bn2": 0.2}, image_size=SIZE)
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
        assert reached(model, head) == sum(model.backbone.get_parameter(name).numel() for name in names)


def test_an_auxiliary_loss_trains_what_is_below_it_in_inception(inception: AuxClassifier) -> None:
    model = copy.deepcopy(inception)
    assert model.weights == {"main": 1.0, "Mixed_6e": 0.4}
    below = ("Conv2d_", "Mixed_5", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
    expected = _starting_with(model, *below)
    everything = _starting_with(model, "")
    assert everything - expected == _starting_with(model, "Mixed_7")
    assert _names_with_gradient(model, "Mixed_6e", 96) == expected
    assert reached(model, "Mixed_6e") == sum(model.backbone.get_parameter(name).numel() for name in expected)
    assert _names_with_gradient(model, "main", 96) == everything
    assert reached(model, "main") == sum(p.numel() for p in model.backbone.parameters())


def test_reach_counts() -> None:
    model = make_classifier("small", {"block1": 0.3})
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
    assert str(aux) == f"trains {below / 1e3:.1f} k of {total / 1e3:.1f} k backbone parameters"


# Freezing


def test_feature_extraction_with_inception(inception: AuxClassifier) -> None:
    model = copy.deepcopy(inception)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # statistics of this batch, so that features in eval mode are of size 1
    with torch.no_grad():
        model(make_images(96))
    with pytest.warns(UserWarning, match="everything below Mixed_6e is frozen"):
        model.freeze("backbone")
    before = state_of(model)
    train_steps(model, 96, steps=2)
    trained = {
        f"heads.{head}.classify.{kind}" for head in ("main", "Mixed_6e") for kind in ("weight", "bias")
    }
    assert sum("num_batches_tracked" in name for name in before) > 90
    assert changed_in(model, before) == trained
    assert isinstance(model.eval()(make_images(96)), Tensor)
    for reach in model.reach():
        assert reach.reached == 0
        assert str(reach) == "trains 0 of 21.8 M backbone parameters"


def test_feature_extraction_from_the_start() -> None:
    with pytest.warns(UserWarning, match=re.escape("everything below block1, block2 is frozen")):
        model = make_classifier("small", {"block1": 0.3, "block2": 0.3}, freeze="backbone")
    assert model.frozen == "backbone"
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert all(parameter.requires_grad for parameter in model.heads.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_classifier("small", freeze="backbone")


def _batch_norms_in_training(model: AuxClassifier) -> set[str]:
    return {
        name
        for name, layer in model.backbone.named_modules()
        if isinstance(layer, nn.BatchNorm2d) and layer.training
    }


def test_freezing_until_a_layer() -> None:
    model = make_classifier("resnet18", {"layer3": 0.3}, freeze="until:layer2", image_size=SIZE)
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
    before = state_of(model)
    train_steps(model, SIZE)
    below = ("backbone.conv1", "backbone.bn1", "backbone.layer1", "backbone.layer2")
    assert changed_in(model, before) == {name for name in before if not name.startswith(below)}

    model.freeze("none")
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert _batch_norms_in_training(model) == all_norms
    model.eval().freeze("until:layer2")
    assert _batch_norms_in_training(model) == set()
    assert not model.training


def test_freezing_until_a_layer_goes_by_what_it_is_computed_from() -> None:
    # The block adds the short cut, in place, to what bn2 returned.
    model = make_classifier("resnet18", freeze="until:layer2.0.bn2", image_size=SIZE)
    assert {name for name, p in model.backbone.named_parameters() if not p.requires_grad} == _starting_with(
        model, "conv1.", "bn1.", "layer1.", "layer2.0.conv", "layer2.0.bn"
    )


def test_freezing_below_an_auxiliary_head_warns_where_nothing_is_left_to_it() -> None:
    model = make_classifier("resnet18", {"layer2": 0.3, "layer3": 0.3}, image_size=SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.freeze("until:layer1")
    assert reached(model, "layer2") == sum(p.numel() for p in model.backbone.layer2.parameters())
    with pytest.warns(UserWarning, match=r"everything below layer2 is frozen"):
        model.freeze("until:layer2")
    assert reached(model, "layer2") == 0
    assert reached(model, "layer3") == sum(p.numel() for p in model.backbone.layer3.parameters())


@pytest.mark.parametrize("freeze", ["", "head", "until:", "backbone:layer2", "layer2"])
def test_other_words_for_freezing_are_refused(freeze: str) -> None:
    with pytest.raises(UserError, match=f"freeze: found {freeze!r}; expected none, backbone or until:LAYER"):
        make_classifier("small", freeze=freeze)


def test_freezing_until_a_layer_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"freeze: until: no layer 'blok2'.* Did you mean 'block2'"):
        make_classifier("small", freeze="until:blok2")
    for layer in ("pair", "idle"):
        with pytest.raises(UserError, match=f"freeze: the layer '{layer}' returns no tensor"):
            make_classifier(Toy(), freeze=f"until:{layer}", image_size=16)

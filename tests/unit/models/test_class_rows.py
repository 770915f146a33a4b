"""Networks declare which of their tensors belong to the classes."""

import pytest
from gan_helpers import gan_config, gan_store
from torch import nn

from acgan.assembly import build_discriminator, build_generator
from acgan.losses import CLASSIFICATION
from acgan.models import GENERATORS, TRUNKS, AuxClassifier, SmallNet, class_columns, class_rows


def _found(few: nn.Module, many: nn.Module) -> tuple[set[str], set[str]]:
    """Tensors whose first, and whose last dimension grows with the number of classes."""
    shapes = [{key: tensor.shape for key, tensor in network.state_dict().items()} for network in (few, many)]
    changed = {key for key in shapes[0] if shapes[0][key] != shapes[1][key]}
    rows = {key for key in changed if shapes[1][key][0] - shapes[0][key][0] == 2}
    return rows, changed - rows


@pytest.mark.parametrize("kind", GENERATORS)
def test_generators(kind: str) -> None:
    config = gan_config(f"model.generator.kind={kind}")
    few, many = (build_generator(config, gan_store(32, classes=k)) for k in (3, 5))
    assert (class_rows(few), class_columns(few)) == _found(few, many)


@pytest.mark.parametrize("kind", TRUNKS)
@pytest.mark.parametrize("loss", CLASSIFICATION)
@pytest.mark.parametrize("spectral_norm", [False, True])
def test_discriminators(kind: str, loss: str, spectral_norm: bool) -> None:
    options = [f"model.discriminator.kind={kind}", "model.discriminator.projection=true", "loss.penalty=null"]
    if kind != "paper":
        options.append(f"model.discriminator.spectral_norm={str(spectral_norm).lower()}")
    config = gan_config(*options, f"loss.classification.kind={loss}")
    few, many = (build_discriminator(config, gan_store(32, classes=k)) for k in (3, 5))
    assert (class_rows(few), class_columns(few)) == _found(few, many)


def test_classifiers() -> None:
    few, many = (
        AuxClassifier(
            SmallNet(image_channels=1, resolution=16, channels=4),
            k,
            {"block1": 0.3},
            in_channels=1,
            image_size=16,
        )
        for k in (3, 5)
    )
    assert (class_rows(few), class_columns(few)) == _found(few, many)

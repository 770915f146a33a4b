"""What a training is scored by, and when it is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from acgan.assembly import build_score, build_score_extractor, choose_score
from acgan.config import RunConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError, RunError
from acgan.extracting import inception_weights_present
from acgan.predicting import shipped
from acgan.types import Dataset, ImageStore

pytestmark = pytest.mark.usefixtures("empty_hub")
DIGITS = tuple("0123456789")


@pytest.fixture
def present(empty_hub: Path) -> None:
    """A file is where Inception's weights are looked for; it is not read."""
    (empty_hub / "pt_inception-2015-12-05-6726825d.pth").touch()
    assert inception_weights_present()


def chosen(
    extractor: str | None = "auto",
    device: str = "cpu",
    data_name: str = "digits",
    num_validation: int = 100,
    share: float = 0.1,
    patience: int | None = None,
) -> tuple[str | None, list[str]]:
    """What is chosen, and what is said."""
    values: dict[str, Any] = {
        "data": {"validation_share": share},
        "evaluate": {"extractor": extractor},
        "train": {"patience_nimg": patience},
    }
    said: list[str] = []
    found = choose_score(
        RunConfig.model_validate(values),
        data_name=data_name,
        class_names=DIGITS,
        num_validation=num_validation,
        device=torch.device(device),
        say=said.append,
    )
    return found, said


@pytest.mark.usefixtures("present")
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_auto_is_what_is_shipped_for_the_data(device: str) -> None:
    assert chosen(device=device) == (str(shipped()["digits"]), [])


@pytest.mark.usefixtures("present")
def test_auto_is_inception_where_that_takes_no_minutes() -> None:
    for device in ("cuda", "mps"):
        assert chosen(device=device, data_name="cats") == ("inception", [])
    found, said = chosen(data_name="cats")
    assert found is None
    assert len(said) == 1
    assert "no classifier is shipped for cats" in said[0]
    assert "not a CPU" in said[0]


def test_auto_fetches_nothing() -> None:
    found, said = chosen(device="cuda", data_name="cats")
    assert found is None
    assert "no score during training" in said[0]


def test_what_is_named_is_taken(tmp_path: Path) -> None:
    for name in ("inception", "mnist", str(tmp_path)):
        assert chosen(name) == (name, [])


@pytest.mark.parametrize("patience", [None, 1000])
def test_what_is_named_and_not_there_is_refused(patience: int | None) -> None:
    with pytest.raises(
        RunError, match=r"^evaluate\.extractor mnits: no such .* expected auto, .*mnist"
    ) as info:
        chosen("mnits", patience=patience)
    assert "--extractor" not in str(info.value)


@pytest.mark.parametrize("extractor", ["auto", "digits"])
@pytest.mark.parametrize("number", [0, 1])
def test_too_few_images_are_told(extractor: str, number: int) -> None:
    found, said = chosen(extractor, num_validation=number)
    assert found is None
    assert f"found {number} validation images, expected 2 or more" in said[0]
    assert chosen(extractor, num_validation=2)[0] is not None


def test_nothing_is_said_where_no_score_is_wanted() -> None:
    assert chosen(None) == (None, [])
    assert chosen(share=0, num_validation=0) == (None, [])


@pytest.mark.parametrize("changes", [{"num_validation": 1}, {"data_name": "cats"}])
def test_patience_needs_one(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"train\.patience_nimg goes by a score, and there is none: "):
        chosen(patience=1000, **changes)


def test_a_fetch_that_fails_names_the_key() -> None:
    with pytest.raises(RunError, match=r"^evaluate\.extractor: .* could not be fetched") as info:
        build_score_extractor("inception", torch.device("cpu"), pytest.fail)
    assert "--" not in str(info.value)


@pytest.mark.parametrize("wanted", ["timm:vit_small_patch14_dinov2", "torchvision:resnet18"])
def test_a_network_with_weights_in_a_file_is_for_afterwards(wanted: str) -> None:
    with pytest.raises(
        RunError, match=f"evaluate.extractor {wanted}: found a network with weights"
    ) as raised:
        chosen(wanted)
    assert f"`acgan evaluate RUN --extractor {wanted} --weights FILE`" in str(raised.value)


@pytest.mark.parametrize("kind", ["digits", "photographs"])
def test_a_classifier_of_other_images_is_warned_of_once(kind: str) -> None:
    channels, side, names = (1, 16, DIGITS) if kind == "digits" else (3, 64, ("cat", "dog"))
    images = np.random.default_rng(0).integers(0, 256, (8, channels, side, side), dtype=np.uint8)
    store = ImageStore(images, np.arange(8) % 2, names, "0123")
    dataset = Dataset("images", store, store, validation=store)
    warnings: list[str] = []
    build_score(
        RunConfig.model_validate({"evaluate": {"extractor": "digits"}}),
        dataset,
        device=torch.device("cpu"),
        ranks=Ranks(),
        say=lambda message: None,
        warn=warnings.append,
    )
    if kind == "digits":
        assert warnings == []
        return
    (warning,) = warnings
    assert warning.startswith("evaluate.extractor: Strange judge: the classifier digits@")
    for found in ("knows none of these classes", "sees no colours", "sees 16 px of 64"):
        assert found in warning

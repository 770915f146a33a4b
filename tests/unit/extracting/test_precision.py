"""What float32 means while features are made."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from acgan.extracting import ClassifierExtractor, InceptionExtractor, base, classifier
from acgan.extracting.base import float32_on
from acgan.runtime import full_precision


def _tf32() -> tuple[bool, bool]:
    """Whether convolutions and matrix products are allowed to round."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, "conv"):
        return cudnn.conv.fp32_precision == "tf32", matmul.fp32_precision == "tf32"
    return cudnn.allow_tf32, matmul.allow_tf32


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    matmul, new = torch.backends.cuda.matmul, hasattr(torch.backends.cudnn, "conv")
    name, value = ("fp32_precision", "tf32") if new else ("allow_tf32", True)
    before = getattr(matmul, name)
    setattr(matmul, name, value)  # convolutions are from the start
    yield
    setattr(matmul, name, before)


@pytest.fixture
def _settings_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Extractors on the CPU set what they would set on a GPU."""
    for module in (classifier, base):
        monkeypatch.setattr(module, "float32_on", lambda _: float32_on(torch.device("cuda")))


@pytest.mark.usefixtures("_settings_of_a_gpu")
@pytest.mark.parametrize("kind", ["classifier", "inception"])
def test_extractors_do_not_round_to_tf32(kind: str, inception_weights: Path) -> None:
    if kind == "classifier":
        extractor = ClassifierExtractor("digits")
        modules = extractor.classifier.network.modules()
    else:
        extractor = InceptionExtractor(64, inception_weights, warn=lambda message: None)
        modules = extractor._network.modules()
    heard: list[tuple[bool, bool]] = []
    for module in modules:
        if not list(module.children()):
            module.register_forward_hook(lambda *_: heard.append(_tf32()))
    extractor(np.zeros((1, 1, 16, 16), np.uint8))
    assert set(heard) == {(False, False)}
    assert _tf32() == (True, True), "as it was before"


def test_on_a_cpu_settings_that_other_threads_share_are_left_alone() -> None:
    with float32_on(torch.device("cpu")):
        assert _tf32() == (True, True)


def test_an_error_leaves_things_as_they_were() -> None:
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert _tf32() == (True, True)

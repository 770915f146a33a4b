"""Logits and features of uint8 images: normalised rightly, the same however they are batched."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import parallel, predicting
from acgan.models import IMAGENET_MEAN, IMAGENET_STD
from acgan.predicting import PREDICTED_BY_A_CORE, ImageClassifier, Normalisation, load_classifier
from acgan.weights import CLASSIFIER_FILE, ClassifierInfo, build_classifier

NAMES = ("cat", "dog", "owl")


def _images(num: int = 7, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (num, channels, 16, 16), dtype=torch.uint8, generator=generator)


def _classifier(
    *,
    channels: int = 3,
    in_channels: int = 3,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> ImageClassifier:
    torch.manual_seed(0)
    info = ClassifierInfo(
        architecture={
            "backbone": {"kind": "small", "image_channels": in_channels, "resolution": 16, "channels": 4},
            "num_classes": 3,
            "aux": {"block1": 0.3, "stem": 0.2},
            "head": "stem",
            "dropout": 0.5,
            "in_channels": in_channels,
            "image_size": 16,
        },
        class_names=NAMES,
        channels=channels,
        resolution=16,
        mean=mean,
        std=std,
    )
    network = build_classifier(info.architecture)
    with torch.no_grad():
        for _ in range(3):  # BatchNorm's statistics are not those of a batch
            network.train()(torch.randn(8, in_channels, 16, 16))
    return ImageClassifier(network.to(dtype).eval(), info, precision)


def _by_hand(classifier: ImageClassifier, images: Tensor) -> Tensor:
    """What the network is to see."""
    x = images.double() / 255
    mean, std = (torch.tensor(v).double()[:, None, None] for v in (classifier.info.mean, classifier.info.std))
    return ((x - mean) / std).to(next(classifier.network.parameters()).dtype)


# ---------------------------------------------------------------- normalisation


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (IMAGENET_MEAN, IMAGENET_STD),
        ((0.1, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ((0.5, 0.5, 0.5), (0.5, 0.25, 0.5)),
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_it_is_torchvision_s(mean: tuple[float, ...], std: tuple[float, ...], dtype: torch.dtype) -> None:
    from torchvision.transforms.v2.functional import normalize

    x = torch.rand(4, 3, 8, 8, dtype=dtype)
    expected = normalize(x, list(mean), list(std))
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    found = Normalisation(mean, std)(2 * x - 1)
    assert found.dtype == dtype
    assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_gray_images_get_a_channel_for_each_mean() -> None:
    normalise = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
    x = torch.rand(2, 1, 4, 4) * 2 - 1
    assert_close(normalise(x), normalise(x.expand(-1, 3, -1, -1)), rtol=0, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_from_minus_1_to_1_stay_as_they_are(channels: int) -> None:
    x = torch.rand(2, channels, 4, 4)
    assert Normalisation((0.5,), (0.5,))(x) is x


def test_its_input_is_left_alone() -> None:
    x = torch.rand(2, 3, 4, 4)
    before = x.clone()
    Normalisation(IMAGENET_MEAN, IMAGENET_STD)(x)
    assert torch.equal(x, before)


# ---------------------------------------------------------------- logits


@pytest.mark.parametrize(("mean", "std"), [(IMAGENET_MEAN, IMAGENET_STD), ((0.5,), (0.5,))])
def test_logits_are_a_forward_pass_of_normalised_images(
    mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    classifier = _classifier(mean=mean, std=std, dtype=torch.float64)
    images = _images()
    with torch.no_grad():
        expected = classifier.network(_by_hand(classifier, images))
    logits = classifier.logits(images)
    assert logits.shape == (7, 3)
    assert logits.device.type == "cpu"
    assert not logits.requires_grad
    assert_close(logits, expected)


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_logits_do_not_depend_on_portions(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, images = _classifier(), _images()
    whole = classifier.logits(images)
    monkeypatch.setattr(predicting, "PREDICTED_BY_A_CORE", chunk)
    seen: list[int] = []
    classifier.network.register_forward_hook(lambda m, inputs, out: seen.append(len(inputs[0])))
    assert_close(classifier.logits(images), whole, rtol=1e-5, atol=1e-5)
    assert sum(seen) == 7
    assert max(seen) == min(chunk, 7)


def test_more_images_than_a_portion() -> None:
    classifier, images = _classifier(), _images(PREDICTED_BY_A_CORE + 3)
    logits = classifier.logits(images)
    assert logits.shape == (PREDICTED_BY_A_CORE + 3, 3)
    assert_close(logits[-3:], classifier.logits(images[-3:]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_bits_do_not_depend_on_the_number_of_cores(precision: str) -> None:
    classifier, images = _classifier(precision=precision), _images(4 * PREDICTED_BY_A_CORE + 3)
    classifier.network.train()  # what predicts is eval mode, for all threads
    found = []
    for cores in (1, 2, 3):
        with parallel.using_cores(cores):
            found.append((classifier.features(images), classifier.head_logits(images)))
    assert classifier.network.training
    for features, logits in found[1:]:
        assert torch.equal(features, found[0][0])
        assert all(torch.equal(logits[name], expected) for name, expected in found[0][1].items())
    assert_close(found[0][0][-5:], classifier.features(images[-5:]), rtol=1e-2, atol=1e-2)


def test_a_portion_has_one_thread_and_the_caller_keeps_its_own() -> None:
    classifier, before = _classifier(), torch.get_num_threads()
    seen: set[int] = set()
    classifier.network.register_forward_hook(lambda *_: seen.add(torch.get_num_threads()))
    torch.set_num_threads(3)
    try:
        classifier.logits(_images())
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == {1}


def _as_array(images: Tensor) -> Any:
    return images.numpy()


def _as_flipped_view(images: Tensor) -> Any:
    return images.flip(0).numpy()[::-1]  # of negative stride, which torch does not know


@pytest.mark.parametrize("form", [_as_array, _as_flipped_view, lambda x: x.contiguous().transpose(2, 3).mT])
def test_arrays_and_tensors_alike(form: Callable[[Tensor], Any]) -> None:
    classifier, images = _classifier(), _images()
    given = form(images)
    before = copy.deepcopy(given)
    assert torch.equal(classifier.logits(given), classifier.logits(images))
    assert (given == before).all()


def test_probabilities() -> None:
    classifier, images = _classifier(), _images()
    probabilities = classifier(images)
    assert_close(probabilities, classifier.logits(images).softmax(dim=1))
    assert_close(probabilities.sum(dim=1), torch.ones(7))
    assert classifier.class_names == NAMES


# ---------------------------------------------------------------- features and heads


def test_features_are_what_the_main_head_reads() -> None:
    classifier, images = _classifier(), _images()
    read: list[Tensor] = []
    head = classifier.network.heads["main"]
    head.register_forward_hook(lambda m, inputs, out: read.append(inputs[0]))
    logits = classifier.logits(images)
    features = classifier.features(images)
    assert features.shape == (7, 16)
    assert not features.requires_grad
    assert_close(features, read[0])
    assert_close(head.classify(features), logits)


def test_every_head_s_logits() -> None:
    classifier, images = _classifier(dtype=torch.float64), _images()
    found = classifier.head_logits(images)
    assert list(found) == ["main", "block1", "stem"]
    assert torch.equal(found["main"], classifier.logits(images))
    with torch.no_grad():
        expected = classifier.network.all_logits(_by_hand(classifier, images))
    assert_close(found, expected)


@pytest.mark.parametrize("method", ["logits", "features", "head_logits", "__call__"])
@pytest.mark.parametrize("training", [True, False])
def test_the_network_s_mode_is_restored(method: str, training: bool) -> None:
    classifier, images = _classifier(), _images()
    expected = getattr(classifier, method)(images)
    with pytest.warns(UserWarning, match="everything below"):
        classifier.network.freeze("backbone")
    classifier.network.train(training)
    modes = {name: module.training for name, module in classifier.named_modules()}
    buffers = {name: value.clone() for name, value in classifier.network.named_buffers()}
    assert_close(getattr(classifier, method)(images), expected, rtol=0, atol=0)
    assert {name: module.training for name, module in classifier.named_modules()} == modes
    assert all(torch.equal(value, buffers[name]) for name, value in classifier.network.named_buffers())


def test_the_mode_is_restored_after_an_error() -> None:
    classifier = _classifier()
    classifier.network.train()
    with pytest.raises(RuntimeError):
        classifier.logits(_images(channels=2))
    assert classifier.network.training


# ---------------------------------------------------------------- gray images, precision


@pytest.mark.parametrize(("mean", "std"), [(IMAGENET_MEAN, IMAGENET_STD), ((0.5,), (0.5,))])
def test_gray_images_into_a_network_for_rgb(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    classifier = _classifier(channels=1, mean=mean, std=std)
    gray = _images(channels=1)
    for method in (classifier.logits, classifier.features):
        assert_close(method(gray), method(gray.expand(-1, 3, -1, -1)))


def test_gray_images_into_a_network_for_gray() -> None:
    classifier = _classifier(channels=1, in_channels=1, mean=(0.5,), std=(0.5,))
    assert classifier.logits(_images(channels=1)).shape == (7, 3)


def test_bf16_is_used_where_it_is_asked_for() -> None:
    images = _images()
    seen: list[torch.dtype] = []
    found = []
    for precision in ("float32", "bf16"):
        classifier = _classifier(precision=precision)
        classifier.network.backbone.stem[0].register_forward_hook(lambda m, i, out: seen.append(out.dtype))
        found.append(classifier.logits(images))
        assert classifier.features(images).dtype == torch.float32
    assert seen == [torch.float32] * 2 + [torch.bfloat16] * 2
    assert found[1].dtype == torch.float32
    assert not torch.equal(*found)
    assert_close(found[0], found[1], rtol=0.1, atol=0.1)


def test_a_loaded_classifier_says_what_the_saved_one_did(tmp_path: Path) -> None:
    classifier, images = _classifier(), _images()
    CLASSIFIER_FILE.save(tmp_path / "file.safetensors", classifier.network, classifier.info)
    loaded = load_classifier(tmp_path / "file.safetensors")
    assert_close(loaded.head_logits(images), classifier.head_logits(images), rtol=1e-5, atol=1e-5)
    assert isinstance(loaded, nn.Module)

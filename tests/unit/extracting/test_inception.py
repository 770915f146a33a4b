"""FID's network against pytorch-fid with the same weights, and every way in which weights can be wrong."""

import shutil
from collections.abc import Callable
from http.client import IncompleteRead
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_fid import fid_score, inception
from torch import Tensor

from acgan import parallel
from acgan.atomic import sha256
from acgan.errors import RunError
from acgan.extracting import InceptionExtractor, inception_weights_present
from acgan.extracting import inception_weights as weights_module
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws

HUB_NAME = "pt_inception-2015-12-05-6726825d.pth"


def quiet(message: str) -> None:
    """Takes the warning that weights are not the official ones."""


def blurred(count: int, seed: int, side: tuple[int, int] = (20, 24), least: float = 0.0) -> Tensor:
    """Images (N, 3, H, W) uint8 of blurred patches, brighter the larger ``least`` is."""
    draw = Draws(seed).generator("patches").random((count, 3, 5, 5), np.float32)
    x = torch.nn.functional.interpolate(torch.from_numpy(draw), side, mode="bicubic").clamp(0, 1)
    return (255 * (least + (1 - least) * x)).round().to(torch.uint8)


def saved(images: Tensor, folder: Path) -> list[str]:
    folder.mkdir()
    files = [str(folder / f"{index:04}.png") for index in range(len(images))]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
    return files


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hub's file is to be; nothing is there."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints" / HUB_NAME


@pytest.fixture
def as_official(inception_weights: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the random weights for the official ones; the first digits of their hash."""
    digits = sha256(inception_weights)[:8]
    monkeypatch.setattr("acgan.extracting.inception_weights.HUB_SHA256", digits)
    return digits


@pytest.fixture
def handed(inception_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give pytorch-fid the random weights."""
    tensors = torch.load(inception_weights, weights_only=True)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *args, **kwargs: tensors)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return blurred(3, seed=1)


@pytest.fixture(scope="module")
def expected(inception_weights: Path, images: Tensor) -> dict[int, Tensor]:
    """Features by their number, as pytorch-fid makes them."""
    tensors = torch.load(inception_weights, weights_only=True)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(inception, "load_state_dict_from_url", lambda *args, **kwargs: tensors)
        maps = inception.InceptionV3([0, 1, 2, 3]).eval()(images / 255)
    return {x.shape[1]: x.mean(dim=(2, 3)) for x in maps}


@pytest.mark.parametrize("dims", [64, 192, 768, 2048])
def test_features_are_those_of_pytorch_fid(
    dims: int, inception_weights: Path, images: Tensor, expected: dict[int, Tensor]
) -> None:
    features = expected[dims]
    assert features.std() > 0.1
    assert features.std(dim=0).median() > 0.02 * features.std()  # the weights tell images apart
    found = InceptionExtractor(dims, inception_weights, warn=quiet)(images.numpy())
    assert found.features.dtype == torch.float32
    assert (found.logits is None) == (dims < 2048)
    assert (found.features - features).norm() < 1e-5 * features.norm()


@pytest.mark.usefixtures("handed")
def test_logits_are_those_of_the_whole_network_but_for_the_bias(inception_weights: Path) -> None:
    images = blurred(2, seed=2, side=(299, 299))
    network = inception.fid_inception_v3().eval()
    with torch.no_grad():
        biased = network(images / 127.5 - 1)
    bias = network.fc.bias.detach()
    assert bias.std() > 1e-3
    logits = InceptionExtractor(2048, inception_weights, warn=quiet)(images).logits
    expected = biased - bias
    assert (logits - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("side", [(20, 24), (299, 299), (310, 500)])
def test_images_of_any_size_are_resized_as_by_pytorch_fid(
    side: tuple[int, int], inception_weights: Path
) -> None:
    tensors = torch.load(inception_weights, weights_only=True)
    images = blurred(1, seed=7, side=side)
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(inception, "load_state_dict_from_url", lambda *args, **kwargs: tensors)
        features = inception.InceptionV3([0]).eval()(images / 255)[0].mean(dim=(2, 3))
    found = InceptionExtractor(64, inception_weights, warn=quiet)(images).features
    assert (found - features).norm() < 1e-6 * features.norm()


def test_gray_images_are_their_rgb_copies_and_portions_do_not_matter(inception_weights: Path) -> None:
    extractor = InceptionExtractor(64, inception_weights, warn=quiet)
    gray = blurred(2 * extractor.portion_size + 3, seed=3)[:, :1]
    whole = extractor(gray).features
    assert whole.shape == (len(gray), 64)
    torch.testing.assert_close(extractor(gray.expand(-1, 3, -1, -1)).features, whole, rtol=1e-5, atol=1e-6)
    some = [0, extractor.portion_size, len(gray) - 1]
    one_by_one = torch.cat([extractor(gray[index : index + 1]).features for index in some])
    torch.testing.assert_close(one_by_one, whole[some], rtol=1e-5, atol=1e-6)


def test_bits_do_not_depend_on_the_number_of_cores(inception_weights: Path) -> None:
    extractor = InceptionExtractor(2048, inception_weights, warn=quiet)
    extractor.portion_size = 2
    images = blurred(5, seed=8)
    found = []
    for cores in (1, 2, 3):
        with parallel.using_cores(cores):
            extracted = extractor(images)
        assert extracted.logits is not None
        found.append(torch.cat([extracted.features, extracted.logits], dim=1))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_autocast_makes_no_other_features(inception_weights: Path, images: Tensor) -> None:
    extractor = InceptionExtractor(2048, inception_weights, warn=quiet)
    with torch.autocast("cpu", torch.bfloat16):
        found = extractor(images)
    assert torch.equal(found.features, extractor(images).features)


@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
@pytest.mark.usefixtures("handed")
@pytest.mark.parametrize(
    ("dims", "count"),
    [
        (64, 66),
        pytest.param(192, 200, marks=pytest.mark.slow),
        pytest.param(2048, 2100, marks=pytest.mark.slow),
    ],
)
def test_the_distance_is_that_of_pytorch_fid(
    dims: int, count: int, inception_weights: Path, tmp_path: Path
) -> None:
    sides = blurred(count, seed=4, side=(16, 16)), blurred(count + 2, seed=5, side=(16, 16), least=0.4)
    folders = [tmp_path / name for name in "ab"]
    for images, folder in zip(sides, folders, strict=True):
        saved(images, folder)
    expected = fid_score.calculate_fid_given_paths([str(folder) for folder in folders], 50, "cpu", dims, 0)
    assert expected > 1
    extractor = InceptionExtractor(dims, inception_weights, warn=quiet)
    gaussians: list[Tensor] = []
    for images in sides:
        statistics = FeatureStatistics(dims)
        for batch in images.split(64):
            statistics.update(extractor(batch).features)
        gaussians += [statistics.mean, statistics.covariance]
    assert frechet_distance(*gaussians) == pytest.approx(expected, rel=1e-5)


def test_official_weights_in_the_cache_make_plain_fid(
    hub: Path, inception_weights: Path, as_official: str
) -> None:
    assert not inception_weights_present()
    hub.parent.mkdir(parents=True)
    shutil.copy(inception_weights, hub)
    assert inception_weights_present()
    warnings: list[str] = []
    extractor = InceptionExtractor(warn=warnings.append)
    assert (extractor.name, extractor.dims, extractor.size, warnings) == ("", 2048, None, [])
    assert (extractor.frechet, extractor.inception_score) == ("fid", "inception_score")
    assert extractor.describe() == {
        "name": "",
        "sha256": sha256(inception_weights),
        "dims": 2048,
        "resize": "299 px, bilinear",
        "precision": "float32",
    }
    assert InceptionExtractor(64, warn=warnings.append).name == f"inception-64@{as_official}"
    assert not warnings


def test_other_weights_are_named_and_warned_about_once(inception_weights: Path) -> None:
    warnings: list[str] = []
    extractor = InceptionExtractor(2048, inception_weights, warn=warnings.append)
    digits = sha256(inception_weights)[:8]
    assert extractor.name == f"inception-2048@{digits}"
    assert len(warnings) == 1
    assert str(inception_weights) in warnings[0]
    assert digits in warnings[0]
    assert "6726825d" in warnings[0]


def test_random_numbers_of_others_are_left_alone(inception_weights: Path) -> None:
    state = torch.get_rng_state()
    InceptionExtractor(64, inception_weights, warn=quiet)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_the_dims_there_are(inception_weights: Path) -> None:
    with pytest.raises(ValueError, match="128"):
        InceptionExtractor(128, inception_weights)


def test_files_without_the_number_of_batches_will_do(inception_weights: Path, tmp_path: Path) -> None:
    tensors = torch.load(inception_weights, weights_only=True)
    old = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(tensors)
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    images = blurred(2, seed=6)
    found = InceptionExtractor(64, tmp_path / "old.pth", warn=quiet)(images).features
    assert torch.equal(found, InceptionExtractor(64, inception_weights, warn=quiet)(images).features)


def _truncated(file: Path, whole: Path) -> None:
    file.write_bytes(whole.read_bytes()[:1_000_000])


def _changed(change: Callable[[dict[str, Tensor]], object]) -> Callable[[Path, Path], None]:
    def make(file: Path, whole: Path) -> None:
        tensors = torch.load(whole, weights_only=True)
        change(tensors)
        torch.save(tensors, file)

    return make


_NAME = "Mixed_5b.branch1x1.conv.weight"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file, whole: None, "no such file"),
        (lambda file, whole: file.mkdir(), "no such file"),
        (lambda file, whole: file.write_bytes(b""), "cannot be read"),
        (lambda file, whole: file.write_bytes(b"<html>not found</html>"), "cannot be read"),
        (_truncated, "cannot be read"),
        (lambda file, whole: torch.save([1, 2], file), "holds a list that is no state dict"),
        (lambda file, whole: torch.save({"state_dict": {}}, file), "holds a dict that is no state dict"),
        (lambda file, whole: torch.save({}, file), "found none, expected"),
        (_changed(lambda tensors: tensors.pop(_NAME)), f"{_NAME}: found none, expected (64, 192, 1, 1)"),
        (
            _changed(lambda tensors: tensors.update({"AuxLogits.fc.bias": torch.zeros(3)})),
            "AuxLogits.fc.bias: found (3,), expected none",
        ),
        (
            _changed(lambda tensors: tensors.update({"fc.weight": torch.zeros(1000, 2048)})),
            "fc.weight: found (1000, 2048), expected (1008, 2048)",
        ),
    ],
)
def test_a_file_that_will_not_do(
    make: Callable[[Path, Path], None], message: str, inception_weights: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.pth"
    make(file, inception_weights)
    with pytest.raises(RunError) as caught:
        InceptionExtractor(64, file, warn=quiet)
    text = str(caught.value)
    assert str(file) in text
    assert message in text
    assert "\n" not in text
    assert inception_weights.name not in text
    assert "https://github.com/mseitzer/pytorch-fid/" in text


def test_a_damaged_cache_is_told_and_left_alone(hub: Path, inception_weights: Path) -> None:
    hub.parent.mkdir(parents=True)
    _truncated(hub, inception_weights)
    with pytest.raises(RunError) as caught:
        InceptionExtractor()
    text = str(caught.value)
    for part in (str(hub), sha256(hub)[:8], "6726825d", "Delete it"):
        assert part in text
    assert hub.exists()


def test_missing_weights_are_fetched(
    hub: Path, inception_weights: Path, as_official: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acgan.extracting.inception_weights.URL", inception_weights.as_uri())
    assert InceptionExtractor(64).name == f"inception-64@{as_official}"
    assert [file.name for file in hub.parent.iterdir()] == [HUB_NAME]
    assert sha256(hub) == sha256(inception_weights)


@pytest.mark.parametrize("content", [None, b"other"])
def test_what_cannot_be_fetched(
    content: bytes | None, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.pth"
    if content is not None:
        there.write_bytes(content)
    monkeypatch.setattr("acgan.extracting.inception_weights.URL", there.as_uri())
    with pytest.raises(RunError) as caught:
        InceptionExtractor(64)
    text = str(caught.value)
    for part in (
        there.as_uri(),
        str(hub),
        "--weights",
        "--extractor",
        "acgan classify train --data SOURCE",
    ):
        assert part in text
    assert not list(hub.parent.iterdir())


def test_no_folder_for_the_weights_is_a_line(hub: Path) -> None:
    hub.parent.parent.mkdir(parents=True)
    hub.parent.write_text("in the way")
    with pytest.raises(RunError, match=r"could not be fetched \(.*exists.*\)\. A classifier's") as caught:
        InceptionExtractor(64)
    assert "\n" not in str(caught.value)


def test_a_connection_that_breaks_is_a_line(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IncompleteRead(b"", 9)

    monkeypatch.setattr(torch.hub, "download_url_to_file", broken)
    with pytest.raises(RunError, match="could not be fetched"):
        InceptionExtractor(64)


def test_the_published_file_is_that_of_pytorch_fid() -> None:
    assert weights_module.URL == inception.FID_WEIGHTS_URL
    assert Path(weights_module.URL).stem.endswith(weights_module.HUB_SHA256)

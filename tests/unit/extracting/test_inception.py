"""FID's network against pytorch-fid with the same weights."""

from pathlib import Path

import pytest
import torch
from inception_helpers import blurred, quiet
from PIL import Image
from pytorch_fid import fid_score, inception
from torch import Tensor

from acgan import parallel
from acgan.extracting import InceptionExtractor
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics


def saved(images: Tensor, folder: Path) -> list[str]:
    folder.mkdir()
    files = [str(folder / f"{index:04}.png") for index in range(len(images))]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
    return files


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


def test_random_numbers_of_others_are_left_alone(inception_weights: Path) -> None:
    state = torch.get_rng_state()
    InceptionExtractor(64, inception_weights, warn=quiet)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_the_dims_there_are(inception_weights: Path) -> None:
    with pytest.raises(ValueError, match="128"):
        InceptionExtractor(128, inception_weights)

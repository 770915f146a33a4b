"""Features of networks of timm and torchvision, with random weights in files that the tests write."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from acgan.atomic import sha256
from acgan.errors import RunError, UserError
from acgan.extracting import Extractor, NetworkExtractor, choose_extractor, metric_name
from acgan.extracting.resizing import clean_resized
from acgan.runtime import Draws

MEAN, STD = (torch.tensor(values)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
SMALL = "shufflenet_v2_x0_5"


def silent(message: str) -> None:
    raise AssertionError(message)


def images_of(count: int, channels: int = 3) -> Tensor:
    draw = Draws(0).generator("images").integers(0, 256, (count, channels, 20, 24), dtype=np.uint8)
    return torch.from_numpy(draw)


def with_random_weights(network: nn.Module) -> nn.Module:
    """Weights and statistics of batches that tell images apart."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter)
    return network.eval()


@pytest.fixture(scope="module")
def of_torchvision(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    network = with_random_weights(torchvision.models.get_model(SMALL, weights=None, num_classes=7))
    file = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(network.state_dict(), file)
    return network, file


@pytest.fixture(scope="module")
def of_timm(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[nn.Module, Path]]:
    timm = pytest.importorskip("timm")
    folder = tmp_path_factory.mktemp("weights")

    def build(name: str) -> tuple[nn.Module, Path]:
        network = with_random_weights(timm.create_model(name, pretrained=False, num_classes=5))
        file = folder / f"{name}.safetensors"
        save_file(network.state_dict(), file)
        return network, file

    return build


def test_features_of_torchvision_are_what_the_last_layer_reads(
    of_torchvision: tuple[nn.Module, Path],
) -> None:
    network, file = of_torchvision
    images, read = images_of(3), []
    handle = network.fc.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    with torch.no_grad():
        network((clean_resized(images, 224) / 255 - MEAN) / STD)
    handle.remove()
    extractor = NetworkExtractor("torchvision", SMALL, file, say=silent)
    found = extractor(images.numpy())
    assert found.logits is None
    assert found.features.dtype == torch.float32
    assert found.features.std(dim=0).median() > 1e-3 * found.features.std()
    assert (found.features - read[0]).norm() < 1e-5 * read[0].norm()
    assert found.features.shape == (3, extractor.dims) == (3, 1024)


@pytest.mark.parametrize("name", ["levit_128s", "caformer_s18"])
def test_heads_of_timm_with_more_than_a_last_layer(
    name: str, of_timm: Callable[[str], tuple[nn.Module, Path]]
) -> None:
    """Fails where a file of the whole network is refused, as it has layers that the features do without."""
    file = of_timm(name)[1]
    assert NetworkExtractor("timm", name, file, say=silent).dims > 1


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_features_of_timm_are_pooled_and_before_the_head(
    name: str, of_timm: Callable[[str], tuple[nn.Module, Path]]
) -> None:
    network, file = of_timm(name)
    images, form = images_of(2), network.pretrained_cfg
    mean, std = (torch.tensor(form[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        x = (clean_resized(images, 160) / 255 - mean) / std
        expected = network.forward_head(network.forward_features(x), pre_logits=True)
    extractor = NetworkExtractor("timm", name, file, say=silent)
    found = extractor(images).features
    assert found.shape == expected.shape == (2, extractor.dims)
    assert (found - expected).norm() < 1e-5 * expected.norm()
    assert extractor.describe()["resize"].startswith("160 px, bicubic as clean-fid's; mean ")


def test_names_and_provenance(of_torchvision: tuple[nn.Module, Path]) -> None:
    file = of_torchvision[1]
    extractor: Extractor = choose_extractor(f"torchvision:{SMALL}", weights=file, warn=silent)
    digits = sha256(file)[:8]
    assert metric_name(extractor.frechet, extractor) == f"fd[torchvision:{SMALL}@{digits}]"
    assert extractor.describe() == {
        "name": f"torchvision:{SMALL}@{digits}",
        "sha256": sha256(file),
        "dims": 1024,
        "resize": "224 px, bicubic as clean-fid's; mean 0.485 0.456 0.406; deviation 0.229 0.224 0.225",
        "precision": "float32",
    }
    assert choose_extractor(f"torchvision:{SMALL}", weights=file, resize="clean").name == extractor.name


def test_gray_images_are_their_rgb_copies_and_portions_do_not_matter(
    of_torchvision: tuple[nn.Module, Path],
) -> None:
    extractor = NetworkExtractor("torchvision", SMALL, of_torchvision[1], say=silent)
    gray = images_of(extractor.portion_size + 1, channels=1)
    whole = extractor(gray).features
    torch.testing.assert_close(extractor(gray.expand(-1, 3, -1, -1)).features, whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(extractor(gray[-1:]).features, whole[-1:], rtol=1e-4, atol=1e-5)


def test_wrapped_weights_are_found_and_told(of_torchvision: tuple[nn.Module, Path], tmp_path: Path) -> None:
    network, file = of_torchvision
    wrapped, heard = tmp_path / "wrapped.pth", list[str]()
    torch.save({"model": {f"module.{key}": value for key, value in network.state_dict().items()}}, wrapped)
    found = NetworkExtractor("torchvision", SMALL, wrapped, say=heard.append)
    assert torch.equal(
        found(images_of(1)).features, NetworkExtractor("torchvision", SMALL, file)(images_of(1)).features
    )
    assert len(heard) == 1
    assert "'model'" in heard[0]


def test_what_is_wrong_is_said(
    of_torchvision: tuple[nn.Module, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = of_torchvision[1]
    other = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(2)}, other)
    named = f"torchvision:{SMALL}"
    for wanted, options, text in (
        (named, {}, r"needs the file of its weights, --weights FILE"),
        (named, {"weights": tmp_path / "no.pth"}, r"no\.pth: no such file"),
        (named, {"weights": other}, f"not the weights of {SMALL}"),
        (named, {"weights": file, "dims": 64}, "--dims 64: is of Inception"),
        (named, {"weights": file, "resize": "bilinear"}, "--resize bilinear: is of Inception"),
        ("timm:", {"weights": file}, "--extractor timm:: no such extractor.* or timm:NAME"),
        ("clip:vit", {"weights": file}, "--extractor clip:vit: no such extractor.* or timm:NAME"),
        (
            "digits",
            {"weights": file},
            "is of Inception, or of a network timm:NAME or torchvision:NAME; the extr",
        ),
        ("torchvision:shufflenet_v2_x0_6", {"weights": file}, r"no classification network.*Did you mean"),
    ):
        with pytest.raises(UserError, match=text):
            choose_extractor(wanted, **options)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="or timm:NAME or torchvision:NAME with --weights"):
        choose_extractor("torchvisions")


def test_without_timm_it_is_said_how_to_get_it(
    of_torchvision: tuple[nn.Module, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(
        UserError, match=r"--extractor timm:resnet18 needs the package timm.*pip install .*'acgan\[timm\]'"
    ):
        choose_extractor("timm:resnet18", weights=of_torchvision[1])


def test_a_name_that_timm_does_not_have(of_torchvision: tuple[nn.Module, Path]) -> None:
    pytest.importorskip("timm")
    with pytest.raises(UserError, match=r"timm:resnet19: no network of timm .*Did you mean 'resnet"):
        choose_extractor("timm:resnet19", weights=of_torchvision[1])

"""What tests share. One of torch's threads everywhere, so that the tests cost what they say and share the machine."""

import os

# Before torch and NumPy are imported, and for the processes that tests start. The threads of two test processes would
# wait for each other in every layer.
os.environ["OMP_NUM_THREADS"] = "1"
# readline, which pytest imports, gives processes that it starts the size of a terminal: tables are cut to that.
os.environ["COLUMNS"] = os.environ["LINES"] = ""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from acgan import parallel


@pytest.fixture(autouse=True)
def two_cores() -> Iterator[None]:
    """Parts are computed side by side, as by users, each with one of torch's threads."""
    with parallel.using_cores(2):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with MNIST and the CIFAR-10 zip; the test is skipped where it is missing."""
    folder = Path(os.environ.get("ACGAN_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; set ACGAN_TEST_DATA to the folder that holds MNIST/")
    return folder


@pytest.fixture(scope="session")
def pytorch_fids_distance() -> Callable[..., float]:
    """pytorch-fid's own Fréchet distance of two means and covariances."""
    import scipy.linalg
    from pytorch_fid.fid_score import calculate_frechet_distance

    if "disp" not in inspect.signature(scipy.linalg.sqrtm).parameters:
        pytest.skip("pytorch-fid 0.3.0 gives sqrtm an argument that SciPy 1.18 does not have")
    distance: Callable[..., float] = calculate_frechet_distance
    return distance


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict for FID's Inception network, random but with features that differ from image to image.

    Batch normalisation gets its statistics from a pass in training mode: without them every feature is nearly zero.
    """
    import torchvision  # after acgan, which mends it beside a CPU build of torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(
            weights=None, aux_logits=False, init_weights=False, num_classes=1008
        )
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        network.train()(_varied_images(16))
    file = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the hub's files, with none in it, and no way to fetch one."""
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("acgan.extracting.inception_weights.URL", (tmp_path / "offline.pth").as_uri())
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def _varied_images(count: int) -> Tensor:
    """Blurred patches of all colours (N, 3, 139, 139) in [-1, 1]."""
    x = torch.rand(count, 3, 6, 6)
    return 2 * torch.nn.functional.interpolate(x, (139, 139), mode="bilinear") - 1


@pytest.fixture
def registry() -> Iterator[None]:
    """Parts that the test registers are forgotten afterwards."""
    from registering import forgotten_afterwards

    with forgotten_afterwards():
        yield

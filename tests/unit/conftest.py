"""Fixtures of the tests of building classifiers."""

import pytest
import torch
from build_helpers import make_gan_run

from acgan.models import build_torchvision


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two runs of a GAN, which never trained, and a file of weights; by the words that stand for them."""
    top = tmp_path_factory.mktemp("places")
    for name, channels in (("RUN_A", 8), ("RUN_B", 4)):
        make_gan_run(top / name, channels)
    state = build_torchvision("shufflenet_v2_x0_5").state_dict()
    state["conv1.0.weight"].fill_(0.25)
    torch.save(state, top / "WEIGHTS.pth")
    return {"RUN_A": str(top / "RUN_A"), "RUN_B": str(top / "RUN_B"), "WEIGHTS": str(top / "WEIGHTS.pth")}

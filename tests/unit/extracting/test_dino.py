"""DINOv2's networks: 224 px, and their position embedding by the rule of their own code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from acgan.extracting.dino import fitted_tensors, is_dino, positions
from acgan.extracting.network import NetworkExtractor

NAME = "vit_small_patch14_dinov2"


def _draw(count: int, dims: int = 3) -> Tensor:
    return torch.randn(1, count, dims, generator=torch.Generator().manual_seed(0))


def _cubic(old: int, new: int, scale: float, *, smooth: bool) -> np.ndarray:
    """(new, old) weights of bicubic interpolation on a line: Keys 1981, with a = -3/4, or -1/2 where it smooths."""
    stretch, a = (scale if smooth else 1.0), (-0.5 if smooth else -0.75)
    weights = np.zeros((new, old))
    for to in range(new):
        centre = (to + 0.5) * scale - 0.5
        reach = range(int(np.floor(centre - 2 * stretch)), int(np.ceil(centre + 2 * stretch)) + 1)
        for place in reach:
            x = abs(place - centre) / stretch
            weight = 0.0
            if x <= 1:
                weight = (a + 2) * x**3 - (a + 3) * x**2 + 1
            elif x < 2:
                weight = a * (x**3 - 5 * x**2 + 8 * x - 4)
            if smooth and not 0 <= place < old:  # smoothing leaves out what is outside
                continue
            weights[to, min(max(place, 0), old - 1)] += weight
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


@pytest.mark.parametrize(("old", "new"), [(37, 16), (16, 37), (5, 4)])
def test_the_grid_is_taken_for_a_tenth_of_a_patch_larger(old: int, new: int) -> None:
    embedding = _draw(1 + old**2)
    line = _cubic(old, new, old / (new + 0.1), smooth=False)
    grid = embedding[0, 1:].double().reshape(old, old, -1).numpy()
    expected = np.einsum("ia,jb,abd->ijd", line, line, grid).reshape(new**2, -1)
    found = positions(embedding, new)
    assert found.shape == (1, 1 + new**2, 3)
    assert torch.equal(found[:, 0], embedding[:, 0])
    np.testing.assert_allclose(found[0, 1:].numpy(), expected, atol=1e-5)


def test_with_registers_it_is_smoothed() -> None:
    embedding = _draw(37**2)
    line = _cubic(37, 16, 37 / 16, smooth=True)
    grid = embedding[0].double().reshape(37, 37, -1).numpy()
    expected = np.einsum("ia,jb,abd->ijd", line, line, grid).reshape(16**2, -1)
    np.testing.assert_allclose(positions(embedding, 16)[0].numpy(), expected, atol=1e-5)


def test_what_needs_no_change_has_none() -> None:
    for count in (1 + 16**2, 16**2, 300):  # of that side, and of no square
        assert torch.equal(positions(_draw(count), 16), _draw(count))
    odd = {"pos_embed": torch.zeros(4), "mask_token": torch.zeros(1), "other": torch.ones(2)}
    assert fitted_tensors(odd).keys() == {"pos_embed", "other"}


def test_which_networks_are_dinos() -> None:
    assert is_dino("vit_large_patch14_dinov2")
    assert is_dino("vit_base_patch14_reg4_dinov2.lvd142m")
    assert not is_dino("vit_base_patch16_dinov3")
    assert not is_dino("vit_large_patch14_clip_224")


def test_networks_of_timm_see_images_of_224_px_with_weights_of_518(tmp_path: Path) -> None:
    """As Stein et al. 2023 have them; the files of Meta's own have a token besides that only the training used."""
    timm = pytest.importorskip("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = timm.create_model(NAME, pretrained=False)
    state = network.state_dict()
    assert state["pos_embed"].shape == (1, 1 + 37**2, 384)
    torch.save({**state, "mask_token": torch.zeros(1, 384)}, tmp_path / "dino.pth")
    extractor = NetworkExtractor("timm", NAME, tmp_path / "dino.pth")
    assert extractor.describe()["resize"].startswith("224 px, bicubic as clean-fid's; mean 0.485 ")
    assert extractor(torch.zeros(2, 1, 32, 32, dtype=torch.uint8)).features.shape == (2, 384)
    inside = extractor._network.state_dict()
    assert torch.equal(inside["pos_embed"], positions(state["pos_embed"], 16))
    assert torch.equal(inside["blocks.3.mlp.fc1.weight"], state["blocks.3.mlp.fc1.weight"])

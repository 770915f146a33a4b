"""The starter's file: what is written is read, in 16 bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from acgan.errors import RunError
from acgan.weights import STARTER_FILE, Starter, read_starter, save_starter


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "pair.safetensors"
    generator = {"embed.weight": torch.randn(2, 3), "norm.num_batches_tracked": torch.tensor(7)}
    discriminator = {"trunk.generator.weight": torch.randn(4)}
    save_starter(file, Starter(("cat", "dog"), generator, discriminator, {"nimg": 64}))
    starter = read_starter(file)
    assert starter.class_names == ("cat", "dog")
    assert starter.provenance == {"nimg": 64}
    assert starter.generator.keys() == generator.keys()
    assert torch.equal(starter.generator["embed.weight"], generator["embed.weight"].half())
    assert torch.equal(starter.generator["norm.num_batches_tracked"], torch.tensor(7))
    assert torch.equal(
        starter.discriminator["trunk.generator.weight"], discriminator["trunk.generator.weight"].half()
    )


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_file_that_is_not_whole(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "pair.safetensors"
    if damage == "cut":
        save_starter(file, Starter(("a",), {"x": torch.zeros(9)}, {"y": torch.zeros(9)}, {}))
        file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(RunError, match=r"pair\.safetensors: the shipped starter cannot be read"):
        read_starter(file)


def test_the_shipped_one_is_finite_small_and_names_no_folder() -> None:
    starter = read_starter()
    tensors = [*starter.generator.values(), *starter.discriminator.values()]
    assert all(tensor.isfinite().all() for tensor in tensors)
    assert STARTER_FILE.stat().st_size < 10_000_000
    assert starter.provenance["paths"] == {}
    assert starter.provenance["config"]["data"]["source"] == starter.provenance["data"]

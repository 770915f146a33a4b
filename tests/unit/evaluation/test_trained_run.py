"""The configuration of a run that is read for tables: what is none of a training is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_runs import make_run

from acgan.errors import RunError
from acgan.evaluation.trained_run import read_run
from acgan.models import GENERATORS
from acgan.weights import GENERATOR_FILE, GeneratorInfo


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train: {batch_size: 10}", "no configuration of a training"),
        ("train: {total_nimg: many}", "no configuration of a training"),
        ("train: {total_nimg: .nan}", "no configuration of a training"),
        ("train: {total_nimg: [1]}", "no configuration of a training"),
        ("train: {total_nimg: 10, patience_nimg: soon}", "no configuration of a training"),
        ("{seed: x, train: {total_nimg: 10}}", "no configuration of a training"),
        ("", "no configuration of a training"),
        ("[" * 5000, "cannot be read"),
        ("train: [", "cannot be read"),
    ],
)
def test_a_configuration_that_is_none_is_refused(text: str, told: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", nimg=0)
    file = run / "config.yaml"
    file.write_text(text)
    with pytest.raises(RunError, match=f"{re.escape(str(file))}: {told}"):
        read_run(run)


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_learned_numbers_are_those_of_the_network(spectral_norm: bool, tmp_path: Path) -> None:
    """Fails where vectors of the power iteration, or means of BatchNorm, count as learned."""
    keywords = {"latent_dim": 8, "num_classes": 2, "resolution": 32, "image_channels": 3, "channels": 4}
    own = {"class_dim": 4, "skip_z": True, "spectral_norm": spectral_norm, "attention": [16]}
    network = GENERATORS["biggan"](**keywords, **own)
    run = make_run(tmp_path / "run")
    info = GeneratorInfo({"kind": "biggan", **keywords, **own}, ("cat", "dog"), provenance={"nimg": 1000})
    GENERATOR_FILE.save(run / "generator.safetensors", network, info)
    assert read_run(run).parameters == sum(parameter.numel() for parameter in network.parameters())

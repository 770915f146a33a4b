"""A generator with one input, as torch-fidelity calls it: scored from its file, without labels and without help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from export_helpers import make_sampler, save_run
from torch import Tensor

from acgan.api.export import export_run
from acgan.errors import UserError
from acgan.metrics.frechet import frechet_distance

for package in ("onnxruntime", "onnxscript"):
    pytest.importorskip(package)
fidelity = pytest.importorskip("torch_fidelity")

NUM, SEED, LATENT, CLASSES = 64, 5, 8, 3


class _Quarters(fidelity.FeatureExtractorBase):
    """Means of colours by quarter, in the place of Inception, whose weights would be fetched."""

    def __init__(self, name: str, features_list: list[str], **_: Any):
        super().__init__(name, features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("quarters",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "quarters"

    def forward(self, x: Tensor) -> tuple[Tensor]:
        assert (x.dtype, x.shape[1]) == (torch.uint8, 3)
        return (torch.nn.functional.avg_pool2d(x.double(), 8).flatten(1).float(),)


fidelity.register_feature_extractor("quarters", _Quarters)
REAL = torch.randint(0, 256, (NUM, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class _Images(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return NUM

    def __getitem__(self, index: int) -> Tensor:
        return REAL[index]


def _expected(images: Tensor) -> float:
    """The Fréchet distance by acgan."""
    extractor = _Quarters("quarters", ["quarters"])
    fake, real = (extractor(x)[0].double() for x in (images, REAL))
    return frechet_distance(fake.mean(dim=0), fake.T.cov(), real.mean(dim=0), real.T.cov())


@pytest.mark.parametrize(("export_format", "ending"), [("onnx", ".onnx"), ("torchscript", ".pth")])
def test_it_is_scored(tmp_path: Path, export_format: Any, ending: str) -> None:
    sampler = make_sampler(image_channels=1)
    file = tmp_path / f"generator{ending}"
    result = export_run(save_run(tmp_path / "run", sampler), export_format, file, for_fidelity=True)
    assert result.agreement is not None
    assert result.agreement.is_close
    found = fidelity.calculate_metrics(
        input1=str(file),
        input1_model_z_size=LATENT + CLASSES,
        input1_model_z_type="normal",
        input1_model_num_classes=0,
        input1_model_num_samples=NUM,
        input2=_Images(),
        fid=True,
        feature_extractor="quarters",
        cuda=False,
        batch_size=NUM,
        rng_seed=SEED,
        cache=False,
        verbose=False,
        save_cpu_ram=True,
    )
    noise = torch.from_numpy(np.random.RandomState(SEED).randn(NUM, LATENT + CLASSES)).float()
    labels = noise[:, LATENT:].argmax(dim=1)
    assert len(labels.unique()) == CLASSES
    images = sampler.draw(noise[:, :LATENT], labels).expand(-1, 3, -1, -1)
    assert found["frechet_inception_distance"] == pytest.approx(_expected(images), rel=1e-3)


def test_only_bytes_of_a_generator(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", make_sampler())
    with pytest.raises(
        UserError, match=r"--for torch-fidelity: .* with the output float; expected a generator"
    ):
        export_run(run, "onnx", tmp_path / "x.onnx", output="float", for_fidelity=True)
    with pytest.raises(UserError, match="holds a classifier, with the output probabilities"):
        export_run("digits", "onnx", tmp_path / "x.onnx", for_fidelity=True)
    assert not (tmp_path / "x.onnx").exists()

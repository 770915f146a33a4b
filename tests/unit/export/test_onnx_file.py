"""What an ONNX file has in it, what is refused, and that torch-fidelity scores it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from export_helpers import make_sampler, save_run
from torch import Tensor, nn

from acgan.api.export import export_run
from acgan.errors import RunError, UserError
from acgan.export.onnx_file import OPSET
from acgan.models import GENERATORS, Generator

onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator as ONNX, which tests only read."""
    top = tmp_path_factory.mktemp("onnx")
    export_run(save_run(top / "run", make_sampler()), "onnx", top / "net.onnx")
    return top / "net.onnx"


def test_it_says_what_it_is(file: Path) -> None:
    model = onnx.load(file)
    about = {one.key: one.value for one in model.metadata_props}
    assert json.loads(about["class_names"]) == ["cat", "dog", "1"]
    assert (about["latent_dim"], about["resolution"], about["channels"]) == ("8", "16", "3")
    assert (about["product"], about["output"], about["name"]) == ("generator", "uint8", "run")
    assert about["state"] == "the last state, after 7 images shown"
    assert json.loads(about["provenance"]) == {"nimg": 7}
    assert json.loads(about["architecture"])["kind"] == "resnet"
    assert about["acgan"] == model.producer_version
    assert [one.version for one in model.opset_import if not one.domain] == [OPSET]


def test_the_number_of_samples_is_free_and_inputs_are_latents_and_labels(file: Path) -> None:
    graph = onnx.load(file).graph
    kinds = {one.name: one.type.tensor_type for one in (*graph.input, *graph.output)}
    names = {value: key for key, value in onnx.TensorProto.DataType.items()}
    assert {name: names[kind.elem_type] for name, kind in kinds.items()} == {
        "z": "FLOAT",
        "y": "INT64",
        "images": "UINT8",
    }
    assert all(kind.shape.dim[0].dim_param for kind in kinds.values())


def test_no_folder_of_this_machine_is_in_it(file: Path) -> None:
    content = file.read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content
    assert b".py" not in content


def test_torch_fidelity_scores_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By features of a toy network: the real one's weights would have to be fetched."""
    fidelity = pytest.importorskip("torch_fidelity")
    # Version 0.4 draws labels of this type, which NumPy has not had since 1.24.
    monkeypatch.setattr(np, "int", int, raising=False)

    class Toy(fidelity.FeatureExtractorBase):
        def __init__(self, name: str, features_list: list[str], **_: object):
            super().__init__(name, features_list)
            self.layer = nn.Linear(3 * 16, 8)
            nn.init.normal_(self.layer.weight, generator=torch.Generator().manual_seed(0))

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("vector",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "vector"

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            assert images.dtype == torch.uint8
            pooled = nn.functional.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1)
            return (self.layer(pooled),)

    fidelity.register_feature_extractor("toy", Toy)
    model = fidelity.GenerativeModelONNX(str(file), 8, "normal", 3)

    def scored(images: Tensor) -> dict[str, float]:
        return fidelity.calculate_metrics(
            input1=model,
            input1_model_num_samples=128,
            input2=_Images(images),
            feature_extractor="toy",
            fid=True,
            prc=True,
            cuda=False,
            batch_size=16,
            save_cpu_ram=True,
            verbose=False,
            cache=False,
        )

    own = scored(make_sampler().sample(128, seed=5)[0])  # the same generator, other latents
    other = scored(torch.randint(0, 256, (128, 3, 16, 16), dtype=torch.uint8))
    assert own["frechet_inception_distance"] < other["frechet_inception_distance"] / 5
    assert own["recall"] > 0.5


class _Images(torch.utils.data.Dataset):
    def __init__(self, images: Tensor):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


class Fixed(Generator):
    """A toy that no exporter can write: its path depends on values, and its images on how many there are."""

    resolutions = (16,)

    def __init__(self, *, latent_dim: int, num_classes: int, resolution: int, image_channels: int):
        super().__init__(
            latent_dim=latent_dim,
            num_classes=num_classes,
            resolution=resolution,
            image_channels=image_channels,
        )
        self.layer = nn.Linear(latent_dim, image_channels * resolution**2)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x: Tensor = self.layer(z / len(z))
        if float(z.sum()) > 0:
            x = -x
        return x.view(-1, self.image_channels, self.resolution, self.resolution).tanh()


@pytest.mark.parametrize(
    ("name", "told"),
    [("onnx", "cannot be written as ONNX"), ("torchscript", "does not compute what acgan does")],
)
def test_a_network_that_cannot_be_exported(tmp_path: Path, registry: None, name: str, told: str) -> None:
    GENERATORS["fixed"] = Fixed
    run = save_run(tmp_path / "run", make_sampler("fixed"))
    with pytest.raises(RunError, match=told) as caught:
        export_run(run, name, tmp_path / "net")
    assert "Nothing was written. --format huggingface takes any network." in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert export_run(run, "huggingface", tmp_path / "folder").out.is_dir()


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(UserError, match=rf"needs the package {package}.*pip install .*'acgan\[export\]'"):
        export_run(tmp_path / "no such run", "onnx")

"""Every family of generators, and classifiers, as ONNX and TorchScript: the file computes what acgan does."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from export_helpers import (
    FAMILIES,
    FAMILIES_TO_TRY,
    FAMILY_NAMES,
    make_classifier,
    make_sampler,
    save_classifier_run,
    save_run,
)

from acgan.api.export import export_run
from acgan.models import GENERATORS
from acgan.sampling import load_generator

onnxruntime = pytest.importorskip("onnxruntime")


def test_all_families_are_exported() -> None:
    assert {kind for kind, _ in FAMILIES} == GENERATORS.keys()


def _inputs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(1)), torch.arange(count) % 3


@pytest.mark.parametrize(("kind", "changes"), FAMILIES_TO_TRY)
def test_a_generator_as_onnx(tmp_path: Path, kind: str, changes: dict[str, object]) -> None:
    run = save_run(tmp_path / "run", make_sampler(kind, **changes))
    result = export_run(run, "onnx", tmp_path / "net.onnx")
    assert result.agreement is not None
    assert (result.agreement.samples, result.agreement.largest <= 1) == (100, True)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    sampler = load_generator(run)
    for count in (1, 5):
        z, y = _inputs(count)
        (images,) = session.run(["images"], {"z": z.numpy(), "y": y.numpy()})
        assert images.dtype == np.uint8
        assert images.shape == (count, *sampler.image_shape)
        assert np.abs(images.astype(int) - sampler.draw(z, y).numpy().astype(int)).max() <= 1


@pytest.mark.parametrize(("kind", "changes"), FAMILIES, ids=FAMILY_NAMES)
def test_a_generator_as_torchscript(tmp_path: Path, kind: str, changes: dict[str, object]) -> None:
    run = save_run(tmp_path / "run", make_sampler(kind, **changes))
    result = export_run(run, "torchscript", tmp_path / "net.pt", output="float")
    assert result.agreement is not None
    assert result.agreement.largest < 1e-4
    network, sampler = torch.jit.load(tmp_path / "net.pt"), load_generator(run)
    for count in (1, 5):
        z, y = _inputs(count)
        with torch.no_grad():
            torch.testing.assert_close(network(z, y), sampler(z, y), rtol=0, atol=1e-5)


def test_a_torchscript_file_needs_no_acgan_and_names_no_folder(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", make_sampler())
    export_run(run, "torchscript", tmp_path / "net.pt")
    script = (
        "import sys; sys.modules['acgan'] = None\n"
        "import torch; extra = {'acgan.json': ''}\n"
        f"network = torch.jit.load({str(tmp_path / 'net.pt')!r}, _extra_files=extra)\n"
        "print(tuple(network(torch.randn(2, 8), torch.tensor([0, 2])).shape), b'class_names' in extra['acgan.json'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(2, 3, 16, 16) True", done.stderr
    content = (tmp_path / "net.pt").read_bytes()
    assert str(Path(torch.__file__).parent).encode() not in content
    assert b".debug_pkl" not in content


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_a_classifier(tmp_path: Path, channels: int, output: str) -> None:
    classifier = make_classifier(channels=channels)
    run = save_classifier_run(tmp_path / "run", classifier)
    images = torch.randint(0, 256, (7, channels, 16, 16), dtype=torch.uint8)
    expected = classifier(images) if output == "probabilities" else classifier.logits(images)
    for name, ending in (("onnx", ".onnx"), ("torchscript", ".pt")):
        result = export_run(run, name, tmp_path / f"net{ending}", output=output)
        assert result.agreement is not None
        assert result.agreement.largest < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert [one.name for one in (*session.get_inputs(), *session.get_outputs())] == ["images", output]
    found = (session.run(None, {"images": images.numpy()})[0], torch.jit.load(tmp_path / "net.pt")(images))
    for one in found:
        torch.testing.assert_close(torch.as_tensor(one), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
def test_a_gray_classifier_of_a_network_for_colours(tmp_path: Path, name: str) -> None:
    colours = make_classifier(
        backbone={"kind": "small", "image_channels": 3, "resolution": 16, "channels": 4}
    )
    info = colours.info
    gray = type(info)(info.architecture, info.class_names, 1, 16, info.mean, info.std, {})
    run = save_classifier_run(tmp_path / "run", type(colours)(colours.network, gray))
    result = export_run(run, name, tmp_path / "net")
    assert result.agreement is not None
    assert result.agreement.is_close
    assert "does not say" in result.source.state

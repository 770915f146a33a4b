"""``acgan export``: what it says, what it refuses, and that nothing half-written is left."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from registering import forgotten_afterwards
from run_helpers import Child, acgan, classified, trained

from acgan.predicting import load_classifier
from acgan.sampling import load_generator

SCRIPT = """
from typing import Literal

import acgan
from acgan.config.base import BaseConfig
from acgan.models import Generator
from torch import nn


class PlainConfig(BaseConfig):
    \"\"\"A toy section.\"\"\"

    kind: Literal["plain"] = "plain"


class Plain(Generator):
    \"\"\"A toy.\"\"\"

    resolutions = (16,)

    def __init__(self, *, latent_dim, num_classes, resolution, image_channels):
        super().__init__(
            latent_dim=latent_dim, num_classes=num_classes, resolution=resolution, image_channels=image_channels
        )
        self.embed = nn.Embedding(num_classes, latent_dim)
        self.layer = nn.Linear(latent_dim, image_channels * resolution**2)

    def forward(self, z, y):
        own = self.embed(y) if y.ndim == 1 else y @ self.embed.weight
        return self.layer(z + own).view(-1, self.image_channels, self.resolution, self.resolution).tanh()


acgan.register.generator(Plain, PlainConfig)
"""


@pytest.fixture(scope="module")
def run(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a best state, which tests only read."""
    changes = {"data.validation_share": 0.1, "every.evaluate_nimg": 160, "monitor.num_per_class": 0}
    return trained(tmp_path_factory.mktemp("export") / "digits-run", changes)


def _entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize(("name", "file"), [("onnx", "digits-run.onnx"), ("torchscript", "digits-run.pt")])
def test_a_file_is_named_after_the_run_and_told_with_its_size_and_time(
    run: Path, workdir: Path, name: str, file: str
) -> None:
    result = acgan("export", str(run), "--format", name)
    assert result.exit_code == 0, result.output
    exported, compared, written = result.output.splitlines()
    assert exported.startswith(
        f"exported {run / 'generator-best.safetensors'}, a generator: the best state, after "
    )
    assert compared.startswith("output uint8; largest difference to acgan's own 100 results: ")
    assert written.startswith(f"{file}: {(workdir / file).stat().st_size:,} bytes in ")
    assert _entries(workdir) == [file]


def test_the_last_state_can_be_chosen(run: Path, workdir: Path) -> None:
    result = acgan("export", str(run), "--format", "torchscript", "--which", "last", "--output", "float")
    assert "generator.safetensors, a generator: the last state, after 320 images" in result.output
    z, y = torch.randn(4, 16), torch.arange(4)
    images = torch.jit.load("digits-run.pt")(z, y)
    with torch.no_grad():
        torch.testing.assert_close(images, load_generator(run, which="last")(z, y), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["onnx", "torchscript", "huggingface"])
def test_what_is_there_is_replaced_only_by_force(run: Path, workdir: Path, name: str) -> None:
    words = ["export", str(run), "--format", name, "--out", "there"]
    assert acgan(*words).exit_code == 0
    before = _entries(workdir)
    result = acgan(*words)
    assert result.exit_code == 1
    assert "exists already. Choose another name, or --force" in " ".join(result.output.split())
    assert acgan(*words, "--force", "--quiet").output == ""
    assert _entries(workdir) == before == ["there"]


@pytest.mark.parametrize(
    "others", [{"notes.txt": "mine"}, {"config.json": "{}", "README.md": "another model"}]
)
def test_force_replaces_no_folder_of_others(run: Path, workdir: Path, others: dict[str, str]) -> None:
    (workdir / "there").mkdir()
    for name, content in others.items():
        (workdir / "there" / name).write_text(content)
    result = acgan("export", str(run), "--format", "huggingface", "--out", "there", "--force")
    assert result.exit_code == 1
    assert "--force replaces only folders that `acgan export` wrote" in " ".join(result.output.split())
    assert {name: (workdir / "there" / name).read_text() for name in others} == others


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--format", "onnx", "--output", "logits"), 1, "holds a generator; expected uint8 or float"),
        (("--format", "onnx", "--out", "no/net.onnx"), 1, "there is no folder no"),
        (("--format", "onnx", "--license", "mit"), 2, "--license goes with --format huggingface"),
        (("--format", "onnx", "--push", "a/b"), 2, "--push goes with --format huggingface"),
        (("--format", "huggingface", "--private"), 2, "--private goes with --push"),
        (
            ("--format", "huggingface", "--output", "float"),
            2,
            "--output goes with --format onnx or torchscript",
        ),
        (("--format", "pickle"), 2, "'pickle' is not one of"),
        (("--format", "onnx", "--out", "."), 1, "is a folder; expected a file to write"),
    ],
)
def test_refused(run: Path, workdir: Path, words: tuple[str, ...], code: int, told: str) -> None:
    result = acgan("export", str(run), *words)
    assert result.exit_code == code
    assert told in " ".join(result.output.split())
    assert _entries(workdir) == []


def test_a_damaged_generator_is_refused(run: Path, workdir: Path, tmp_path: Path) -> None:
    file = tmp_path / "generator.safetensors"
    content = bytearray((run / "generator.safetensors").read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    for name in ("onnx", "torchscript", "huggingface"):
        result = acgan("export", str(file), "--format", name)
        assert result.exit_code == 1
        assert "is damaged" in " ".join(result.output.split())
    assert _entries(workdir) == []


def test_a_shipped_classifier_goes_by_its_name(workdir: Path) -> None:
    result = acgan("export", "digits", "--format", "torchscript")
    assert result.exit_code == 0, result.output
    images = torch.randint(0, 256, (3, 1, 16, 16), dtype=torch.uint8)
    found = torch.jit.load("digits.pt")(images)
    assert (found - load_classifier("digits")(images)).abs().max() < 1e-5


def test_a_classifier_is_known_by_its_file(nothing_at_hand: None, workdir: Path) -> None:
    pytest.importorskip("onnxruntime")
    classified(workdir / "judge")
    result = acgan("export", "judge", "--format", "onnx")
    assert result.exit_code == 0, result.output
    assert "judge/classifier.safetensors, a classifier: the last state" in result.output
    assert "output probabilities; largest difference" in result.output
    shutil.copy("judge/classifier.safetensors", "mine.safetensors")
    assert acgan("export", "mine.safetensors", "--format", "torchscript").exit_code == 0
    assert _entries(workdir) == ["judge", "judge.onnx", "mine.pt", "mine.safetensors"]


@pytest.mark.parametrize("name", ["onnx", "torchscript", "huggingface"])
def test_a_generator_of_ones_own_needs_its_script(nothing_at_hand: None, workdir: Path, name: str) -> None:
    Path("plain.py").write_text(SCRIPT)
    with forgotten_afterwards():
        assert acgan("--import", "plain.py", "export", "no-run", "--format", name).exit_code == 1
        changes = ["--set", "model.generator={kind: plain}", "--set", "train.total_nimg=32"]
        tiny = str(Path(__file__).with_name("tiny.yaml"))
        made = acgan("--import", "plain.py", "train", tiny, "--run-dir", "run", *changes)
        assert made.exit_code == 0, made.output
        result = acgan("--import", "plain.py", "export", "run", "--format", name, "--out", "there")
        assert result.exit_code == 0, result.output
    with forgotten_afterwards():
        result = acgan("export", "run", "--format", name, "--out", "again")
        assert result.exit_code == 1
        assert "plain is registered by" in " ".join(result.output.split())
        assert "acgan --import" in " ".join(result.output.split())


@pytest.mark.parametrize("name", ["onnx", "huggingface"])
def test_sigterm_leaves_nothing(run: Path, workdir: Path, tmp_path: Path, name: str) -> None:
    child = Child(
        ["export", str(run), "--format", name, "--out", "there"], tmp_path / "log", before=_stopped_at_the_end
    )
    assert child.wait() == 75
    assert "SIGTERM: stopped; nothing was written." in child.stderr
    assert _entries(workdir) == []


def _stopped_at_the_end() -> None:
    """Send SIGTERM at the moment before the new file or folder gets its name."""
    replace = os.replace

    def stopping(*paths: Path) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        replace(*paths)

    os.replace = stopping


@pytest.mark.parametrize("swallowed", [True, False])
def test_sigterm_inside_an_exporter_that_catches_everything(
    run: Path, workdir: Path, tmp_path: Path, swallowed: bool
) -> None:
    before = _swallowing if swallowed else _failing
    words = ["export", str(run), "--format", "torchscript", "--out", "there"]
    child = Child(words, tmp_path / "log", before=before)
    assert child.wait() == 75
    assert "SIGTERM: stopped; nothing was written." in child.stderr
    assert _entries(workdir) == []


def _swallowing() -> None:
    _signal_in_trace(None)


def _failing() -> None:
    _signal_in_trace(RuntimeError("the exporter's own"))


def _signal_in_trace(then: Exception | None) -> None:
    """Send SIGTERM while the network is traced, and catch what it raises as exporters do."""
    trace = torch.jit.trace

    def tracing(*inputs: object, **options: object) -> object:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            if then is not None:
                raise then from None
        return trace(*inputs, **options)

    torch.jit.trace = tracing

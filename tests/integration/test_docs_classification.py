"""Every snippet of docs/classification.md runs, from top to bottom, and prints what the page says."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from run_helpers import acgan, sets

PAGE = Path(__file__).parents[2] / "docs" / "classification.md"
#: Packages that acgan can do without. A block that imports one is left out where it is not installed.
OPTIONAL = ("fastai",)

#: What makes trainings tiny: of GANs, of the small classifier, and of the recipes with networks of torchvision's.
COMMON = {"train.precision": "float32", "train.batch_size": 4, "train.total_nimg": 8}
GAN = COMMON | {
    "data.resolution": 16,
    "model.latent_dim": 8,
    "model.generator": {"channels": 4, "max_channels": 8, "class_dim": 8},
    "model.discriminator": {"channels": 4, "max_channels": 8},
    "monitor.num_per_class": 0,
}
CLASSIFIER = COMMON | {"data.resolution": 16}
RECIPES = {
    "feature-extraction": COMMON | {"data.resolution": 64, "model.backbone.weights": "resnet18.pth"},
    "fine-tuning": COMMON | {"data.resolution": 128, "model.backbone.weights": "inception_v3.pth"},
}


@dataclass(frozen=True)
class Block:
    """A fenced block, and the line of its first line of code."""

    language: str
    line: int
    code: str

    @property
    def missing(self) -> list[str]:
        """Packages that it imports and that are not there."""
        imported = re.findall(r"^(?:import|from) (\w+)", self.code, re.MULTILINE)
        return [name for name in OPTIONAL if name in imported and importlib.util.find_spec(name) is None]


def read_blocks(text: str) -> list[Block]:
    fenced = re.finditer(r"^```(.*)\n((?s:.*?))^```$", text, re.MULTILINE)
    return [Block(match[1], text[: match.start(2)].count("\n") + 1, match[2]) for match in fenced]


def run_blocks(blocks: list[Block]) -> None:
    """Run blocks in the current directory, those of Python in one namespace."""
    namespace: dict[str, Any] = {"__name__": "page"}
    printed: str | None = None
    for block in blocks:
        if block.language == "text":
            assert printed is not None, f"line {block.line}: no Python before it that would print this"
            assert printed == block.code, f"line {block.line}"
        printed = None
        if block.language == "console":
            for number, line in enumerate(block.code.splitlines(), start=block.line):
                run_command(line, number)
        elif block.language == "python" and not block.missing:
            printed = run_python(block, namespace)


def run_python(block: Block, namespace: dict[str, Any]) -> str:
    """What it prints. Tracebacks name the page's lines."""
    code = compile("\n" * (block.line - 1) + block.code, str(PAGE), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        exec(code, namespace)
    return stdout.getvalue()


def run_command(line: str, number: int) -> None:
    program, *arguments = shlex.split(line, comments=True)
    assert program == "acgan", f"line {number}: {line}"
    result = acgan(*arguments, *sets(changes_for(arguments)))
    assert result.exit_code == 0, f"line {number}: {line}\n{result.output}"


def changes_for(arguments: list[str]) -> dict[str, Any]:
    """What makes a command quick."""
    if arguments[0] == "train":
        return GAN
    if arguments[:2] != ["classify", "train"]:
        return {}
    changes = RECIPES.get(arguments[2], CLASSIFIER)
    if arguments[2] in RECIPES and "--backbone" in arguments:
        name = arguments[arguments.index("--backbone") + 1]
        changes = changes | {"model.backbone.weights": f"{name}.pth"}
    return changes


BLOCKS = read_blocks(PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def files(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with what the page takes for granted: folders of images, and weights, which are random."""
    rng = np.random.default_rng(0)
    for folder, counts in (
        ("PICTURES", {"bird": 6, "cat": 14, "dog": 9}),
        ("OTHERS", dict.fromkeys(("bird", "cat", "dog"), 7)),
    ):
        for name, count in counts.items():
            (workdir / folder / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (72, 80, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(workdir / folder / name / f"{index}.png")
    Image.fromarray(pixels).save(workdir / "cat.jpg")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for name, keywords in (("resnet18", {}), ("inception_v3", {"init_weights": False})):
            network = torchvision.models.get_model(name, weights=None, **keywords)
            torch.save(network.state_dict(), workdir / f"{name}.pth")
        # Taking the graphs takes no compiler, and is what could go wrong on our side.
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_: pytest.fail("a download"))
        yield workdir
    torch._dynamo.reset()


@pytest.mark.filterwarnings("ignore:everything below Mixed_6e is frozen")
def test_every_snippet_runs(files: Path) -> None:
    run_blocks(BLOCKS)


@pytest.mark.parametrize("package", OPTIONAL)
def test_no_snippet_was_left_out(package: str) -> None:
    lines = [block.line for block in BLOCKS if package in block.code]
    assert lines, f"no block imports {package}"
    pytest.importorskip(package, reason=f"no {package}: {PAGE.name}, line {lines[0]}, was left out")


def test_every_block_is_of_a_kind_that_is_run() -> None:
    fences = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")
    ]
    assert len(fences) == 2 * len(BLOCKS)
    assert {block.language for block in BLOCKS} == {"python", "console", "text"}
    assert len(BLOCKS) > 15


def test_links_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    titles = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert {link[1:] for link in links if link.startswith("#")} == anchors
    files = [link for link in links if not link.startswith(("#", "https:"))]
    assert files
    assert all((PAGE.parent / file).is_file() for file in files)
    names = re.findall(r"\]\[(\w+)\]", text)
    assert set(names) == set(re.findall(r"^\[(\w+)\]: https:", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("```python\nx = 1\n```\n\n```python\nassert x == 2, 'not two'\n```\n", "not two"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "line 6"),
        ("```text\n2\n```\n", "no Python before it"),
        (
            "```console\nacgan classify predict nowhere cat.jpg\n```\n",
            "line 2: acgan classify predict nowhere",
        ),
        ("```console\nls\n```\n", "line 2: ls"),
    ],
)
def test_a_snippet_that_fails_is_noticed(page: str, error: str, workdir: Path) -> None:
    with pytest.raises(AssertionError, match=error):
        run_blocks(read_blocks(page))

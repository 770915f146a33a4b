"""The pages about scores: their commands and snippets run, and they name what there is, all of it and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image
from run_helpers import acgan, digits_npz, sets, trained
from test_docs_classification import read_blocks

from acgan import cli
from acgan.api import EvaluateOptions, cas, cas_judges
from acgan.metrics.catalogue import CATALOGUE, plain_name, printed_scores

DOCS = Path(__file__).parents[2] / "docs"
#: The pages, in an order in which each goes on from what the earlier ones made.
PAGES = [DOCS / name for name in ("evaluation.md", "metrics.md", "comparing.md", "fid.md")]
TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCKS = read_blocks(TEXT)


def command(name: str) -> click.Command:
    found = cli.main.get_command(click.Context(cli.main), name)
    assert found is not None, name
    return found


COMMANDS = {name: command(name) for name in ("evaluate", "fid", "compare", "table", "plot")}

#: What makes trainings tiny.
TINY = {"train.batch_size": 4, "train.total_nimg": 8, "train.precision": "float32"}
SMALL = {"channels": 4, "max_channels": 8}
GAN = TINY | {
    "model.latent_dim": 8,
    "model.generator": SMALL | {"class_dim": 8},
    "model.discriminator": SMALL,
    "monitor.num_per_class": 0,
    "evaluate.num_images": 20,
}
CLASSIFIER = TINY | {"data.resolution": 16}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current directory of all commands, with what the pages take for granted, and ``runs/digits`` evaluated.

    Its run is of few digits under the name of the built-in set, which has an extractor.
    """
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ACGAN_CACHE", str(folder / "cache"))
        patch.setenv("COLUMNS", "120")  # so that no cell of a table is broken
        for name in ("MIN_STEPS", "MAX_STEPS"):
            patch.setattr(cas_judges, name, 2)
        defaults: Any = cas.classification_accuracy_score.__kwdefaults__
        patch.setitem(defaults, "seeds", (0, 1, 2))
        counts = {"0": 30, "7": 25}
        digits_npz(folder / "digits.npz", counts, dict.fromkeys(counts, 22))
        trained(folder / "runs" / "digits", GAN | {"data.source": "digits.npz"})
        rng = np.random.default_rng(0)
        for pictures, count in (("PICTURES", 8), ("OTHERS", 3)):
            for name in ("cat", "dog"):
                (folder / pictures / name).mkdir(parents=True)
                for index in range(count):
                    pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / pictures / name / f"{index}.png")
        evaluated = acgan("evaluate", "runs/digits", "--metrics", ",".join(CATALOGUE))
        assert evaluated.exit_code == 0, evaluated.output
        (folder / "printed.txt").write_text(evaluated.output, encoding="utf-8")
        shutil.copy("runs/digits/evaluation.json", "real.json")
        yield folder


@pytest.fixture
def real(place: Path) -> Any:
    """What is written of an evaluation with all metrics."""
    return json.loads((place / "real.json").read_text(encoding="utf-8"))


# The commands and snippets run.


def commands() -> Iterator[tuple[int, list[str]]]:
    """Every command with the line it is in."""
    for block in BLOCKS:
        if block.language == "console":
            for number, line in enumerate(block.code.splitlines(), start=block.line):
                yield number, shlex.split(line, comments=True)


def changed(words: list[str]) -> list[str]:
    """The arguments of a command, made quick."""
    _, *arguments = words
    if arguments[0] == "train":
        # As the default recipe, but of few digits; the command's own --set comes last, and wins.
        source = [] if "--data" in arguments else ["--set", "data.source=digits.npz"]
        return ["train", *(["digits"] if source else []), *source, *sets(GAN), *arguments[1:]]
    if arguments[:2] == ["classify", "train"]:
        return [*arguments, *sets(CLASSIFIER)]
    return arguments


def test_every_command_runs(place: Path, inception_weights: Path) -> None:
    """In the order of the pages: some go on from what others made."""
    Path("pt_inception-2015-12-05-6726825d.pth").symlink_to(inception_weights)
    for number, words in commands():
        assert words[0] == "acgan", f"line {number}"
        result = acgan(*changed(words))
        assert result.exit_code == 0, f"line {number}: {' '.join(words)}\n{result.output}"
        if "--json" in words:
            json.loads(Path(words[words.index("--json") + 1]).read_text(encoding="utf-8"))


def test_every_snippet_runs(place: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "page"}
    snippets = [block for block in BLOCKS if block.language == "python"]
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        for block in snippets:
            code = compile("\n" * (block.line - 1) + block.code, "the pages in a row", "exec")
            exec(code, namespace)
    assert len(snippets) > 1
    assert namespace["found"].metric == "fcd[digits@738debee]"
    assert "\none generator, not two: " in stdout.getvalue()


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    fences = re.findall(r"^\s*```", TEXT, re.MULTILINE)
    assert len(fences) == 2 * len(BLOCKS)
    assert {block.language for block in BLOCKS} == {"console", "python", "text", "json"}


def test_the_output_shown_is_of_the_form_printed(place: Path) -> None:
    """Rows, columns and the beginnings of sentences; numbers are of another run."""
    [shown] = [block.code for block in BLOCKS if block.language == "text"]
    printed = (place / "printed.txt").read_text(encoding="utf-8")
    on_demand = [score for entry in CATALOGUE.values() if not entry.by_default for score in entry.scores]
    own = {score.title.strip() for score in on_demand if score.title}
    # Of the second and the third table some rows are shown.
    assert rows(printed) - own - {"0", "7"} == rows(shown) - {"…", *"0123456789"}
    headings = {"CAS", "CAS gain"}
    assert columns(printed) - headings == columns(shown)
    for word in (
        "Verdict: ",
        "Distance: ",
        "Fidelity: ",
        "Diversity: ",
        "Classes: ",
        "Copies: ",
        "features: digits@738debee, ",
    ):
        assert any(line.startswith(word) for line in shown.splitlines()), word
        assert any(line.startswith(word) for line in printed.splitlines()), printed


def rows(text: str) -> set[str]:
    """The first cells of tables."""
    return {line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")}


def columns(text: str) -> set[str]:
    """The headings of tables, without their numbers of images."""
    heads = [line.strip("┃").split("┃") for line in text.splitlines() if line.startswith("┃")]
    return {re.sub(r"^\d+ ", "N ", cell.strip()) for head in heads for cell in head}


# What the page names is there, and what is there it names.


def section(title: str) -> str:
    match = re.search(rf"^## {re.escape(title)}\n((?s:.*?))(?=^## |\Z)", TEXT, re.MULTILINE)
    assert match, title
    return match[1]


def table(text: str, column: int = 0) -> list[str]:
    """What stands in code in a column of the tables of a text, below their headings."""
    found = []
    for body in re.findall(r"^\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in body.splitlines():
            found += re.findall(r"`([^`]+)`", row.split("|")[column + 1])
    return found


def test_the_metrics_are_those_there_are(real: Any) -> None:
    text = section("Metrics")
    assert table(text) == list(CATALOGUE)
    named = table(text, 1)
    assert sorted(named) == sorted(name for name, score in printed_scores().items() if score.title)
    assert {plain_name(name) for name in real["overall"]} <= set(named)
    without = {name for name in real["overall"] if "[" not in name}
    pixels = {"copies_same", "copies_same_real", "copies_near", "copies_near_real"}
    assert (
        without
        == {"ms_ssim", "diverse_classes", "cas_real", "cas_synthetic", "cas_both", "gan_test"} | pixels
    )


def test_the_directions_told_are_those_that_compare_goes_by() -> None:
    for line in section("Metrics").splitlines():
        cells = line.strip("|").split(" | ")
        if len(cells) == 4 and "`" in cells[1]:
            for name in re.findall(r"`([^`]+)`", cells[1]):
                direction = printed_scores()[name].better
                if direction == "lower" and "unseen" not in cells[3]:
                    assert "low" in cells[3], line
                if direction == "higher":
                    assert "high" in cells[3], line


def example() -> str:
    [block] = [block.code for block in BLOCKS if block.language == "json"]
    return block


def test_the_example_has_no_key_that_is_not_written(real: Any) -> None:
    shown = json.loads(example())
    assert sorted(shown) == sorted(real)
    for part in ("overall", "floor", "at_floor_count"):
        for name, summary in shown[part].items():
            assert summary.keys() == real[part][name].keys()
    assert shown["provenance"].keys() <= real["provenance"].keys()
    assert shown["cas"].keys() <= real["cas"].keys()
    assert shown["cas"]["cas_gain"].keys() == real["cas"]["cas_gain"].keys()
    [of_class] = shown["per_class"].values()
    assert all(of_class.keys() <= values.keys() for values in real["per_class"].values())


def options(command: click.Command) -> dict[str, list[str]]:
    """By name in Python, the names on the command line."""
    return {
        str(param.name): [*param.opts, *param.secondary_opts]
        for param in command.params
        if isinstance(param, click.Option)
    }


def test_the_options_of_python_are_those_of_the_command() -> None:
    own = set(options(COMMANDS["evaluate"])) - {"json_file", "folder", "quiet"}
    assert own == set(EvaluateOptions.__dataclass_fields__)

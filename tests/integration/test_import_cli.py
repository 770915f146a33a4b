"""Parts of one's own from the command line: `--import`, what a run records of them, and errors without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from registering import EXAMPLES, forgotten_afterwards
from run_helpers import Child, acgan, assert_same_run, checkpoints, overrides, sets, stats_rows, train_args

import acgan as package
from acgan.errors import UnregisteredError

if not EXAMPLES.is_dir():
    pytest.skip("examples/ is in a checkout alone", allow_module_level=True)
SCRIPT, RECIPE = str(EXAMPLES / "multi_hinge.py"), str(EXAMPLES / "multi_hinge.yaml")
SMALL: dict[str, Any] = {
    "model.generator.channels": 8,
    "model.discriminator.channels": 8,
    "train.ema_half_life_nimg": 100,
    "every.log_nimg": 256,
    "every.checkpoint_nimg": 512,
    "monitor.num_per_class": 20,
    "evaluate.num_images": 200,
}
SHORT = {**SMALL, "train.total_nimg": 1_000}


def _with_import(*arguments: str) -> Result:
    with forgotten_afterwards():
        return acgan("--import", SCRIPT, *arguments)


@pytest.fixture(scope="module")
def trained(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, trained with 1,000 images, which tests only read."""
    run = tmp_path_factory.mktemp("own") / "run"
    result = _with_import("train", RECIPE, "--run-dir", str(run), *sets(SHORT))
    assert result.exit_code == 0, result.output
    assert "class loss D " in result.output
    return run


def test_the_example_is_trained_and_goes_on(trained: Path, tmp_path: Path) -> None:
    assert checkpoints(trained)[-1] == 1_024
    assert "D/class_fake" in stats_rows(trained)[-1]
    assert not any("adversarial" in name for row in stats_rows(trained) for name in row)
    run = tmp_path / "run"
    for total in (512, 1_000):
        result = _with_import(
            "train", RECIPE, "--run-dir", str(run), *sets({**SMALL, "train.total_nimg": total})
        )
        assert result.exit_code == 0, result.output
    result = _with_import("train", str(run))
    assert result.exit_code == 0, result.output
    assert checkpoints(run)[-1] == 1_024


def test_the_python_interface_needs_the_import_alone(trained: Path, tmp_path: Path, registry: None) -> None:
    from acgan.cli.importing import import_script

    import_script(SCRIPT)
    result = package.train(RECIPE, overrides=overrides(SHORT), run_dir=tmp_path / "run")
    assert_same_run(result.directory, trained)
    recorded = json.loads((tmp_path / "run" / "provenance.json").read_text())["parts"]
    assert recorded == {
        "loss.classification": {"kind": "multi_hinge", "module": "multi_hinge", "file": SCRIPT}
    }


def test_a_generator_of_a_shipped_kind_needs_no_script(trained: Path, tmp_path: Path) -> None:
    result = acgan("sample", str(trained), "-n", "4", "--out", str(tmp_path / "samples.png"))
    assert result.exit_code == 0, result.output
    parts = package.load_generator(trained).info.provenance["parts"]
    assert parts["loss.classification"]["file"] == "multi_hinge.py", "no folder: equal trainings, equal files"


def test_it_is_evaluated(trained: Path) -> None:
    result = _with_import("evaluate", str(trained), "--metrics", "frechet", "-n", "200", "--quiet")
    assert result.exit_code == 0, result.output
    assert (trained / "evaluation.json").exists()


@pytest.mark.parametrize("command", [["train", "RUN"], ["evaluate", "RUN"], ["config", "RUN/config.yaml"]])
def test_without_the_import_the_whole_command_is_told(trained: Path, command: list[str]) -> None:
    words = [word.replace("RUN", str(trained)) for word in command]
    before = set(sys.modules)
    result = acgan(*words)
    assert result.exit_code == 1
    assert f"loss.classification: multi_hinge is registered by {SCRIPT}; import that first." in result.stderr
    assert f"Type: `acgan --import {SCRIPT} {' '.join(words)}`" in result.stderr
    assert "multi_hinge" not in set(sys.modules) - before, "nothing is imported because a file says so"


def test_without_the_import_python_raises(trained: Path) -> None:
    with pytest.raises(UnregisteredError) as caught:
        package.train(trained)
    assert caught.value.scripts == (SCRIPT,)


def test_a_recipe_alone_cannot_tell_the_script(workdir: Path) -> None:
    result = acgan("train", RECIPE)
    assert result.exit_code == 1
    assert "found 'multi_hinge'; expected one of cross_entropy, tac, adc, d2d_ce." in result.stderr
    assert "`acgan --import SCRIPT.py …`" in result.stderr


def test_a_real_process(workdir: Path) -> None:
    changes = {"train.total_nimg": 64, "loss.adversarial": None, "loss.classification.kind": "multi_hinge"}
    child = Child(["--import", SCRIPT, *train_args("run", changes)], workdir / "log")
    assert child.wait() == 0, child.stderr
    assert checkpoints(workdir / "run") == [64]


MORE = """
import json
import numpy as np
import acgan
from acgan.data.index import index_by_name
from acgan.data.sources.arrays import ArrayReader
from acgan.evaluation.measures import Found
from acgan.metrics.catalogue import CatalogueEntry, PrintedScore

class Shades:
    def __init__(self, path, options):
        self.path = path
    def identity(self):
        return None
    def index(self):
        pairs = [(name, value) for name, grays in json.loads(self.path.read_text()).items() for value in grays]
        images = np.array([np.full((16, 16), value, np.uint8) for _, value in pairs])
        return index_by_name(ArrayReader([images], ["shades"]), [name for name, _ in pairs], held_out=None)

def counted(fake, real, context):
    return Found({"counted": float(sum(fake.count(k) for k in range(fake.num_classes)))}, {})

acgan.register.data_source(".shades", Shades)
acgan.register.metric("counted", counted, CatalogueEntry((PrintedScore("counted", "samples"),), frozenset()))
"""


def test_a_format_and_a_metric(workdir: Path) -> None:
    (workdir / "more.py").write_text(MORE)
    (workdir / "set.shades").write_text(json.dumps({"dark": [*range(40)], "light": [*range(200, 240)]}))
    changes = {"train.total_nimg": 32, "data.resolution": 16, "monitor.num_per_class": 0}
    words = [*train_args("run", changes), "--data", "set.shades", "--quiet"]
    unknown = acgan(*words)
    assert unknown.exit_code == 1
    assert "`acgan --import SCRIPT.py …`" in unknown.stderr
    with forgotten_afterwards():
        assert acgan("--import", "more.py", *words).exit_code == 0
        evaluated = acgan(
            "--import",
            "more.py",
            "evaluate",
            "run",
            "--metrics",
            "counted",
            "-n",
            "6",
            "--extractor",
            "digits",
        )
        assert evaluated.exit_code == 0, evaluated.output
        assert acgan("evaluate", "--help").exit_code == 0
    scores = json.loads((workdir / "run" / "evaluation.json").read_text())
    assert "counted" in json.dumps(scores)
    for command in (["train", "run"], ["evaluate", "run", "--metrics", "diversity"]):
        result = acgan(*command)
        assert result.exit_code == 1
        script = str((workdir / "more.py").resolve())
        assert f"data.source: .shades is registered by {script}; import that first." in result.stderr
        assert f"Type: `acgan --import {script} {' '.join(command)}`" in result.stderr


# ---------------------------------------------------------------- the import itself


def test_a_module_and_neighbours_of_a_file_are_found(workdir: Path, registry: None) -> None:
    (workdir / "package_of_parts").mkdir()
    (workdir / "package_of_parts" / "inner.py").write_text("import neighbour_of_parts")
    (workdir / "neighbour_of_parts.py").write_text("")
    (workdir / "parts_of_a_file.py").write_text("import neighbour_of_parts")
    for name in ("package_of_parts.inner", "parts_of_a_file.py"):
        assert acgan("--import", name, "config", "digits").exit_code == 0


def test_a_script_runs_once(workdir: Path, registry: None) -> None:
    script = workdir / "counted.py"
    script.write_text("with open('count', 'a') as file: file.write('1')")
    for _ in range(2):
        assert acgan("--import", str(script), "config", "digits").exit_code == 0
    assert (workdir / "count").read_text() == "1"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "missing.py",
            None,
            "--import missing.py: no such file; expected a Python file, or a module's name.",
        ),
        ("no_such_module", None, "--import no_such_module: ModuleNotFoundError: No module named"),
        ("broken.py", "\n1 / 0", "--import broken.py: ZeroDivisionError: division by zero (PLACE, line 2)"),
        (
            "wrong.py",
            "import acgan\nacgan.register.penalty(int, int)",
            "--import wrong.py: register: found int; expected a subclass of Penalty (acgan.losses.penalties), with "
            "all its methods. (PLACE, line 2)",
        ),
        ("leaves.py", "\nraise SystemExit(3)", "--import leaves.py: SystemExit: 3 (PLACE, line 2)"),
        ("json.py", "", "--import json.py: another module of the name json is imported; rename the file."),
    ],
)
def test_what_cannot_be_imported(
    workdir: Path, registry: None, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (workdir / name).write_text(content)
    result = acgan("--import", name, "config", "digits")
    assert result.exit_code == 1
    assert message.replace("PLACE", str((workdir / name).resolve())) in result.stderr


def test_a_sweep_hands_the_import_on(workdir: Path, registry: None) -> None:
    sweep = workdir / "sweep.yaml"
    sweep.write_text(
        f"recipe: {RECIPE}\nvariants: {{a: {{loss.classification.margin: 0.5}}}}\nbudget: {{nimg: 64}}"
    )
    result = acgan("--import", SCRIPT, "sweep", str(sweep), "--out", "out", "--print")
    assert result.exit_code == 0, result.output
    assert result.output.count(f"acgan --import {SCRIPT} ") == 2


def test_commands_to_paste_import_the_script(trained: Path) -> None:
    from acgan.api import run_command
    from acgan.api.report_material import known_run
    from acgan.report.origin import commands_section

    with forgotten_afterwards():
        result = acgan("--import", SCRIPT, "train", str(trained))
    assert result.exit_code == 0, result.output
    begun = f"acgan --import {SCRIPT} "
    assert f"More: {begun}sample {trained} --out samples.png" in result.output
    assert run_command(trained, "report", str(trained)) == f"{begun}report {trained}"
    page = commands_section(known_run(trained)).values["commands"]
    made = [one.command for one in page if one.text != "As it was typed"]
    assert len(made) >= 6
    assert all(text.startswith(begun) for text in made)

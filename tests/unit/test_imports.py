"""Which way imports point, no circles, and what a light start must not load."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import acgan

ROOT = Path(acgan.__file__).parent

BASE = {"runtime", "distributed", "types", "errors", "atomic", "code_version", "_torchvision"}
PARTS = {"models", "losses", "data", "metrics"}
FILES = {"weights_file", "generator_file", "classifier_file"}
DRAWING = FILES | {"sampling", "predicting", "extracting", "sample_files", "sample_folder"}

#: What each part of acgan may import, beside itself. Adding a module means giving it its place here:
#: cli -> api -> build, evaluation, training -> sampling -> models | losses | data | metrics -> runtime ...
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "atomic": set(),
    "code_version": set(),
    "types": set(),
    "_torchvision": set(),
    "distributed": set(),
    "runtime": {"errors", "types"},
    "config": {"errors", "types"},  # and so no torch
    "models": BASE | {"losses"},  # a classifier makes the loss that belongs to it
    "losses": BASE,
    "data": BASE,
    "metrics": BASE,
    "plots": BASE,
    "comparing": {"evaluation", "metrics"} | BASE,
    # drawing images, naming their classes, and keeping what does
    "weights_file": BASE,
    "generator_file": {"weights_file"} | PARTS | BASE,
    "classifier_file": {"weights_file"} | PARTS | BASE,
    "sampling": FILES | PARTS | BASE,
    "predicting": FILES | PARTS | BASE,
    "extracting": {"predicting"} | FILES | PARTS | BASE,
    "sample_folder": {"sampling"} | FILES | PARTS | BASE,
    "sample_files": {"sampling", "sample_folder"} | FILES | PARTS | BASE,
    # training knows neither the configuration nor evaluation: it is handed plain values and callables
    "training": DRAWING | PARTS | BASE,
    "evaluation": DRAWING | PARTS | BASE,
    "fid": DRAWING | PARTS | BASE,
    "scoring": DRAWING | PARTS | BASE,
    "build": {"training", "config"} | DRAWING | PARTS | BASE,
    # beside api: what it is composed of
    "run_directory": {"config"} | BASE,
    "dry_run": {"build", "run_directory", "training", "config"} | DRAWING | PARTS | BASE,
    "api": {
        "plots",
        "build",
        "fid",
        "scoring",
        "evaluation",
        "training",
        "run_directory",
        "dry_run",
        "config",
    }
    | DRAWING
    | PARTS
    | BASE,
    "cli": {"api", "comparing", "evaluation", "metrics", "plots", "scoring", "dry_run", "training", "config"}
    | DRAWING
    | BASE,
    "__main__": {"cli"},
}


def _modules() -> dict[str, Path]:
    """Every module of acgan by its dotted name."""
    names = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = ["acgan", *file.relative_to(ROOT).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


MODULES = _modules()


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _statements(node: ast.AST, skip_type_checking: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if skip_type_checking and _is_type_checking(child):
            continue
        yield child
        yield from _statements(child, skip_type_checking)


def _imports(module: str, skip_type_checking: bool = False) -> set[str]:
    """The modules of acgan that a module imports anywhere, in functions too."""
    found = set()
    for node in _statements(ast.parse(MODULES[module].read_text(encoding="utf-8")), skip_type_checking):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return {name for name in found if name == "acgan" or name.startswith("acgan.")} - {module}


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else "acgan"


def test_the_walk_finds_imports_of_every_form() -> None:
    assert {"acgan.losses", "acgan.types"} <= _imports("acgan.training.objective")
    assert "acgan.runtime" in _imports("acgan.training.gan_loop")  # from acgan import runtime
    assert "acgan.api" in _imports("acgan.cli.train")  # in a function
    assert len(MODULES) > 40


def test_every_module_has_its_layer() -> None:
    missing = {_part(name) for name in MODULES} - ALLOWED.keys() - {"acgan"}
    assert not missing, f"give {sorted(missing)} a place in ALLOWED of {__file__}"


def test_the_layers_themselves_have_an_order() -> None:
    list(graphlib.TopologicalSorter(ALLOWED).static_order())
    assert [(p, other) for p in PARTS for other in PARTS if p in ALLOWED[other]] == [("losses", "models")]
    assert not any("config" in ALLOWED[part] for part in PARTS)
    assert "evaluation" not in ALLOWED["training"]


@pytest.mark.parametrize("module", [name for name in MODULES if name != "acgan"])
def test_imports_point_downwards(module: str) -> None:
    part = _part(module)
    imported = {_part(name) for name in _imports(module)} - {part, "acgan"}
    wrong = imported - ALLOWED.get(part, set())
    assert not wrong, f"{module} must not import {sorted(wrong)}"


def test_the_top_level_imports_nothing_of_ours_before_it_is_asked_for() -> None:
    assert not _imports("acgan", skip_type_checking=True)
    assert {_part(name) for name in _imports("acgan")} <= ALLOWED["cli"] | PARTS | DRAWING


def test_there_are_no_circles() -> None:
    graph = {name: _imports(name, skip_type_checking=True) - {"acgan"} for name in MODULES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


HEAVY = {"torch", "torchvision", "numpy", "pydantic", "rich", "PIL", "scipy", "sklearn", "tensorboard"}
CLI = "from acgan.cli import main; main({}, standalone_mode=False)"


@pytest.mark.parametrize(
    "start",
    [
        "import acgan; acgan.__version__",
        "import acgan; dir(acgan)",
        "import acgan.metrics.catalogue",
        CLI.format(["--help"]),
        CLI.format(["--version"]),
        *(
            CLI.format([command, "--help"])
            for command in ("train", "sample", "evaluate", "fid", "compare", "classify", "config")
        ),
    ],
)
def test_a_light_start_loads_nothing_heavy(start: str) -> None:
    command = [sys.executable, "-c", f"{start}; import sys; print('loaded', *sys.modules)"]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    loaded = out.splitlines()[-1].split()
    assert "acgan" in loaded
    assert not HEAVY & set(loaded)


def test_the_configuration_needs_no_torch() -> None:
    script = "import acgan.config; acgan.config.RunConfig(); import sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "pydantic" in out.split()
    assert not {"torch", "numpy"} & set(out.split())

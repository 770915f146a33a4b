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

#: What each part of acgan imports, beside itself: all that it may, and nothing that it does not. Adding a module means
#: giving it its place here: cli -> api -> assembly -> evaluation, training -> sampling -> parts -> runtime.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "signals": {"errors"},
    "file_kinds": set(),
    "showing": set(),
    "marks": set(),
    "sides": set(),
    "reading": set(),
    "atomic": {"file_kinds"},
    "sealed": {"reading"},
    "extras": {"errors"},
    "own_parts": {"file_kinds", "reading"},
    "code_version": set(),
    "types": set(),
    "_torchvision": set(),
    "distributed": {"parallel", "errors"},
    "parallel": set(),
    "runtime": {"parallel", "errors"},
    "config": {"sides", "types", "errors", "own_parts", "file_kinds", "showing"},  # and so no torch
    "plots": {"showing", "marks"},
    # the parts: they take plain keywords
    "models": {
        "losses",
        "parallel",
        "runtime",
        "sealed",
        "sides",
        "types",
        "errors",
    },  # a classifier makes its own loss
    "losses": {"distributed", "runtime", "types"},
    "data": {
        *(
            "atomic",
            "runtime",
            "reading",
            "sealed",
            "sides",
            "types",
            "errors",
            "extras",
            "file_kinds",
            "showing",
            "marks",
        ),
    },
    "augment": set(),
    "metrics": {"parallel", "runtime", "types"},
    # trained networks in files, and their use
    "weights": {"models", "atomic", "errors", "extras", "own_parts", "file_kinds", "sealed", "sides"},
    "sampling": {
        "weights",
        "models",
        "plots",
        "parallel",
        "runtime",
        "atomic",
        "sealed",
        "types",
        "errors",
        "reading",
        "file_kinds",
        "showing",
    },
    "predicting": {"weights", "models", "data", "parallel", "runtime", "signals"},
    "extracting": {
        "predicting",
        "weights",
        "models",
        "data",
        "parallel",
        "runtime",
        "atomic",
        "types",
        "errors",
        "extras",
    },
    # training knows neither configuration nor files of networks nor evaluation: it is handed plain values and objects
    "training": {
        *("augment", "data", "losses", "models", "plots"),
        *(
            "distributed",
            "parallel",
            "runtime",
            "atomic",
            "sealed",
            "signals",
            "types",
            "errors",
            "file_kinds",
        ),
        "showing",
    },
    "evaluation": {
        *("extracting", "predicting", "sampling", "metrics"),
        *(
            "own_parts",
            "parallel",
            "runtime",
            "atomic",
            "reading",
            "sealed",
            "signals",
            "types",
            "errors",
            "showing",
        ),
        "file_kinds",
    },
    # trained networks for other programs
    "export": {
        *("evaluation", "predicting", "sampling", "weights", "models", "metrics", "plots", "runtime"),
        *(
            "atomic",
            "code_version",
            "reading",
            "sealed",
            "errors",
            "extras",
            "file_kinds",
            "own_parts",
            "showing",
        ),
    },
    "fid": {
        *("extracting", "sampling", "weights", "data", "metrics"),
        *("parallel", "runtime", "atomic", "reading", "types", "errors", "marks"),
    },
    "benchmarking": {
        *("fid", "training", "extracting", "sampling", "metrics", "models"),
        *("parallel", "runtime", "types", "errors"),
    },
    # what a page to play with asks of a generator
    "exploring": {"sampling", "predicting", "plots", "marks", "sealed", "errors", "showing", "types"},
    # runs and their scores, as tables
    "results": {"evaluation", "metrics", "atomic", "errors", "extras", "showing"},
    # runs as pages for people: plain values in, HTML out
    "report": {
        *("evaluation", "sampling", "metrics", "plots"),
        *("code_version", "types", "errors", "showing"),
    },
    # looks at everything that may be broken, each import in a check of its own
    "doctor": {
        *(
            "data",
            "extracting",
            "parallel",
            "runtime",
            "atomic",
            "code_version",
            "errors",
            "extras",
            "showing",
            "_torchvision",
        ),
    },
    # the only place that knows both configuration and objects
    "assembly": {
        *("config", "training", "evaluation", "extracting", "predicting", "sampling", "weights", "plots"),
        *(
            "augment",
            "data",
            "losses",
            "metrics",
            "models",
            "own_parts",
            "distributed",
            "parallel",
            "runtime",
            "atomic",
            "sides",
            "signals",
            "types",
            "errors",
        ),
    },
    "api": {
        *(
            "assembly",
            "benchmarking",
            "evaluation",
            "exploring",
            "export",
            "fid",
            "report",
            "results",
            "training",
            "config",
            "plots",
        ),
        *("extracting", "predicting", "sampling", "weights", "data", "metrics", "models", "own_parts"),
        *("distributed", "parallel", "runtime", "atomic", "sealed", "code_version"),
        *("reading", "sides", "types", "errors", "extras", "file_kinds", "showing"),
    },
    # above api: its runs are those of commands
    "sweep": {
        "api",
        "config",
        "parallel",
        "runtime",
        "atomic",
        "reading",
        "sealed",
        "errors",
        "extras",
        "file_kinds",
    },
    "cli": {
        *(
            "sweep",
            "api",
            "doctor",
            "exploring",
            "config",
            "evaluation",
            "metrics",
            "plots",
            "results",
            "sampling",
            "training",
        ),
        *(
            "atomic",
            "code_version",
            "distributed",
            "reading",
            "runtime",
            "showing",
            "signals",
            "types",
            "errors",
            "extras",
        ),
    },
    "__main__": {"cli"},
}
PARTS = ("models", "losses", "data", "augment", "metrics")


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
                assert node.module != "acgan" or inner in MODULES, f"{module}: {inner} is for users of acgan"
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
    assert [part for part in ALLOWED if "config" in ALLOWED[part]] == ["assembly", "api", "sweep", "cli"]
    assert not {"evaluation", "weights", "config"} & ALLOWED["training"]
    assert not {"training", "config", "api"} & ALLOWED["evaluation"]


@pytest.mark.parametrize("part", ALLOWED)
def test_each_part_imports_what_the_table_says(part: str) -> None:
    imported = {
        other
        for module in MODULES
        if _part(module) == part
        for other in map(_part, _imports(module))
        if other not in (part, "acgan")
    }
    assert imported <= ALLOWED[part], f"acgan.{part} must not import {sorted(imported - ALLOWED[part])}"
    assert imported == ALLOWED[part], f"nobody uses: {part} -> {sorted(ALLOWED[part] - imported)}"


def test_the_top_level_imports_nothing_of_ours_before_it_is_asked_for() -> None:
    assert _imports("acgan", skip_type_checking=True) == {"acgan._torchvision"}, (
        "which imports the standard library"
    )


def test_there_are_no_circles() -> None:
    graph = {name: _imports(name) - {"acgan"} for name in MODULES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "pydantic",
    "rich",
    "jinja2",
    "PIL",
    "scipy",
    "sklearn",
    "tensorboard",
    "matplotlib",
    "pandas",
    "pyarrow",
}
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
            for command in (
                *("train", "sample", "evaluate", "report", "fid", "compare", "table", "plot", "classify"),
                *("data", "config"),
                *("sweep", "export", "explore", "info", "benchmark", "doctor", "completion"),
            )
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


@pytest.mark.parametrize("module", ["acgan.sampling", "acgan.api"])
def test_only_drawing_loads_matplotlib(module: str) -> None:
    script = f"import {module}; import sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "acgan.plots.grid" in out.split()
    assert "matplotlib" not in out.split()


def test_after_acgan_torchvision_can_be_imported_by_anyone() -> None:
    """Beside a CPU build of torch, torchvision's default wheel cannot be imported alone."""
    script = "import acgan; import torchvision; print(torchvision.models.resnet18().fc.out_features)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1000"), done.stderr

"""Which way imports point, and no circles."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import allowed_imports
import pytest
from allowed_imports import ALLOWED

import acgan

ROOT = Path(acgan.__file__).parent
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
    assert not missing, f"give {sorted(missing)} a place in ALLOWED of {allowed_imports.__file__}"


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

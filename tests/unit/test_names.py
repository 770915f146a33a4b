"""Names and first words: one thing, one name; a docstring says at once what it is about."""

import ast
from pathlib import Path

import pytest

import acgan

ROOT = Path(acgan.__file__).parent
TREES = {
    str(file.relative_to(ROOT)): ast.parse(file.read_text(encoding="utf-8")) for file in ROOT.rglob("*.py")
}
#: Each command is the ``command`` of its module, which is how it is found.
SHARED = {"command"}
RIDDLES = {"What", "Whether", "Of", "Who", "How", "Where", "That"}


def _public(tree: ast.Module) -> list[str]:
    """Classes, functions and constants of a module, whose names stand for themselves."""
    names = []
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def test_no_two_things_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for file, tree in TREES.items():
        for name in _public(tree):
            homes.setdefault(name, []).append(file)
    assert len(homes) > 300
    assert {name: files for name, files in homes.items() if len(files) > 1 and name not in SHARED} == {}


def test_every_section_of_the_configuration_ends_in_config() -> None:
    classes = [node for file, tree in TREES.items() if file.startswith("config/") for node in tree.body]
    bases = {"BaseModel"}
    sections = set()
    for _ in range(4):  # as deep as they inherit
        for node in classes:
            if (
                isinstance(node, ast.ClassDef)
                and {b.id for b in node.bases if isinstance(b, ast.Name)} & bases
            ):
                bases.add(node.name)
                sections.add(node.name)
    assert len(sections) > 25
    assert [name for name in sections if not name.endswith("Config")] == []


@pytest.mark.parametrize("file", TREES)
def test_docstrings_begin_with_a_noun_or_a_verb(file: str) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(TREES[file]) if isinstance(node, kinds)]
    assert [text.splitlines()[0] for text in texts if text.split(" ")[0] in RIDDLES] == []

"""Checks of the doctor on Python and its libraries: their verdicts and remedies, and that each check is told."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from doctor_helpers import alone, by_name

from acgan.doctor import checks, examine, libraries
from acgan.doctor.diagnosis import Diagnosis
from acgan.extras import install_command

ROOT = Path(libraries.__file__).parents[2]


def test_all_is_told_and_a_check_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Diagnosis]:
        raise ImportError("libtorch.so: cannot open\nmore")

    fine = Diagnosis("fine", "well")
    monkeypatch.setattr(checks, "CHECKS", {"a": broken, "b": lambda: [fine, fine]})
    first, *others = examine()
    assert (first.check, first.verdict) == ("a", "problem")
    assert first.found == "could not be looked at: ImportError: libtorch.so: cannot open"
    assert others == [fine, fine]


# Libraries.


def test_the_table_is_that_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert listed is not None
    needed = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', listed[1]))
    assert needed == {name: least for name, (_, least) in libraries.REQUIRED.items()}
    extras = re.search(r"^\[project.optional-dependencies\]\n(.*?)^dev =", text, re.DOTALL | re.MULTILINE)
    assert extras is not None
    optional = {
        name: (extra, least)
        for extra, listed in re.findall(r"^(\w+) = \[(.*)\]", extras[1], re.MULTILINE)
        for name, least in re.findall(r'"([\w-]+)>=([\d.]+)"', listed)
    }
    assert optional == libraries.OPTIONAL
    assert set(libraries.EXTRAS) == {extra for extra, _ in optional.values()}
    least = ".".join(map(str, libraries._LEAST_PYTHON))
    assert f'requires-python = ">={least}"' in text


def test_libraries_that_are_well() -> None:
    found = by_name(libraries.check_libraries())
    assert found["torch"].verdict == "ok"
    assert found["torch"].found == torch.__version__
    assert found["torchvision"].values["library_loads"] in (True, False)
    assert "scipy 1." in found["libraries"].found
    assert not [one for one in found.values() if one.verdict == "problem"]


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Versions of distributions that a test changes; None is not installed."""
    changed: dict[str, str | None] = {}
    real = libraries.importlib.metadata.version

    def version(name: str) -> str:
        found = changed[name] if name in changed else real(name)
        if found is None:
            raise libraries.importlib.metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(libraries.importlib.metadata, "version", version)
    return changed


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """Errors of imports, by module."""
    errors: dict[str, Exception] = {}
    real = importlib.import_module

    def module(name: str, *more: Any) -> Any:
        if name in errors:
            raise errors[name]
        return real(name, *more)

    monkeypatch.setattr(libraries.importlib, "import_module", module)
    return errors


def test_a_library_that_is_not_there(versions: dict[str, str | None]) -> None:
    versions["scikit-learn"] = None
    found = by_name(libraries.check_libraries())
    assert (found["scikit-learn"].verdict, found["scikit-learn"].found) == ("problem", "not installed")
    assert found["scikit-learn"].remedy == "Install it: pip install 'scikit-learn>=1.4'."
    assert "scikit-learn" not in found["libraries"].found


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.5.9", "problem"), ("2.6", "ok"), ("2.6.0rc1", "ok"), ("2.10.1+cu128", "ok"), ("10.0", "ok")],
)
def test_versions_are_compared_as_numbers(
    version: str, verdict: str, versions: dict[str, str | None]
) -> None:
    versions["torch"] = version
    found = by_name(libraries.check_libraries())["torch"]
    assert found.verdict == verdict
    assert ("expected 2.6 or newer" in found.found) == (verdict == "problem")


def test_a_library_that_breaks_and_those_that_need_it(imports: dict[str, Exception]) -> None:
    imports["torch"] = OSError("libtorch_cpu.so: cannot open shared object file\nmore")
    imports["torchvision"] = imports["pytorch_fid.inception"] = ImportError("no torch")
    found = by_name(libraries.check_libraries())
    assert found["torch"].verdict == "problem"
    assert "but it cannot be imported: OSError: libtorch_cpu.so: cannot open" in found["torch"].found
    assert found["torch"].remedy == "Install it anew: pip install --force-reinstall 'torch>=2.6'."
    assert found["torchvision"].remedy == "Mend torch first."
    assert found["pytorch-fid"].remedy == "Mend torch first."
    assert found["numpy"].verdict == "ok"


@pytest.mark.parametrize("loads", [True, False])
def test_torchvisions_library(loads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acgan._torchvision.library_loads", lambda: loads)
    found = by_name(libraries.check_libraries())["torchvision"]
    assert (found.verdict, found.remedy, found.values["library_loads"]) == ("ok", "", loads)
    assert ("acgan works without it" in found.found) == (not loads)


def test_optional_libraries_are_a_remark_at_most(versions: dict[str, str | None]) -> None:
    versions.update(dict.fromkeys(libraries.OPTIONAL, "100"))
    found = by_name(libraries.check_libraries())["optional"]
    assert (found.verdict, found.remedy) == ("ok", "")
    assert "datasets 100, gradio 100, onnx 100" in found.found
    assert "huggingface_hub 100" in found.found
    versions["pillow-heif"] = None
    found = by_name(libraries.check_libraries())["optional"]
    assert found.verdict == "remark"
    assert found.found.endswith("timm 100, no pillow-heif")
    assert (
        found.remedy
        == f"As you need them: {install_command('EXTRA')}, where EXTRA is heif for HEIF pictures."
    )


def test_an_extra_is_named_once_and_also_for_a_library_that_is_too_old(
    versions: dict[str, str | None],
) -> None:
    versions.update(dict.fromkeys(libraries.OPTIONAL, "100"))
    versions.update({"gradio": "5.49", "onnx": None, "onnxruntime": None})
    found = by_name(libraries.check_libraries())["optional"]
    assert found.verdict == "remark"
    assert "gradio 5.49 (expected 6 or newer), onnxscript 100" in found.found
    assert found.found.endswith("no onnx, no onnxruntime")
    assert found.remedy == (
        f"As you need them: {install_command('EXTRA')}, where EXTRA is explore for acgan explore, export for acgan "
        "export --format onnx."
    )
    assert found.values["versions"]["gradio"] == "5.49"
    assert found.values["versions"]["onnx"] is None


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alone(libraries.check_python()).verdict == "ok"
    monkeypatch.setattr(libraries.sys, "version_info", (3, 9, 1))
    found = alone(libraries.check_python())
    assert (found.verdict, found.remedy) == ("problem", "Install Python 3.10 or newer.")


# Real processes, with broken libraries.

BROKEN: dict[str, tuple[str, str]] = {
    "torchvision": ("torchvision", "RuntimeError: operator torchvision::nms does not exist"),
    "torch": ("torch", "OSError: libtorch_cpu.so: cannot open shared object file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_library_is_told_and_all_else_too(name: str, tmp_path: Path) -> None:
    module, error = BROKEN[name]
    kind, text = error.split(": ", 1)
    (tmp_path / module).mkdir()
    (tmp_path / module / "__init__.py").write_text(f"raise {kind}({text!r})\n")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", "from acgan.cli import main; main()", "doctor"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "ACGAN_CACHE": str(tmp_path / "cache")},
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == ""
    lines = {line[9:21].strip(): line for line in done.stdout.splitlines() if line[9:10].strip()}
    assert lines[name].startswith("problem")
    assert f"but it cannot be imported: {error}" in lines[name]
    for other in ("python", "numpy", "devices", "cores", "inception", "cache", "runs"):
        assert other in lines, done.stdout
    assert lines["numpy"].startswith("ok")
    if name == "torchvision":
        assert lines["torch"].startswith("ok")
        assert lines["cores"].startswith(("ok", "remark"))

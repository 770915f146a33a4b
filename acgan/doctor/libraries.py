"""Checks of Python and the libraries."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import sys
from pathlib import Path

import acgan
from acgan.doctor.diagnosis import Diagnosis
from acgan.errors import first_line
from acgan.extras import install_command

_LEAST_PYTHON = (3, 10)
#: Libraries that acgan needs, by distribution: the module to import, and the least version. As pyproject.toml has them.
REQUIRED = {
    "torch": ("torch", "2.6"),
    "torchvision": ("torchvision", "0.21"),
    "numpy": ("numpy", "1.26"),
    "pillow": ("PIL.Image", "10.3"),
    "pytorch-fid": ("pytorch_fid.inception", "0.3.0"),
    "tensorboard": ("tensorboard", "2.16"),
    "click": ("click", "8.1"),
    "pydantic": ("pydantic", "2.8"),
    "PyYAML": ("yaml", "6.0"),
    "safetensors": ("safetensors", "0.4.3"),
    "scikit-learn": ("sklearn", "1.4"),
    "scipy": ("scipy.linalg", "1.11"),
    "matplotlib": ("matplotlib", "3.8"),
    "rich": ("rich", "13.7"),
    "platformdirs": ("platformdirs", "4.2"),
    "filelock": ("filelock", "3.14"),
    "jinja2": ("jinja2", "3.1"),
}
#: Libraries that only some work needs: the extra that installs each, and the least version. As pyproject.toml has them.
OPTIONAL = {
    "pillow-heif": ("heif", "0.16"),
    "datasets": ("hf", "3"),
    "gradio": ("explore", "6"),
    "onnx": ("export", "1.16"),
    "onnxscript": ("export", "0.5"),
    "onnxruntime": ("export", "1.20"),
    "huggingface_hub": ("hub", "0.30"),
    "pandas": ("results", "2.1"),
    "pyarrow": ("results", "15"),
    "submitit": ("slurm", "1.5"),
    "timm": ("timm", "1.0"),
}
#: What each extra is for.
EXTRAS = {
    "heif": "HEIF pictures",
    "hf": "parquet files of pictures and sets of the Hugging Face hub",
    "explore": "acgan explore",
    "export": "acgan export --format onnx",
    "hub": "networks on the Hugging Face hub",
    "results": "acgan.load_results and tables as Parquet",
    "slurm": "acgan sweep --executor slurm",
    "timm": "features of networks of timm",
}
#: Libraries whose import needs others.
_NEEDS = {"torchvision": ("torch", "numpy"), "pytorch-fid": ("torch", "torchvision", "numpy")}
#: Libraries with a line of their own; the others share one where all is well.
_PROMINENT = ("torch", "torchvision", "pytorch-fid", "numpy")


def check_acgan() -> list[Diagnosis]:
    """Tell acgan's version and place."""
    from acgan.code_version import code_version

    folder = Path(acgan.__file__).parent
    values = {"version": code_version(), "folder": str(folder)}
    return [Diagnosis("acgan", f"{code_version()}, {folder}", values=values)]


def check_python() -> list[Diagnosis]:
    """Check Python's version."""
    version = platform.python_version()
    if sys.version_info < _LEAST_PYTHON:
        least = ".".join(map(str, _LEAST_PYTHON))
        return [
            Diagnosis("python", version, "problem", f"Install Python {least} or newer.", {"version": version})
        ]
    return [Diagnosis("python", f"{version}, {sys.executable}", values={"version": version})]


def check_libraries() -> list[Diagnosis]:
    """Import each library, and compare its version with the least one."""
    found: list[Diagnosis] = []
    for name in REQUIRED:
        broken = [one.check for one in found if one.verdict == "problem"]
        found.append(
            _check_library(name, next((base for base in _NEEDS.get(name, ()) if base in broken), None))
        )
    shared = [one for one in found if one.verdict == "ok" and one.check not in _PROMINENT]
    shown = [one for one in found if one not in shared]
    if shared:
        text = ", ".join(f"{one.check} {one.found}" for one in shared)
        values = {one.check: one.values["version"] for one in shared}
        shown.append(Diagnosis("libraries", text, values=values))
    return [*shown, _check_optional()]


def _check_library(name: str, broken: str | None) -> Diagnosis:
    """Check a library; ``broken`` is one that it needs."""
    module, least = REQUIRED[name]
    install = f"Install it: pip install '{name}>={least}'."
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Diagnosis(name, "not installed", "problem", install, {"version": None})
    values = {"version": version}
    if _numbers(version) < _numbers(least):
        return Diagnosis(name, f"{version}; expected {least} or newer", "problem", install, values)
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken library may raise anything
        told = f"{version}, but it cannot be imported: {type(error).__name__}: {first_line(error)}"
        remedy = f"Install it anew: pip install --force-reinstall '{name}>={least}'."
        if broken is not None:
            remedy = f"Mend {broken} first."
        return Diagnosis(name, told, "problem", remedy, values)
    if name == "torchvision":
        return _check_torchvision_library(version)
    return Diagnosis(name, version, values=values)


def _check_torchvision_library(version: str) -> Diagnosis:
    from acgan._torchvision import library_loads

    loads = library_loads()
    values = {"version": version, "library_loads": loads}
    if loads:
        return Diagnosis("torchvision", f"{version}, its library loads", values=values)
    told = f"{version}; its own library does not load beside this torch, and acgan works without it"
    return Diagnosis("torchvision", told, values=values)


def _check_optional() -> Diagnosis:
    """Tell which libraries of the extras are there, and how to get the others; they are not imported."""
    versions: dict[str, str | None] = {}
    there, old, missing = [], [], []
    for name, (_, least) in OPTIONAL.items():
        try:
            version = versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
            missing.append(name)
            continue
        if _numbers(version) < _numbers(least):
            old.append(name)
            version += f" (expected {least} or newer)"
        there.append(f"{name} {version}")
    extras = dict.fromkeys(OPTIONAL[name][0] for name in OPTIONAL if name in [*old, *missing])
    remedies = [f"{extra} for {EXTRAS[extra]}" for extra in extras]
    return Diagnosis(
        "optional",
        ", ".join([*there, *(f"no {name}" for name in missing)]),
        "remark" if extras else "ok",
        f"As you need them: {install_command('EXTRA')}, where EXTRA is {', '.join(remedies)}."
        if extras
        else "",
        {"versions": versions},
    )


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, as far as they go."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()

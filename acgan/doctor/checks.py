"""All checks, each by itself."""

from __future__ import annotations

from collections.abc import Callable

from acgan.doctor.computing import check_cores, check_devices, check_load
from acgan.doctor.diagnosis import Diagnosis
from acgan.doctor.libraries import check_acgan, check_libraries, check_python
from acgan.doctor.storage import check_cache, check_inception_weights, check_runs
from acgan.errors import first_line

CHECKS: dict[str, Callable[[], list[Diagnosis]]] = {
    "acgan": check_acgan,
    "python": check_python,
    "libraries": check_libraries,
    "devices": check_devices,
    "cores": check_cores,
    "load": check_load,
    "inception": check_inception_weights,
    "cache": check_cache,
    "runs": check_runs,
}


def examine() -> list[Diagnosis]:
    """Make all checks; one that fails is a problem, and the others are made all the same."""
    return [found for name, check in CHECKS.items() for found in _made(name, check)]


def _made(name: str, check: Callable[[], list[Diagnosis]]) -> list[Diagnosis]:
    try:
        return check()
    except Exception as error:  # whatever a broken installation raises
        told = f"could not be looked at: {type(error).__name__}: {first_line(error)}"
        return [Diagnosis(name, told, "problem", "Mend the libraries above first.")]

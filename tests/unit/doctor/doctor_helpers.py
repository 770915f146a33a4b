"""Finding of a check of the doctor."""

from __future__ import annotations

from acgan.doctor.diagnosis import Diagnosis


def alone(found: list[Diagnosis]) -> Diagnosis:
    assert len(found) == 1
    return found[0]


def by_name(found: list[Diagnosis]) -> dict[str, Diagnosis]:
    return {one.check: one for one in found}

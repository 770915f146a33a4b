"""Checks of the installation and the machine; each is told even where others fail."""

from acgan.doctor.checks import examine
from acgan.doctor.diagnosis import Diagnosis

__all__ = ["Diagnosis", "examine"]

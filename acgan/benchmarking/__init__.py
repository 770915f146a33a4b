"""Measurements of speed: each part of acgan against the plain way to do the same, in one run and in turns."""

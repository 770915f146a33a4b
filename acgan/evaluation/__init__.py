"""Generators scored: a quick look during training, and one pass for every metric."""

from acgan.evaluation.monitor import collapse_monitor

__all__ = ["collapse_monitor"]

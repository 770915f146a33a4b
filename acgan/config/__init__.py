"""Configuration: what can be set (``schema``, ``classifier``); reading, comparing (``loading``) and listing it."""

from acgan.config.classifier import ClassifierConfig
from acgan.config.listing import KeyInfo, list_keys
from acgan.config.loading import (
    changed_keys,
    diff,
    is_harmless,
    load,
    restore,
    schedules,
    to_yaml,
    value_of,
    with_values,
)
from acgan.config.schema import LENGTH_KEYS, RunConfig

AnyConfig = RunConfig | ClassifierConfig
#: The configuration of each kind of training.
CONFIGS: dict[str, type[RunConfig] | type[ClassifierConfig]] = {
    "gan": RunConfig,
    "classify": ClassifierConfig,
}

__all__ = [
    "CONFIGS",
    "LENGTH_KEYS",
    "AnyConfig",
    "ClassifierConfig",
    "KeyInfo",
    "RunConfig",
    "changed_keys",
    "diff",
    "is_harmless",
    "list_keys",
    "load",
    "restore",
    "schedules",
    "to_yaml",
    "value_of",
    "with_values",
]

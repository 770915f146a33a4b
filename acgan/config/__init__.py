"""Configuration: what can be set (``schema``, ``classifier``), and how it is read, compared and listed (``loading``)."""

from acgan.config.classifier import ClassifierConfig
from acgan.config.loading import (
    KeyInfo,
    diff,
    is_harmless,
    list_keys,
    load,
    save,
    to_yaml,
    validate,
)
from acgan.config.schema import RunConfig

#: The configuration of each kind of training.
CONFIGS: dict[str, type[RunConfig] | type[ClassifierConfig]] = {
    "gan": RunConfig,
    "classify": ClassifierConfig,
}

__all__ = [
    "CONFIGS",
    "ClassifierConfig",
    "KeyInfo",
    "RunConfig",
    "diff",
    "is_harmless",
    "list_keys",
    "load",
    "save",
    "to_yaml",
    "validate",
]

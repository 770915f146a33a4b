"""Configuration: what can be set (``schema``), and how it is read, compared and listed (``loading``)."""

from acgan.config.loading import (
    HARMLESS_KEYS,
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

__all__ = [
    "HARMLESS_KEYS",
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

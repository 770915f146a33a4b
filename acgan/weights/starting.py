"""The weights that a training began with, in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from acgan.weights.starter import STARTER


def started_from(provenance: Mapping[str, Any]) -> str | None:
    """The networks whose weights a training began with; None if it drew them at random, or nobody knows.

    Args:
        provenance: Of a network's file, or of a run with its configuration as ``config``.
    """
    origin = provenance.get("init_from")
    if not isinstance(origin, Mapping):
        return _backbone(provenance)
    place = str(origin.get("path"))
    whose = (
        "the starter that comes with acgan" if place == STARTER else f"the weights of {PurePath(place).name}"
    )
    known = [f"trained on {origin['data']}"] if origin.get("data") else []
    known += [f"{origin['nimg']:,} images shown"] if isinstance(origin.get("nimg"), int) else []
    return f"{whose} ({', '.join(known)})" if known else whose


def _backbone(provenance: Mapping[str, Any]) -> str | None:
    """The weights of a classifier's backbone."""
    found: Any = provenance
    for key in ("config", "model", "backbone"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    if found.get("kind") == "torchvision" and found.get("weights"):
        return f"a {found.get('name')} with the weights of {PurePath(str(found['weights'])).name}"
    if found.get("kind") == "torchvision" and found.get("pretrained"):
        return f"a {found.get('name')} with torchvision's ImageNet weights"
    if found.get("kind") == "discriminator" and found.get("trained"):
        return f"the discriminator of {PurePath(str(found.get('run'))).name}"
    return None

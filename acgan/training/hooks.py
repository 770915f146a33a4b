"""What a training is handed: what it trains, how long, and what else happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from acgan.types import Evaluation, Score


class Stateful(Protocol):
    """What is trained."""

    def state_dict(self) -> dict[str, Any]:
        """What an exact resume needs."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""

    def networks(self) -> Sequence[torch.nn.Module]:
        """The networks, whose parameters all ranks hold alike."""


@dataclass(frozen=True)
class Hooks:
    """What a training does besides training, on the first rank.

    Attributes:
        sample: An image (C, H, W) uint8 to look at.
        evaluate: Scores of the moment, or None where nothing is evaluated.
        export: Writes the product (``generator.safetensors``) to the path it is given; told nimg, and its score
            where it is the best.
        product: The product's file name.
        remedy: What may help where a training is not finite.
    """

    sample: Callable[[], Tensor]
    evaluate: Callable[[], Evaluation] | None
    export: Callable[[Path, int, Score | None], None]
    product: str
    remedy: str = "Lower optim.*.lr or raise loss.penalty"


@dataclass(frozen=True)
class Intervals:
    """How long a training is and how often what happens, in images.

    Attributes:
        patience_nimg: The training stops after so many without a better score; None never does.
    """

    total_nimg: int
    log_nimg: int
    sample_nimg: int
    evaluate_nimg: int
    checkpoint_nimg: int
    patience_nimg: int | None = None

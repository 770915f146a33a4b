"""Interfaces of a training: its state, its product, and its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from acgan.signals import StopSignal
from acgan.types import Evaluation, Score


class Stateful(Protocol):
    """The state that is trained."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that an exact resume needs."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state_dict``."""

    def networks(self) -> Sequence[torch.nn.Module]:
        """The networks, whose parameters all ranks hold alike."""


class Product(Protocol):
    """Result of a training, sampled, scored and written on the way; used on the first rank alone.

    Attributes:
        file_name: Name of its file in the run directory, such as ``generator.safetensors``.
        remedy: Advice if the training is not finite.
    """

    file_name: str
    remedy: str

    def sample(self) -> Tensor:
        """An image (C, H, W) uint8 to look at."""

    def evaluate(self, share: float, stop: StopSignal) -> Evaluation | None:
        """Scores of the moment, at a share of the training; None if nothing is evaluated.

        Raises:
            CutShortError: Between portions of the work, if there is the signal to stop; ``look`` too.
        """

    def look(self, share: float, stop: StopSignal) -> Evaluation | None:
        """Findings without a score, whether something goes badly wrong; None if nobody can tell."""

    def export(self, path: Path, nimg: int, score: Score | None) -> None:
        """Write the file to a path, with the score if it is the best state of the run."""


@dataclass(frozen=True)
class Intervals:
    """Length of a training and intervals of what happens on the way, in images.

    Attributes:
        patience_nimg: Images without a better score after which the training stops; None is no limit.
    """

    total_nimg: int
    log_nimg: int
    sample_nimg: int
    evaluate_nimg: int
    checkpoint_nimg: int
    patience_nimg: int | None = None

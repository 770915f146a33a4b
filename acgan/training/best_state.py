"""The best state of a run: its score, its file, and how long none was better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from acgan import distributed
from acgan.distributed import Ranks
from acgan.training.best import BestSoFar
from acgan.training.best_file import BestFile
from acgan.training.product import Intervals, Product
from acgan.types import Score

_VALIDATION = "validation_fingerprint"


class BestState:
    """Keeps the best state of a product in a file beside the last one.

    Attributes:
        scores: The scores so far.
    """

    def __init__(self, directory: Path, product: Product, intervals: Intervals):
        self.scores = BestSoFar()
        self._product, self._intervals = product, intervals
        self._file = BestFile(directory, product.file_name)

    def go_on(
        self,
        checkpoint: Mapping[str, Any] | None,
        meta: Mapping[str, Any],
        ranks: Ranks,
        device: torch.device,
    ) -> str | None:
        """Go on from a checkpoint, or begin if it is None.

        Args:
            checkpoint: The checkpoint's payload.
            meta: Plain values of this run, with the fingerprint of its validation images.
            ranks: This process among others, which all agree.
            device: Device of the state.

        Returns:
            Why the checkpoint's best counts no more, since its file is of another state or its score of other images;
            None if it counts.
        """
        if checkpoint is not None:
            self.scores.load_state_dict(checkpoint["scores"])
        best = self.scores.best
        lost = ranks.first and not self._file.settle(best)
        earlier = checkpoint["meta"] if checkpoint is not None else {}
        if distributed.any_rank(lost, ranks, device):
            why = f"{self._file.file} is damaged, or not of the state that the checkpoint calls the best ({best})"
        elif best is not None and earlier.get(_VALIDATION) != meta.get(_VALIDATION):
            why = f"the validation images are others than those of {best}"
        else:
            return None
        self.scores = BestSoFar()
        return f"the best starts anew: {why}"

    def take(self, score: Score, nimg: int) -> list[str]:
        """Count a score in, write the state if it is the best so far, and return what to warn of."""
        warnings = []
        if self.scores.take(score, nimg):
            self._file.write(lambda path: self._product.export(path, nimg, score))
        if not math.isfinite(score.value):
            warnings.append(f"{score.name} is not finite ({score.value}) and counts as no better")
        remark = self.scores.remark()
        return warnings if remark is None else [*warnings, remark]

    def confirm(self) -> None:
        """Put a better state's file in its place: the checkpoint knows of it now."""
        self._file.confirm()

    def patience_is_over(self, nimg: int) -> bool:
        """True if the patience ends the training before its full length."""
        patience = self._intervals.patience_nimg
        shorter = nimg < self._intervals.total_nimg
        return patience is not None and shorter and self.scores.waited_nimg >= patience

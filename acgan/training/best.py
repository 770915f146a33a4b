"""Best state of a training by its scores, and the remark that scores no longer improve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from acgan.types import Score

#: Scores, and share of the images so far, without a better one after which a training no longer improves.
_SCORES, _SHARE = 3, 0.2


@dataclass(frozen=True)
class Best:
    """The best score of a training.

    Attributes:
        name: The metric's full name.
        value: Lower is better.
        nimg: Images shown when it was reached.
    """

    name: str
    value: float
    nimg: int

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4g} at {self.nimg:,} images"


class BestSoFar:
    """Compares scores as they come.

    Attributes:
        best: The best one, None before the first.
    """

    def __init__(self) -> None:
        self.best: Best | None = None
        self._nimg = 0  # at the last score
        self._worse = 0  # scores since the best
        self._told = False  # since the best

    @property
    def waited_nimg(self) -> int:
        """Images from the best score to the last one."""
        return self._nimg - self.best.nimg if self.best is not None else 0

    def take(self, score: Score, nimg: int) -> bool:
        """Count a score in, and return True if it is the best so far; one that is not finite never is.

        A score of another name is not compared: the best starts anew with it.
        """
        before = self.best if self.best is not None and self.best.name == score.name else None
        self._nimg = nimg
        if not math.isfinite(score.value) or (before is not None and score.value >= before.value):
            self._worse += 1
            return False
        self.best, self._worse, self._told = Best(score.name, score.value, nimg), 0, False
        return True

    def remark(self) -> str | None:
        """Remark that the training no longer improves, given once; None otherwise."""
        stands_still = self._worse >= _SCORES and self.waited_nimg >= _SHARE * self._nimg
        if self.best is None or self._told or not stands_still:
            return None
        self._told = True
        return f"no longer improves: the best was {self.best}, {self.waited_nimg:,} images ago"

    def state_dict(self) -> dict[str, Any]:
        """Plain values that an exact resume needs."""
        best = asdict(self.best) if self.best is not None else None
        return {"best": best, "nimg": self._nimg, "worse": self._worse, "told": self._told}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = Best(**state["best"]) if state["best"] is not None else None
        self._nimg, self._worse, self._told = state["nimg"], state["worse"], state["told"]

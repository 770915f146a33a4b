"""The last state of a run on the disk: the product's file and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acgan.atomic import write_atomically
from acgan.sealed import is_damaged
from acgan.training.checkpoint import write_checkpoint
from acgan.training.product import Product


class SavedState:
    """Writes the last state of a run, and knows of which moment it is.

    Attributes:
        nimg: Images shown at that moment; below 0 if nothing was saved.
        cut_short: True if an evaluation of that moment was cut short.
    """

    def __init__(self, directory: Path, product: Product, *, nimg: int = -1, cut_short: bool = False):
        self._directory, self._product = directory, product
        self.nimg, self.cut_short = nimg, cut_short

    def is_of(self, nimg: int, cut_short: bool) -> bool:
        """True if it is of this moment."""
        return (self.nimg, self.cut_short) == (nimg, cut_short)

    def write(self, payload: dict[str, Any]) -> None:
        """Write the product and a checkpoint.

        The checkpoint comes last: a resumed run repeats whatever a kill left undone before it. The first one alone
        comes before its product: so a product without checkpoints says that they were taken away.
        """
        nimg, begins = payload["nimg"], not self._file.exists()
        if not begins:
            self._export(nimg)
        write_checkpoint(self._directory / "checkpoints", nimg, payload)
        if begins:
            self._export(nimg)

    def mend(self) -> list[str]:
        """Write the product's file if a kill after the first checkpoint left none, or what lies there is damaged.

        Returns:
            What is to be told.
        """
        if not self._file.exists():
            self._export(self.nimg)
        elif is_damaged(self._file):
            self._export(self.nimg)
            return [f"{self._file}: was damaged; written anew from the checkpoint"]
        return []

    @property
    def _file(self) -> Path:
        return self._directory / self._product.file_name

    def _export(self, nimg: int) -> None:
        write_atomically(self._file, lambda path: self._product.export(path, nimg, None))

"""Files of an evaluation: scores as JSON, a record in TensorBoard, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acgan.api.evaluate import Evaluated
from acgan.api.subjects import as_list
from acgan.atomic import write_bytes, write_text
from acgan.evaluation import EVALUATION_FILE, Reference, Scores
from acgan.training.tracking import record_scalars
from acgan.types import ImageStore

_PAIRS = 12
_CONFUSION, _MEMORISATION = "confusion.png", "memorisation.png"


def write_evaluation(
    evaluated: Evaluated, runs: str | Path | Sequence[str | Path], file: str | Path | None = None
) -> dict[str, Path]:
    """Write the files of an evaluation.

    A run directory, or the directory of several seeds' runs, gets ``evaluation.json``, a record in TensorBoard, and
    ``confusion.png`` and ``memorisation.png`` if there is something to show. If a file is named, the scores go there
    and nothing is written into the run, which keeps the files of its own evaluation.

    Args:
        evaluated: The evaluation.
        runs: The argument of ``evaluate``.
        file: File for the scores; None writes into the run directory.

    Returns:
        The files that were written, by a description of their content.
    """
    paths = [Path(run) for run in as_list(runs)]
    home = paths[0] if file is None and len(paths) == 1 and paths[0].is_dir() else None
    # Everything is made before the first file is written.
    text = evaluated.scores.to_json() + "\n"
    pictures = _pictures(evaluated) if home is not None else []
    written: dict[str, Path] = {}
    scores = Path(file) if file is not None else (home / EVALUATION_FILE if home is not None else None)
    if scores is not None:
        write_text(scores, text)
        written["scores"] = scores
    if home is None:
        return written
    for name in (_CONFUSION, _MEMORISATION):  # those of an earlier evaluation would lie beside other scores
        (home / name).unlink(missing_ok=True)
    for what, name, png in pictures:
        write_bytes(home / name, png)
        written[what] = home / name
    if (home / "tensorboard").is_dir():
        generator = evaluated.scores.provenance["generators"][0]
        record_scalars(home, int(generator["nimg"]), _scalars(evaluated.scores))
    return written


def _pictures(evaluated: Evaluated) -> list[tuple[str, str, bytes]]:
    from acgan.plots.confusion import confusion_picture
    from acgan.plots.pairs import pairs_picture
    from acgan.plots.style import to_png

    pictures = []
    confusion, reference, training = evaluated.scores.confusion, evaluated.reference, evaluated.training
    if confusion is not None and reference is not None:
        figure = confusion_picture(confusion, reference.store.class_names, rows="class asked for")
        pictures.append(("confusion matrix of the samples", _CONFUSION, to_png(figure)))
    if training is not None and reference is not None:
        figure = pairs_picture(*_pairs(evaluated, reference, training))
        pictures.append(("samples nearest to training images", _MEMORISATION, to_png(figure)))
    return pictures


def _pairs(evaluated: Evaluated, reference: Reference, training: ImageStore) -> list[np.ndarray]:
    """The samples, and the held-out images, that lie nearest to training images, each with its own."""
    samples = evaluated.passes[0][0].bank
    assert samples is not None, "the first pass has its bank"
    sampler = evaluated.subjects[0].sampler
    origin = evaluated.scores.provenance

    def drawn(label: int, number: int) -> np.ndarray:
        return np.asarray(sampler.image(label, number, seed=origin["seed"], truncation=origin["truncation"]))

    def stored(label: int, number: int) -> np.ndarray:
        return np.asarray(reference.store.images[reference.rows[label][number]])

    bands: list[np.ndarray] = []
    for bank, take in ((samples, drawn), (reference.bank, stored)):
        assert bank.nearest is not None
        assert bank.nearest_rows is not None
        distances, positions = (part[:_PAIRS] for part in bank.nearest.sort())
        images = np.stack([take(*bank.place(position)) for position in positions.tolist()])
        rows = bank.nearest_rows[positions].numpy()
        bands += [images, training.images[rows], distances.numpy()]
    return bands


def _scalars(scores: Scores) -> dict[str, float]:
    overall = {f"evaluate/{name}": one.value for name, one in scores.overall.items()}
    per_class = {
        f"evaluate/{metric}/{name}": value
        for name, values in scores.per_class.items()
        for metric, value in values.items()
    }
    return {name: value for name, value in {**overall, **per_class}.items() if value is not None}

"""Files of an evaluation: scores as JSON, a record in TensorBoard, and pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from acgan.api.evaluate import Evaluated
from acgan.api.kept_evaluations import picture_of, place
from acgan.api.report import report_after
from acgan.api.subjects import as_list
from acgan.atomic import write_bytes, write_text
from acgan.evaluation import Reference, Scores
from acgan.evaluation.bank import Bank
from acgan.plots.fonts import letters_missing
from acgan.reading import to_json
from acgan.sealed import sealed_json
from acgan.showing import warn_shown
from acgan.training.tracking import record_scores
from acgan.types import ImageStore

if TYPE_CHECKING:
    from acgan.plots.pairs import Pairs

_PAIRS = 12
_CONFUSION, _MEMORISATION = "confusion.png", "memorisation.png"


def write_evaluation(
    evaluated: Evaluated,
    runs: str | Path | Sequence[str | Path],
    file: str | Path | None = None,
    folder: str | Path | None = None,
    *,
    warn: Callable[[str], None] = warn_shown,
) -> dict[str, Path]:
    """Write the files of an evaluation.

    A run directory, the directory of several seeds' runs, or the folder that is named, gets ``evaluation.json``, a
    record in TensorBoard if it has one, and ``confusion.png`` and ``memorisation.png`` if there is something to show; a
    run directory its ``report.html`` too, where its configuration asks for it.
    No other evaluation that is there is lost: more metrics of the same are added, and others are kept in
    ``evaluations/``, see ``kept_evaluations.place``. If a file is named, the scores go there and nothing else is
    written. A folder of given samples is never written to.

    Args:
        evaluated: The evaluation.
        runs: The argument of ``evaluate``.
        file: File for the scores; None writes into a folder.
        folder: The folder; None is the run directory.
        warn: Receives names that no font has the letters of, and a failure of the report, which comes last.

    Returns:
        The files that were written, by a description of their content.
    """
    home = None if file is not None else _home(evaluated, [Path(run) for run in as_list(runs)], folder)
    # Everything is made before the first file is written.
    values = json.loads(evaluated.scores.to_json())
    if home is None:
        if file is None:
            return {}
        write_text(Path(file), _text(values))
        return {"scores": Path(file)}
    pictures = _pictures(evaluated)
    kept = place(home, values)
    kept.scores.parent.mkdir(parents=True, exist_ok=True)
    if kept.moved is not None:
        moved, old = kept.moved
        moved.parent.mkdir(exist_ok=True)
        write_text(moved, old)
    write_text(kept.scores, _text(kept.values))
    if kept.moved is not None:  # its pictures would lie beside other scores
        for name in (_CONFUSION, _MEMORISATION):
            if kept.beside(name).exists():
                kept.beside(name).replace(picture_of(kept.moved[0], name))
    written = {"scores": kept.scores}
    if kept.damaged and kept.moved is not None:
        written["the file before, which is damaged or was changed, and counts no more"] = kept.moved[0]
    for what, name, png in pictures:
        write_bytes(kept.beside(name), png)
        written[what] = kept.beside(name)
    names = evaluated.reference.store.class_names if pictures and evaluated.reference is not None else ()
    if warning := letters_missing(names):
        warn(warning)
    if kept.is_main and (home / "tensorboard").is_dir():
        generator = evaluated.scores.provenance["generators"][0]
        overall = {name: one.value for name, one in evaluated.scores.overall.items() if one.value is not None}
        against = _against(evaluated.scores)
        record_scores(
            home,
            int(generator["nimg"]),
            _scalars(evaluated.scores),
            settings=dict(_flat(evaluated.subjects[0].config.model_dump(mode="json"))),
            measured={f"{name}{against}": value for name, value in overall.items()},
        )
    if kept.is_main and folder is None:
        report = report_after(home, evaluated.subjects[0].config.report, warn=warn)
        written |= {} if report is None else {"report": report}
    return written


def _text(values: Mapping[str, Any]) -> str:
    return to_json(sealed_json(values)) + "\n"


def _home(evaluated: Evaluated, paths: Sequence[Path], folder: str | Path | None) -> Path | None:
    if folder is not None:
        return Path(folder)
    is_run = len(paths) == 1 and paths[0].is_dir() and not evaluated.subjects[0].is_given
    return paths[0] if is_run else None


def _pictures(evaluated: Evaluated) -> list[tuple[str, str, bytes]]:
    from acgan.plots.confusion import confusion_picture
    from acgan.plots.pairs import pairs_picture
    from acgan.plots.style import to_png

    pictures = []
    confusion, reference, training = evaluated.scores.confusion, evaluated.reference, evaluated.training
    if confusion is not None and reference is not None:
        figure = confusion_picture(
            confusion, reference.store.class_names, rows="class asked for", bars="accuracy"
        )
        pictures.append(("confusion matrix of the samples", _CONFUSION, to_png(figure)))
    if training is not None and reference is not None:
        figure = pairs_picture(_pairs(evaluated, reference, training))
        pictures.append(("samples nearest to training images", _MEMORISATION, to_png(figure)))
    return pictures


def _pairs(evaluated: Evaluated, reference: Reference, training: ImageStore) -> list[Pairs]:
    """The samples, and the held-out images, nearest to training images in pixels and by features, with these."""
    from acgan.plots.pairs import Pairs

    samples = evaluated.passes[0][0].bank
    assert samples is not None, "the first pass has its bank"
    made = evaluated.subjects[0].samples
    origin = evaluated.scores.provenance

    def drawn(label: int, number: int) -> np.ndarray:
        return np.asarray(made.image(label, number, seed=origin["seed"], truncation=origin["truncation"]))

    def stored(label: int, number: int) -> np.ndarray:
        return np.asarray(reference.store.images[reference.rows[label][number]])

    def nearest(by: str, of: str, name: str, bank: Bank, take: Callable[[int, int], np.ndarray]) -> Pairs:
        found = (bank.copied, bank.copied_rows) if by == "in pixels" else (bank.nearest, bank.nearest_rows)
        assert found[0] is not None
        assert found[1] is not None
        distances, positions = (part[:_PAIRS] for part in found[0].sort())
        images = np.stack([take(*bank.place(position)) for position in positions.tolist()])
        rows = found[1][positions].numpy()
        title = f"{of}: the nearest to training images {by}"
        return Pairs(title, name, images, training.images[rows], distances.numpy())

    return [
        nearest(by, *band)
        for by in ("in pixels", "by features")
        for band in (
            ("samples", "sample", samples, drawn),
            ("held-out images", "held out", reference.bank, stored),
        )
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """The values of a configuration by dotted key; lists as texts."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value if isinstance(value, (bool, int, float, str)) else json.dumps(value)


def _against(scores: Scores) -> str:
    """The reference in the names of TensorBoard, which has no other place for it; empty for held-out images."""
    split = scores.provenance["reference"]["split"]
    return "" if split == "test" else f" against {split}"


def _scalars(scores: Scores) -> dict[str, float]:
    against = _against(scores)
    overall = {f"evaluate{against}/{name}": one.value for name, one in scores.overall.items()}
    per_class = {
        f"evaluate{against}/{metric}/{name}": value
        for name, values in scores.per_class.items()
        for metric, value in values.items()
    }
    return {name: value for name, value in {**overall, **per_class}.items() if value is not None}

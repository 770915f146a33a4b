"""Export of trained networks into the formats of other programs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from acgan.atomic import write_bytes
from acgan.errors import RunError, UserError, bounded, first_line
from acgan.export.about import ExportSource
from acgan.export.agreement import Agreement, compare_results
from acgan.export.border import CLASSIFIER_OUTPUTS, GENERATOR_OUTPUTS, Exportable
from acgan.export.card import model_card
from acgan.export.folder import (
    CARD,
    MODEL_CONFIG,
    SAMPLES_PICTURE,
    check_export_folder,
    model_config,
    write_folder,
)
from acgan.export.measured import measured_by, trained_images
from acgan.export.onnx_file import check_onnx_packages, onnx_runner, to_onnx
from acgan.export.push import check_can_push, push_to_hub
from acgan.export.samples import samples_picture
from acgan.export.torchscript import to_torchscript, torchscript_runner
from acgan.sampling import ClassSampler
from acgan.showing import warn_shown
from acgan.weights import HUB_WEIGHTS

ExportFormat: TypeAlias = Literal["onnx", "torchscript", "huggingface"]
_ENDINGS = {"onnx": ".onnx", "torchscript": ".pt", "huggingface": "-huggingface"}
_TITLES = {"onnx": "ONNX", "torchscript": "TorchScript"}
_WRITERS = {"onnx": to_onnx, "torchscript": to_torchscript}
_RUNNERS = {"onnx": onnx_runner, "torchscript": torchscript_runner}
_LONGEST = 300  # letters of the exporters' own reasons


@dataclass(frozen=True)
class ExportResult:
    """The outcome of an export.

    Attributes:
        out: The file or folder.
        source: The network.
        output: Kind of the network's output; empty for a folder.
        agreement: Comparison with acgan's own results; None for a folder, whose weights are the run's own bytes.
        num_bytes: Size of all that was written, by name.
        took_sec: Time of it all.
        commit: Address of the commit on the hub; None if nothing was pushed.
    """

    out: Path
    source: ExportSource
    output: str
    agreement: Agreement | None
    num_bytes: dict[str, int]
    took_sec: float
    commit: str | None = None


def export_run(
    run: str | Path,
    export_format: ExportFormat,
    out: str | Path | None = None,
    *,
    which: str | None = None,
    output: str | None = None,
    for_fidelity: bool = False,
    licence: str | None = None,
    push: str | None = None,
    private: bool = False,
    force: bool = False,
    warn: Callable[[str], None] = warn_shown,
    check: Callable[[], None] = lambda: None,
) -> ExportResult:
    """Export a generator or a classifier.

    Args:
        run: A run directory, a ``.safetensors`` file, ``hf://user/name``, or a shipped classifier's name.
        export_format: ``onnx``, ``torchscript``, or ``huggingface``, a folder.
        out: The file or folder; None names it after the run, in the current folder.
        which: ``best`` or ``last`` of a run; None is the best if one was scored, else the last.
        output: Of a generator ``uint8`` (the default) or ``float``, of a classifier ``probabilities`` (the default) or
            ``logits``; not of a folder.
        for_fidelity: Write a generator's file with the one input that torch-fidelity has: latents and then K normal
            numbers, the largest of which chooses the class; images are RGB and uint8.
        licence: Licence of the weights as the hub names it, such as ``apache-2.0``, for the model card.
        push: ``user/name``: upload the folder there as well.
        private: Make a repository that is new private; one that is there must be.
        force: Replace what is there.
        warn: Receives problems that do not end it.
        check: Called before anything is written, and when an exporter failed; it may raise.

    Raises:
        UserError: If there is no such network, it cannot be exported so, or the result differs from acgan's own.
    """
    begun = time.monotonic()
    if export_format == "onnx":
        check_onnx_packages()
    if push is not None:
        check_can_push(push)
    source = ExportSource.found_at(Path(run), which)
    target = Path(out) if out is not None else Path(f"{source.name}{_ENDINGS[export_format]}")
    if not target.parent.is_dir():
        raise UserError(
            f"--out {target}: there is no folder {target.parent}. Make it, or choose another place."
        )
    if export_format == "huggingface":
        return _export_folder(source, target, licence, push, private, force, warn, check, begun)
    _check_file(target, force)
    chosen = _output(source, output)
    if for_fidelity and chosen != GENERATOR_OUTPUTS[0]:
        raise UserError(
            f"--for torch-fidelity: {source.file} holds a {source.product}, with the output {chosen}; expected a "
            f"generator and {GENERATOR_OUTPUTS[0]}."
        )
    exported = Exportable(source.trained, chosen, for_fidelity=for_fidelity)
    try:
        content = _WRITERS[export_format](exported, source.as_texts(chosen))
        agreement = compare_results(exported, _RUNNERS[export_format](content))
    except UserError:
        raise
    except Exception as error:  # of nearly any kind: it is the exporters', about any network
        check()
        raise RunError(
            f"{source.file}: this network cannot be written as {_TITLES[export_format]} "
            f"({type(error).__name__}: {bounded(first_line(error), _LONGEST)}). Nothing was written. --format "
            "huggingface takes any network."
        ) from error
    if not agreement.is_close:
        raise RunError(
            f"{source.file}: the {_TITLES[export_format]} file does not compute what acgan does: {agreement}. Nothing "
            "was written. --format huggingface takes any network."
        )
    check()
    write_bytes(target, content)
    return ExportResult(
        target, source, chosen, agreement, {target.name: len(content)}, time.monotonic() - begun
    )


def _export_folder(
    source: ExportSource,
    out: Path,
    licence: str | None,
    push: str | None,
    private: bool,
    force: bool,
    warn: Callable[[str], None],
    check: Callable[[], None],
    begun: float,
) -> ExportResult:
    check_export_folder(out, force)
    weights = source.file.read_bytes()
    if hashlib.sha256(weights).hexdigest() != source.sha256:
        raise RunError(f"{source.file}: changed while it was exported, by a training perhaps. Export again.")
    files = {HUB_WEIGHTS: weights, MODEL_CONFIG: model_config(source.describe())}
    if isinstance(source.trained, ClassSampler):
        files[SAMPLES_PICTURE] = samples_picture(source.trained)
    name = push if push is not None else source.name
    card = model_card(
        source,
        name,
        licence,
        measured_by(source, warn),
        images=trained_images(source, warn),
        picture=SAMPLES_PICTURE in files,
    )
    files[CARD] = card.encode()
    check()
    write_folder(out, files)
    commit = None
    if push is not None:
        commit = push_to_hub(files, push, private=private, message=f"{source.product}, {source.state}")
    sizes = {file: len(content) for file, content in files.items()}
    return ExportResult(out, source, "", None, sizes, time.monotonic() - begun, commit)


def _output(source: ExportSource, output: str | None) -> str:
    known: tuple[str, ...] = (
        GENERATOR_OUTPUTS if isinstance(source.trained, ClassSampler) else CLASSIFIER_OUTPUTS
    )
    if output is None:
        return known[0]
    if output not in known:
        raise UserError(
            f"--output {output}: {source.file} holds a {source.product}; expected {' or '.join(known)}."
        )
    return output


def _check_file(out: Path, force: bool) -> None:
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder; expected a file to write. Choose another name.")
    if os.path.lexists(out) and not force:
        raise UserError(f"--out {out}: exists already. Choose another name, or --force to replace it.")

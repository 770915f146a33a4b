"""Choice of the network that compares images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from acgan.errors import RunError, UserError, did_you_mean
from acgan.extracting.base import Extractor
from acgan.extracting.classifier import ClassifierExtractor
from acgan.extracting.inception import InceptionExtractor
from acgan.extracting.inception_weights import inception_weights_present, ways_out
from acgan.extracting.network import NETWORKS, NetworkExtractor
from acgan.predicting import shipped
from acgan.types import FID_DIMS
from acgan.weights import CLASSIFIER_FILE

INCEPTION = "inception"


def choose_extractor(
    wanted: str | None,
    *,
    data_name: str | None = None,
    class_names: Sequence[str] = (),
    dims: int | None = None,
    weights: str | Path | None = None,
    otherwise: str | None = None,
    resize: str | None = None,
    device: str | torch.device = "cpu",
    warn: Callable[[str], None] = warnings.warn,
) -> Extractor:
    """Choose the extractor that the user names, else the best one that needs no download.

    Args:
        wanted: ``inception``, a shipped classifier's name, a run or file of `acgan classify train`, or ``timm:NAME``
            or ``torchvision:NAME`` with ``weights``; None takes Inception where its weights are there or ``dims``,
            ``weights`` or ``resize`` ask for it, else the classifier that is shipped for the data, else ``otherwise``.
        data_name: Name of the data.
        class_names: Classes of the data; the shipped classifier must know them all.
        dims: Number of Inception's features; None is ``FID_DIMS``.
        weights: A file of the weights of Inception, or of a network of timm or torchvision; None is the hub's cache of
            Inception's, filled if Inception is asked for by name.
        otherwise: A classifier as in ``wanted``, which need not exist.
        resize: One of ``RESIZES``, the way to bring images to Inception's size; None is ``bilinear``. Of timm and
            torchvision it is always ``clean``.
        device: Device to compute on.
        warn: Receives a warning if Inception's weights are not FID's own, or how a file wrapped weights.

    Raises:
        RunError: If there is no such extractor, or none can be chosen.
        UserError: If ``dims``, ``weights`` or ``resize`` are given for an extractor that has no use for them.
    """
    options = {"--weights": weights, "--dims": dims, "--resize": resize}
    about_inception = [f"{name} {value}" for name, value in options.items() if value is not None]
    if wanted is None and about_inception:
        wanted = INCEPTION
    if wanted is None:
        found = extractor_at_hand(data_name, class_names, otherwise)
        if found is None:
            raise RunError(_no_choice(data_name, class_names))
        if isinstance(found, Path):
            return ClassifierExtractor(found, device)
        wanted = found
    if wanted == INCEPTION:
        return InceptionExtractor(dims or FID_DIMS, weights, device, warn, resize or "bilinear")
    library, _, network = wanted.partition(":")
    if library in NETWORKS and network:
        return _network(library, network, weights, dims, resize, device, warn)
    if wanted not in shipped() and not Path(wanted).exists():
        names = (INCEPTION, *shipped())
        raise RunError(
            f"--extractor {wanted}: no such extractor, run or file; expected {', '.join(names)}, a run or file of "
            f"`acgan classify train`, or timm:NAME or torchvision:NAME with --weights.{did_you_mean(wanted, names)}"
        )
    if about_inception:
        others = ", or of a network timm:NAME or torchvision:NAME" if weights is not None else ""
        raise UserError(
            f"{about_inception[0]}: is of Inception{others}; the extractor is the classifier {wanted}. Leave it out, "
            f"or use --extractor {INCEPTION}."
        )
    return ClassifierExtractor(wanted, device)


def _network(
    library: str,
    network: str,
    weights: str | Path | None,
    dims: int | None,
    resize: str | None,
    device: str | torch.device,
    warn: Callable[[str], None],
) -> NetworkExtractor:
    named = f"--extractor {library}:{network}"
    if weights is None:
        raise UserError(
            f"{named}: needs the file of its weights, --weights FILE, which is not downloaded here; expected its state "
            "dict (.safetensors, .pth)."
        )
    if dims is not None:
        raise UserError(f"--dims {dims}: is of Inception, and {named} is given. Leave it out.")
    if resize not in (None, "clean"):
        raise UserError(
            f"--resize {resize}: is of Inception; {named} takes images of --resize clean. Leave it out."
        )
    return NetworkExtractor(library, network, weights, device, warn)


def extractor_at_hand(
    data_name: str | None, class_names: Sequence[str], otherwise: str | None
) -> str | Path | None:
    """The best extractor that needs no download, by name, run or file; None if there is none.

    Args:
        data_name: Name of the data.
        class_names: Classes of the data.
        otherwise: A classifier to take where nothing else is there; it need not exist.
    """
    if inception_weights_present():
        return INCEPTION
    if own := shipped_for(data_name, class_names):
        return own
    there = otherwise is not None and (otherwise in shipped() or Path(otherwise).exists())
    return otherwise if there else None


def shipped_for(data_name: str | None, class_names: Sequence[str]) -> Path | None:
    """The shipped classifier of the data, if it knows the classes."""
    file = shipped().get(data_name or "")
    known = file is not None and set(class_names) <= set(CLASSIFIER_FILE.read_info(file).class_names)
    return file if known else None


def _no_choice(data_name: str | None, class_names: Sequence[str]) -> str:
    of_data = f" for {data_name}" if data_name else ""
    knowing = [name for name in shipped() if class_names and shipped_for(name, class_names)]
    fitting = f" `--extractor {knowing[0]}`, which is shipped, knows these classes." if knowing else ""
    return (
        f"no extractor: FID's Inception weights are not here, and no classifier is shipped{of_data}.{fitting} "
        f"`--extractor {INCEPTION}` fetches FID's weights, which a CPU is slow with. {ways_out()}"
    )

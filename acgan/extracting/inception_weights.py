"""Weights of FID's network: finding, fetching and checking them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch
import torchvision
from torch import Tensor

from acgan.atomic import sha256
from acgan.errors import RunError

#: First digits of the SHA-256 of the hub's file.
HUB_SHA256 = "6726825d"
_NAME = "pt_inception-2015-12-05-6726825d.pth"
#: Address of the hub's file: TensorFlow's network of December 2015, which defines FID, converted for torch.
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{_NAME}"
NUM_CLASSES = 1008


@dataclass(frozen=True)
class InceptionWeights:
    """A state dict of pytorch-fid's network, and the hash of its file."""

    tensors: Mapping[str, Tensor]
    sha256: str

    @property
    def official(self) -> bool:
        """True for the weights of FID's definition."""
        return self.sha256.startswith(HUB_SHA256)


def hub_file() -> Path:
    """The file in torch's hub cache, which pytorch-fid uses too."""
    return Path(torch.hub.get_dir()) / "checkpoints" / _NAME


def inception_weights_present() -> bool:
    """True if FID's network can be used without a download."""
    return hub_file().is_file()


def read_inception_weights(path: str | Path | None, warn: Callable[[str], None]) -> InceptionWeights:
    """Read the weights from a file, or from the hub's cache, which is filled first if it is empty.

    Args:
        path: The user's own file, perhaps with other weights, or None.
        warn: Receives a warning if its weights differ.

    Raises:
        RunError: If there is no such file and none can be fetched, or it is damaged or of another network.
    """
    file = hub_file() if path is None else Path(path)
    if path is None and not file.is_file():
        _download(file)
    if not file.is_file():
        raise RunError(
            f"{file}: no such file; expected weights of FID's Inception network, as {URL}. Leave the path out to use "
            f"{hub_file()}, which is fetched if it is missing."
        )
    digest = sha256(file)
    if path is None and not digest.startswith(HUB_SHA256):
        raise RunError(
            f"{file}: its SHA-256 begins with {digest[:8]}; expected {HUB_SHA256}: it was not copied whole, or is "
            "another file. Delete it and run again, and it is fetched anew."
        )
    weights = InceptionWeights(_checked(_loaded(file), file), digest)
    if not weights.official:
        warn(
            f"{file}: its SHA-256 begins with {digest[:8]}, not {HUB_SHA256}, so these are not the weights that FID is "
            "defined by; the score is named after them and compares with no published FID"
        )
    return weights


def ways_out() -> str:
    """Advice for weights that cannot be fetched: use a classifier, or copy the file."""
    return (
        "A classifier's features will do: train one on the same images, `acgan classify train --data SOURCE`, and name "
        "its run, --extractor runs/classify-…. "
        f"Or put {URL} at {hub_file()}, or name the file with --weights."
    )


def _download(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A temporary file beside it takes its name once it is whole.
        torch.hub.download_url_to_file(URL, str(file), hash_prefix=HUB_SHA256, progress=sys.stderr.isatty())
    # No connection, a broken one, no place to write to, or a wrong hash.
    except (OSError, HTTPException, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RunError(
            f"{file}: no weights of FID's Inception network, and they could not be fetched ({reason}). {ways_out()}"
        ) from None


def _loaded(file: Path) -> object:
    try:
        loaded: object = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises errors of many kinds on foreign files
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
        raise RunError(
            f"{file}: cannot be read ({reason}); expected a state dict of FID's Inception network, as {URL}. "
            "Copy it again."
        ) from None
    return loaded


def _checked(loaded: object, file: Path) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise RunError(
            f"{file}: holds a {type(loaded).__name__} that is no state dict; expected one of FID's Inception network, "
            f"as {URL}."
        )
    with torch.device("meta"):  # pytorch-fid changes what the network computes, but not what it holds
        network = torchvision.models.inception_v3(
            weights=None, aux_logits=False, init_weights=False, num_classes=NUM_CLASSES
        )
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    # The number of averaged batches has no effect, and old files lack it.
    found = {name: () for name in expected if name.endswith("num_batches_tracked")}
    found |= {name: tuple(tensor.shape) for name, tensor in loaded.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise RunError(
                f"{file}: does not fit FID's Inception network: {name}: found {found.get(name, 'none')}, expected "
                f"{expected.get(name, 'none')}. Use a file such as {URL}."
            )
    return dict(loaded)

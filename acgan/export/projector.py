"""A folder for the projector of TensorBoard: D's features of images, with class, origin and D's own guess."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from acgan.atomic import disk_errors_name
from acgan.errors import UserError
from acgan.models import Discriminator
from acgan.showing import shown

#: Side in pixels of the largest picture of all points that TensorBoard takes, and of a point's own at most.
_PAGE, _POINT = 8192, 64
_PORTION = 64
_COLUMNS = ["class", "image", "D's class", "D's adversarial logit"]
_TAG = "features of D"
_CONFIG = "projector_config.pbtxt"


@dataclass(frozen=True)
class FeaturePoints:
    """Points of the projector.

    Attributes:
        features: D's features (N, F), float32.
        rows: Texts of each point: class, origin, D's class, D's adversarial logit.
        thumbnails: Images (N, 3, S, S) in [0, 1].
    """

    features: Tensor
    rows: list[list[str]]
    thumbnails: Tensor


@torch.no_grad()
def feature_points(
    d: Discriminator, images: Tensor, labels: Tensor, class_names: Sequence[str], origin: str
) -> FeaturePoints:
    """Points for the images of one origin, by what a discriminator makes of them.

    Args:
        d: The discriminator.
        images: (N, C, R, R) uint8, as it takes them.
        labels: (N,) class of each image.
        class_names: Names of the classes.
        origin: Where the images come from, as ``generated``.
    """
    d.eval()
    features, rows = [], []
    for portion, y in zip(images.split(_PORTION), labels.split(_PORTION), strict=True):
        out = d(portion.float() / 127.5 - 1, y)
        features.append(out.features)
        guesses = [] if out.aux is None else out.aux.logits.argmax(dim=1).tolist()
        logits = [] if out.adv is None else out.adv.tolist()
        for label, guess, logit in itertools.zip_longest(y.tolist(), guesses, logits):
            rows.append(
                [
                    shown(class_names[label]),
                    origin,
                    "none" if guess is None else shown(class_names[guess]),
                    "none" if logit is None else f"{logit:.3g}",
                ]
            )
    side = min(images.shape[-1], _POINT)
    thumbnails = F.interpolate(images.float() / 255, size=(side, side), mode="area")
    return FeaturePoints(torch.cat(features), rows, thumbnails.expand(-1, 3, -1, -1))


def most_points(resolution: int) -> int:
    """Most points whose pictures fit what TensorBoard takes."""
    return (_PAGE // min(resolution, _POINT)) ** 2


def check_projector_folder(out: Path, force: bool) -> None:
    """Check that a folder can be made, or replaced, without loss.

    Raises:
        UserError: If something is there, and it is no such folder or ``force`` is not given.
    """
    if not os.path.lexists(out):
        return
    if not out.is_dir() or out.is_symlink() or not (out / _CONFIG).is_file():
        raise UserError(
            f"--out {out}: is there, and no folder that --format projector wrote. Choose another name."
        )
    if not force:
        raise UserError(f"--out {out}: exists already. Choose another name, or --force to replace it.")


def write_projector(points: Sequence[FeaturePoints], out: Path) -> None:
    """Write a folder that TensorBoard's projector reads, completely or not at all; one that is there goes then."""
    new = out.with_name(f".{out.name}.{secrets.token_hex(8)}.tmp")
    try:
        with disk_errors_name(out):
            with SummaryWriter(str(new)) as writer:
                writer.add_embedding(
                    torch.cat([part.features for part in points]),
                    metadata=[row for part in points for row in part.rows],
                    metadata_header=_COLUMNS,
                    label_img=torch.cat([part.thumbnails for part in points]),
                    tag=_TAG,
                )
            shutil.rmtree(out, ignore_errors=True)
            os.replace(new, out)
    finally:
        shutil.rmtree(new, ignore_errors=True)

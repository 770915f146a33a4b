"""Findings on FID: extraction and Fréchet distance against pytorch-fid's own code."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from acgan.benchmarking.findings import Findings
from acgan.benchmarking.timing import Spent, in_turns, median_sec, ratios_of, spent
from acgan.errors import first_line
from acgan.extracting import InceptionExtractor
from acgan.extracting.inception_weights import NUM_CLASSES
from acgan.fid import Stored, feature_statistics, open_side
from acgan.metrics.frechet import frechet_distance
from acgan.metrics.statistics import FeatureStatistics
from acgan.runtime import Draws
from acgan.types import FID_DIMS

_Work = Callable[[], object]
#: Images of a turn.
IMAGES = 32
_BATCH = 50  # pytorch-fid's default
_BUDGET_SEC = 40.0
_MOST_LOADERS = 8  # likewise


def random_weights(file: Path) -> Path:
    """Save random weights of FID's network. BatchNorm sees some images, or all features would be nearly zero."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = torchvision.models.inception_v3(
            weights=None, aux_logits=False, init_weights=False, num_classes=NUM_CLASSES
        )
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network.train()(2 * blurred(8, 139) - 1)
    torch.save(network.state_dict(), file)
    return file


def blurred(count: int, side: int) -> Tensor:
    """Blurred patches of all colours (N, 3, side, side) in [0, 1]."""
    x = torch.from_numpy(Draws(0).generator("images", side).random((count, 3, 6, 6), "float32"))
    return nn.functional.interpolate(x, (side, side), mode="bilinear")


def measure_fid(
    folder: Path, weights: Path, device: torch.device, *, rounds: int, threads: int, dims: int = FID_DIMS
) -> Findings:
    """Let acgan and pytorch-fid take turns, on the same files and weights.

    Args:
        folder: Picture files.
        weights: Weights of FID's network, which may be random.
        device: Device to compute on.
        rounds: Number of rounds of the extraction; fewer if they take long.
        threads: Number of torch's own threads, to tell.
        dims: Number of features.
    """
    count = len(list(folder.iterdir()))
    ours, theirs = _extractions(folder, weights, device, dims)

    works: dict[str, Callable[[], Spent]] = {
        "acgan": lambda: spent(ours, device),
        "pytorch-fid": lambda: spent(theirs, device),
    }
    in_turns(works, 1)  # the first time is slower
    sec = in_turns(works, rounds, _BUDGET_SEC)
    distances, remarks = _distances(dims)
    ratios = list(ratios_of("extraction, acgan : pytorch-fid", sec["pytorch-fid"], sec["acgan"]))
    if "pytorch-fid" in distances:
        slow, fast = [distances["pytorch-fid"]], [distances["acgan"]]
        ratios += ratios_of("Fréchet distance, acgan : pytorch-fid", slow, fast)
    speeds = {name: {"extraction (images/s)": count / median_sec(times)} for name, times in sec.items()}
    for name, value in distances.items():
        speeds[name]["Fréchet distance (s)"] = value.wall
    return Findings(
        part="fid",
        compared=f"acgan with pytorch-fid (a loading process a core) on {count} of the recipe's "
        f"images as PNG files, {dims:,} features, random weights; in turns, medians; torch's own "
        f"threads: {threads}; rounds: {len(sec['acgan'])}; the distance once",
        ratios=tuple(ratios),
        tables={"speed": speeds},
        remarks=remarks,
    )


def _extractions(folder: Path, weights: Path, device: torch.device, dims: int) -> tuple[_Work, _Work]:
    """The statistics of a folder by acgan and by pytorch-fid; the networks are built before."""
    from pytorch_fid import fid_score

    extractor = InceptionExtractor(dims, weights, device, warn=lambda message: None)
    network = _their_network(weights, dims).to(device)
    batch, loaders = min(_BATCH, len(list(folder.iterdir()))), min(_available_cores(), _MOST_LOADERS)

    def ours() -> object:
        side = open_side(str(folder), device)
        assert isinstance(side, Stored)
        return feature_statistics(side.batches(extractor), extractor, lambda done: None)

    def theirs() -> object:
        with contextlib.redirect_stderr(io.StringIO()):  # its bar
            return fid_score.compute_statistics_of_path(str(folder), network, batch, dims, device, loaders)

    return ours, theirs


def _their_network(weights: Path, dims: int) -> nn.Module:
    """pytorch-fid's network with weights from a file; by itself it takes them only from the hub."""
    from pytorch_fid import inception

    tensors = torch.load(weights, weights_only=True)
    own = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = lambda *args, **kwargs: tensors
    try:
        network: nn.Module = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[dims]])
    finally:
        inception.load_state_dict_from_url = own
    return network


def _distances(dims: int) -> tuple[dict[str, Spent], tuple[str, ...]]:
    """Time of the distance by each, on correlated features of at least 0, and remarks."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    draws = Draws(0)
    mixing = draws.normal((dims, dims), "mixing") * torch.exp(-torch.arange(dims) / 200)[:, None]
    sides = []
    for number in range(2):
        side = FeatureStatistics(dims)
        features = draws.normal((2 * dims, dims), "features", number) @ mixing / 30 + 0.1 * (number + 1)
        side.update(features.relu())
        sides += [side.mean, side.covariance]
    found: dict[str, Spent] = {}
    values: dict[str, float] = {}

    def ours() -> None:
        values["acgan"] = frechet_distance(*sides)

    def theirs() -> None:
        values["pytorch-fid"] = float(calculate_frechet_distance(*(one.numpy() for one in sides)))

    found["acgan"] = spent(ours)
    try:
        found["pytorch-fid"] = spent(theirs)
    except Exception as error:  # its matrix root breaks with new releases of SciPy
        return found, (f"pytorch-fid's own distance fails here: {first_line(error)}",)
    return found, (
        f"the distance is {values['acgan']:.6g} by acgan, {values['pytorch-fid']:.6g} by pytorch-fid",
    )


def _available_cores() -> int:
    """Number of cores that the process may use, as pytorch-fid counts them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""``provenance.json``: the origin of a run, with every invocation that trained it."""

from __future__ import annotations

import copy
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from acgan import parallel, runtime
from acgan.api.opening import OpenTraining
from acgan.api.provenance_file import read_run_provenance
from acgan.atomic import write_text
from acgan.benchmarking.flops import count_flops
from acgan.code_version import code_changes, code_version
from acgan.errors import RunError
from acgan.own_parts import PROVENANCE_FILE, to_record
from acgan.reading import to_json
from acgan.sealed import sealed_json
from acgan.training.gan import Gan
from acgan.training.gan_loop import portion_for_d, portion_for_g
from acgan.training.material import material_of
from acgan.training.run import TrainingRun
from acgan.types import ImageStore
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, HubPlace, holds

_PACKAGES = ("torch", "torchvision", "numpy", "pillow", "scikit-learn", "scipy", "safetensors", "pydantic")


@contextmanager
def recorded(
    opened: OpenTraining, run: TrainingRun, networks: Mapping[str, nn.Module], flops: Mapping[str, int]
) -> Iterator[None]:
    """Context of a training whose run directory gets ``provenance.json``: at the start, and again at the end.

    Args:
        opened: The training.
        run: The run.
        networks: Networks that are trained, by name.
        flops: Operations of one image, by what is done with it.
    """
    if not opened.ranks.first:
        yield
        return
    file, begun_nimg = opened.directory / PROVENANCE_FILE, run.nimg
    known = read_run_provenance(file) if file.exists() and opened.checkpoint is not None else {}
    earlier = known.get("invocations", [])
    invocation = _invocation(opened)
    record = {
        "recipe": earlier[0]["recipe"] if earlier else opened.recipe,
        "seed": opened.config.seed,
        "data": _data(opened),
        "parameters": {name: sum(p.numel() for p in net.parameters()) for name, net in networks.items()},
        "flops": {**known.get("flops", {}), **flops},  # of compiled networks none can be counted
        "init_from": run.meta["init_from"],
        **to_record(opened.parts, folders=True),
        "invocations": [*earlier, invocation],
    }
    write_text(file, _to_json(record))
    try:
        yield
    finally:
        invocation |= {
            "ended": _now(),
            "nimg": [begun_nimg, run.nimg],
            "trained_sec": run.pace.invocation_sec,
            "images_per_sec": run.pace.images_per_sec,
            "peak_bytes": runtime.peak_memory_bytes(opened.device),
        }
        # The checkpoint does not count what came after it, nor the list the invocations that were killed.
        listed = sum(one.get("trained_sec") or 0.0 for one in record["invocations"])
        record["trained_sec"] = max(run.pace.trained_sec, listed)
        write_text(file, _to_json(record))


def sampling_flops(generator: nn.Module, latent_dim: int, device: torch.device) -> dict[str, int]:
    """Operations of a generator for one image."""
    network = copy.deepcopy(generator).eval()
    dtype = next(network.parameters()).dtype
    latents = torch.zeros(1, latent_dim, device=device, dtype=dtype)
    labels = torch.zeros(1, device=device, dtype=torch.int64)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        return {"an image": count_flops(lambda: network(latents, labels))}


def training_flops(gan: Gan) -> dict[str, int]:
    """Operations of a training for one image that it shows: D's steps, with their share of penalties, and G's step.

    A portion of the first batch is computed, and nothing changed. Nothing is found where networks are compiled.
    """
    working = (gan.working_generator, gan.working_discriminator)
    if gan.run_discriminator is not working[1].copy:
        return {}
    networks = [gan.generator, gan.discriminator, *(one.copy.train() for one in working)]
    buffers = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
    for one in working:
        one.refresh()
    portions = next(iter(gan.micro_batches(0)))[:1]

    def count(phase: str, step: int) -> int:
        working[1].copy.requires_grad_(phase == "D")
        (material,) = material_of(gan, portions, step, phase)
        compute = portion_for_d if phase == "D" else portion_for_g
        return count_flops(lambda: compute(gan, material))

    every = gan.objective.penalty_every
    with_penalty, without = count("D", 0), count("D", 1)
    a_batch = gan.d_steps * (without + (with_penalty - without) / every) + count("G", 0)
    for buffer, before in buffers:  # of BatchNorm, which takes note of the images
        buffer.copy_(before)
    images = portions[0].part.stop - portions[0].part.start
    return {"a training image": round(a_batch / images)}


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of a run directory; of files, exported folders and runs of earlier versions, that in the metadata.

    Raises:
        RunError: If there is none.
    """
    place = HubPlace.named_by(path)
    if place is not None:
        path = place.fetch()
    file = path / PROVENANCE_FILE
    if file.exists():
        return read_run_provenance(file)
    for kind in (GENERATOR_FILE, CLASSIFIER_FILE):
        if path.is_file() or holds(kind, path):
            try:
                return dict(kind.read(kind.find(path))[1].provenance)
            except RunError:
                if kind is CLASSIFIER_FILE:
                    raise
    raise RunError(f"{path}: no run or file of one; expected a run directory or a .safetensors file.")


def _invocation(opened: OpenTraining) -> dict[str, Any]:
    return {
        "command": command_line(),
        "recipe": opened.recipe,
        "acgan": code_version(),
        "changes": code_changes(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "processor": runtime.processor(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cores": os.cpu_count(),
        "threads": parallel.cores(),
        "processes": opened.ranks.world,
        "device": str(opened.device),
        "precision": opened.precision,
        "started": _now(),
    }


def _data(opened: OpenTraining) -> dict[str, Any]:
    parts = {name: getattr(opened.dataset, name) for name in ("train", "validation", "test")}
    return {
        "name": opened.dataset.name,
        "place": opened.places.source,
        "fingerprint": opened.dataset.train.fingerprint,
        "source_fingerprint": opened.source_fingerprint,
        "resolution": opened.dataset.train.resolution,
        "channels": opened.dataset.train.channels,
        "images": {name: _by_class(store) for name, store in parts.items() if store is not None},
    }


def _by_class(store: ImageStore) -> dict[str, int]:
    counts: list[int] = np.bincount(store.labels, minlength=store.num_classes).tolist()
    return dict(zip(store.class_names, counts, strict=True))


def command_line() -> str:
    """The command of this process, as a user would write it."""
    program, *arguments = sys.argv
    return shlex.join(["acgan" if Path(program).name == "__main__.py" else Path(program).name, *arguments])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _to_json(values: Mapping[str, Any]) -> str:
    return to_json(sealed_json(values)) + "\n"

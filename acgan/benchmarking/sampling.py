"""Findings on sampling: acgan's ways to draw images against a plain loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from acgan.benchmarking.findings import Findings, Ratio
from acgan.benchmarking.pictures import write_picture
from acgan.benchmarking.timing import in_turns, median_sec, ratios_of, spent
from acgan.sampling import CHUNK, ClassSampler
from acgan.sampling.files import write_samples
from acgan.sampling.selection import Selection

_MOST_CLASSES = 10
#: At least so many images a turn.
_LEAST_IMAGES = 1024
_BUDGET_SEC = 20.0


def measure_sampling(sampler: ClassSampler, scratch: Path, *, rounds: int, threads: int) -> Findings:
    """Let acgan's functions and a plain loop draw the same numbers of images in turns.

    Args:
        sampler: The generator.
        scratch: An empty folder to write to.
        rounds: Number of rounds; fewer if they take long.
        threads: Number of torch's own threads, to tell.
    """
    labels = list(range(min(len(sampler.class_names), _MOST_CLASSES)))
    per_class = CHUNK * -(-_LEAST_IMAGES // (CHUNK * len(labels)))
    selection = Selection(sampler, dict.fromkeys(labels, per_class))
    names = map(str, itertools.count())  # of what each turn writes
    plain_draw = partial(_plain, selection)
    ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "to memory": (lambda: sampler.sample(selection.total, labels), plain_draw),
        "to .npz": (
            lambda: write_samples(selection, scratch / f"{next(names)}.npz"),
            lambda: np.savez(scratch / f"{next(names)}.npz", images=torch.cat(plain_draw()).numpy()),
        ),
        "to PNG files": (
            lambda: write_samples(selection, scratch / next(names)),
            lambda: _write_plainly(plain_draw(), scratch / next(names)),
        ),
    }
    ratios: list[Ratio] = []
    speeds, done = {}, []
    for way, (ours, plain) in ways.items():
        works = {"acgan": partial(spent, ours), "plain": partial(spent, plain)}
        in_turns(works, 1)  # the first time is slower
        sec = in_turns(works, rounds, _BUDGET_SEC)
        ratios += ratios_of(f"{way}, acgan : plain", sec["plain"], sec["acgan"])
        speeds[way] = {
            f"{name} (images/s)": selection.total / median_sec(times) for name, times in sec.items()
        }
        done.append(len(sec["plain"]))
    return Findings(
        part="sample",
        compared="acgan's functions, whose images depend on no neighbour in the batch, with a plain loop: G on "
        f"{CHUNK} latents at a time in float32, files by Pillow and NumPy; torch's own threads: {threads}; in turns "
        f"of {selection.total:,} images, medians; rounds: {min(done)}",
        ratios=tuple(ratios),
        tables={"speed": speeds},
    )


@torch.no_grad()
def _plain(selection: Selection) -> list[Tensor]:
    """Images (n, C, H, W) uint8 of a selection, a batch after another."""
    generator = selection.sampler.generator
    device = next(generator.parameters()).device
    batches = []
    for label, count in selection.counts.items():
        for _ in range(0, count, CHUNK):
            z = torch.randn(CHUNK, generator.latent_dim, device=device)
            images = generator(z, torch.full((CHUNK,), label, device=device))
            batches.append(((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu())
    return batches


def _write_plainly(batches: list[Tensor], folder: Path) -> None:
    folder.mkdir()
    for number, image in enumerate(itertools.chain.from_iterable(batches)):
        write_picture(image.numpy(), folder / f"{number:06}.png")

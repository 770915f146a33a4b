"""Measurement of acgan's speed on this machine, against the plain way to do the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from acgan import parallel, runtime
from acgan.api.inputs import Resolved, resolve
from acgan.api.opening import OpenTraining, TrainOptions, open_training
from acgan.assembly import architecture, build_gan
from acgan.benchmarking.convolutions import Convolution, convolutions_of
from acgan.benchmarking.fid import IMAGES, measure_fid, random_weights
from acgan.benchmarking.findings import Findings
from acgan.benchmarking.loops import as_started
from acgan.benchmarking.machine import measure_machine
from acgan.benchmarking.neighbours import busy_neighbours
from acgan.benchmarking.pictures import write_pictures
from acgan.benchmarking.sampling import measure_sampling
from acgan.benchmarking.startup import measure_startup
from acgan.benchmarking.training import Contest, make_contest, measure_training
from acgan.code_version import code_version
from acgan.config import RunConfig, to_yaml
from acgan.errors import ConfigError, did_you_mean
from acgan.reading import to_json
from acgan.sampling import ClassSampler
from acgan.training.gan import Gan
from acgan.training.step import parameter_dtype
from acgan.types import BENCHMARK_PARTS
from acgan.weights import GeneratorInfo

#: Rounds of each part if none are asked for.
_ROUNDS = {"train": 5, "sample": 3, "fid": 2, "startup": 3}
#: Largest number of picture files for the plain loop: what a turn reads is in the system's cache all the same.
_MOST_PICTURES = 4096


@dataclass(frozen=True)
class Workbench:
    """Everything that the parts of a benchmark need.

    Attributes:
        name: Name of the recipe and its data.
        config: The configuration, its paths as they are found from this folder.
        opened: The training that it stands for.
        threads: Number of torch's own threads, as the process was started.
        scratch: A folder to write to, which is removed afterwards.
        rounds: Number of rounds; None is each part's own.
    """

    name: str
    config: RunConfig
    opened: OpenTraining
    threads: int
    scratch: Path
    rounds: int | None

    def rounds_of(self, part: str) -> int:
        """Number of rounds of a part."""
        return self.rounds or _ROUNDS[part]

    def gan(self) -> Gan:
        """A new GAN of the configuration."""
        opened = self.opened
        return build_gan(
            self.config,
            opened.dataset.train,
            device=opened.device,
            precision=opened.precision,
            ranks=opened.ranks,
        )

    def contest(self) -> Contest:
        """The loops of the part on training, after their first steps."""
        files = write_pictures(self.opened.dataset.train, self.scratch / "pictures", _MOST_PICTURES)
        data = self.config.data
        return make_contest(self.gan(), files, mirror=data.mirror, balance=data.balance, threads=self.threads)


@dataclass(frozen=True)
class BenchmarkResult:
    """Findings by part, and where they come from."""

    findings: tuple[Findings, ...]
    provenance: dict[str, Any]

    def to_json(self) -> str:
        """All of it as JSON."""
        parts = {one.part: one.to_dict() for one in self.findings}
        return to_json({**self.provenance, "parts": parts})


def benchmark(
    part: str = "all",
    recipe: str | Path | None = None,
    data: str | None = None,
    overrides: Sequence[str] = (),
    *,
    neighbours: int = 0,
    rounds: int | None = None,
    device: str = "auto",
    on_data: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = lambda message: None,
) -> BenchmarkResult:
    """Measure the speed of a part of acgan, or of all.

    Args:
        part: One of ``BENCHMARK_PARTS``, or ``all``.
        recipe: A configuration, as ``train`` takes it.
        data: A source in place of the configured one.
        overrides: ``KEY=VALUE`` texts.
        neighbours: Number of busy processes beside the measurements.
        rounds: Number of rounds of each part; None is each part's own.
        device: As ``--device`` takes it.
        on_data: Called with (done, total) while images are decoded.
        say: Receives the name of each part before it is measured.
        warn: Receives warnings.

    Raises:
        UserError: For whatever the user can mend.
    """
    wanted = _wanted(part)
    for name, value, least in (("neighbours", neighbours, 0), ("rounds", rounds, 1)):
        if value is not None and value < least:
            raise ConfigError(f"--{name}: found {value}; expected a whole number from {least} up.")
    options: TrainOptions = {"device": device, "on_data": on_data, "warn": warn}
    with workbench(recipe, data, overrides, rounds, options) as bench, busy_neighbours(neighbours):
        findings: list[Findings] = []
        for name in wanted:
            say(name)
            findings += _PARTS[name](bench)
        return BenchmarkResult(tuple(findings), _provenance(bench, overrides, neighbours))


@contextmanager
def workbench(
    recipe: str | Path | None,
    data: str | None,
    overrides: Sequence[str],
    rounds: int | None,
    options: TrainOptions,
) -> Iterator[Workbench]:
    """Decode the data into the cache, and choose device and precision; nothing else is left behind."""
    threads = torch.get_num_threads()  # before a training sets its own
    resolved = resolve(recipe, data, overrides)
    with tempfile.TemporaryDirectory(prefix="acgan-benchmark-") as name:
        scratch = Path(name)
        asked = Resolved(resolved.config, "benchmark", scratch / "run", resolved.config, resolved.places)
        with open_training(asked, None, options, rehearsal=True) as opened:
            yield Workbench(resolved.name, opened.here, opened, threads, scratch, rounds)


def _wanted(part: str) -> tuple[str, ...]:
    """Names of the parts to measure."""
    if part == "all":
        return BENCHMARK_PARTS
    if part not in BENCHMARK_PARTS:
        known = ("all", *BENCHMARK_PARTS)
        raise ConfigError(
            f"{part}: no such part; expected one of {', '.join(known)}.{did_you_mean(part, known)} To measure a "
            f"recipe, name it after the part: `acgan benchmark all {part}`."
        )
    return (part,)


def _train(bench: Workbench) -> list[Findings]:
    contest = bench.contest()  # first, for the peak of the memory
    gan = bench.gan()
    findings, rates = measure_machine(_convolutions(gan), gan.portion_size, gan.device)
    trained = measure_training(contest, rates, rounds=bench.rounds_of("train"), threads=bench.threads)
    return [findings, trained]


def _convolutions(gan: Gan) -> dict[Convolution, int]:
    """The convolutions of a forward pass of G and of D, as a step computes them."""
    z = torch.randn(gan.portion_size, gan.generator.latent_dim, device=gan.device)
    z, y = (
        z.to(parameter_dtype(gan.generator)),
        torch.zeros(gan.portion_size, dtype=torch.int64, device=gan.device),
    )
    g, d = gan.working_generator.copy, gan.working_discriminator.copy

    def forward() -> None:
        with runtime.autocast(gan.precision, gan.device):
            d(g(z, y), y)

    return dict(convolutions_of(forward))


def _sample(bench: Workbench) -> list[Findings]:
    gan, store = bench.gan(), bench.opened.dataset.train
    info = GeneratorInfo(architecture(bench.config, store), store.class_names)
    sampler = ClassSampler(gan.ema.network, info)
    folder = bench.scratch / "samples"
    folder.mkdir()
    with as_started(bench.threads):
        return [measure_sampling(sampler, folder, rounds=bench.rounds_of("sample"), threads=bench.threads)]


def _fid(bench: Workbench) -> list[Findings]:
    folder = bench.scratch / "fid"
    write_pictures(bench.opened.dataset.train, folder, IMAGES)
    weights = random_weights(bench.scratch / "weights.pth")
    device, rounds = bench.opened.device, bench.rounds_of("fid")
    with as_started(bench.threads):
        return [measure_fid(folder, weights, device, rounds=rounds, threads=bench.threads)]


def _startup(bench: Workbench) -> list[Findings]:
    recipe = bench.scratch / "recipe.yaml"
    recipe.write_text(to_yaml(bench.config), encoding="utf-8")
    rounds = bench.rounds_of("startup")
    return [measure_startup(recipe, bench.scratch, bench.opened.device.type, rounds=rounds)]


_PARTS: dict[str, Callable[[Workbench], list[Findings]]] = {
    "train": _train,
    "sample": _sample,
    "fid": _fid,
    "startup": _startup,
}


def _provenance(bench: Workbench, overrides: Sequence[str], neighbours: int) -> dict[str, Any]:
    opened = bench.opened
    return {
        "acgan": code_version(),
        "torch": torch.__version__,
        "machine": runtime.machine(),
        "device": str(opened.device),
        "precision": opened.precision,
        "threads": bench.threads,
        "cores": parallel.cores(),
        "neighbours": neighbours,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "recipe": bench.name,
        "set": list(overrides),
        "data": opened.dataset.name,
        "batch_size": bench.config.train.batch_size,
    }

"""Helpers of the integration tests: tiny trainings, in this process or in real ones, and how runs compare."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

from acgan.cli import main
from acgan.training.run import AT_STOP, TrainingRun

TINY = Path(__file__).with_name("tiny.yaml")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def benchmark(name: str) -> ModuleType:
    """A module of benchmarks/, which is in a checkout alone; without it the test module is skipped."""
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks/ is in a checkout alone", allow_module_level=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module(name)


def overrides(changes: Mapping[str, Any] | None = None) -> list[str]:
    """``KEY=VALUE`` texts."""
    return [f"{key}={json.dumps(value)}" for key, value in (changes or {}).items()]


def sets(changes: Mapping[str, Any] | None = None) -> list[str]:
    """``--set`` options for changed keys."""
    return [word for override in overrides(changes) for word in ("--set", override)]


def train_args(directory: str | Path, changes: Mapping[str, Any] | None = None, *more: str) -> list[str]:
    """Arguments of ``acgan`` for the tiny training with changes in a directory."""
    return ["train", str(TINY), "--run-dir", str(directory), *sets(changes), *more]


def acgan(*arguments: str, debug: bool = False) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, ["--debug", *arguments] if debug else list(arguments))


def acgan_train(directory: str | Path, changes: Mapping[str, Any] | None = None, *more: str) -> Result:
    """Run a tiny training through the command line, in this process."""
    return acgan(*train_args(directory, changes, *more))


def trained(directory: Path, changes: Mapping[str, Any] | None = None, *more: str) -> Path:
    """A directory with a finished tiny training."""
    result = acgan_train(directory, changes, *more)
    assert result.exit_code == 0, result.output
    return directory


# Real processes. They are forked from a server that has torch imported: a start takes a moment and not seconds.

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["acgan.api", "acgan.cli.train", "acgan.cli.progress", "sklearn.datasets", "torch._dynamo", "PIL.Image"]
)


class Child:
    """An ``acgan`` command in a process of its own, its output in files.

    Args:
        arguments: Of the command line.
        log: Path of its output, with the endings .out and .err; they are appended to.
        before: Called in the process before the command.
        environment: Changed variables.
    """

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        before: Callable[[], object] | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self._log = log
        variables = {**os.environ, **(environment or {})}
        self.process = _CONTEXT.Process(
            target=_run, args=(arguments, os.getcwd(), log, variables, before), daemon=True
        )
        self.process.start()

    @property
    def stdout(self) -> str:
        return self._log.with_suffix(".out").read_text()

    @property
    def stderr(self) -> str:
        return self._log.with_suffix(".err").read_text()

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def wait(self, timeout_sec: float = 120) -> int:
        """Its exit code; negative where a signal ended it."""
        self.process.join(timeout_sec)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            pytest.fail(f"no end after {timeout_sec} s:\n{self.stdout}\n{self.stderr}")
        return self.process.exitcode

    def wait_for(self, condition: Callable[[], bool], timeout_sec: float = 60) -> None:
        """Wait until something is so, while the process runs."""
        end = time.monotonic() + timeout_sec
        while not condition():
            assert self.process.is_alive(), f"it ended first:\n{self.stdout}\n{self.stderr}"
            assert time.monotonic() < end, f"waited in vain:\n{self.stdout}\n{self.stderr}"
            time.sleep(0.005)


def _run(
    arguments: list[str], cwd: str, log: Path, variables: dict[str, str], before: Callable[[], object] | None
) -> None:
    os.environ.clear()  # the server's own are of another moment
    os.environ.update(variables)
    os.chdir(cwd)
    for stream, ending in ((sys.stdout, ".out"), (sys.stderr, ".err")):
        with open(log.with_suffix(ending), "ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    torch.set_num_threads(1)
    if before is not None:
        before()
    main(arguments)


def killed_at(iteration: int, number: signal.Signals) -> Callable[[], None]:
    """For ``Child(before=...)``: sends the process a signal after an iteration."""
    return partial(_patch_advance, iteration, number)


def _patch_advance(iteration: int, number: signal.Signals) -> None:
    advance = TrainingRun.advance

    def advance_and_signal(run: TrainingRun, batch_size: int) -> None:
        advance(run, batch_size)
        if run.iteration == iteration:
            os.kill(os.getpid(), number)

    TrainingRun.advance = advance_and_signal


@contextlib.contextmanager
def signal_after(iteration: int, number: signal.Signals) -> Iterator[None]:
    """Send this process a signal after an iteration of whatever trains inside."""
    advance = TrainingRun.advance
    _patch_advance(iteration, number)
    try:
        yield
    finally:
        TrainingRun.advance = advance


# What runs leave behind, and how two of them compare.


def stats_rows(directory: Path) -> list[dict[str, float]]:
    """The rows of stats.jsonl without what the clock and the machine say, checks, and looks at stops."""
    file = directory / "stats.jsonl"
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text().splitlines() if AT_STOP not in line]
    return [
        {key: value for key, value in row.items() if not key.startswith(("time/", "memory/", "check"))}
        for row in rows
    ]


def checkpoints(directory: Path) -> list[int]:
    """Images shown at the checkpoints that are there, in order."""
    return sorted(int(file.stem) for file in (directory / "checkpoints").glob("*.pt"))


def latest_payload(directory: Path) -> dict[str, Any]:
    """The latest checkpoint's content, but for the time it took."""
    file = directory / "checkpoints" / f"{checkpoints(directory)[-1]}.pt"
    payload = torch.load(io.BytesIO(file.read_bytes()), weights_only=True)
    payload.pop("trained_sec")
    return payload


def generator_tensors(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "generator.safetensors")


def tree(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, by its relative path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Paths at which two nested structures of tensors and plain values are not equal, bit for bit."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        same = a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
        return [] if same else [f"{where}: {_furthest(a, b)}"]
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = [] if a.keys() == b.keys() else [f"{where}: keys {sorted(map(str, a.keys() ^ b.keys()))}"]
        return keys + [
            text for key in a.keys() & b.keys() for text in differences(a[key], b[key], f"{where}/{key}")
        ]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return [f"{where}: {len(a)} items, {len(b)} items"]
        return [
            text
            for i, pair in enumerate(zip(a, b, strict=True))
            for text in differences(*pair, f"{where}/{i}")
        ]
    return [] if type(a) is type(b) and a == b else [f"{where}: {a!r}, {b!r}"]


def _furthest(a: torch.Tensor, b: torch.Tensor) -> str:
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype} {tuple(a.shape)}, {b.dtype} {tuple(b.shape)}"
    return f"up to {(a.double() - b.double()).abs().max().item():.3g} apart"


def assert_same_run(directory: Path, expected: Path) -> None:
    """Checkpoint, generator and statistics are equal bit for bit, times and memory left out."""
    found = differences(latest_payload(directory), latest_payload(expected), "checkpoint")
    found += differences(generator_tensors(directory), generator_tensors(expected), "generator")
    found += differences(stats_rows(directory), stats_rows(expected), "stats")
    assert not found, "\n".join(found[:20])


# Classifiers.

TINY_CLASSIFIER = Path(__file__).with_name("tiny_classifier.yaml")


def classify_args(directory: str | Path, changes: Mapping[str, Any] | None = None, *more: str) -> list[str]:
    """Arguments of ``acgan`` for the tiny classifier's training with changes in a directory."""
    return ["classify", "train", str(TINY_CLASSIFIER), "--run-dir", str(directory), *sets(changes), *more]


def acgan_classify(directory: str | Path, changes: Mapping[str, Any] | None = None, *more: str) -> Result:
    """Train a tiny classifier through the command line, in this process."""
    return acgan(*classify_args(directory, changes, *more))


def classified(directory: Path, changes: Mapping[str, Any] | None = None, *more: str) -> Path:
    """A directory with a finished training of a tiny classifier."""
    result = acgan_classify(directory, changes, *more)
    assert result.exit_code == 0, result.output
    return directory


def classifier_tensors(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "classifier.safetensors")


def assert_same_classifier_run(directory: Path, expected: Path) -> None:
    """Checkpoint, classifier and statistics are equal bit for bit, times and memory left out."""
    found = differences(latest_payload(directory), latest_payload(expected), "checkpoint")
    found += differences(classifier_tensors(directory), classifier_tensors(expected), "classifier")
    found += differences(stats_rows(directory), stats_rows(expected), "stats")
    assert not found, "\n".join(found[:20])


def digits_npz(
    file: Path,
    counts: Mapping[str, int],
    test_counts: Mapping[str, int] | None = None,
    names: Mapping[str, str] | None = None,
) -> Path:
    """An .npz of 16 px digits, so many of each class in the order given.

    Args:
        file: Its path.
        counts: Training images by digit.
        test_counts: Test images by digit; None leaves the source without a test split.
        names: Other names of classes, by digit.
    """
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    members = {digit: np.flatnonzero(digits.target == int(digit)) for digit in counts}
    arrays = {"class_names": np.array([(names or {}).get(digit, digit) for digit in counts])}
    for prefix, wanted in (("train_", counts), ("test_", test_counts)):
        if wanted is None:
            continue
        # Test images come from the other end, so that no image is in both.
        rows = [members[digit][:: 1 if prefix == "train_" else -1][: wanted[digit]] for digit in counts]
        arrays[f"{prefix}images"] = pixels[np.concatenate(rows)]
        arrays[f"{prefix}labels"] = np.repeat(np.arange(len(counts)), [len(row) for row in rows])
    np.savez(file, **arrays)
    return file

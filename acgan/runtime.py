"""Device, stateless random draws, precision, and the check that numbers are finite."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan import parallel
from acgan.errors import UserError


class Draws:
    """Random numbers as a function of (seed, purpose, counters), through the counter-based generator Philox.

    No state is carried from one draw to the next, so an exact resume needs no saved state, and every rank can make
    the draws of the whole global batch and take its slice. The rank is never among the counters.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def generator(self, purpose: str, *counters: int) -> np.random.Generator:
        """A fresh generator for one purpose (``"latents"``, ``"order"``, …) and up to three counters."""
        if len(counters) > 3:
            raise ValueError(f"at most 3 counters, got {len(counters)}")
        digest = hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=16).digest()
        # The generator uses the lowest counter word: two streams could meet only after 2^64 blocks of draws.
        words = [0, *counters, *[0] * (3 - len(counters))]
        return np.random.Generator(
            np.random.Philox(key=np.frombuffer(digest, np.uint64), counter=np.array(words, np.uint64))
        )

    def normal(self, shape: Sequence[int], purpose: str, *counters: int) -> Tensor:
        """Standard normal draws, float32, on the CPU."""
        return torch.from_numpy(self.generator(purpose, *counters).standard_normal(shape, np.float32))


@dataclass
class _LayerStream:
    """The draws of one forward pass; ``layers`` counts the random layers called so far."""

    draws: Draws
    purpose: str
    counters: tuple[int, int]
    offset: int
    layers: int = 0

    def bits(self, what: str, shape: tuple[int, int], dtype: type[np.generic]) -> np.ndarray[Any, Any]:
        """Random integers of all bits of ``dtype`` for the next layer, of shape (images, integers per image)."""
        self.layers += 1
        raw = self.draws.generator(f"{what}/{self.purpose}/{self.layers}", *self.counters).bit_generator
        assert isinstance(raw, np.random.Philox)
        # A Philox block is four 64-bit words. Every image starts a new block, so that its bits depend only on its
        # index in the global batch.
        images, per_image = shape
        blocks = -(-per_image * np.dtype(dtype).itemsize // 32)
        raw.advance(self.offset * blocks)
        return raw.random_raw(images * blocks * 4).view(dtype).reshape(images, -1)[:, :per_image]


#: Each thread has its own stream.
_layer_stream: ContextVar[_LayerStream | None] = ContextVar("layer_stream", default=None)


@contextlib.contextmanager
def layer_draws(
    draws: Draws, purpose: str, iteration: int, sub_step: int = 0, offset: int = 0
) -> Iterator[None]:
    """Make ``stateless_dropout`` and ``stateless_noise``, called inside by this thread, functions of these values.

    ``purpose`` names the forward pass. ``offset`` is the index of the first image within the global batch, so that
    ranks and micro-batches draw the same for an image as the whole batch.
    """
    token = _layer_stream.set(_LayerStream(draws, purpose, (iteration, sub_step), offset))
    try:
        yield
    finally:
        _layer_stream.reset(token)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # draws come from NumPy, which cannot be traced
def stateless_dropout(x: Tensor, probability: float) -> Tensor:
    """Dropout whose mask is a function of ``layer_draws``, one stream per layer call; outside it, torch's dropout."""
    stream = _layer_stream.get()
    if stream is None:
        return nn.functional.dropout(x, probability)
    bits = stream.bits("dropout", (len(x), x[0].numel()), np.uint16)
    keep = send(torch.from_numpy(bits >= round(probability * 2**16)), x.device).view(x.shape)
    return x * keep.to(x.dtype) / (1.0 - probability)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # draws come from NumPy, which cannot be traced
def stateless_noise(x: Tensor, std: float) -> Tensor:
    """Normal noise is added; its draws are a function of ``layer_draws``, and torch's own outside it.

    Two uniform numbers become two normal ones, as by Box & Muller (1958).
    """
    stream = _layer_stream.get()
    if stream is None:
        return x + std * torch.randn_like(x)
    per_image = x[0].numel()
    uniform = stream.bits("noise", (len(x), per_image + per_image % 2), np.uint32).astype(np.float32)
    lengths = std * np.sqrt(-2 * np.log((uniform[:, ::2] + 1) / 2**32))  # the logarithm of (0, 1]
    angles = uniform[:, 1::2] * np.float32(2 * np.pi / 2**32)
    noise = np.stack((lengths * np.cos(angles), lengths * np.sin(angles)), axis=2).reshape(len(x), -1)
    return x + send(torch.from_numpy(noise[:, :per_image]).to(x.dtype), x.device).view(x.shape)


def choose_device(name: str | torch.device) -> torch.device:
    """The device that ``--device`` names; ``auto`` takes CUDA, then MPS, then the CPU.

    Args:
        name: ``auto``, ``cpu``, ``cuda`` or ``mps``, with a number as in ``cuda:1`` if there are several; a
            ``torch.device`` is returned as it is.

    Raises:
        UserError: If the named device does not exist.
    """
    if isinstance(name, torch.device):
        return name
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    kind, _, index = name.partition(":")
    last = torch.cuda.device_count() - 1 if kind == "cuda" else 0
    if not available.get(kind) or (":" in name and not (index.isdecimal() and int(index) <= last)):
        there = ", ".join(kind for kind, is_there in available.items() if is_there)
        raise UserError(f"--device {name}: this machine or this build of torch has none; available: {there}.")
    if name == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))  # one GPU per process
        torch.cuda.set_device(local)
        return torch.device("cuda", local)
    return torch.device(name)


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy from the CPU to a device, through pinned memory to a GPU, so that the loop does not wait."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def has_native_bf16(device: torch.device) -> bool:
    """True if the device computes bfloat16 natively, not emulated."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return False


def resolve_precision(precision: str, device: torch.device) -> str:
    """``float32``, ``bf16`` or ``float64`` for a configured precision, which may be ``auto``."""
    if precision == "float64" and device.type == "mps":
        raise UserError(
            "train.precision: found float64, which MPS does not have; choose float32 or --device cpu."
        )
    if precision != "auto":
        return precision
    return "bf16" if has_native_bf16(device) else "float32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """bfloat16 autocast for the networks, or nothing."""
    if precision == "bf16":
        # Casts that torch keeps are shared by all threads, and any thread that leaves drops them.
        return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=device.type != "cpu")
    return contextlib.nullcontext()


def outside_autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Full precision inside; no effect if autocast is off, so that exported graphs have no trace of it."""
    if device.type != "meta" and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return contextlib.nullcontext()


class FiniteGuard:
    """Keeps gradients that are not finite from the weights, without a synchronisation per step.

    The first step with a loss term or gradient that is not finite raises a flag on the device. The flag masks that
    update and every later one (fused Adam skips an update if ``found_inf`` is 1), so the weights stay those of the
    last good step. The loop reads the flag when it synchronises anyway.
    """

    def __init__(self, device: torch.device):
        self.found = torch.zeros((), device=device)
        self._where = torch.full((2,), -1, dtype=torch.int64, device=device)  # iteration, index into names
        self._names: list[str] = []
        self._first: dict[tuple[str, ...], int] = {}  # index of a step's first name in _names

    def check(self, phase: str, iteration: int, terms: dict[str, Tensor]) -> None:
        """Raise the flag if any term is not finite, and keep the first such term.

        ``terms`` are scalars in order of cause: losses first, then the gradient norm.
        """
        names = tuple(f"{phase}: {name}" for name in terms)  # they vary: a penalty may be lazy
        if names not in self._first:
            self._first[names] = len(self._names)
            self._names += names
        first = self._first[names]
        bad = ~torch.isfinite(torch.stack([term.detach().float() for term in terms.values()]))
        is_bad = bad.any()
        now = torch.stack((torch.full_like(self._where[0], iteration), first + bad.int().argmax()))
        self._where = torch.where(is_bad & (self.found == 0), now, self._where)
        torch.maximum(self.found, is_bad.float(), out=self.found)  # in place: the optimisers hold it

    def first_bad(self) -> tuple[int, str] | None:
        """The first bad (iteration, term), or None. Synchronises with the device."""
        if self.found.item() == 0:
            return None
        iteration, index = self._where.tolist()
        return iteration, self._names[index]


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory of a GPU, or of the process for the CPU (0 if the system does not report it)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def own_memory_bytes() -> int:
    """Memory that this process has now, without what it maps of files; 0 if the system does not report it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def total_memory_bytes(device: torch.device) -> int | None:
    """All memory of a GPU, or of the machine or its container for the CPU; None if the system does not report it."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    with contextlib.suppress(OSError, ValueError):  # "max" is no number
        total = min(total, int(limit.read_text()))
    return total


def processor() -> str:
    """Name of the processor."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        name = models[0] if models else name
    return name


def machine() -> str:
    """The machine in a few words, for provenance: processor, cores to use, GPU."""
    cores = parallel.cores()
    words = f"{processor()}, {cores} {'core' if cores == 1 else 'cores'}"
    return f"{words}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else words


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Switch off TF32, which keeps 10 bits of float32's 23, so that machines get the same scores and samples."""
    settings = _float32_settings()
    before = [getattr(place, name) for place, name, _ in settings]
    try:
        for place, name, value in settings:
            setattr(place, name, value)
        yield
    finally:
        for (place, name, _), value in zip(settings, before, strict=True):
            setattr(place, name, value)


def _float32_settings() -> list[tuple[Any, str, Any]]:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    if hasattr(cudnn, "conv"):  # since torch 2.9, which refuses a mix of both ways
        return [(cudnn.conv, "fp32_precision", "ieee"), (matmul, "fp32_precision", "ieee")]
    return [(cudnn, "allow_tf32", False), (matmul, "allow_tf32", False)]

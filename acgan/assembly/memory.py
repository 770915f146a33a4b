"""Memory that a training needs, found before it is taken: networks are built and passed on the meta device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgan import parallel
from acgan.assembly.classifier import build_network, classifier_architecture
from acgan.assembly.feed import own_share, torch_dtype
from acgan.assembly.gan import build_discriminator, build_generator
from acgan.assembly.portions import portion_size
from acgan.config import ClassifierConfig, RunConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.runtime import own_memory_bytes, total_memory_bytes
from acgan.types import ImageStore

_PASSED = 2  # images of the pass that is measured; BatchNorm needs two
_GIB = 2**30
# Of a process on a CPU, by benchmarks/memory.py: code of libraries, and what they set up in the first steps.
_LIBRARIES_BYTES = 230 << 20
#: Bytes of a step for each byte that a pass in float32 keeps of its images, by the same measurements. For a GAN: what D
#: keeps of real and generated ones, what a penalty keeps to be differentiated again, and what threads do not give back.
_GAN_TIMES = {"bf16": 4.0, "float32": 6.0, "float64": 12.0}
_CLASSIFIER_TIMES = {"bf16": 0.75, "float32": 1.5, "float64": 3.0}
#: The same on other devices, where nothing was measured: what the layers alone keep.
_LEAST_TIMES = {"bf16": 0.5, "float32": 1.0, "float64": 2.0}
#: An estimate on a CPU was at most 1.2 times too high; a training is refused if it does not fit with this margin.
_MARGIN = 2.0


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory of a training in bytes, by what needs it; evaluations may need more.

    Attributes:
        images: Packed training images; they are in ``process``, or on disk.
        process: What the process has before it trains, and code and buffers of libraries.
        networks: Weights, gradients of each portion, the two means of Adam, and the mean weights of G.
        batch: Images and latents of a batch, or micro-batch, as numbers.
        step: What the layers hold of the images that are computed at the same time.
        margin: Times that the sum may be too high, for a refusal; 1 of a sum from below.
    """

    images: int
    process: int
    networks: int
    batch: int
    step: int
    margin: float

    @property
    def needed(self) -> int:
        """Bytes that must be there at once."""
        return self.process + self.networks + self.batch + self.step

    def __str__(self) -> str:
        about = "about" if self.margin > 1 else "at least"
        return (
            f"{about} {_size(self.needed)} (the process {_size(self.process)}, networks with Adam "
            f"{_size(self.networks)}, numbers of a batch {_size(self.batch)}, a step {_size(self.step)}; the packed "
            f"images, in memory or on disk: {_size(self.images)})"
        )

    def check(self, device: torch.device) -> None:
        """Refuse a training that cannot be in the memory of its device, whatever else is in it.

        Raises:
            ConfigError: If it needs more than all memory there is.
        """
        there = total_memory_bytes(device)
        if there is not None and self.needed > self.margin * there:
            raise ConfigError(
                f"memory: the training needs {self}, and {device} has {_size(there)} in all; expected at most "
                f"{_size(self.margin * there)} by this estimate. Lower train.batch_size, set train.micro_batch, or "
                "lower the channels of the networks in `model`."
            )


def _size(num_bytes: float) -> str:
    return f"{num_bytes / _GIB:,.1f} GiB" if num_bytes >= _GIB else f"{num_bytes / 2**20:,.1f} MiB"


def estimate_memory(
    config: RunConfig | ClassifierConfig,
    store: ImageStore,
    *,
    device: torch.device,
    precision: str,
    ranks: Ranks,
) -> MemoryEstimate | None:
    """The memory that a training needs; None if a network cannot be passed on the meta device.

    Raises:
        ConfigError: For what no network can be built from.
    """
    share = own_share(config.train, ranks)
    micro_batch = min(config.train.micro_batch or share, share)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            if isinstance(config, RunConfig):
                weights, largest, kept, numbers = _measure_gan(config, store)
            else:
                weights, largest, kept, numbers = _measure_classifier(config, store)
    except (RuntimeError, NotImplementedError):  # a part of one's own may compute with numbers
        return None
    item = torch_dtype(precision).itemsize
    size = portion_size(config.train, device, micro_batch)
    portions = math.ceil(micro_batch / size)
    at_once = min(micro_batch, size * parallel.cores())
    on_cpu = device.type == "cpu"
    times = _GAN_TIMES if isinstance(config, RunConfig) else _CLASSIFIER_TIMES
    if config.train.compile:  # compiled networks keep what they choose to
        kept = 0
    return MemoryEstimate(
        images=store.images.nbytes,
        process=own_memory_bytes() + _LIBRARIES_BYTES if on_cpu else 0,
        networks=(weights + (portions - 1) * largest) * item,
        batch=micro_batch * numbers * item,
        step=int(at_once * kept * (times if on_cpu else _LEAST_TIMES)[precision]),
        margin=_MARGIN if on_cpu else 1.0,
    )


def _measure_gan(config: RunConfig, store: ImageStore) -> tuple[int, int, float, int]:
    """Numbers for the weights, and for the gradients of a portion; bytes of an image in a step; numbers of an image."""
    generator, discriminator = build_generator(config, store), build_discriminator(config, store)
    own = [*generator.parameters(), *discriminator.parameters()]
    y = torch.zeros(_PASSED, dtype=torch.int64)
    pixels = store.channels * store.resolution**2

    def draw() -> Tensor:
        images: Tensor = generator(torch.zeros(_PASSED, generator.latent_dim), y)
        return images

    g = _kept_bytes(draw, own)
    x = torch.zeros(_PASSED, store.channels, store.resolution, store.resolution)
    d = _kept_bytes(lambda: discriminator(x, y), own)
    # D judges a real and a generated image; G's gradients pass through D.
    return (
        4 * _count(own) + _count(generator.parameters()),
        max(_count(generator.parameters()), _count(discriminator.parameters())),
        max(2 * d, g + d),
        2 * pixels + generator.latent_dim,
    )


def _measure_classifier(config: ClassifierConfig, store: ImageStore) -> tuple[int, int, float, int]:
    network, _ = build_network(config, store, _ignore, _ignore, classifier_architecture(config, store))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    x = torch.zeros(_PASSED, *network.example_shape[1:])
    kept = _kept_bytes(lambda: network.train()(x), list(network.parameters()))
    return _count(network.parameters()) + 3 * _count(trained), _count(trained), kept, x[0].numel()


def _kept_bytes(run: Callable[[], object], own: Sequence[nn.Parameter]) -> float:
    """Bytes that a pass keeps for the gradients, of an image, the weights not counted."""
    weights = {parameter.untyped_storage()._cdata for parameter in own}
    kept = dict[int, torch.UntypedStorage]()

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()  # held, so that no storage takes the place of another
    total = sum(storage.nbytes() for storage in kept.values())
    del result
    return total / _PASSED


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _ignore(_message: str) -> None:
    """Say nothing: the network is built once more."""

"""Memory that a training needs at the least, found without any: networks are built and passed on the meta device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from acgan.assembly.classifier import build_network, classifier_architecture
from acgan.assembly.feed import own_share, torch_dtype
from acgan.assembly.gan import build_discriminator, build_generator
from acgan.assembly.portions import portion_size
from acgan.config import ClassifierConfig, RunConfig
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.runtime import total_memory_bytes
from acgan.types import ImageStore

_PASSED = 2  # images of the pass that is measured; BatchNorm needs two
_GIB = 2**30


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory of a training in bytes, by what needs it; a lower bound.

    Attributes:
        images: Packed training images; they are not counted in ``needed``, for they may stay on disk.
        networks: Weights, gradients, the two means of Adam, and the mean weights of G.
        batch: Images and latents of a batch, or micro-batch, as numbers.
        step: What the layers keep for the gradients of a portion of the batch.
    """

    images: int
    networks: int
    batch: int
    step: int

    @property
    def needed(self) -> int:
        """Bytes that must be there at once."""
        return self.networks + self.batch + self.step

    def __str__(self) -> str:
        return (
            f"networks with Adam {_size(self.networks)}, numbers of a batch {_size(self.batch)}, a step "
            f"{_size(self.step)}; the packed images, in memory or on disk: {_size(self.images)}"
        )

    def check(self, device: torch.device) -> None:
        """Refuse a training that cannot be in the memory of its device, whatever else is in it.

        Raises:
            ConfigError: If it needs more than all memory there is.
        """
        there = total_memory_bytes(device)
        if there is not None and self.needed > there:
            raise ConfigError(
                f"memory: the training needs {_size(self.needed)} or more ({self}), and {device} has {_size(there)} in "
                "all; expected less. Lower train.batch_size, set train.micro_batch, or lower the channels of the "
                "networks in `model`."
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
    """The memory that a training needs at the least; None if a network cannot be passed on the meta device.

    Raises:
        ConfigError: For what no network can be built from.
    """
    share = own_share(config.train, ranks)
    micro_batch = min(config.train.micro_batch or share, share)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            if isinstance(config, RunConfig):
                weights, kept, numbers = _measure_gan(config, store)
            else:
                weights, kept, numbers = _measure_classifier(config, store)
    except (RuntimeError, NotImplementedError):  # a part of one's own may compute with numbers
        return None
    item = torch_dtype(precision).itemsize
    # The measured pass is in float32. Compiled networks keep what they choose to.
    scale = 0.0 if config.train.compile else 0.5 if precision == "bf16" else item / 4
    return MemoryEstimate(
        images=store.images.nbytes,
        networks=weights * item,
        batch=micro_batch * numbers * item,
        step=int(portion_size(config.train, device, micro_batch) * kept * scale),
    )


def _measure_gan(config: RunConfig, store: ImageStore) -> tuple[int, float, int]:
    """Numbers for the weights; bytes of an image in a step; numbers of an image."""
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
        max(2 * d, g + d),
        2 * pixels + generator.latent_dim,
    )


def _measure_classifier(config: ClassifierConfig, store: ImageStore) -> tuple[int, float, int]:
    network, _ = build_network(config, store, _ignore, _ignore, classifier_architecture(config, store))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    x = torch.zeros(_PASSED, *network.example_shape[1:])
    kept = _kept_bytes(lambda: network.train()(x), list(network.parameters()))
    return _count(network.parameters()) + 3 * _count(trained), kept, x[0].numel()


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

"""Several processes that train as one: ranks, averages over ranks, and rows of the whole batch."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from acgan import parallel
from acgan.errors import PeerLostError
from acgan.parallel import Sharing

_TIMEOUT = timedelta(minutes=30)  # the first rank scores and writes while the others wait


@dataclass(frozen=True)
class Ranks:
    """This process among those that ``torchrun`` started; one process alone is rank 0 of 1."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """True for the process that writes files and prints."""
        return self.rank == 0

    def slice(self, count: int) -> slice:
        """This rank's share of ``count`` images, which the number of processes must divide."""
        share = count // self.world
        return slice(self.rank * share, (self.rank + 1) * share)


@contextlib.contextmanager
def _all_taking_part() -> Iterator[None]:
    """Context of a call that needs all ranks.

    Raises:
        PeerLostError: If one of them is gone.
    """
    try:
        yield
    except RuntimeError as error:
        if type(error) is not RuntimeError and not isinstance(error, dist.DistError):
            raise  # out of memory, or a kernel that failed before
        raise PeerLostError(
            "another process of this command is gone, killed or with a message of its own. Run the same command "
            "again; a training goes on from its last checkpoint."
        ) from error


def start_ranks(device: torch.device) -> Ranks:
    """Join the process group if ``torchrun`` started this process (gloo on CPUs, nccl on GPUs)."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Ranks()
    if not dist.is_initialized():
        with _all_taking_part():
            store, rank, world = next(rendezvous("env://", timeout=_TIMEOUT))
            # torchrun starts processes again with the same store, which still has the addresses of those before.
            attempt = PrefixStore(f"attempt{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
            backend = "nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, store=attempt, rank=rank, world_size=world, timeout=_TIMEOUT)
    return Ranks(dist.get_rank(), dist.get_world_size())


@contextlib.contextmanager
def work_shared() -> Iterator[Ranks]:
    """Context in which the processes that ``torchrun`` started share passes of networks over many images.

    All do the same work, and have the same results. They exchange them on the CPU, whatever computes them.
    """
    ranks = start_ranks(torch.device("cpu"))
    if ranks.world == 1:
        yield ranks
        return
    with parallel.shared_among(Sharing(ranks.rank, ranks.world, exchange_among_ranks)):
        yield ranks


def exchange_among_ranks(value: Any) -> list[Any]:
    """Values of all ranks, in order."""
    values: list[Any] = [None] * _world()
    with _all_taking_part():
        dist.all_gather_object(values, value)
    return values


def barrier(ranks: Ranks) -> None:
    """Wait for all ranks."""
    if ranks.world > 1:
        with _all_taking_part():
            dist.barrier()


def any_rank(flag: bool, ranks: Ranks, device: torch.device) -> bool:
    """True on all ranks if the flag is set on any rank, so that all take the same branch."""
    return bool(largest_of_ranks([float(flag)], ranks, device)[0])


def largest_of_ranks(values: Sequence[float], ranks: Ranks, device: torch.device) -> list[float]:
    """The largest of each value over ranks."""
    everyone = torch.tensor(values, device=device)
    if ranks.world > 1:
        with _all_taking_part():
            dist.all_reduce(everyone, op=dist.ReduceOp.MAX)
    largest: list[float] = everyone.tolist()
    return largest


def average_over_ranks(values: Tensor, ranks: Ranks) -> Tensor:
    """The mean over ranks of a tensor of statistics."""
    if ranks.world > 1:
        with _all_taking_part():
            dist.all_reduce(values)
        values /= ranks.world
    return values


def broadcast_parameters(modules: Iterable[nn.Module], ranks: Ranks) -> None:
    """Give every rank the parameters and buffers of rank 0."""
    if ranks.world > 1:
        with _all_taking_part():
            for module in modules:
                for tensor in module.state_dict().values():
                    dist.broadcast(tensor, src=0)


def assert_ranks_agree(modules: Iterable[nn.Module], ranks: Ranks) -> None:
    """Fail if the parameters of the ranks differ, which is a bug."""
    if ranks.world == 1:
        return
    digest = hashlib.blake2b(digest_size=8)
    for module in modules:
        for parameter in module.parameters():
            # Flattened first: a 1x1 convolution in channels_last counts as contiguous with strides that bar a view.
            flat = parameter.detach().cpu().flatten().contiguous()
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    digests = exchange_among_ranks(digest.hexdigest())
    assert len(set(digests)) == 1, f"parameters differ between ranks: {digests}"


class _Gather(torch.autograd.Function):
    """Rows of all portions of all ranks; its derivative is ``_SumOwn``, and the reverse."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        own = torch.cat(parallel.exchange(rows))  # of this rank
        if _world() == 1:
            return own
        return _once(lambda: torch.cat(_all_gather(own)))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        rows: Tensor = _SumOwn.apply(gradients[0], ctx.count)
        return rows


class _SumOwn(torch.autograd.Function):
    """A portion's own rows of the sum over all portions of all ranks; portions differ in their number of rows."""

    @staticmethod
    def forward(ctx: Any, every: Tensor, count: int) -> Tensor:
        given = parallel.exchange((every, count))
        start = sum(rows for _, rows in given[: parallel.place_among_parts()[0]])
        total: Tensor = sum((gradient for gradient, _ in given[1:]), start=given[0][0])
        if _world() > 1:
            total = _once(lambda: _all_reduce(total)).tensor_split(_world())[dist.get_rank()]
        return total[start : start + count].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(gradients[0]), None


def _world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def _once(collective: Callable[[], Tensor]) -> Tensor:
    """The result of a collective call, which one portion makes for all of this process."""
    first = parallel.place_among_parts()[0] == 0
    result: Tensor = parallel.exchange(collective() if first else None)[0]
    return result


def _all_gather(rows: Tensor) -> list[Tensor]:
    parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    with _all_taking_part():
        dist.all_gather(parts, rows.contiguous())
    return parts


def _all_reduce(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    with _all_taking_part():
        dist.all_reduce(total)
    return total


def gather(rows: Tensor) -> Tensor:
    """Rows (N, …) of all portions of all ranks in order, for losses that compare the images of a batch.

    It is twice differentiable. If each portion's loss is the mean over its own images, weighted with its share of them,
    the gradients add up to those of the global batch.
    """
    if _world() == 1 and parallel.place_among_parts()[1] == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered

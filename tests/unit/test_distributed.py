"""Ranks: who has which images, and averages and rows over real processes."""

import os
import socket
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import distributed
from acgan.distributed import Ranks
from acgan.training.gradients import Gradients

CPU = torch.device("cpu")


@pytest.mark.parametrize("world", [1, 2, 4])
def test_ranks_share_out_the_batch(world: int) -> None:
    parts = [list(range(12))[Ranks(rank, world).slice(12)] for rank in range(world)]
    assert [image for part in parts for image in part] == list(range(12))
    assert [Ranks(rank, world).first for rank in range(world)] == [True] + [False] * (world - 1)


def test_one_process_alone_communicates_with_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert distributed.start_ranks(CPU) == Ranks(0, 1)
    network = nn.Linear(2, 1)
    values = torch.ones(2)
    assert distributed.average_over_ranks(values, Ranks()) is values
    assert distributed.any_rank(True, Ranks(), CPU)
    assert not distributed.any_rank(False, Ranks(), CPU)
    distributed.assert_ranks_agree([network], Ranks())


GATHERED = torch.arange(12.0).view(4, 3) + 1
WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 3.0], [4.0, 0.25, -1.0, 2.0]])  # of the rows in each rank's loss


def _gather_on(rank: int) -> dict[str, Tensor]:
    """Rows and labels of both ranks, and the gradient of this one's rows: rank r's loss is sum_j w_rj |x_j|^2."""
    own = GATHERED[2 * rank : 2 * rank + 2].T.contiguous().T.clone().requires_grad_()
    rows = distributed.gather(own)
    loss = (WEIGHTS[rank] * rows.square().sum(dim=1)).sum() + own.sum()
    loss.backward()
    labels = distributed.gather(torch.tensor([10, 11]) + 2 * rank)
    with torch.no_grad():
        plain = distributed.gather(own)
    assert not plain.requires_grad
    return {"rows": rows.detach(), "plain": plain, "labels": labels, "gradient": own.grad}


def _rank(rank: int, port: int, out: Path) -> None:
    """What each of two processes does; rank 0's view and rank 1's are compared by the test."""
    torch.set_num_threads(1)
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {**address, "WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}
    ranks = distributed.start_ranks(CPU)
    assert ranks == Ranks(rank, 2)
    result: dict[str, object] = {}

    parameters = nn.ParameterList([torch.zeros(2, 3), torch.zeros(4), torch.zeros(1)])
    gradients = Gradients(parameters)
    given = torch.arange(6.0).view(3, 2).T * (rank + 1)  # not contiguous
    loss = (given * parameters[0]).sum()
    if rank == 0:  # the second one is missing on rank 1, and the third on both
        loss = loss + parameters[1].sum()
    gradients.add(gradients.of(loss, parameters))
    gradients.average_and_set(ranks)
    result["gradients"] = [parameter.grad.clone() for parameter in parameters]

    result["average"] = distributed.average_over_ranks(torch.tensor([1.0, 10.0]) * (1 + rank), ranks)
    result["any"] = [distributed.any_rank(rank == 1, ranks, CPU), distributed.any_rank(False, ranks, CPU)]
    result["gathered"] = _gather_on(rank)

    torch.manual_seed(rank)
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    network[1].running_mean.fill_(rank + 1.0)
    try:
        distributed.assert_ranks_agree([network], ranks)
    except AssertionError as error:
        result["disagreed"] = "parameters differ" in str(error)
    distributed.broadcast_parameters([network], ranks)
    distributed.assert_ranks_agree([network], ranks)
    result["network"] = network.state_dict()
    torch.save(result, out / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_over_gloo(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(_rank, (port, tmp_path), nprocs=2)
    zero, one = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for result in (zero, one):
        assert_close(
            result["gradients"],
            [torch.arange(6.0).view(3, 2).T * 1.5, torch.full((4,), 0.5), torch.zeros(1)],
        )
        assert_close(result["average"], torch.tensor([1.5, 15.0]))
        assert result["any"] == [True, False]
        assert result["disagreed"]
        assert torch.equal(result["gathered"]["rows"], GATHERED)
        assert torch.equal(result["gathered"]["plain"], GATHERED)
        assert torch.equal(result["gathered"]["labels"], torch.arange(10, 14))
    # The sum of what both losses have for a row, and what the own one has beside.
    expected = 2 * WEIGHTS.sum(dim=0)[:, None] * GATHERED + 1
    assert_close(torch.cat([zero["gathered"]["gradient"], one["gathered"]["gradient"]]), expected)
    assert all(
        torch.equal(a, b) for a, b in zip(zero["network"].values(), one["network"].values(), strict=True)
    )
    assert (one["network"]["1.running_mean"] == 1).all()
    torch.manual_seed(0)
    assert torch.equal(one["network"]["0.weight"], nn.Linear(3, 2).weight)

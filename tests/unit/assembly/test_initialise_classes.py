"""Tensors of classes, copied by the classes' names into layers of other forms."""

import torch
from torch import nn

from acgan.assembly.initialise import _Classes, _transfer
from acgan.models.biggan import ConditionalBatchNorm
from acgan.models.heads import TwinHead
from acgan.models.layers import apply_spectral_norm

CLASSES = _Classes(("cat", "dog", "cow"), ("cow", "hen"))


def test_a_joint_head_takes_both_rows_of_a_class() -> None:
    old, new = TwinHead(5, 3, joint=True), TwinHead(5, 2, joint=True)
    before = new.classify.weight.detach().clone()
    with torch.no_grad():
        said = _transfer("head", old.state_dict(), new, CLASSES)
    assert said.startswith("head: took 2 of 2 tensors")
    assert torch.equal(new.classify.weight[[0, 2]], old.classify.weight[[2, 5]])
    assert torch.equal(new.classify.weight[[1, 3]], before[[1, 3]])


def test_a_joint_head_takes_nothing_of_a_head_with_other_rows() -> None:
    old, new = TwinHead(5, 3), TwinHead(5, 2, joint=True)
    before = new.classify.weight.detach().clone()
    with torch.no_grad():
        said = _transfer("head", old.state_dict(), new, CLASSES)
        assert "took 0 of 2 tensors" in said
        _transfer("head", new.state_dict(), TwinHead(5, 3), CLASSES)
    assert torch.equal(new.classify.weight, before)


def test_a_table_with_spectral_norm_takes_the_columns_of_a_class() -> None:
    old, new = (nn.Sequential(ConditionalBatchNorm(4, classes, of_class=True)) for classes in (3, 2))
    for network in (old, new):
        apply_spectral_norm(network)
    with torch.no_grad():
        said = _transfer("generator", old.state_dict(), new, CLASSES)
    assert "0.gain.parametrizations.weight.original (only the columns of 1 of 2 classes)" in said
    tables = [network[0].gain.parametrizations.weight.original for network in (old, new)]
    assert torch.equal(tables[1][:, 0], tables[0][:, 2])

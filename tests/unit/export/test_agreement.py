"""How far an exported file may be from acgan's own results."""

import pytest
import torch
from export_helpers import make_classifier, make_sampler

from acgan.export.agreement import compare_results
from acgan.export.border import Exportable


def _answers(results):
    """A file that gives results in turn, whatever it is asked."""
    parts = iter(results.split((1, 64, 35)))
    return lambda inputs: next(parts)


def test_the_samples_are_those_of_acgan() -> None:
    sampler = make_sampler()
    exported = Exportable(sampler, "uint8")
    images, labels = sampler.sample(100, seed=0)
    assert torch.equal(exported.inputs["y"], labels)
    assert (exported.expected.int() - images.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("change", "is_close"),
    [
        (lambda x: x, True),
        (lambda x: x.clone().index_fill_(0, torch.tensor([3]), 0), False),
        (lambda x: (x.int() - 1).clamp(0, 255).to(torch.uint8), False),  # one level, everywhere
        (lambda x: x.float(), False),
        (lambda x: x[:, :1], False),
    ],
)
def test_bytes(change, is_close: bool) -> None:
    exported = Exportable(make_sampler(), "uint8")
    assert compare_results(exported, _answers(change(exported.expected))).is_close == is_close


def test_bytes_that_are_rounded_otherwise_in_a_few_places() -> None:
    exported = Exportable(make_sampler(), "uint8")
    changed = exported.expected.clone()
    changed.view(-1)[:100] ^= 1
    agreement = compare_results(exported, _answers(changed))
    assert agreement.is_close
    assert agreement.largest == 1
    assert "1 levels of 256, in 0.130% of the values" in str(agreement)


@pytest.mark.parametrize(("shift", "is_close"), [(5e-4, True), (2e-3, False), (float("nan"), False)])
@pytest.mark.parametrize("output", ["float", "probabilities", "logits"])
def test_floats(output: str, shift: float, is_close: bool) -> None:
    exported = Exportable(make_sampler() if output == "float" else make_classifier(), output)
    agreement = compare_results(exported, _answers(exported.expected + shift))
    assert agreement.is_close == is_close
    assert agreement.samples == 100

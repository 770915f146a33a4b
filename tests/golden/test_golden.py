"""Trainings give the numbers that they gave when the traces were written.

A failure means that a change altered the computation. Where that was the aim, `python tests/golden/regenerate.py`.
"""

import pytest
import torch
from traces import TRACES, read, trace


@pytest.mark.parametrize("name", TRACES)
def test_trace(name: str) -> None:
    torch.set_num_threads(1)
    found, expected = trace(name), read(name)
    assert len(found) == len(expected) == TRACES[name][0]
    for step, (now, then) in enumerate(zip(found, expected, strict=True)):
        assert now.keys() == then.keys(), f"step {step}"
        wrong = {
            term: (value, then[term])
            for term, value in now.items()
            if value != pytest.approx(then[term], rel=1e-6, abs=1e-9)
        }
        assert not wrong, f"step {step}: {wrong}"

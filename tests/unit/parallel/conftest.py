"""What tests of ``acgan.parallel`` share."""

from collections.abc import Iterator

import pytest

from acgan import parallel


@pytest.fixture(autouse=True)
def two_cores() -> None:
    """None are chosen for these tests."""


@pytest.fixture(params=[1, 2, 5])
def cores(request: pytest.FixtureRequest) -> Iterator[int]:
    """Number of cores to use."""
    with parallel.using_cores(request.param):
        yield request.param

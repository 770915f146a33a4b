"""What tests share."""

import os
from pathlib import Path

import pytest

from acgan._torchvision import torchvision  # noqa: F401  (mends the import of torchvision; see there)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with MNIST and the CIFAR-10 zip; the test is skipped where it is missing."""
    folder = Path(os.environ.get("ACGAN_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}; set ACGAN_TEST_DATA to the folder that holds MNIST/")
    return folder

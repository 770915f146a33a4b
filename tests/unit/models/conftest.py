"""Fixtures of the tests of networks."""

import pytest
from classifier_helpers import make_classifier

from acgan.models import AuxClassifier


@pytest.fixture(scope="module")
def inception() -> AuxClassifier:
    """Inception v3 with its own auxiliary head; copy it."""
    return make_classifier("inception_v3", image_size=96)

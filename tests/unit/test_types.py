"""Facts that are written out a second time equal their home in ``acgan.types``."""

from typing import get_args

from acgan import types
from acgan.cli import evaluation_table
from acgan.config.shared import DataConfig


def test_the_configuration_has_the_same_resolutions() -> None:
    literal, _ = get_args(DataConfig.model_fields["resolution"].annotation)
    assert get_args(literal) == types.RESOLUTIONS


def test_the_table_has_words_for_every_choice() -> None:
    assert tuple(evaluation_table._SPLITS) == types.SPLITS
    assert tuple(evaluation_table._PRIORS) == types.LABEL_PRIORS

"""Facts that are written out a second time equal their home in ``acgan.types``."""

from acgan import types
from acgan.cli import evaluation_table


def test_the_table_has_words_for_every_choice() -> None:
    assert tuple(evaluation_table._SPLITS) == types.REFERENCES
    assert tuple(evaluation_table._PRIORS) == types.LABEL_PRIORS

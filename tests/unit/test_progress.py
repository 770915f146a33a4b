"""The line of a training's progress in a pipe."""

import pytest

from acgan.cli.progress import Reporter
from acgan.training.tracking import Tick


@pytest.mark.parametrize("stats", [{}, {"D/augment_p": 0.1254}])
def test_the_probability_of_augmentation_is_told_where_there_is_one(
    stats: dict[str, float], capsys: pytest.CaptureFixture[str]
) -> None:
    Reporter(quiet=False).tick(Tick(10, 20, {"D/adversarial": 0.5, **stats}, 2.0))
    expected = "  augment p 0.125" if stats else ""
    line = f"       10 / 20 images  D 0.500{expected}  2 images/s  ETA 0:05\n"
    assert capsys.readouterr().out == line

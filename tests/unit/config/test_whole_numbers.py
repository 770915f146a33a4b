"""Whole numbers: the configuration and the options of the command line take the same, and read it alike."""

from pathlib import Path

import click
import pytest
from config_helpers import changed, load_text

from acgan.cli.options import Count
from acgan.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(
            ("600000", 600_000),
            ("600_000", 600_000),
            ("6e5", 600_000),
            ("6E5", 600_000),
            ("+6.0e+5", 600_000),
        ),
        *(("1.5e3", 1500), ("12.0", 12), ("010", 10), ("1_0e2", 1000)),
    ],
)
def test_a_whole_number_is_read_alike_everywhere(text: str, number: int, tmp_path: Path) -> None:
    assert Count(min=1).convert(text, None, None) == number
    assert changed(f"train.total_nimg={text}").train.total_nimg == number
    assert load_text(tmp_path, f"train: {{total_nimg: {text}}}").train.total_nimg == number


@pytest.mark.parametrize(
    "text", ["600,000", "600k", "1.5", "0x10", "1:30", "1__0", "nan", "six", "2020-01-01"]
)
def test_what_is_no_whole_number_is_refused_everywhere(text: str) -> None:
    with pytest.raises(
        click.BadParameter, match=r"is not a whole number; expected e\.g\. 600000, 600_000 or 6e5"
    ):
        Count(min=1).convert(text, None, None)
    with pytest.raises(
        ConfigError, match=r"train\.total_nimg: found .*; expected a whole number, as in 200_000 or 2e5"
    ):
        changed(f"train.total_nimg={text}")


@pytest.mark.parametrize("text", ["0", "-5", "-1e3"])
def test_a_range_is_held_everywhere(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not in the range x>=1"):
        Count(min=1).convert(text, None, None)
    with pytest.raises(ConfigError, match="greater than 0"):
        changed(f"train.total_nimg={text}")


@pytest.mark.parametrize("name", ["01", "007", "1:30", "0x1F", "2020-01-01", "0b1", "1__0"])
def test_names_of_classes_are_not_taken_for_numbers_or_dates(name: str, tmp_path: Path) -> None:
    assert load_text(tmp_path, f"data: {{classes: [{name}, b]}}").data.classes == [name, "b"]


@pytest.mark.parametrize("text", ["1e3", "0.5"])
def test_a_broken_number_is_no_class_name(text: str) -> None:
    with pytest.raises(ConfigError, match=r"YAML read a class name as the number .*; put it in quotes"):
        changed(f"data.classes=[{text}, b]")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("data.test_share=most", "a number, as in 0.5 or 5e-4"),
        ("data.mirror=perhaps", "true or false"),
        ("data.mirror=[1]", "true or false"),
        ("train.batch_size=[1]", "a whole number, as in 200_000 or 2e5"),
        ("train.batch_size=null", "a whole number, as in 200_000 or 2e5"),
    ],
)
def test_numbers_and_truth_values_are_asked_for_in_plain_words(override: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=rf"found .*; expected {expected}"):
        changed(override)

"""Every number has a range, which is told where it is listed and where it is left."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from acgan.config import CONFIGS, RunConfig, list_keys, load
from acgan.config.listing import bounds_of, sections_of
from acgan.config.sweep import SweepConfig
from acgan.errors import ConfigError

HUGE = 10**39


def _numbers(model: type[BaseModel], prefix: str = "", kind: str = "") -> Iterator[tuple[str, str, Any]]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        for section in sections_of(field.annotation, field.metadata):
            kinds = section.model_fields.get("kind")
            own = (
                f"{key}.kind={kinds.annotation.__args__[0]}"
                if kinds and hasattr(kinds.annotation, "__args__")
                else kind
            )
            yield from _numbers(section, f"{key}.", own)
        if not sections_of(field.annotation, field.metadata) and any(
            t in str(field.annotation) for t in ("int", "float")
        ):
            yield kind, key, field


@pytest.mark.parametrize("model", [*CONFIGS.values(), SweepConfig])
def test_no_number_may_be_huge(model: Any) -> None:
    found = list(_numbers(model))
    assert len(found) > 3
    for kind, key, _field in found:
        with pytest.raises(ConfigError) as caught:
            load(model, None, [*([kind] if kind else []), f"{key}={HUGE}"])
        assert any(
            line.startswith(f"--set: {key}") and "expected" in line for line in str(caught.value).splitlines()
        ), (
            key,
            str(caught.value),
        )


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "train.batch_size=2147483648",
            "found 2147483648; expected a number less than or equal to 1,048,576",
        ),
        ("train.micro_batch=4294967296", "less than or equal to 1,048,576"),
        ("train.total_nimg=1e13", "less than or equal to 1,000,000,000,000"),
        ("model.latent_dim=2147483648", "less than or equal to 16,384"),
        ("model.generator.channels=1000000", "less than or equal to 16,384"),
        ("model.generator.mapping_layers=1000000", "less than or equal to 8"),
        ("seed=9223372036854775808", "less than 9,223,372,036,854,775,808"),
        ("data.split_seed=9223372036854775808", "less than 9,223,372,036,854,775,808"),
        ("optim.generator.lr=1e31", "expected a number above 0, up to 1e30"),
        ("loss.classification.weight_g=1e31", "less than or equal to 1e+30"),
    ],
)
def test_a_number_above_its_range_names_it(override: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, None, [override])
    assert told in str(caught.value)


def test_ranges_are_listed() -> None:
    types = {info.key: info.type for info in list_keys(RunConfig)}
    assert types["train.batch_size"] == "int, 1 to 1,048,576"
    assert types["train.micro_batch"] == "int, 1 to 1,048,576 | null"
    assert types["data.test_share"] == "float, 0 to below 1"
    assert types["optim.generator.eps"] == "float, above 0 to 1"
    assert types["seed"] == "int, 0 to below 9,223,372,036,854,775,808"
    assert types["optim.generator.betas"] == "list of float, 0 to below 1"
    assert types["data.source"] == "str"
    assert bounds_of(()) == ""

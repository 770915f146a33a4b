"""The filter of warnings in pyproject.toml."""

import warnings

import pytest


def _warn(module: str, stacklevel: int = 1) -> None:
    """Warn in a function of a module of that name."""
    names = {"__name__": module, "warnings": warnings}
    exec(f"def function(): warnings.warn('a remark', stacklevel={stacklevel})", names)
    names["function"]()  # type: ignore[operator]


@pytest.mark.parametrize("module", ["acgan", "acgan.training.run"])
def test_a_warning_for_a_module_of_acgan_fails_a_test(module: str) -> None:
    with pytest.raises(UserWarning, match="a remark"):
        _warn(module)


@pytest.mark.parametrize(("module", "stacklevel"), [("torch.nn", 1), ("acgan", 2)])
def test_a_warning_for_others_does_not(module: str, stacklevel: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        _warn(module, stacklevel)
    assert [str(warning.message) for warning in caught] == ["a remark"]

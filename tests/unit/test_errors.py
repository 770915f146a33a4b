"""Names to suggest for one that is not there."""

import pytest

from acgan.errors import did_you_mean, nearest_names


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("CAT", ["cat", "Cat", "dog"], ["cat", "Cat"]),
        ("cta", ["Cat", "cat", "cat", "CAT", "cAt"], ["Cat", "cat", "CAT"]),
        ("cat", ["bat", "CAT", "Cat"], ["CAT", "Cat", "bat"]),
        ("cat", ["dog"], []),
        ("x" * 201, ["x" * 201], []),
    ],
)
def test_names_that_differ_in_case_alone_are_all_near(
    name: str, candidates: list[str], expected: list[str]
) -> None:
    assert nearest_names(name, candidates) == expected


def test_of_several_one_is_named_where_one_is_wanted() -> None:
    assert nearest_names("cat", ["Cat", "CAT"], count=1) == ["Cat"]
    assert did_you_mean("cat", ["Cat", "CAT"]) == " Did you mean 'Cat' or 'CAT'?"

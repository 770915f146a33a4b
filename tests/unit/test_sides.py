"""The sides of images and feature maps."""

import pytest

from acgan.sides import MAP_SIDES, MAX_SIDE, MIN_SIDE, RESOLUTIONS, doubled_sides, map_sides, nearest


def test_the_sides_of_a_gan() -> None:
    assert (
        *(16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112),
        *(128, 160, 192, 224, 256, 320, 384, 448, 512),
    ) == RESOLUTIONS
    assert (4, 5, 6, 7, 8, 10, 12, 14, *RESOLUTIONS) == MAP_SIDES
    assert RESOLUTIONS[0] >= MIN_SIDE
    assert RESOLUTIONS[-1] <= MAX_SIDE


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (4, [4]),
        (7, [7]),
        (28, [7, 14, 28]),
        (80, [5, 10, 20, 40, 80]),
        (48, [6, 12, 24, 48]),
        (16, [4, 8, 16]),
    ],
)
def test_the_maps_of_a_network(side: int, expected: list[int]) -> None:
    assert map_sides(side) == expected


def test_maps_exist_exactly_for_the_doubled_sides() -> None:
    found = []
    for side in range(-64, 1025):
        try:
            sides = map_sides(side)
        except ValueError:
            continue
        assert sides == [sides[0] * 2**k for k in range(len(sides))]
        assert sides[0] in (4, 5, 6, 7)
        assert sides[-1] == side
        found.append(side)
    assert tuple(found) == doubled_sides(4, 1024)


def test_another_side_is_told() -> None:
    with pytest.raises(ValueError, match="found a side of 30; expected 4, 5, 6 or 7 times a power of two"):
        map_sides(30)


@pytest.mark.parametrize(
    ("side", "told"),
    [
        (30, "the nearest are 28 and 32"),
        (299, "the nearest are 256 and 320"),
        (3, "the nearest is 16"),
        (600, "the nearest is 512"),
    ],
)
def test_the_nearest_sides(side: int, told: str) -> None:
    assert nearest(side, RESOLUTIONS) == told

"""Sides of square images and of feature maps, in pixels.

A generator doubles its maps from a first side s, 4 to 7; a discriminator halves them to it. So their sides are s * 2^k,
and each such side has one s and one k.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Smallest and largest side that images are fitted to.
MIN_SIDE, MAX_SIDE = 8, 1024
#: The sides s * 2^k in words.
DOUBLED = "4, 5, 6 or 7 times a power of two"


def map_sides(side: int) -> list[int]:
    """Sides of the feature maps of a network: one from 4 to 7, doubled until it is ``side``.

    Raises:
        ValueError: If no side from 4 to 7 becomes ``side`` so.
    """
    halvings = side.bit_length() - 3  # 4 to 7 have three bits
    if side < 4 or side % 2**halvings:
        raise ValueError(f"found a side of {side}; expected {DOUBLED}")
    return [side >> halved for halved in range(halvings, -1, -1)]


def doubled_sides(low: int, high: int) -> tuple[int, ...]:
    """All sides s * 2^k from ``low`` to ``high``, s from 4 to 7, in order."""
    return tuple(
        sorted(s * 2**k for s in range(4, 8) for k in range(high.bit_length()) if low <= s * 2**k <= high)
    )


def nearest(side: int, sides: Sequence[int]) -> str:
    """The sides next to ``side``, which is none of them, in words. ``sides`` are in order."""
    below, above = [near for near in sides if near < side], [near for near in sides if near > side]
    near = [*below[-1:], *above[:1]]
    return f"the nearest {'is' if len(near) == 1 else 'are'} {' and '.join(map(str, near))}"


#: Sides of the images of a GAN.
RESOLUTIONS = doubled_sides(16, 512)
#: Sides of the feature maps of its networks.
MAP_SIDES = doubled_sides(4, RESOLUTIONS[-1])

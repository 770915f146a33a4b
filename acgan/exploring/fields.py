"""Values of the page's fields, which may be anything that a person types."""

from __future__ import annotations

from collections.abc import Sequence

from acgan.errors import UserError

#: Largest whole number that a browser tells from its neighbours.
MOST_SEED = 2**53 - 1
#: Images of a class that the page draws.
MOST_IMAGES = 64


def whole_number(name: str, value: float | None, most: int) -> int:
    """The whole number from 0 to ``most`` in a field; 0 if the field is empty.

    Raises:
        UserError: For another number.
    """
    if value is None:
        return 0
    if not 0 <= value <= most or value != int(value):
        raise UserError(f"{name}: found {value:,}; expected a whole number from 0 to {most:,}.")
    return int(value)


def mixed_shares(labels: Sequence[int | None], shares: Sequence[float]) -> dict[int, float]:
    """Shares by class, of those above 0; a class that is chosen twice has the sum.

    Raises:
        UserError: If there is none.
    """
    found: dict[int, float] = {}
    for label, share in zip(labels, shares, strict=True):
        if label is not None and share > 0:
            found[label] = found.get(label, 0.0) + share
    if not found:
        raise UserError("Mix of classes: every share is 0; expected one above 0.")
    return found

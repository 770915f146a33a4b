"""README.md's tables of the gallery, from its cards: what `benchmarks/gallery.py` rewrites and checks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from acgan.cli.options import clock
from acgan.errors import ConfigError
from acgan.evaluation import plain_name
from acgan.weights_file import sha256

_BEGIN, _END = "<!-- gallery -->", "<!-- /gallery -->"
_WIDTH = 240

Card = dict[str, Any]


def read_cards(root: Path) -> list[Card]:
    """Every card, by name."""
    return [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted((root / "samples").glob("*.json"))
    ]


def tables(cards: Sequence[Card]) -> str:
    """The table of the gallery, and that of failures where there are some, as Markdown."""
    parts = []
    for failure, head in (
        (False, ("samples", "command", "training", "Fréchet distance", "coverage", "recall", "class accuracy")),
        (True, ("samples", "command", "what is to be seen", "the collapse monitor", "coverage", "class accuracy")),
    ):  # fmt: skip
        rows = [_failure_row(card) if failure else _row(card) for card in cards if card["failure"] == failure]
        if rows:
            lines = [head, ["---"] * len(head), *rows]
            parts.append("\n".join(f"| {' | '.join(map(_in_cell, cells))} |" for cells in lines))
    return "\n\n".join(parts)


def _in_cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _row(card: Card) -> list[str]:
    metric, frechet = next(_named(card["scores"], "fid", "fcd"), ("", {"value": None}))
    distance = f"`{metric}` {_number(frechet['value'])}"
    if "times_floor" in frechet:
        distance += f", {frechet['times_floor']:.3g} x floor"
    trained = f"{card['images_shown']:,} images in {clock(card['trained_sec'])}"
    training = f"{trained}, {card['machine']}, {card['date'][:10]}"
    return [*_first_cells(card), training, distance, _beside_real(card, "coverage"),
            _beside_real(card, "recall"), _accuracy(card)]  # fmt: skip


def _failure_row(card: Card) -> list[str]:
    return [*_first_cells(card), card["seen"], _monitor(card["monitor"]), _beside_real(card, "coverage"),
            _accuracy(card)]  # fmt: skip


def _first_cells(card: Card) -> list[str]:
    name = card["name"]
    image = f'<img src="samples/{name}.png" width="{_WIDTH}" alt="{name}: one row a class">'
    return [f'<a href="samples/{name}.json">{image}</a>', f"`{card['command']}`"]


def _named(scores: Mapping[str, Card], *plain: str) -> Iterator[tuple[str, Card]]:
    return ((metric, card) for metric, card in scores.items() if plain_name(metric) in plain)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _beside_real(card: Card, plain: str) -> str:
    """Of all samples; and of as many as the floor is of, beside real images."""
    _, score = next(_named(card["scores"], plain), ("", {"value": None}))
    if score["value"] is None or score["floor"] is None:
        return _number(score["value"])
    halves = f"{_number(score['at_floor_count'])}, real {_number(score['floor'])}"
    return f"{_number(score['value'])} (halves: {halves})"


def _accuracy(card: Card) -> str:
    _, score = next(_named(card["scores"], "class_accuracy"), ("", {"value": None}))
    _, worst = next(_named(card["worst_class"], "class_accuracy"), ("", {}))
    return _number(score["value"]) + (f", class {worst['class']} {_number(worst['value'])}" if worst else "")


def _monitor(card: Card | None) -> str:
    if card is None:
        return "was off"
    if not card["warnings"]:
        return f"nothing in {card['looks']} looks"
    classes = "; ".join(
        f"{name}: {shares['duplicates']:.0%} near-duplicates, {shares['coverage']:.0%} covered"
        for name, shares in card["collapsed_at_last"].items()
    )
    warned = (
        f"warned {card['warnings']} of {card['looks']} times, first at {card['first_warning_nimg']:,} images"
    )
    return f"{warned}; at last {classes or 'no more'}"


def split_readme(root: Path) -> tuple[str, str, str]:
    """README.md before the tables, with the marker; the tables; and after them, with the marker."""
    text = (root / "README.md").read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    found, end, after = rest.partition(_END)
    if not begin or not end:
        raise ConfigError(f"README.md: expected {_BEGIN} and after it {_END}, between which the tables go.")
    return before + begin, found, end + after


def problems(root: Path) -> Iterator[str]:
    """What README.md, the cards and the pictures do not agree in."""
    cards = read_cards(root)
    for card in cards:
        picture = root / "samples" / f"{card['name']}.png"
        if not picture.is_file() or sha256(picture) != card["picture"]["sha256"]:
            yield f"samples/{picture.name}: missing, or not the picture that its card was written with; `add` it again"
    expected, found = (set(text.splitlines()) for text in (f"\n\n{tables(cards)}\n\n", split_readme(root)[1]))
    names = {name for line in expected ^ found for name in re.findall(r"samples/([^\"/]+)\.json", line)}
    for name in sorted(names):
        yield f"README.md: the row of {name} is not what samples/{name}.json gives; `table` rewrites it"
    if not names and f"\n\n{tables(cards)}\n\n" != split_readme(root)[1]:
        yield "README.md: the tables are not what the cards give; `table` rewrites them"

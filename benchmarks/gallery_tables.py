"""The gallery's tables in docs/gallery.md, made from the cards: `benchmarks/gallery.py` rewrites and checks them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from acgan.atomic import sha256
from acgan.cli.options import time_in_words
from acgan.errors import ConfigError
from acgan.metrics.catalogue import plain_name

#: The page with the tables.
GALLERY = "docs/gallery.md"
_BEGIN, _END = "<!-- gallery -->", "<!-- /gallery -->"
_WIDTH = 420
_CLASSES_NAMED = 3
_SETTINGS_SHOWN = 3
_HEAD = (
    "samples",
    "command",
    "training",
    "Fréchet distance",
    "coverage",
    "recall",
    "MS-SSIM in classes",
    "class accuracy",
    "the collapse monitor",
)
_FAILURES = (
    "samples",
    "command",
    "training",
    "what to look for",
    "the collapse monitor",
    "Fréchet distance",
    "coverage",
    "class accuracy",
)

Card = dict[str, Any]


def read_cards(root: Path) -> list[Card]:
    """All cards, sorted by name."""
    files = sorted((root / "samples").glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def tables(cards: Sequence[Card]) -> str:
    """The text between the markers: the table of the gallery, and a table of failures if there are any."""
    if not cards:
        return "\n\nNo run has a card yet.\n\n"
    text = "\n"
    for head, row, failure in ((_HEAD, _row, False), (_FAILURES, _failure_row, True)):
        rows = [row(card) for card in cards if card["failure"] == failure]
        if rows:
            lines = (head, ["---"] * len(head), *rows)
            text += "\n" + "".join(f"| {' | '.join(map(_in_cell, cells))} |\n" for cells in lines)
    return f"{text}\n"


def _in_cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _row(card: Card) -> list[str]:
    beside = [_beside_real(card, plain) for plain in ("coverage", "recall", "ms_ssim")]
    return [*_first_cells(card), _frechet(card), *beside, _accuracy(card), _monitor(card["monitor"])]


def _failure_row(card: Card) -> list[str]:
    scores = [_frechet(card), _beside_real(card, "coverage"), _accuracy(card)]
    return [*_first_cells(card), card["seen"], _monitor(card["monitor"]), *scores]


def _first_cells(card: Card) -> list[str]:
    name = card["name"]
    image = f'<img src="../samples/{name}.png" width="{_WIDTH}" alt="{name}: one row per class">'
    trained = f"{card['images_shown']:,} images in {time_in_words(card['trained_sec'])}"
    training = f"{trained}, {card['machine']}, {card['date'][:10]}"
    return [f'<a href="../samples/{name}.json">{image}</a>', _command(card), training]


def _command(card: Card) -> str:
    """The whole command if it is short; else without its settings, which the card has."""
    start, *settings = card["command"].split(" --set ")
    if len(settings) <= _SETTINGS_SHOWN:
        return f"`{card['command']}`"
    return f"`{start}` with {len(settings)} settings, in [its card](../samples/{card['name']}.json)"


def _frechet(card: Card) -> str:
    """The Fréchet distance, as a multiple of the floor too, and its mean within classes, where measured."""
    metric, whole = _score(card, "fid", "fcd")
    parts = [f"`{metric}` {_number(whole['value'])}" if metric else "-"]
    if "times_floor" in whole:
        parts.append(f"{whole['times_floor']:.3g} times the floor")
    within = _score(card, "intra_fid_mean", "intra_fcd_mean")[1]["value"]
    if within is not None:
        parts.append(f"within classes {_number(within)}")
    return ", ".join(parts)


def _score(card: Card, *plain: str) -> tuple[str, Mapping[str, Any]]:
    """The first metric with one of these names, and its score; an empty name if none was measured."""
    found = ((metric, score) for metric, score in card["scores"].items() if plain_name(metric) in plain)
    return next(found, ("", {"value": None, "at_floor_count": None, "floor": None}))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _beside_real(card: Card, plain: str) -> str:
    """The score of all samples, the scores of halves and of real images, and the worst class."""
    metric, score = _score(card, plain)
    text = _number(score["value"])
    if score["floor"] is not None:
        text += f" (halves: {_number(score['at_floor_count'])}, real {_number(score['floor'])})"
    return text + _worst(card, metric)


def _accuracy(card: Card) -> str:
    metric, score = _score(card, "class_accuracy")
    text = _number(score["value"]) + _worst(card, metric)
    if "cas" in card:
        word, gain = card["cas"]["verdict"].partition(":")[0], _gain(card["cas"]["cas_gain"])
        text += f"; a classifier of real images, with samples besides: {word}, {gain}"
    return text


def _worst(card: Card, metric: str) -> str:
    worst = card["worst_class"].get(metric)
    return f", worst class {worst['class']}: {_number(worst['value'])}" if worst else ""


def _gain(interval: Mapping[str, float]) -> str:
    gain, low, high = (f"{100 * interval[key]:+.1f}" for key in ("value", "low", "high"))
    return f"{gain} points ({low} to {high})"


def _monitor(card: Card | None) -> str:
    if card is None:
        return "was off"
    if not card["warnings"]:
        return f"never warned in {card['looks']} checks"
    classes = [
        f"{name} ({shares['duplicates']:.0%} near-duplicates, {shares['coverage']:.0%} covered)"
        for name, shares in card["collapsed_at_last"].items()
    ]
    more = f" and {len(classes) - _CLASSES_NAMED} more" if len(classes) > _CLASSES_NAMED else ""
    named = ", ".join(classes[:_CLASSES_NAMED]) + more
    often = f"warned in {card['warnings']} of {card['looks']} checks"
    return f"{often}, first at {card['first_warning_nimg']:,} images; in the last one about {named or 'none'}"


def split_page(root: Path) -> tuple[str, str, str]:
    """The gallery's page in three parts: up to the first marker, between the markers, from the second marker on."""
    text = (root / GALLERY).read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    found, end, after = rest.partition(_END)
    if not begin or not end:
        raise ConfigError(f"{GALLERY}: expected {_BEGIN} and after it {_END}, between which the tables go.")
    return before + begin, found, end + after


def problems(root: Path) -> Iterator[str]:
    """Differences between the page, the cards and the pictures."""
    cards = read_cards(root)
    for card in cards:
        picture = root / "samples" / f"{card['name']}.png"
        if not picture.is_file() or sha256(picture) != card["picture"]["sha256"]:
            yield f"samples/{picture.name}: missing, or not the one its card was written with; `add` the run again"
    expected, found = tables(cards), split_page(root)[1]
    if found == expected:
        return
    lines = set(expected.splitlines()) ^ set(found.splitlines())
    names = sorted({name for line in lines for name in re.findall(r'"\.\./samples/([^"/]+)\.json"', line)})
    for name in names:
        yield f"{GALLERY}: the row of {name} is not what samples/{name}.json gives; `table` rewrites it"
    if not names:
        yield f"{GALLERY}: the tables are not what the cards give; `table` rewrites them"

"""Tables of the gallery: made from its cards, and what does not agree with them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from evaluate_helpers import EYES
from gallery_helpers import PAGE, README, ROOT, card_of, run
from run_helpers import benchmark

from acgan.errors import ConfigError

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

gallery_tables = benchmark("gallery_tables")


def write_card(root: Path, card: Any) -> None:
    file = root / "samples" / f"{card['name']}.json"
    file.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def test_the_tables_are_between_the_markers(small_gallery: Path) -> None:
    text = (small_gallery / PAGE).read_text(encoding="utf-8")
    assert text.startswith("# Title\n<!-- gallery -->\n\n| samples |")
    assert text.endswith(" |\n\n<!-- /gallery -->\nThe end.\n")
    assert "old" not in text
    shown, failures = text.split("<!-- gallery -->")[1].strip().split("\n\n")[:2]
    assert "../samples/tiny.json" in shown
    assert "../samples/early.json" in failures
    assert "noise \\| and little else" in failures
    card = card_of(small_gallery, "tiny")
    fcd, worst = card["scores"][f"fcd{EYES}"], card["worst_class"][f"class_accuracy{EYES}"]
    assert f"`fcd{EYES}` {fcd['value']:.4g}, {fcd['times_floor']:.3g} times the floor" in shown
    assert f"worst class {worst['class']}: {worst['value']:.4g}" in shown
    assert "| `acgan train digits` with " in shown  # the tiny training has many settings
    assert re.search(r"320 images in (\d+ min )?\d+ s, ", shown)
    assert "warned " in failures


def test_a_command_of_many_settings_is_left_to_its_card(gallery_copy: Path) -> None:
    card = card_of(gallery_copy, "tiny")
    for number in (3, 4):
        words = "acgan train digits" + "".join(f" --set seed={seed}" for seed in range(number))
        write_card(gallery_copy, {**card, "command": words})
        run(gallery_copy, "table")
        text = (gallery_copy / PAGE).read_text(encoding="utf-8")
        assert (f"| `{words}` |" in text) == (number == 3)
        short = "| `acgan train digits` with 4 settings, in [its card](../samples/tiny.json) |"
        assert (short in text) == (number == 4)


def test_rewriting_changes_nothing(gallery_copy: Path) -> None:
    before = (gallery_copy / PAGE).read_bytes()
    run(gallery_copy, "check")
    run(gallery_copy, "table")
    assert (gallery_copy / PAGE).read_bytes() == before


def test_a_changed_number_is_found(gallery_copy: Path) -> None:
    card = card_of(gallery_copy, "tiny")
    card["scores"][f"coverage{EYES}"]["value"] += 0.001
    write_card(gallery_copy, card)
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "gallery.py"), "--root", str(gallery_copy), "check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: docs/gallery.md: the row of tiny ")
    assert "early" not in done.stderr


def test_what_else_does_not_agree_is_found(gallery_copy: Path) -> None:
    text = (gallery_copy / PAGE).read_text(encoding="utf-8")
    for changed, words in (
        (text.replace("noise", "noises"), ["row of early"]),
        (text.replace("| training |", "| time |"), ["the tables are not"]),
        (README, ["row of early", "row of tiny"]),
    ):
        (gallery_copy / PAGE).write_text(changed, encoding="utf-8")
        found = list(gallery_tables.problems(gallery_copy))
        assert len(found) == len(words)
        assert all(word in line for word, line in zip(words, found, strict=True))
    (gallery_copy / PAGE).write_text(text, encoding="utf-8")
    (gallery_copy / "samples" / "tiny.png").write_bytes(b"another")
    (gallery_copy / "samples" / "early.png").unlink()
    found = list(gallery_tables.problems(gallery_copy))
    assert [line.split(":")[0] for line in found] == ["samples/early.png", "samples/tiny.png"]


def test_a_readme_without_markers_is_refused(gallery_copy: Path) -> None:
    (gallery_copy / PAGE).write_text("# Title\n<!-- /gallery --><!-- gallery -->\n", encoding="utf-8")
    for command in ("table", "check"):
        with pytest.raises(ConfigError, match="<!-- gallery -->"):
            run(gallery_copy, command)


def test_the_readme_of_this_repository_is_what_its_cards_give() -> None:
    run(ROOT, "check")


def test_a_gallery_without_cards_says_so(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(README, encoding="utf-8")
    run(tmp_path, "table")
    text = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert text == README.replace("old", "\nNo run has a card yet.\n")
    run(tmp_path, "check")

"""Records of a run when it goes on: what is kept of them, and what is told."""

import json
import random
from pathlib import Path

import pytest

from acgan.sealed import sealed_line
from acgan.training.tracking import truncate_records

RECORDS = [{"nimg": 16 * number, "D/adversarial": 0.1 * number} for number in range(1, 8)]
KEPT = RECORDS[:5]  # up to the checkpoint at 80


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "stats.jsonl"
    file.write_text("".join(map(sealed_line, RECORDS)))
    return file


def _rows(file: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row.pop("check", None)
    return rows


def test_lines_past_the_checkpoint_go_and_one_that_a_kill_cut_short(log: Path) -> None:
    for ending in ("", '{"nimg": 1'):
        log.write_text("".join(map(sealed_line, RECORDS)) + ending)
        assert truncate_records(log, 80) == []
        assert _rows(log) == KEPT
    log.unlink()
    assert truncate_records(log, 80) == []
    assert not log.exists()


def test_lines_without_a_check_stay_as_they_are(log: Path) -> None:
    text = "".join(json.dumps(record) + "\n" for record in RECORDS)
    log.write_text(text)
    assert truncate_records(log, 1000) == []
    assert log.read_text() == text


def test_200_changed_bytes_lose_no_other_line_and_are_told(log: Path) -> None:
    whole, draw = log.read_bytes(), random.Random(0)
    kept = len("".join(map(sealed_line, KEPT)))
    for _ in range(200):
        changed = bytearray(whole)
        place = draw.randrange(kept)
        changed[place] ^= 1 << draw.randrange(8)
        log.write_bytes(changed)
        (message,) = truncate_records(log, 80)
        line = whole[:place].count(b"\n") + 1
        assert message.startswith(f"{log}: line {line} is damaged"), place
        lost = RECORDS[line - 1 : line + (changed[place] != whole[place] and whole[place] == 10)]
        assert _rows(log) == [record for record in KEPT if record not in lost], place


def test_damage_in_lost_work_is_not_told(log: Path) -> None:
    content = log.read_bytes()
    log.write_bytes(content.replace(b'"nimg": 112', b'"nimg": 113'))
    assert truncate_records(log, 80) == []
    assert _rows(log) == KEPT

"""Files of runs with values changed at random: commands read them, or refuse them plainly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import acgan, answers, counted, json_texts, refused, strict_json
from hypothesis import strategies as st
from made_runs import FCD, RECALL, make_evaluation, make_variant

from acgan.api.earlier import Earlier
from acgan.api.kept_evaluations import place
from acgan.api.places import PLACES_FILE, KnownPaths, find_data, with_known_paths
from acgan.config import RunConfig
from acgan.evaluation import KEPT_FOLDER
from acgan.evaluation.trained_run import RUN_STATS
from acgan.own_parts import PROVENANCE_FILE, recorded_parts
from acgan.reading import to_json
from acgan.results import find_variants, training_curves
from acgan.training.tracking import truncate_records

INVOCATION = {
    "command": "acgan train",
    "started": "2026-01-01T00:00:00+00:00",
    "acgan": "0.1.0",
    "python": "3.11",
    "packages": {"torch": "2.0"},
    "processor": "x",
    "threads": 1,
    "cores": 2,
    "gpu": None,
    "precision": "float32",
    "device": "cpu",
    "ended": "2026-01-01T00:01:00+00:00",
    "nimg": [0, 1000],
    "trained_sec": 60.0,
    "images_per_sec": 16.6,
    "peak_bytes": 1000000,
}
PROVENANCE = {
    "recipe": "digits",
    "seed": 0,
    "data": {
        "name": "digits",
        "images": {"train": {"0": 5}, "test": {"0": 1}},
        "resolution": 16,
        "fingerprint": "d" * 32,
    },
    "parameters": {"generator": 7},
    "flops": {"a training image": 100},
    "parts": {"loss.adversarial": {"kind": "mine", "module": "m", "script": "m.py"}},
    "invocations": [INVOCATION],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants of three runs, as a sweep leaves them, and an evaluation of each variant's runs together."""
    home = tmp_path_factory.mktemp("runs")
    for name, shift in (("a", 0.0), ("b", 1.0)):
        scores = {FCD: (5.0 + shift, 6.0, 5.5 + shift), RECALL: (0.5, 0.6, 0.7)}
        variant = make_variant(
            home / name, scores, per_class={"cat": {FCD: (1.0, 2.0, 3.0)}}, curve=(9.0, 5.0, 4.0)
        )
        make_evaluation(variant, scores, [variant / f"seed{seed}" for seed in range(3)], file="all.json")
        (variant / "seed0" / PROVENANCE_FILE).write_text(json.dumps(PROVENANCE), encoding="utf-8")
    return home


def _records(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _check_with(home: Path, name: str, read: Callable[[], None]) -> Callable[[bytes], None]:
    """A check that writes a case to a file, and puts back what was there."""
    file = home / name
    whole = file.read_bytes()

    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            read()
        finally:
            file.write_bytes(whole)

    return check


@counted
def test_odd_evaluations_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    def read() -> None:
        acgan("table", str(home), "--format", "csv", "--per-class")

    file = home / "a" / "seed0" / "evaluation.json"
    new = json.loads(file.read_text(encoding="utf-8"))

    def check(content: bytes) -> None:
        whole(content)
        (tmp_path / file.name).write_bytes(content)
        kept = place(tmp_path, new)
        strict_json(to_json(kept.values))
        if kept.moved is not None:
            assert kept.moved[0].resolve().parent == tmp_path / KEPT_FOLDER
            assert len(kept.moved[0].name) < 200

    whole = _check_with(home, "a/seed0/evaluation.json", read)
    answers(json_texts(new), check, count)


@counted
def test_odd_comparisons_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    a, b = home / "a" / "all.json", home / "b" / "all.json"

    def read() -> None:
        out = tmp_path / "out.json"
        if acgan("compare", str(a), str(b), "--json", str(out)).exit_code == 0:
            strict_json(out.read_text(encoding="utf-8"))

    answers(json_texts(json.loads(a.read_bytes())), _check_with(home, "a/all.json", read), count)


@counted
def test_odd_records_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    run = home / "a" / "seed0"

    def read() -> None:
        acgan("table", str(home / "a"), "--format", "csv")
        training_curves(find_variants([home / "b"]))
        refused(lambda: Earlier(run, RunConfig(), None).read_checkpoint(lambda message: None))
        truncate_records(run / RUN_STATS, 500)

    lines = st.lists(st.sampled_from(_records(run / RUN_STATS)).flatmap(json_texts), max_size=4).map(
        b"\n".join
    )
    answers(lines, _check_with(home, f"a/seed0/{RUN_STATS}", read), count)


@counted
def test_odd_provenances_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    run = home / "a" / "seed0"

    def read() -> None:
        acgan("info", str(run))
        result = acgan("info", str(run), "--json")
        if result.exit_code == 0:
            strict_json(result.stdout)
        recorded_parts(run)
        find_variants([run])

    answers(json_texts(PROVENANCE), _check_with(home, f"a/seed0/{PROVENANCE_FILE}", read), count)


@counted
def test_odd_places_are_answered(count: int, tmp_path: Path) -> None:
    config = RunConfig()
    places = KnownPaths({"data.source": "/x", "data.root": "/y"}, "f" * 32, {"cat": 3, "dog": 4})

    def check(content: bytes) -> None:
        (tmp_path / PLACES_FILE).write_bytes(content)

        def read() -> None:
            known = KnownPaths.read(tmp_path)
            earlier = Earlier(tmp_path, config, known)
            if known is not None:
                find_data(with_known_paths(config, known), known, chosen=False, say=str, warn=str)
                earlier.check_images(config, {}, places, None, str)

        refused(read)

    answers(json_texts(json.loads(places.to_json())), check, count)

"""Files of runs with values changed at random: commands read them, or refuse them plainly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import (
    acgan,
    answers,
    bent,
    counted,
    damaged,
    instead_of,
    json_bytes,
    json_texts,
    refused,
    strict_json,
)
from hypothesis import strategies as st
from made_runs import FCD, RECALL, make_evaluation, make_variant

from acgan.api.earlier import Earlier
from acgan.api.kept_evaluations import place
from acgan.api.places import PLACES_FILE, KnownPaths, find_data, with_known_paths
from acgan.api.run_directory import check_usable
from acgan.cli import plot as cli_plot
from acgan.config import RunConfig, to_yaml
from acgan.config.recipes import CONFIG_FILE
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

    whole = instead_of(home / "a/seed0/evaluation.json", read)
    answers(json_texts(new), check, count)


@counted
def test_odd_comparisons_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    a, b = home / "a" / "all.json", home / "b" / "all.json"

    def read() -> None:
        out = tmp_path / "out.json"
        if acgan("compare", str(a), str(b), "--json", str(out)).exit_code == 0:
            strict_json(out.read_text(encoding="utf-8"))

    answers(json_texts(json.loads(a.read_bytes())), instead_of(home / "a/all.json", read), count)


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
    answers(lines, instead_of(home / f"a/seed0/{RUN_STATS}", read), count)


@counted
def test_odd_files_are_drawn(count: int, home: Path, tmp_path: Path, drawn: list[Path]) -> None:
    """Scores by class and of a training, whatever they are, fit into pictures."""
    run = home / "a" / "seed0"
    evaluation, stats = run / "evaluation.json", run / RUN_STATS

    def read() -> None:
        acgan("plot", str(home / "a"), "--out", str(tmp_path / "pictures"))

    scores = json.loads(evaluation.read_text(encoding="utf-8"))
    lines = st.lists(st.sampled_from(_records(stats)).flatmap(json_texts), max_size=4).map(b"\n".join)
    cases = st.one_of(st.tuples(st.just(evaluation), json_texts(scores)), st.tuples(st.just(stats), lines))
    answers(cases, lambda case: instead_of(case[0], read)(case[1]), count)
    assert drawn


WORDS = [
    *(
        FCD,
        RECALL,
        "fcd",
        "recall",
        "kid,recall",
        ",",
        "",
        " ",
        "x",
        "é",
        "\x1b[2J",
        "a\nb",
        "[",
        "*",
        "--out",
        "-",
    ),
    *("x" * 5000, "..", ".", "/dev/null", "/proc/x/y", "a/b/c", "\udcff", "nan", "0", "fcd,fcd", "all", "%s"),
]


@counted
def test_odd_arguments_of_plot_are_answered(
    count: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    places = ["a", "b", "a/seed0", "a/all.json", "", ".", "a/seed0/config.yaml", "missing"]
    directories = st.sampled_from([*(str(home / place) for place in places), *WORDS])
    options = st.tuples(st.sampled_from(["--metrics", "--metrics", "--out", "--ou"]), st.sampled_from(WORDS))
    lines = st.tuples(st.lists(directories, max_size=3), st.lists(options, max_size=2))

    def check(line: tuple[list[str], list[tuple[str, str]]]) -> None:
        named = any(option == "--out" for option, _ in line[1])
        out = [] if named else ["--out", str(tmp_path / "pictures")]
        acgan("plot", *line[0], *(word for option in line[1] for word in option), *out)

    answers(lines, check, count)
    assert drawn


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Pictures that were drawn; making them to PNG takes most of the time, and depends on nothing odd but names."""
    found: list[Path] = []
    monkeypatch.setattr("acgan.atomic.os.fsync", lambda descriptor: None)
    write = cli_plot.write_bytes
    monkeypatch.setattr(cli_plot, "write_bytes", lambda path, png: found.append(path) or write(path, png))
    return found


@counted
def test_odd_configurations_of_runs_are_answered(count: int, home: Path, tmp_path: Path) -> None:
    """Of runs that are gone on with, described, and in tables."""
    run = tmp_path / "run"
    run.mkdir()
    config = run / CONFIG_FILE
    whole = yaml.safe_load(to_yaml(RunConfig()))
    made = home / "a" / "seed0" / CONFIG_FILE

    def go_on() -> None:
        acgan("train", str(run), "--print-config")
        acgan("classify", "train", str(run), "--print-config")
        acgan("train", str(run), "--print-config", "--set", "loss.penalty=null", "--set", "seed=1")
        refused(lambda: check_usable(run, RunConfig(), False))

    def show() -> None:
        acgan("table", str(home / "a"), "--format", "csv")
        acgan("info", str(home / "a" / "seed0"))

    texts = st.one_of(json_texts(whole), bent(whole).map(_as_yaml).flatmap(damaged))
    of_made = json_texts(yaml.safe_load(made.read_text(encoding="utf-8")))
    config.write_text(to_yaml(RunConfig()), encoding="utf-8")

    reads = {config: go_on, made: show}
    cases = st.one_of(st.tuples(st.just(config), texts), st.tuples(st.just(made), of_made))
    answers(cases, lambda case: instead_of(case[0], reads[case[0]])(case[1]), count)


def _as_yaml(value: Any) -> bytes:
    try:
        return yaml.safe_dump(value, sort_keys=False).encode()
    except (yaml.YAMLError, ValueError, UnicodeError):
        return json_bytes(value)


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

    answers(json_texts(PROVENANCE), instead_of(home / f"a/seed0/{PROVENANCE_FILE}", read), count)


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

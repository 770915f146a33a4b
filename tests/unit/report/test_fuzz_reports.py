"""Files of runs with values changed at random: a report is written, or refused plainly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sklearn.datasets  # noqa: F401  # takes seconds, once: where a configuration lost its source, digits are read
from fuzzing import answers, counted, json_texts, refused
from hypothesis import strategies as st
from made_runs import FCD, make_evaluation, make_run
from markupsafe import Markup

from acgan.api.report_material import gan_material, known_run
from acgan.own_parts import PROVENANCE_FILE
from acgan.report.gan import GanMaterial, gan_page

ACCURACY, COVERAGE = "class_accuracy[digits@738debee]", "coverage[digits@738debee]"
PROVENANCE = {
    "recipe": "digits",
    "seed": 0,
    "data": {"name": "d", "images": {"train": {"0": 5}}, "resolution": 16, "fingerprint": "d" * 32},
    "parameters": {"generator": 7},
    "flops": {},
    "trained_sec": 60.0,
    "invocations": [
        {
            "command": "acgan train", "recipe": "digits", "started": "2026", "acgan": "0.1", "python": "3",
            "packages": {"torch": "2"},
            "processor": "x", "threads": 1, "cores": 2, "gpu": None, "precision": "bf16", "device": "cpu",
            "ended": "2026", "nimg": [0, 1000], "trained_sec": 60.0, "images_per_sec": 16.6, "peak_bytes": 1,
        }
    ],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with an evaluation; figures are not drawn, which takes long."""
    monkeypatch.setattr("acgan.report.figures._drawn", lambda *_, **__: Markup(""))
    directory = make_run(tmp_path / "run", curve=(5.0, 4.0), nimg=1000)
    with open(directory / "stats.jsonl", "a", encoding="utf-8") as file:
        monitor = {
            "monitor/coverage/cat": 0.5,
            "monitor/duplicates/cat": 0.1,
            "monitor/collapsed_classes": 1.0,
        }
        file.write(json.dumps({"nimg": 1000, **monitor}) + "\n")
    values = {FCD: 12.0, ACCURACY: 0.5, COVERAGE: 0.4, "ms_ssim": 0.5, "ms_ssim_real": 0.3}
    scores = {name: (value,) for name, value in values.items()}
    file = make_evaluation(
        directory, scores, per_class={"cat": values, "dog": values}, samples_by_class=[70, 65],
        reference_by_class=[70, 65], reference_spread=20.0, repeats=1, seed=0, ms_ssim_scales=1,
    )  # fmt: skip
    content = json.loads(file.read_text())
    per_class = {name: dict.fromkeys(values, 0.4) for name in ("cat", "dog")}
    content["floor"] = {name: {"value": 0.9 * value, "std": 0.01} for name, value in values.items()}
    content |= {
        "floor_per_class": per_class,
        "at_floor_count_per_class": per_class,
        "confusion": [[9, 1], [2, 8]],
    }
    gain = {"value": 0.1, "low": 0.0, "high": 0.2}
    content["cas"] = {"cas_gain": gain, "verdict": "it helps", "provenance": {}}
    file.write_text(json.dumps(content))
    (directory / PROVENANCE_FILE).write_text(json.dumps(PROVENANCE))
    return directory


def _page_of(run: Path) -> str:
    return gan_page(GanMaterial(known_run(run), None, None, None, None)).html()


def _check(file: Path) -> Callable[[bytes], None]:
    def tell(_: str) -> None:
        pass

    def page() -> None:
        gan_page(gan_material(known_run(file.parent), None, "cpu", True, tell, tell)).html()

    def check(content: bytes) -> None:
        file.write_bytes(content)
        refused(page)

    return check


def test_the_run_has_everything(run: Path) -> None:
    html = _page_of(run)
    assert "What could not be shown" not in html
    assert "It helps." in html
    assert (
        "cat, by FCD 1.00 times its floor (0.400, real images 0.400); accuracy 0.400 (real images 0.400)"
        in html
    )


@counted
def test_odd_evaluations(count: int, run: Path) -> None:
    file = run / "evaluation.json"
    answers(json_texts(json.loads(file.read_text())), _check(file), count)


@counted
def test_odd_records(count: int, run: Path) -> None:
    file = run / "stats.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    lines = st.lists(st.sampled_from(records).flatmap(json_texts), max_size=4).map(b"\n".join)
    answers(lines, _check(file), count)


@counted
def test_odd_provenances(count: int, run: Path) -> None:
    answers(json_texts(PROVENANCE), _check(run / PROVENANCE_FILE), count)


@counted
def test_odd_configurations(count: int, run: Path) -> None:
    config = {
        "task": "gan", "seed": 0, "description": "d", "train": {"total_nimg": 1000},
        "data": {"source": "x"}, "monitor": {"min_coverage": 0.2, "max_duplicates": 0.5},
        "loss": {"classification": {"weight_g": 0.3}}, "model": {"aux": {"layer3": 0.3}},
    }  # fmt: skip
    answers(json_texts(config), _check(run / "config.yaml"), count)

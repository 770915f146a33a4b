"""``acgan report``: its sections hold the numbers of the run's files, and what is not there is told."""

from __future__ import annotations

import json
import os
import shutil
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from evaluate_helpers import EYES, assert_refused, evaluate, read, write_images
from made_runs import make_run
from report_helpers import ReadReport
from run_helpers import acgan, acgan_train, classified, stats_rows, trained

from acgan.api import report_material
from acgan.api.report import report_after
from acgan.errors import Interrupted
from acgan.evaluation import read_scores, verdict

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

SECTIONS = [
    *("verdict", "samples", "training", "classes", "confusion", "diversity", "nearest", "walks", "data"),
    *("settings", "provenance", "commands"),
]
NAMES = ("<img src=x onerror=alert(1)>", 'a\u202eb\x1b[31m "&', "{{ 7*7 }} $x^2$")
SHOWN = ("<img src=x onerror=alert(1)>", r'a\u202eb\x1b[31m "&', "{{ 7*7 }} $x^2$")


@pytest.fixture
def run(reported: Path) -> Path:
    """The run of all modules, which tests only read."""
    return reported


@pytest.fixture(scope="module")
def report(reported: Path) -> ReadReport:
    return ReadReport(reported / "report.html")


def _copied(run: Path, to: Path) -> Path:
    shutil.copytree(run, to)
    return to


def _reported(*arguments: str | Path) -> ReadReport:
    result = acgan("report", *map(str, arguments))
    assert result.exit_code == 0, result.output
    line = result.stdout.splitlines()[-1]
    return ReadReport(Path(line.removeprefix("report: ").rpartition(" (")[0]))


def test_sections_come_in_order_and_nothing_is_missing(report: ReadReport) -> None:
    assert list(report.sections) == SECTIONS
    levels = [int(tag[1]) for tag, _ in report.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[:2] == [1, 2]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_is_small_and_fetches_nothing(report: ReadReport) -> None:
    assert report.file.stat().st_size < 5_000_000
    assert "http" not in report.html.replace("http-equiv", "")
    for _, attributes in report.tags:
        for key in ("src", "href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:"))


def test_pictures_and_tables_have_words(report: ReadReport) -> None:
    assert all(image["alt"] for image in report.of("img"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in report.of("svg"))
    assert len(report.of("caption")) == len(report.of("table"))
    assert report.of("html") == [{"lang": "en"}]


def test_the_verdict_is_that_of_the_evaluation(run: Path, report: ReadReport) -> None:
    sentence = verdict(read_scores(run))[0]
    assert sentence.startswith("Verdict: ")
    assert sentence in report.sections["verdict"]
    assert f"acgan evaluate {run} --metrics cas" in report.sections["verdict"]


def test_samples_of_every_class_beside_real_images(report: ReadReport) -> None:
    images = [image["alt"] for image in report.of("img")]
    for name in "0123456789":
        assert f"8 samples of class {name}" in images
        assert f"8 real images of class {name}" in images
        assert f"24 more samples of class {name}" in images


def test_curves_mark_the_best_state_and_resumes(run: Path, report: ReadReport) -> None:
    key = next(key for row in stats_rows(run) for key in row if key.startswith("evaluate/"))
    best = min((row[key], row["nimg"]) for row in stats_rows(run) if key in row)
    text = report.sections["training"]
    assert "320 images were shown of 320." in text
    assert f"by {key.removeprefix('evaluate/')}, was {best[0]:.4g} at {best[1]:,} images" in text
    assert "Resumed at 160 images." in text
    labels = [str(svg["aria-label"]) for svg in report.of("svg")]
    assert any(label.startswith(f"Score {key.removeprefix('evaluate/')}") for label in labels)


def test_classes_have_the_scores_of_the_file_and_their_floors(run: Path, report: ReadReport) -> None:
    scores = read(run / "evaluation.json")
    accuracy = f"class_accuracy{EYES}"
    rows = {row[0]: row for row in report.rows["classes"]}
    heading = next(row for row in report.rows["classes"] if row[0] == "class")
    for name, values in scores["per_class"].items():
        assert rows[name][heading.index("acc.")] == f"{values[accuracy]:.3f}"
        assert rows[name][heading.index("MS-SSIM")] == f"{values['ms_ssim']:.3f}"
    beside = rows["class accuracy"]
    assert beside[1].startswith(f"{scores['at_floor_count'][accuracy]['value']:.4f}")
    assert beside[2].startswith(f"{scores['floor'][accuracy]['value']:.4f}")
    own, floor = (scores[part]["3"][accuracy] for part in ("at_floor_count_per_class", "floor_per_class"))
    bars = next(
        str(svg["aria-label"]) for svg in report.of("svg") if str(svg["aria-label"]).startswith("Class acc")
    )
    assert f"3 {own:.3g} (real {floor:.3g})" in bars


def test_the_confusion_matrix_is_that_of_the_file(run: Path, report: ReadReport) -> None:
    confusion = read(run / "evaluation.json")["confusion"]
    right = sum(confusion[label][label] for label in range(10))
    assert f"{right:,} of 100 samples are taken for the right class" in report.sections["confusion"]


def test_the_monitors_last_look(run: Path, report: ReadReport) -> None:
    row = next(row for row in reversed(stats_rows(run)) if "monitor/coverage/4" in row)
    shown = next(cells for cells in report.rows["diversity"] if cells[0] == "4")
    assert shown[1:3] == [f"{row[f'monitor/{what}/4']:.0%}" for what in ("coverage", "duplicates")]


def test_nearest_training_images_and_walks(report: ReadReport) -> None:
    alts = [str(image["alt"]) for image in report.of("img")]
    assert sum("its nearest training image, distance" in alt for alt in alts) == 12
    assert "Of 320 samples these are the nearest" in report.sections["nearest"]
    assert "From class “0” to “1”, with the same latents" in report.sections["walks"]
    assert [slider["max"] for slider in report.of("input")] == ["16"] * 4


def test_data_configuration_provenance_and_commands(run: Path, report: ReadReport) -> None:
    known = read(run / "provenance.json")
    rows = {row[0]: row[1:] for row in report.rows["data"]}
    parts = [known["data"]["images"][part] for part in ("train", "validation", "test")]
    assert rows["7"] == [f"{part['7']}" for part in parts]
    assert rows["all"] == [f"{sum(part.values()):,}" for part in parts]
    assert ["evaluate.num_images", "2000", "50"] in report.rows["settings"]
    assert yaml.safe_load((run / "config.yaml").read_text())["model"]["latent_dim"] == 16
    assert f"{known['parameters']['generator']:,}" in report.sections["provenance"]
    assert "Training 2 of 2" in report.sections["provenance"]
    extractor = read(run / "evaluation.json")["provenance"]["extractor"]
    shown = {row[0]: row[1] for row in report.rows["provenance"]}
    assert shown["features of"].startswith(f"{extractor['name']}; {extractor['dims']} features of images of ")
    assert shown["features of"].endswith(f"SHA-256 {extractor['sha256']}")
    for command in (
        f"acgan sample {run} --out samples.png",
        f"acgan train {run}",
        known["invocations"][0]["command"],
    ):
        assert command in report.sections["commands"]


def test_a_run_that_was_never_evaluated(tmp_path: Path) -> None:
    bare = make_run(tmp_path / "bare")
    result = acgan("report", str(bare))
    file = bare / "report.html"
    assert result.stdout == f"report: {file} ({file.stat().st_size / 1e6:.1f} MB)\n"
    found = ReadReport(file)
    assert list(found.sections) == [*SECTIONS, "missing"]
    assert f"{bare / 'provenance.json'}: no such file" in found.sections["missing"]
    assert "Not known yet whether the samples are good" in found.sections["verdict"]
    assert f"acgan evaluate {bare}" in found.sections["classes"]
    assert f"acgan evaluate {bare}" in found.sections["confusion"]
    assert "There is no provenance.json that can be read" in found.sections["provenance"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "config.yaml",
            "task: gan\ntrain: {total_nimg: [1]}\n",
            "train.total_nimg: found [1]; input should be",
        ),
        ("stats.jsonl", '{"nimg": 5, "x": 1e300}\n', "x at 5 images: found 1e+300"),
        ("evaluation.json", '{"format": 1, "overall": "x"}', "provenance: it is not there"),
        ("provenance.json", '{"recipe": []}', "not what acgan writes at recipe: found []"),
        ("provenance.json", "[" * 900 + "]" * 900, "no JSON object"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(tmp_path: Path, name: str, content: str, told: str) -> None:
    run = make_run(tmp_path / "run")
    (run / name).write_text(content)
    missing = _reported(run).sections["missing"]
    assert f"{run / name}: " in missing
    assert told in missing


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("[" * 900 + "]" * 900, "found more than 20 levels"),
        ("a: &a [x]\nb: [*a, *a]\ntrain: 5", "no configuration of a training: train: found 5"),
        (f"train: {{total_nimg: {'7' * 5000}}}", "config.yaml"),
    ],
)
def test_a_configuration_of_nobody_is_refused(tmp_path: Path, config: str, told: str) -> None:
    run = make_run(tmp_path / "run")
    (run / "config.yaml").write_text(config)
    assert_refused(acgan("report", str(run)), told)


def test_missing_data_generator_and_damaged_files_are_told(tmp_path: Path) -> None:
    counts = {f"set/{name}": 12 for name in ("cat", "dog")}
    write_images(tmp_path, counts)
    changes = {"data.source": str(tmp_path / "set"), "monitor.num_per_class": 0, "train.total_nimg": 32}
    run = trained(tmp_path / "run", changes)
    shutil.rmtree(tmp_path / "set")
    (run / "generator.safetensors").unlink()
    (run / "stats.jsonl").write_text('{"nimg": \n{"nimg": 5}\n')
    result = acgan("report", str(run))
    told = [line for line in result.stderr.splitlines() if line.startswith("could not be shown: ")]
    assert len(told) == 3, "the terminal says that the page lacks something"
    found = ReadReport(run / "report.html")
    assert list(found.sections) == [*SECTIONS, "missing"]
    assert "There is no generator to draw with" in found.sections["samples"]
    assert "not at hand" in found.sections["data"]
    for word in ("stats.jsonl", "set", "generator.safetensors"):
        assert word in found.sections["missing"]
        assert any(word in line for line in told)


def test_the_data_section_names_broken_pictures_and_classes_with_few(tmp_path: Path) -> None:
    write_images(tmp_path / "set", {"cat": 30, "dog": 12})
    for number in range(22):
        (tmp_path / "set" / "cat" / f"broken{number}.png").write_text("no picture")
    changes: dict[str, Any] = {"data.source": str(tmp_path / "set"), "data.on_error": "skip"}
    changes |= {"monitor.num_per_class": 0, "train.total_nimg": 32, "report": True}
    run = trained(tmp_path / "run", changes)
    for text in ((run / "report.html").read_text(), _reported(run).html):
        data = text[text.index('id="data"') :]
        assert data.count(": it is empty or not an image that Pillow knows") == 20
        assert "broken0.png" in data
        assert "skipped 2 more broken images" in data
        assert "class dog has " in data
        assert "Expect samples of it to be near copies of its images" in data


def test_pictures_that_broke_after_the_training_are_told_with_what_can_be_done_here(tmp_path: Path) -> None:
    write_images(tmp_path / "set", {"cat": 12, "dog": 12})
    changes = {"data.source": str(tmp_path / "set"), "monitor.num_per_class": 0, "train.total_nimg": 32}
    run = trained(tmp_path / "run", changes)
    next((tmp_path / "set" / "cat").iterdir()).write_bytes(b"no picture")
    told = _reported(run).sections["missing"]
    assert "cannot be decoded" in told
    assert "Replace or remove it." in told
    assert "on_error" not in told

    shutil.rmtree(tmp_path / "set")
    write_images(tmp_path / "set", {"images/cat": 12, "images/dog": 12, "masks/cat": 12, "masks/dog": 12})
    told = _reported(run).sections["missing"]
    assert "--set data.layout=" in told
    assert "--set is an option of trainings" in told


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    write_images(tmp_path / "set", dict.fromkeys(NAMES, 30), channels=3)
    changes = {"data.source": str(tmp_path / "set"), "data.channels": 3, "evaluate.extractor": None}
    changes |= {"train.total_nimg": 32, "every.evaluate_nimg": 32}
    found = _reported(trained(tmp_path / "run", changes))
    assert not {"\u202e", "\x1b"} & set(found.html)
    assert not [tag for tag, attributes in found.tags if "onerror" in attributes]
    assert all(str(image["src"]).startswith("data:") for image in found.of("img"))
    for name in SHOWN:
        for section in ("samples", "diversity", "data"):
            assert name in found.sections[section]


def test_training_and_evaluation_write_it_where_it_is_asked_for(run: Path, report: ReadReport) -> None:
    before = ReadReport(run.with_name("trained.html"))
    assert list(before.sections) == list(report.sections) == SECTIONS
    assert "class accuracy" in report.sections["classes"]
    assert "class accuracy" not in before.sections["classes"]


def test_a_report_that_fails_leaves_the_training_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise ZeroDivisionError("of a bug")

    monkeypatch.setattr("acgan.api.report._page", fail)
    directory = tmp_path / "run"
    result = acgan_train(directory, {"report": True, "train.total_nimg": 32, "monitor.num_per_class": 0})
    assert result.exit_code == 0, result.output
    assert "the report could not be written (of a bug)" in result.output
    assert (directory / "generator.safetensors").exists()
    assert not (directory / "report.html").exists()


def test_an_old_report_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = make_run(tmp_path / "run")
    (copy / "report.html").write_text("old")

    def fail(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("acgan.report.page.Page.html", fail)
    assert acgan("report", str(copy)).exit_code == 70
    assert (copy / "report.html").read_text() == "old"
    assert not list(copy.glob(".*.tmp"))


@pytest.mark.parametrize("found", [True, False])
def test_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: bool) -> None:
    run, opened = make_run(tmp_path / "run"), list[str]()
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or found)
    file = tmp_path / "my report.html"
    result = acgan("report", str(run), "--out", str(file), "--open")
    assert result.exit_code == 0
    assert opened == [file.resolve().as_uri()]
    assert ("no browser was found here; open" in result.stderr) is not found


def test_several_runs_side_by_side(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = _copied(run, tmp_path / "one")
    monkeypatch.setattr("acgan.api.evaluation_files.report_after", lambda *_, **__: None)  # is not looked at
    assert evaluate(one, "-n", "40", "--metrics", "kid", "--repeats", "3").exit_code == 0
    found = _reported(one, _copied(one, tmp_path / "two"), "--out", tmp_path / "both.html")
    assert list(found.sections) == ["verdicts", "samples", "training", "settings", "each"]
    text = found.sections["verdicts"]
    assert "A is one, B is two" in text
    assert "95 % interval" in text
    alts = [image["alt"] for image in found.of("img")]
    assert {"8 samples of class 3 by one", "8 samples of class 3 by two", "8 real images of class 3"} <= set(
        alts
    )


def test_runs_of_seeds_are_compared_by_the_name_of_their_directory(seeds: Path, tmp_path: Path) -> None:
    copy = _copied(seeds, tmp_path / "seeds")
    found = _reported(copy)
    assert found.file.resolve() == (copy / "report.html").resolve()
    assert ["seed", "0", "1"] in found.rows["settings"]
    text = found.sections["verdicts"]
    assert "Whether they differ by more than chance is not known" in text  # one seed each


def test_trainings_of_several_seeds_end_with_a_page_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acgan.api.gan.report_after", lambda *_, **__: None)  # pages of single runs take long
    changes = {"report": True, "train.total_nimg": 32, "monitor.num_per_class": 0, "every.evaluate_nimg": 64}
    result = acgan_train(tmp_path / "runs", changes, "--seeds", "0,1")
    assert result.exit_code == 0, result.output
    file = tmp_path / "runs" / "report.html"
    told = "All 2 runs side by side, to be opened in a browser: "
    (page,) = (line for line in result.stdout.splitlines() if line.startswith(told))
    assert Path(page.removeprefix(told)).resolve() == file.resolve()
    assert result.stdout.splitlines()[-1].endswith(f": acgan evaluate {tmp_path / 'runs'}"), (
        "all seeds at once"
    )
    found = ReadReport(file)
    assert list(found.sections) == ["verdicts", "samples", "training", "settings", "each"]
    assert "A is seed0, B is seed1" in found.sections["verdicts"]


def test_many_runs_have_no_page_by_themselves(tmp_path: Path) -> None:
    told: list[str] = []
    runs = [tmp_path / f"seed{seed}" for seed in range(13)]
    assert report_after(runs, True, warn=told.append) is None
    assert "13 runs are too many for a page that comes by itself" in told[0]
    assert "`acgan report RUN...`" in told[0]


def test_images_of_several_runs_are_read_once(
    seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where a page of many runs holds the images of each."""
    read_from: list[Path] = []
    plain = report_material._read
    monkeypatch.setattr(
        report_material, "_read", lambda run, *rest: read_from.append(run.directory) or plain(run, *rest)
    )
    found = _reported(seeds, "--out", tmp_path / "both.html")
    assert read_from == [seeds / "seed0"]
    assert "8 real images of class 3" in [image["alt"] for image in found.of("img")]


def test_a_pipe_is_given_the_page_and_has_no_size(tmp_path: Path) -> None:
    run, pipe = make_run(tmp_path / "run"), tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(pipe.read_bytes)
        result = acgan("report", str(run), "--out", str(pipe))
        assert page.result(timeout=60).startswith(b"<!DOCTYPE html>")
    assert result.stdout == f"report: {pipe}\n"


@pytest.fixture(scope="module")
def classifier(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier's run with its report; ``trained.html`` beside it is the one that its training wrote."""
    directory = tmp_path_factory.mktemp("classified") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acgan.api.report_material._QUICK_SHEET", 100)
        patch.setattr("acgan.api.report_material._QUICK_TEST", 50)
        classified(directory, {"report": True, "train.total_nimg": 320})
    (directory / "report.html").rename(directory.with_name("trained.html"))
    _reported(directory)
    return directory


def test_a_classifier(classifier: Path, tmp_path: Path) -> None:
    run, found = classifier, ReadReport(classifier / "report.html")
    assert list(found.sections) == [
        *(
            "verdict",
            "classes",
            "calibration",
            "confusion",
            "mistakes",
            "heads",
            "training",
            "data",
            "settings",
        ),
        *("provenance", "commands"),
    ]
    file = tmp_path / "scores.json"
    assert acgan("classify", "evaluate", str(run), "--json", str(file)).exit_code == 0
    scores = json.loads(file.read_text())
    assert f"accuracy {scores['accuracy']:.2%}" in found.sections["verdict"]
    rows = {row[0]: row for row in found.rows["classes"]}
    for name, values in scores["per_class"].items():
        assert rows[name][3] == f"{values['recall']:.4f}"
    assert f"is {scores['ece']:.3f}; 0 is best" in found.sections["calibration"]
    heads = {row[0]: row[1] for row in found.rows["heads"][1:]}
    assert heads == {name: f"{accuracy:.2%}" for name, accuracy in scores["heads"].items()}
    wrong = [image for image in found.of("img") if "that is taken for" in str(image["alt"])]
    assert len(wrong) == min(24, round(scores["provenance"]["num_images"] * (1 - scores["accuracy"])))


def test_refusals(run: Path, tmp_path: Path) -> None:
    assert_refused(acgan("report", str(tmp_path / "none")), "none", "no such directory")
    assert_refused(acgan("report", str(tmp_path)), "no run (it has no config.yaml)")
    assert_refused(acgan("report", str(run), "--out", str(tmp_path)), "is a folder; expected a file")
    assert_refused(acgan("report", str(run), "--out", str(tmp_path / "no" / "x.html")), "no such folder")
    classifier = tmp_path / "classifier"
    classifier.mkdir()
    (classifier / "config.yaml").write_text("task: classify\ntrain: {}\n")
    assert_refused(acgan("report", str(run), str(classifier)), "expected runs of `acgan train` side by side")


def test_a_report_that_comes_by_itself_is_quick(classifier: Path) -> None:
    """Fails where a training of many images ends by listing them all again, or by classifying all test images."""
    found = ReadReport(classifier.with_name("trained.html"))
    assert "Is the classifier any good?" in found.html
    assert "A contact sheet would take long here" in found.sections["data"]
    assert (
        "On 50 test images of 269; `acgan report` judges it on all".replace("`", "")
        in found.sections["verdict"]
    )
    found = ReadReport(classifier / "report.html")
    assert "Contact sheet" in found.sections["data"]
    assert "On 269 test images: accuracy" in found.sections["verdict"]


def test_a_signal_during_the_report_stops_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> str:
        raise Interrupted("SIGTERM", 75)

    monkeypatch.setattr("acgan.api.report._page", stop)
    changes = {"report": True, "train.total_nimg": 32, "monitor.num_per_class": 0}
    result = acgan_train(tmp_path / "runs", changes, "--seeds", "0,1")
    assert result.exit_code == 75
    assert "done, but for the report" in result.output
    assert (tmp_path / "runs" / "seed0" / "generator.safetensors").exists()
    assert not (tmp_path / "runs" / "seed1").exists()


def test_without_room_no_report_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system would kill the process, whose work is done."""
    monkeypatch.setattr("acgan.api.report.total_memory_bytes", lambda device: 1)
    told: list[str] = []
    assert report_after(tmp_path, True, warn=told.append) is None
    assert "less than 1 GiB of memory is left" in told[0]
    assert list(tmp_path.iterdir()) == []

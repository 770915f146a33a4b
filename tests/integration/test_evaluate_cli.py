"""``acgan evaluate``: what it writes and prints, its options, and its exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from evaluate_helpers import (
    DIGITS,
    EYES,
    QUICK,
    SHORT,
    assert_refused,
    assert_untouched,
    evaluate,
    numbers,
    read,
    scored,
)
from PIL import Image
from run_helpers import acgan, acgan_train, assert_same_run, classified, trained, tree
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from acgan import api
from acgan.atomic import sha256
from acgan.evaluation import class_counts
from acgan.extracting import ClassifierExtractor
from acgan.metrics.catalogue import CATALOGUE
from acgan.metrics.statistics import FeatureStatistics

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

SUMMARY = {"value", "std"}
NAMES = (
    *(f"{name}{EYES}" for name in ("fcd", "intra_fcd_mean", "intra_fcd_worst", "kid", "kid_published")),
    *(f"{name}{EYES}" for name in ("classifier_score", "precision", "recall", "density", "coverage")),
    *(f"{name}{EYES}" for name in ("clipped_density", "clipped_coverage", "class_accuracy")),
    *("ms_ssim", "diverse_classes"),
    *(f"{name}{EYES}" for name in ("vendi", "memorisation_nearer", "memorisation_copies", "c_t")),
    *("copies_same", "copies_same_real", "copies_near", "copies_near_real"),
)


@pytest.fixture(scope="module")
def evaluated(seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that was evaluated with every metric, and what was printed."""
    run = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(seeds / "seed0", run)
    result = evaluate(run)
    assert result.exit_code == 0, result.output
    return run, result.output


@pytest.fixture
def run(seeds: Path, tmp_path: Path) -> Path:
    """A run of the test's own."""
    shutil.copytree(seeds / "seed0", tmp_path / "run")
    return tmp_path / "run"


def test_a_run_directory_gets_scores_and_pictures_and_nothing_else(
    evaluated: tuple[Path, str], seeds: Path
) -> None:
    run, output = evaluated
    before, after = tree(seeds / "seed0"), tree(run)
    assert {name: after[name] for name in before} == before
    new = sorted(after.keys() - before.keys())
    events = [name for name in new if name.startswith("tensorboard/evaluate/events.out.tfevents.")]
    assert len(events) == 1
    assert new == sorted(["confusion.png", "evaluation.json", "memorisation.png", *events])
    for name in ("confusion.png", "evaluation.json", "memorisation.png"):
        assert f": {run / name}\n" in output


def test_the_scores_have_their_documented_form(evaluated: tuple[Path, str]) -> None:
    scores = read(evaluated[0] / "evaluation.json")
    by_class = ["per_class", "floor_per_class", "at_floor_count_per_class"]
    keys = ["format", "provenance", "overall", "floor", "at_floor_count", *by_class, "confusion", "check"]
    assert list(scores) == keys
    assert tuple(scores["overall"]) == tuple(scores["floor"]) == tuple(scores["at_floor_count"]) == NAMES
    for name in NAMES:
        overall, floor = scores["overall"][name], scores["floor"][name]
        assert overall.keys() == {*SUMMARY, "values"}
        assert floor.keys() == scores["at_floor_count"][name].keys() == SUMMARY
        assert overall["std"] is None
        assert overall["values"] == ([] if name.startswith("intra") else [overall["value"]])
        assert (floor["std"] is None) == name.startswith("intra")  # 27 images, 64 features
    assert tuple(scores["per_class"]) == DIGITS
    assert len({tuple(values) for values in scores["per_class"].values()}) == 1
    assert {f"kid{EYES}", f"class_accuracy{EYES}", "ms_ssim", "ms_ssim_real"} <= scores["per_class"][
        "7"
    ].keys()
    assert {values[f"fcd{EYES}"] for values in scores["per_class"].values()} == {None}


def test_provenance(evaluated: tuple[Path, str]) -> None:
    run = evaluated[0]
    found = read(run / "evaluation.json")["provenance"]
    test = api.load_data(api.resolve_config("digits")[0]).test
    (generator,) = found["generators"]
    assert generator["sha256"] == sha256(run / "generator.safetensors")
    assert (generator["nimg"], generator["training_seed"], generator["data"]) == (32, 0, "digits")
    assert found["reference"] == {
        "data": "digits", "split": "test", "num_images": 269, "fingerprint": test.fingerprint,
        "resolution": 16, "channels": 1, "num_skipped": 0, "skipped": [],
    }  # fmt: skip
    assert found["classes"] == {
        "known": list(DIGITS), "scored": list(DIGITS), "not_scored": [], "left_out": {}
    }  # fmt: skip
    assert found["extractor"] == found["classifier"]
    assert (found["extractor"]["name"], found["extractor"]["dims"]) == (EYES[1:-1], 64)
    assert found["extractor_saw_reference"] is False
    assert (found["num_images"], found["floor_images"]) == (269, 135)
    assert (found["label_prior"], found["seed"], found["repeats"]) == ("reference", 0, 1)
    assert (found["units"], found["device"], found["truncation"]) == ("generation seeds", "cpu", 1.0)
    assert found["nearest_k"] == 5


def test_the_confusion_matrix_is_that_of_the_samples(evaluated: tuple[Path, str]) -> None:
    scores = read(evaluated[0] / "evaluation.json")
    confusion = np.array(scores["confusion"])
    counts = class_counts(api.load_data(api.resolve_config("digits")[0]).test)
    assert confusion.sum(axis=1).tolist() == counts
    each = [values[f"class_accuracy{EYES}"] for values in scores["per_class"].values()]
    assert each == pytest.approx(confusion.diagonal() / counts)
    assert scores["overall"][f"class_accuracy{EYES}"]["value"] == pytest.approx(confusion.trace() / 269)
    assert scores["floor"][f"class_accuracy{EYES}"]["value"] > 0.95  # of real images


def test_pictures_can_be_opened(evaluated: tuple[Path, str]) -> None:
    with Image.open(evaluated[0] / "confusion.png") as image:
        image.load()
        assert min(image.size) > 10 * 32
    with Image.open(evaluated[0] / "memorisation.png") as image:
        image.load()
        # Four bands of 12 pairs, 16 px enlarged to 96.
        assert image.width > 12 * 96
        assert 8 * 96 < image.height < 12 * 96


def test_tensorboard_has_every_number(evaluated: tuple[Path, str]) -> None:
    run = evaluated[0]
    scores = read(run / "evaluation.json")
    events = EventAccumulator(str(run / "tensorboard" / "evaluate")).Reload()
    expected = {f"evaluate/{name}": one["value"] for name, one in scores["overall"].items()}
    for label, values in scores["per_class"].items():
        expected |= {f"evaluate/{name}/{label}": value for name, value in values.items()}
    found = {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
    assert {event.step for (event,) in found.values()} == {32}
    known = {tag: value for tag, value in expected.items() if value is not None}
    assert {tag: event.value for tag, (event,) in found.items()} == pytest.approx(known, rel=1e-6)


def test_what_a_person_reads(evaluated: tuple[Path, str]) -> None:
    output = evaluated[1]
    assert "\x1b" not in output
    assert "269 samples, labels as often as in the reference, seed 0, against 269 held-out images" in output
    assert f"features: {EYES[1:-1]}, 64 of them, which never saw these images" in output
    assert (
        "135 samples, and 135 real images, each scored against 135 other held-out images. Real images"
        in output
    )
    assert "All 269 samples: compare only with other evaluations of as many." in output
    assert "±: half of a 95 % interval" in output
    # After 32 images it is noise.
    sentences = output[output.index("\nVerdict: ") : output.index("┏")]  # before all tables
    assert sentences.startswith(("\nVerdict: poor, by ", "\nVerdict: collapsed, by "))
    for start in ("Distance: ", "Fidelity: ", "Diversity: ", "Classes: ", "Worst class: ", "Copies: "):
        assert f"\n{start}" in sentences


def test_a_training_goes_on_after_an_evaluation_as_if_there_had_been_none(run: Path, tmp_path: Path) -> None:
    assert evaluate(run, *QUICK).exit_code == 0
    scores = (run / "evaluation.json").read_bytes()
    longer = {**SHORT, "train.total_nimg": 64}
    trained(run, longer)
    assert_same_run(run, trained(tmp_path / "other", longer))
    assert (run / "evaluation.json").read_bytes() == scores
    steps = [
        event.step for event in EventAccumulator(str(run / "tensorboard")).Reload().Scalars("D/adversarial")
    ]
    assert steps == [32, 64]
    events = EventAccumulator(str(run / "tensorboard" / "evaluate")).Reload()
    assert [event.step for event in events.Scalars(f"evaluate/kid{EYES}")] == [32]


def test_of_a_file_nothing_is_written_but_what_is_asked_for(run: Path, workdir: Path) -> None:
    file = workdir / "my.safetensors"
    shutil.copy(run / "generator.safetensors", file)
    result = evaluate(file, *QUICK)
    assert result.exit_code == 0, result.output
    assert list(tree(workdir)) == ["my.safetensors"]
    scores = scored(workdir / "scores.json", file, *QUICK)
    assert sorted(tree(workdir)) == ["my.safetensors", "scores.json"]
    assert scores["provenance"]["generators"][0]["file"] == "my.safetensors"
    assert numbers(scores) == numbers(scored(workdir / "scores.json", run, *QUICK))


def test_scores_that_go_elsewhere_leave_the_run_and_its_own_evaluation_as_they_are(
    run: Path, tmp_path: Path
) -> None:
    def content() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}

    assert evaluate(run, "--metrics", "accuracy,memorisation").exit_code == 0
    before = content()
    assert {run / name for name in ("evaluation.json", "confusion.png", "memorisation.png")} <= before.keys()
    scored(tmp_path / "scores.json", run, *QUICK)
    assert content() == before


def test_metrics_of_the_same_are_added_and_nothing_is_lost(run: Path) -> None:
    assert evaluate(run, "--metrics", "accuracy,memorisation").exit_code == 0
    before = read(run / "evaluation.json")
    assert evaluate(run, "--metrics", "kid").exit_code == 0
    after = read(run / "evaluation.json")
    assert after["overall"].items() > before["overall"].items()
    assert f"kid{EYES}" in after["overall"]
    assert after["per_class"]["3"].items() > before["per_class"]["3"].items()
    assert after["confusion"] == before["confusion"]
    assert after["provenance"]["metrics"] == ["accuracy", "memorisation", "kid"]
    assert (run / "memorisation.png").exists()  # of the same samples


def test_a_quick_look_does_not_take_the_place_of_a_full_evaluation(run: Path) -> None:
    assert evaluate(run, "-n", "60", "--metrics", "accuracy,memorisation").exit_code == 0
    files = [run / name for name in ("evaluation.json", "confusion.png", "memorisation.png")]
    before = [file.read_bytes() for file in files]
    result = evaluate(run, "--metrics", "kid,accuracy", "-n", "40")
    assert result.exit_code == 0, result.output
    assert [file.read_bytes() for file in files] == before
    [quick] = (run / "evaluations").glob("*.json")
    assert f"scores: {quick}" in result.output
    assert read(quick)["provenance"]["num_images"] == 40
    assert quick.with_name(f"{quick.stem}-confusion.png").exists()
    # More samples take its place, and it moves aside, with its pictures.
    assert evaluate(run, "--metrics", "kid", "-n", "80").exit_code == 0
    assert read(run / "evaluation.json")["provenance"]["num_images"] == 80
    [moved] = {*(run / "evaluations").glob("*.json")} - {quick}
    assert moved.read_bytes() == before[0]
    assert moved.with_name(f"{moved.stem}-memorisation.png").read_bytes() == before[2]
    assert not (run / "memorisation.png").exists()
    # What moved aside is added to as well.
    assert evaluate(run, "--metrics", "kid", "-n", "60").exit_code == 0
    assert {f"kid{EYES}", f"class_accuracy{EYES}"} <= read(moved)["overall"].keys()


def test_a_file_that_is_no_evaluation_is_kept_too(run: Path) -> None:
    (run / "evaluation.json").write_text("by hand", encoding="utf-8")
    assert evaluate(run, *QUICK).exit_code == 0
    [kept] = (run / "evaluations").glob("unreadable-*.json")
    assert kept.read_text(encoding="utf-8") == "by hand"


def test_the_best_generator_is_evaluated_where_there_is_one(run: Path, seeds: Path, tmp_path: Path) -> None:
    shutil.copy(seeds / "seed1" / "generator.safetensors", run / "generator-best.safetensors")
    out, name = tmp_path / "scores.json", "generator-best.safetensors"
    default, best = scored(out, run, *QUICK), scored(out, run, *QUICK, "--which", "best")
    last = scored(out, run, *QUICK, "--which", "last")
    assert [one["provenance"]["generators"][0]["file"] for one in (default, best)] == [name, name]
    assert last["provenance"]["generators"][0]["file"] == "generator.safetensors"
    assert numbers(default) == numbers(best) != numbers(last)


def test_repeats_are_seeds_from_the_first_on(run: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "scores.json", (run, "-n", "40", "--metrics", "kid,accuracy")
    each = [scored(out, *options, "--seed", str(seed)) for seed in (5, 6, 7)]
    together = scored(out, *options, "--seed", "5", "--repeats", "3")
    name = f"class_accuracy{EYES}"  # what no subset is drawn for
    values = [one["overall"][name]["value"] for one in each]
    assert len(set(values)) > 1
    found = together["overall"][name]
    assert found["values"] == values
    assert (found["value"], found["std"]) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert together["confusion"] == sum(np.array(one["confusion"]) for one in each).tolist()
    for label in DIGITS:
        expected = np.mean([one["per_class"][label][name] for one in each])
        assert together["per_class"][label][name] == pytest.approx(expected)
    assert (together["provenance"]["seed"], together["provenance"]["repeats"]) == (5, 3)


def test_the_same_command_gives_the_same_numbers_and_another_seed_others(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    first = scored(out, run, "-n", "40", "--repeats", "2")
    assert numbers(scored(out, run, "-n", "40", "--repeats", "2")) == numbers(first)
    other = scored(out, run, "-n", "40", "--repeats", "2", "--seed", "9")
    changed = [name for name in NAMES if other["overall"][name] != first["overall"][name]]
    assert {f"fcd{EYES}", f"kid{EYES}", f"classifier_score{EYES}", "ms_ssim"} <= set(changed)


def test_numbers_of_images_and_label_priors(run: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "scores.json", (run, "--metrics", "accuracy")
    shares = {
        (num, prior): np.array(scored(out, *options, "-n", num, "--label-prior", prior)["confusion"]).sum(1)
        for num, prior in (("500", "uniform"), ("23", "reference"), ("2", "reference"))
    }
    assert shares["500", "uniform"].tolist() == [50] * 10
    assert shares["23", "reference"].sum() == 23
    assert set(shares["23", "reference"].tolist()) == {2, 3}
    assert shares["2", "reference"].sum() == 2
    assert read(out)["provenance"]["floor_images"] == 2
    assert "labels equally often" in evaluate(*options, "-n", "20", "--label-prior", "uniform").output


def test_balls_reach_as_far_as_asked(run: Path, tmp_path: Path) -> None:
    """By the option, else by the run's configuration; scores of two lengths are not compared."""
    options = ("-n", "60", "--metrics", "prdc", "--repeats", "3")
    five, three = (tmp_path / f"{k}.json" for k in (5, 3))
    scores = [scored(five, run, *options), scored(three, run, *options, "--nearest-k", "3")]
    assert [one["provenance"]["nearest_k"] for one in scores] == [5, 3]
    recall = [one["overall"][f"recall{EYES}"]["value"] for one in scores]
    assert recall[0] > recall[1]
    refused = acgan("compare", str(five), str(three))
    assert refused.exit_code == 1
    assert "nearest_k: 5 | 3" in refused.stderr
    own = trained(tmp_path / "own", SHORT | {"evaluate.nearest_k": 3})
    assert scored(tmp_path / "own.json", own, *options)["provenance"]["nearest_k"] == 3
    assert evaluate(run, *options, "--nearest-k", "0").exit_code == 2


def test_truncated_samples_are_less_diverse(run: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "scores.json", (run, "-n", "100", "--metrics", "diversity")
    full, half = scored(out, *options), scored(out, *options, "--truncation", "0.2")
    assert half["provenance"]["truncation"] == 0.2
    assert half["overall"]["ms_ssim"]["value"] > full["overall"]["ms_ssim"]["value"] + 0.05
    assert half["floor"] == full["floor"]


def test_against_the_training_images_no_copies_are_looked_for(run: Path) -> None:
    result = evaluate(run, "--split", "train", "-n", "40", "--metrics", "kid,memorisation")
    assert result.exit_code == 0, result.output
    assert "copies of training images are not looked for: they are the reference" in result.output
    assert "against 1,528 training images of digits" in result.output
    assert "which was trained on these images: judge with care" in result.output
    found = read(run / "evaluation.json")
    names = ("kid", "kid_published", "kid_published_std")  # of over 1,000 real images there are subsets
    assert list(found["overall"]) == [f"{name}{EYES}" for name in names]
    assert found["provenance"]["extractor_saw_reference"] is True
    assert found["provenance"]["reference"]["split"] == "train"
    assert not (run / "memorisation.png").exists()


def test_the_whole_training_set_has_the_images_that_are_held_out_for_validation(
    seeds: Path, tmp_path: Path
) -> None:
    """As papers have it, whatever part of the training images a run held out, or left out."""
    changes = {"data.validation_share": 0.1, "data.max_per_class": 100, "evaluate.num_images": 50}
    run = trained(tmp_path / "run", {**SHORT, **changes})
    result = evaluate(run, "--split", "train-all", "-n", "100", "--metrics", "frechet,copies")
    assert result.exit_code == 0, result.output
    assert "against 1,528 training and validation images of digits" in result.output
    assert "Copies of training images score as well here as new images do" in result.output
    assert "copies of training images are not looked for: they are the reference" in result.output
    whole = read(run / "evaluation.json")
    reference = whole["provenance"]["reference"]
    assert (reference["split"], reference["num_images"]) == ("train-all", 1528)

    train = api.load_data(api.resolve_config(run / "config.yaml")[0]).train
    statistics = FeatureStatistics(64)
    statistics.update(ClassifierExtractor("digits")(train.images).features)
    assert len(train) == 1528
    assert whole["provenance"]["reference_spread"] == pytest.approx(statistics.covariance.trace().item())

    part = scored(tmp_path / "part.json", run, "--split", "train", "-n", "100", "--metrics", "frechet")
    assert part["provenance"]["reference"]["num_images"] == 1000
    recorded = EventAccumulator(str(run / "tensorboard" / "evaluate")).Reload().Tags()["scalars"]
    assert f"evaluate against train-all/fcd{EYES}" in recorded
    assert f"evaluate/fcd{EYES}" not in recorded


def test_another_reference_is_not_compared(seeds: Path, tmp_path: Path) -> None:
    """Without a validation part the images are the same, and only the names of the references differ."""
    for split in ("train", "train-all"):
        scored(tmp_path / f"{split}.json", seeds / "seed0", "--split", split, "--repeats", "3", *QUICK)
    result = acgan("compare", str(tmp_path / "train.json"), str(tmp_path / "train-all.json"))
    assert result.exit_code == 1
    assert "reference.split: train | train-all" in result.stderr


def test_only_the_metrics_that_are_asked_for(run: Path) -> None:
    assert evaluate(run, "-n", "40", "--metrics", "prdc, inception_score").exit_code == 0
    found = read(run / "evaluation.json")
    names = ("classifier_score", *(score.name for score in CATALOGUE["prdc"].scores))
    assert list(found["overall"]) == [f"{name}{EYES}" for name in names]
    assert "confusion" not in found
    assert found["provenance"]["metrics"] == ["inception_score", "prdc"]
    assert not (run / "confusion.png").exists()


@pytest.mark.parametrize("metrics", ["fid", "kid,nonsense", ",", ""])
def test_unknown_metrics_are_a_usage_error_that_names_those_there_are(metrics: str, run: Path) -> None:
    result = evaluate(run, "--metrics", metrics)
    assert result.exit_code == 2
    assert ", ".join(CATALOGUE) in result.stderr


def test_of_a_score_it_is_said_which_metric_it_belongs_to(run: Path) -> None:
    assert "'c_t' is no metric. It is a score of data_copying." in evaluate(run, "--metrics", "c_t").stderr


@pytest.mark.parametrize(
    "options",
    [("-n", "1"), ("--repeats", "0"), ("--seed", "-1"), ("--truncation", "0"), ("--truncation", "1.5")],
)
def test_numbers_out_of_range_are_usage_errors(options: tuple[str, str], run: Path) -> None:
    assert evaluate(run, *options).exit_code == 2
    assert not (run / "evaluation.json").exists()


def test_two_evaluations_are_compared(seeds: Path, tmp_path: Path) -> None:
    for name in ("seed0", "seed1"):
        shutil.copytree(seeds / name, tmp_path / name)
        assert evaluate(tmp_path / name, "-n", "60", "--repeats", "3", "--quiet").output == ""
    result = acgan("compare", str(tmp_path / "seed0"), str(tmp_path / "seed1"))
    assert result.exit_code == 0, result.output
    assert "two checkpoints, not two methods" in result.output
    assert "(3 generation seeds)" in result.output
    for title in ("FCD", "KID", "class accuracy"):
        assert title in result.output
    assert f"intra_fcd_mean{EYES} (no values by seed in A and B)" in result.output
    assert (
        evaluate(tmp_path / "seed1", "-n", "60", "--repeats", "3", "--label-prior", "uniform").exit_code == 0
    )
    result = acgan("compare", str(tmp_path / "seed0"), str(tmp_path / "seed1"))
    assert result.exit_code == 1
    assert "label_prior: reference | uniform" in result.output


def test_what_is_no_generator_is_refused(seeds: Path, tmp_path: Path) -> None:
    empty, new = tmp_path / "empty", tmp_path / "new"
    empty.mkdir()
    assert acgan_train(new, SHORT, "--max-time", "0s").exit_code == 0
    (new / "generator.safetensors").unlink(missing_ok=True)
    classifier = classified(tmp_path / "classifier", {"train.total_nimg": 32})
    file = seeds / "seed0" / "generator.safetensors"
    before = tree(tmp_path)
    assert_refused(evaluate(tmp_path / "emty"), "no such run or file", "Did you mean 'empty'?")
    assert_refused(evaluate(empty), f"{empty}: no generator.safetensors in it")
    assert_refused(evaluate(new), f"{new}: no generator.safetensors in it", "first checkpoint")
    for path in (classifier, classifier / "classifier.safetensors"):
        assert_refused(evaluate(path), f"{path}: holds a classifier", "acgan classify evaluate")
    assert_refused(evaluate(seeds / "seed0", "--which", "best"), "no generator-best.safetensors")
    assert_refused(evaluate(file, "--which", "last"), f"{file}: is a file")
    assert evaluate().exit_code == 2
    assert_untouched(tmp_path, before)


def test_where_scores_cannot_be_written_nothing_is_computed(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "evaluate", lambda *args, **keywords: pytest.fail("computed"))
    before = tree(run)
    assert_refused(evaluate(run, "--json", run / "no" / "scores.json"), "there is no such folder")
    assert evaluate(run, "--json", run).exit_code == 2
    assert_untouched(run, before)

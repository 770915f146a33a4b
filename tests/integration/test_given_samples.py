"""``acgan evaluate SAMPLES --data SOURCE``: pictures that something else generated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluate_helpers import DIGITS, EYES, SHORT, assert_refused, evaluate, read, scored, write_images
from PIL import Image
from run_helpers import acgan, trained, tree

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

REAL = ("--data", "digits")
FEW = ("--metrics", "kid,accuracy")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("given") / "run", SHORT)


@pytest.fixture(scope="module")
def folder(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of the run, ten of each class, by `acgan sample`."""
    out = tmp_path_factory.mktemp("samples") / "folder"
    assert acgan("sample", str(run), "--out", str(out), "-n", "10").exit_code == 0
    return out


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "scores.json"


def real_digits(part: slice) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 16, 16) uint8 as acgan decodes them, and labels."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return pixels.repeat(2, axis=1).repeat(2, axis=2)[part], bunch.target[part]


def write_npz(file: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    np.savez(file, images=images, labels=labels, class_names=np.array(DIGITS))
    return file


def test_samples_score_as_their_generator_does(run: Path, folder: Path, tmp_path: Path, out: Path) -> None:
    options = ("--metrics", "frechet,accuracy", "-n", "100", "--label-prior", "uniform")
    of_run = scored(out, run, *options)
    npz = tmp_path / "samples.npz"
    assert acgan("sample", str(run), "--out", str(npz), "-n", "10").exit_code == 0
    for samples in (folder, npz):
        found = scored(out, samples, *REAL, *options)
        values, expected = (
            {name: one["value"] for name, one in scores["overall"].items() if one["value"] is not None}
            for scores in (found, of_run)
        )
        assert len(values) > 1
        assert values == pytest.approx(expected, rel=1e-5)
        assert found["confusion"] == of_run["confusion"]
        (generator,) = found["provenance"]["generators"]
        assert (generator["kind"], generator["nimg"], generator["training_seed"]) == ("samples", None, None)


def test_files_are_written_where_asked_and_never_among_the_samples(folder: Path, tmp_path: Path) -> None:
    before = tree(folder)
    result = evaluate(folder, *REAL, *FEW)
    assert result.exit_code == 0, result.output
    assert "samples that something else generated" in result.stdout
    assert "nothing was written: --out DIR keeps scores and pictures" in result.stdout
    home = tmp_path / "new" / "scores"
    result = evaluate(folder, *REAL, "--metrics", "kid,accuracy,memorisation", "--out", home)
    assert result.exit_code == 0, result.output
    assert tree(home).keys() == {"evaluation.json", "confusion.png", "memorisation.png"}
    assert evaluate(folder, *REAL, "--metrics", "prdc", "--out", home).exit_code == 0
    assert {f"kid{EYES}", f"coverage{EYES}"} <= read(home / "evaluation.json")["overall"].keys()
    assert tree(folder) == before


def test_labels_without_names_are_the_classes_in_order(tmp_path: Path, out: Path) -> None:
    images, labels = real_digits(slice(0, 400))
    adm = tmp_path / "adm.npz"
    np.savez(adm, images[..., None].repeat(3, axis=-1), labels)
    names = [f"digit {digit}" for digit in DIGITS]
    real = tmp_path / "real.npz"
    np.savez(real, images=images, labels=labels, class_names=np.array(names))
    result = evaluate(adm, "--data", real, "--extractor", "digits", "--metrics", "kid", "--json", out)
    assert result.exit_code == 0, result.output
    assert (
        "its labels have no names; they are taken for the real images' classes in order: 0 digit 0, 1 "
        in result.stderr
    )
    assert read(out)["provenance"]["classes"]["scored"] == names


def test_classes_are_matched_by_name(folder: Path, tmp_path: Path, out: Path) -> None:
    counts = dict.fromkeys(("0", "3", "10"), 12)
    samples = write_images(tmp_path / "samples", counts)
    result = evaluate(samples, *REAL, *FEW, "--json", out)
    assert result.exit_code == 0, result.output
    assert "left out, because there are no samples of them: 1 (" in result.stdout
    assert "not scored: no test images of 10" in result.stdout
    assert "has more real ones; or give more samples." in result.stdout
    assert read(out)["provenance"]["classes"]["scored"] == ["0", "3"]


def test_labels_without_names_count_as_numbers_where_folders_are_sorted_as_text(
    tmp_path: Path, out: Path
) -> None:
    """Twelve classes: as text, 10 and 11 come before 2."""
    samples = write_images(tmp_path / "samples", {str(number): 10 + number for number in range(12)})
    names = [f"class {letter}" for letter in "abcdefghijkl"]
    real = write_images(tmp_path / "real", dict.fromkeys(names, 30), seed=1)
    options = ("--data", real, "--extractor", "digits", "--metrics", "kid", "--label-prior", "uniform")
    result = evaluate(samples, *options, "--json", out)
    assert result.exit_code == 0, result.output
    assert "0 class a, 1 class b, 2 class c, 3 class d" in result.stderr
    found = read(out)["provenance"]["classes"]
    assert (sorted(found["scored"]), found["left_out"]) == (names, {})
    result = evaluate(samples, *options, "-n", "240")
    assert result.exit_code == 1
    assert "Error: -n 240: takes 20 samples of class a, and 10 are given" in result.stderr


@pytest.mark.parametrize("shift", [1, -1])
def test_numbers_that_begin_elsewhere_are_refused(tmp_path: Path, shift: int) -> None:
    """Matched by name, every class would be scored as its neighbour."""
    images, labels = real_digits(slice(0, 400))
    files = {}
    for name, first in (("samples", max(shift, 0)), ("real", max(-shift, 0))):
        files[name] = tmp_path / f"{name}.npz"
        np.savez(files[name], images=images, labels=labels + first)
    result = evaluate(files["samples"], "--data", files["real"], *FEW, "--extractor", "digits")
    assert_refused(result, f"{files['samples']}: its labels are numbers from", "give both the same names")


def test_samples_of_one_class_in_its_folder(tmp_path: Path, out: Path) -> None:
    samples = write_images(tmp_path / "samples", {"3": 12})
    assert scored(out, samples, *REAL, "--metrics", "kid")["provenance"]["classes"]["scored"] == ["3"]
    samples = write_images(tmp_path / "others", {"cat": 12})
    assert_refused(evaluate(samples, *REAL), "none of its classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)", "(cat)")


def test_weights_of_others_beside_pictures_make_no_run(tmp_path: Path, out: Path) -> None:
    samples = write_images(tmp_path / "samples", dict.fromkeys(DIGITS, 4))
    (samples / "model.safetensors").write_bytes(b"weights")
    assert scored(out, samples, *REAL, *FEW)["provenance"]["generators"][0]["kind"] == "samples"


def test_doubts_about_the_samples_are_told_and_those_about_real_images_once(tmp_path: Path) -> None:
    pictures = write_images(tmp_path / "pictures", dict.fromkeys(DIGITS, 20))
    listed = [f"pictures/{file.parent.name}/{file.name}" for file in sorted(pictures.glob("*/*.png"))]
    rows = [f"{name},{name.split('/')[1] if number % 5 else ''}" for number, name in enumerate(listed)]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(["file,label", *rows]))
    told = "40 rows have no label"
    for samples, real in ((table, "digits"), (pictures, table)):
        result = evaluate(samples, "--data", real, "--metrics", "kid", "--extractor", "digits")
        assert result.exit_code == 0, result.output
        assert result.stderr.count(told) == 1, result.stderr


def test_as_many_samples_are_scored_as_there_are_of_the_scarcest_class(tmp_path: Path, out: Path) -> None:
    counts = {**dict.fromkeys(DIGITS, 40), "7": 5}
    samples = write_images(tmp_path / "samples", counts)
    options = (*REAL, *FEW, "--label-prior", "uniform")
    result = evaluate(samples, *options, "--json", out)
    assert result.exit_code == 0, result.output
    told = "warning: 57 of 365 samples are scored, equally many of each class: of 7 there are only 5"
    assert told in result.stderr
    assert read(out)["provenance"]["samples_by_class"] == [6, 6, 6, 6, 6, 6, 6, 5, 5, 5]
    assert_refused(evaluate(samples, *options, "-n", "60"), "-n 60: takes 6 samples of 7, and 5 are given")


def test_training_images_among_the_samples_are_copies(tmp_path: Path, out: Path) -> None:
    """Real images as samples: nothing is wrong with them, except that they are copies, where they were trained on."""
    images, labels = real_digits(slice(None))
    samples, rest = write_npz(tmp_path / "a.npz", images[:600], labels[:600]), slice(900, None)
    reference = write_npz(tmp_path / "b.npz", images[rest], labels[rest])
    options = ("--data", reference, "--extractor", "digits", "--json", out)
    for training, verdict, copied in ((samples, "poor, by copies", 1.0), (slice(600, 900), None, 0.0)):
        if isinstance(training, slice):
            training = write_npz(tmp_path / "c.npz", images[training], labels[training])
        result = evaluate(samples, *options, "--train-data", training)
        assert result.exit_code == 0, result.output
        scores = read(out)
        assert scores["provenance"]["reference"]["num_images"] == 897  # all of it, though it has no test part
        assert scores["overall"]["copies_same"]["value"] == pytest.approx(copied, abs=0.02)
        line = next(line for line in result.stdout.splitlines() if line.startswith("Verdict: "))
        assert (
            (verdict in line) if verdict else ("poor" not in line.split(";")[0].split(" is not excluded")[0])
        )


def test_gray_samples_do_not_turn_real_images_gray(tmp_path: Path) -> None:
    real = write_images(tmp_path / "real", {"cat": 30, "dog": 30}, channels=3, seed=1)
    gray = write_images(tmp_path / "gray", {"cat": 10, "dog": 10})
    options = ("--data", real, "--extractor", "digits", "--metrics", "kid")
    result = evaluate(gray, *options, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.output
    assert "every picture is gray, and there are real images in colour" in result.stderr
    assert read(tmp_path / "scores.json")["provenance"]["reference"]["channels"] == 3


def test_samples_are_scored_as_they_are(tmp_path: Path, out: Path) -> None:
    """Samples have 20 px here, a side that no other test has."""
    samples = write_images(tmp_path / "samples", dict.fromkeys(DIGITS, 4), side=20)
    assert scored(out, samples, *REAL, *FEW)["provenance"]["reference"]["resolution"] == 20
    Image.new("L", (20, 24)).save(samples / "3" / "other.png")
    assert_refused(evaluate(samples, *REAL), f"{samples}: its pictures are not all squares of one side")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "To score its pictures as samples, name the real images with --data"),
        ((*REAL, "--repeats", "2"), "--repeats 2: asks for new samples"),
        ((*REAL, "--truncation", "0.5"), "--truncation 0.5: asks for new samples"),
        ((*REAL, "--which", "last"), "--which last: chooses a generator of a run"),
        ((*REAL, "--metrics", "cas"), "cas: there are 10 samples of 0, and 1"),
        (("--data", "mnist:nowhere"), "mnist"),
    ],
)
def test_what_samples_cannot_do_is_refused(folder: Path, options: tuple[str, ...], message: str) -> None:
    assert_refused(evaluate(folder, *options), message)


def test_what_does_not_go_together_is_refused(run: Path, folder: Path, tmp_path: Path) -> None:
    assert_refused(evaluate(run, folder, *REAL), f"{folder}: is no run, and {run} is one")
    assert_refused(evaluate(folder, folder, *REAL), f"{folder}: the same samples as {folder}")
    assert_refused(
        evaluate(run, "--train-data", "digits"), "--train-data: tells what the generator of given samples"
    )
    assert_refused(evaluate(folder, *REAL, "--out", run), f"--out {run}: is a run")
    for inside in (folder, folder / "scores"):
        assert_refused(evaluate(folder, *REAL, "--out", inside), f"--out {inside}: lies in {folder}")
        assert not (folder / "scores").exists()
    both = ("--out", tmp_path / "a", "--json", tmp_path / "b.json")
    assert_refused(evaluate(folder, *REAL, *both), "expected one of them")
    parts = write_images(
        tmp_path / "parts", {f"{part}/{name}": 3 for part in ("train", "test") for name in "01"}
    )
    assert_refused(evaluate(parts, *REAL), f"{parts}: has a part to train on and a test part")


@pytest.mark.slow
def test_samples_train_classifiers(tmp_path: Path, out: Path) -> None:
    """As many samples as training images; three seeds of one step each."""
    images, labels = real_digits(slice(None))
    real = write_npz(tmp_path / "real.npz", images[:300], labels[:300])
    samples = write_npz(tmp_path / "samples.npz", images[300:1200], labels[300:1200])
    options = ("--metrics", "cas", "--seeds", "0,1,2", "--steps", "1")
    found = scored(out, samples, "--data", real, *options)
    assert found["cas"]["provenance"]["num_train"] == 256
    assert found["overall"].keys() >= {"cas_real", "cas_synthetic", "cas_both"}


def test_compare_and_table_take_them_beside_runs(run: Path, tmp_path: Path) -> None:
    """Three sets of samples of one method, and three runs."""
    options = ("-n", "50", "--label-prior", "uniform", *FEW)
    runs = [trained(tmp_path / "ours" / f"seed{seed}", {**SHORT, "seed": seed}) for seed in range(3)]
    assert evaluate(tmp_path / "ours", *options).exit_code == 0
    draws = np.random.default_rng(0)
    for seed in range(3):
        images, labels = draws.integers(0, 256, (60, 16, 16), dtype=np.uint8), np.arange(60) % 10
        write_npz(tmp_path / f"noise{seed}.npz", images, labels)
    noise = [tmp_path / f"noise{seed}.npz" for seed in range(3)]
    theirs = tmp_path / "theirs"
    assert evaluate(*noise, *REAL, *options, "--out", theirs).exit_code == 0
    assert len(runs) == 3
    result = acgan("compare", str(tmp_path / "ours"), str(theirs))
    assert result.exit_code == 0, result.output
    assert "made by" in result.stdout
    assert "given samples" in result.stdout
    result = acgan("table", str(tmp_path / "ours"), str(theirs), "--format", "csv")
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if "theirs" in line and "kid[" in line]
    values = read(theirs / "evaluation.json")["overall"][f"kid{EYES}"]["values"]
    assert f"{np.mean(values):.6}"[:6] in line
    assert "theirs are given samples: how many images its training was shown is unknown" in result.stderr
    result = acgan("plot", str(tmp_path), "--out", str(tmp_path / "pictures"))
    assert result.exit_code == 0, result.output

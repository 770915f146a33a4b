"""``acgan sample``: folders, arrays and grids, what it refuses, and that it leaves nothing half-written."""

import itertools
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from run_helpers import Child
from sample_helpers import CLASSES, FOLDERS, acgan_sample, drawn, make_run, tree

import acgan
from acgan.atomic import sha256
from acgan.cli import main
from acgan.marks import GENERATED_MARK
from acgan.plots.page import ClassPage
from acgan.sampling import CHUNK, ClassSampler, load_generator
from acgan.sampling import files as sample_files
from acgan.sampling.selection import Selection


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


class TestForms:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_all_forms_hold_the_same_images(self, tmp_path, out, channels):
        run = make_run(tmp_path / "run", channels)
        options = ("-n", 3, "--seed", 5, "--truncation", 0.7, "--class", "Cat", "--class", 0)
        expected = np.concatenate([drawn(run, label, 3, seed=5, truncation=0.7) for label in (1, 0)])
        acgan_sample(run, "--out", out / "files", *options)
        files = [out / "files" / folder / f"{i:06d}.png" for folder in ("Cat-2", "cat") for i in range(3)]
        pictures = np.stack([np.asarray(Image.open(file)) for file in files]).reshape(expected.shape)
        assert np.array_equal(pictures, expected)
        assert len(tree(out)) == len(files) + 1

        acgan_sample(run, "--out", out / "arrays.npz", *options)
        with np.load(out / "arrays.npz", allow_pickle=False) as arrays:
            assert np.array_equal(arrays["images"], expected)
            assert arrays["labels"].tolist() == [1, 1, 1, 0, 0, 0]
            assert arrays["class_names"].tolist() == list(CLASSES)
            assert (arrays["images"].dtype, arrays["labels"].dtype) == (np.uint8, np.int64)

        acgan_sample(run, "--out", out / "grid.png", *options)
        page = ClassPage.planned(("Cat", "cat"), 3, 16)
        shown = np.asarray(Image.open(out / "grid.png")).reshape(page.height, page.width, channels)
        drawn_page = page.draw(torch.from_numpy(expected).permute(0, 3, 1, 2))
        assert np.array_equal(shown, drawn_page.permute(1, 2, 0))

    def test_scale_enlarges_the_images_of_a_page(self, run, out):
        acgan_sample(run, "--out", out / "grid.png", "-n", 2, "--scale", 3)
        page = ClassPage.planned(CLASSES, 2, 16, 3)
        assert Image.open(out / "grid.png").size == (page.width, page.height)

    def test_says_which_state_it_drew_from(self, run, out):
        said = acgan_sample(run, "--out", out / "grid.png", "-n", 2)
        assert f"drawn by {run / 'generator.safetensors'}, the last state, after 7 images shown" in said

    def test_manifest_tells_folders_classes_and_provenance(self, run, out):
        acgan_sample(run, "--out", out, "-n", 2, "--seed", 9)
        manifest = json.loads((out / "sampler.json").read_text())
        assert manifest["folders"] == dict(zip(FOLDERS, CLASSES, strict=True))
        assert {entry.name for entry in out.iterdir()} == {*FOLDERS, "sampler.json"}
        assert (manifest["seed"], manifest["truncation"], manifest["format"]) == (9, 1.0, "png")
        assert manifest["images"] == manifest["ends"] == dict.fromkeys(FOLDERS, 2)
        assert manifest["generator"]["provenance"] == {"nimg": 7, "data": "pets"}
        assert manifest["generator"]["architecture"]["kind"] == "resnet"

    def test_class_names_of_any_text(self, tmp_path, out):
        names = ("猫", "a\nb", "\udcff")  # the last as Python reads a folder name that is not UTF-8
        run = make_run(tmp_path / "run", class_names=names)
        acgan_sample(run, "--out", out / "files", "-n", 1)
        manifest = json.loads((out / "files" / "sampler.json").read_text(encoding="utf-8"))
        assert manifest["folders"] == {"猫": names[0], "a_b": names[1], "_": names[2]}
        acgan_sample(run, "--out", out / "arrays.npz", "-n", 1)
        assert np.load(out / "arrays.npz")["class_names"].tolist() == list(names)

    def test_a_larger_n_only_adds(self, run, out):
        acgan_sample(run, "--out", out / "few", "-n", 2)
        acgan_sample(run, "--out", out / "many", "-n", CHUNK + 1, "--class", "cat")
        few, many = tree(out / "few"), tree(out / "many")
        assert len(many) == CHUNK + 2
        assert all(many[f"cat/{i:06d}.png"] == few[f"cat/{i:06d}.png"] for i in range(2))

    def test_default_number(self, run, out):
        acgan_sample(run, "--out", out / "grid.png")
        page = ClassPage.planned(CLASSES, 10, 16)
        assert Image.open(out / "grid.png").size == (page.width, page.height)
        acgan_sample(run, "--out", out / "arrays.npz")
        assert len(np.load(out / "arrays.npz")["images"]) == 64 * len(CLASSES)

    def test_arrays_reach_the_disk_portion_by_portion(self, run, out):
        sampler = load_generator(run)
        sizes = []

        def progress(count):
            sizes.append((count, sum(len(content) for content in tree(out).values())))

        sample_files.write_samples(
            Selection(sampler, dict.fromkeys([0, 1], 2 * CHUNK)), out / "a.npz", progress=progress
        )
        portion = CHUNK * 16 * 16 * 3
        assert [count for count, _ in sizes] == [CHUNK] * 4
        assert all(size > (index - 1) * portion for index, (_, size) in enumerate(sizes))

    def test_every_form_is_marked_as_generated(self, run, out):
        options = ("-n", 2, "--seed", 5, "--truncation", 0.5, "--class", "con", "--class", "cat")
        for name in ("files", "grid.png", "arrays.npz"):
            acgan_sample(run, "--out", out / name, *options)
        common = {
            "generator": sha256(run / "generator.safetensors")[:16],
            "seed": 5,
            "truncation": 0.5,
            "version": acgan.__version__,
        }
        several = {**common, "classes": ["con", "cat"]}
        for folder, name in (("_con", "con"), ("cat", "cat")):
            for index in range(2):
                with Image.open(out / "files" / folder / f"{index:06d}.png") as image:
                    mark = json.loads(image.text[GENERATED_MARK])
                assert mark == {**common, "class": name, "index": index}
        with Image.open(out / "grid.png") as image:
            assert json.loads(image.text[GENERATED_MARK]) == several
        assert json.loads(str(np.load(out / "arrays.npz")["generated_by"])) == several

    def test_marked_arrays_are_read_as_images(self, run, out):
        acgan_sample(run, "--out", out / "arrays.npz", "-n", 2)
        options = ["--extractor", "digits", "--device", "cpu", "--save-stats", str(out / "stats.npz")]
        result = CliRunner().invoke(main, ["fid", str(out / "arrays.npz"), *options])
        assert result.exit_code == 0, result.output

    def test_arrays_are_known_as_generated(
        self, run: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
        acgan_sample(run, "--out", out / "arrays.npz", "-n", 10)
        result = CliRunner().invoke(main, ["data", "show", str(out / "arrays.npz")])
        assert result.exit_code == 0, result.output
        assert "made by a generator" in result.output

    @pytest.mark.parametrize("name", ["files", "grid.png", "arrays.npz"])
    def test_the_same_command_gives_the_same_bytes(self, run, out, name):
        for place in ("a", "b"):
            acgan_sample(run, "--out", out / place / name, "-n", 2)
        assert tree(out / "a") == tree(out / "b")

    def test_a_class_of_any_letters_is_in_the_mark(self, tmp_path, out):
        names = ("猫", "\udcff")
        acgan_sample(make_run(tmp_path / "run", class_names=names), "--out", out, "-n", 1)
        marks = [json.loads(Image.open(file).text[GENERATED_MARK])["class"] for file in out.rglob("*.png")]
        assert sorted(marks) == sorted(names)

    def test_says_what_it_did_unless_quiet(self, run, out):
        said = acgan_sample(run, "--out", out / "a.npz", "-n", 2)
        assert said.startswith(f"8 images of 4 classes (cat, Cat, ../dog, con) in {out / 'a.npz'} (")
        assert said.splitlines()[0].endswith("images/s)")
        said = acgan_sample(run, "--out", out / "b.png", "-n", 1, "--class", 0)
        assert "1 image of 1 class (cat) in" in said
        assert acgan_sample(run, "--out", out / "c.npz", "--quiet") == ""

    def test_names_ten_classes_and_counts_the_others(self, tmp_path, out):
        run = make_run(tmp_path / "many", class_names=tuple(f"c{label:02d}" for label in range(13)))
        said = acgan_sample(run, "--out", out / "a.npz", "-n", 1)
        assert "of 13 classes (c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 3 more) in" in said

    def test_as_a_process(self, run, out):
        options = ["--class", "con", "-n", "2", "--device", "cpu"]
        done = subprocess.run(
            [sys.executable, "-m", "acgan", "sample", "run", "--out", "new/folder.v2/", *options],
            cwd=run.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 3, "no progress bar where there is no terminal"
        assert "class con is in the folder _con: " in done.stdout
        folder = run.parent / "new" / "folder.v2"
        picture = np.asarray(Image.open(folder / "_con" / "000001.png"))
        assert np.array_equal(picture, drawn(run, 3, 2)[1])
        assert folder.stat().st_mode & 0o777 == out.stat().st_mode & 0o777

        refused = Child(["sample", str(run), "--out", str(folder)], run.parent / "log")
        assert (refused.wait(), refused.stdout) == (1, "")
        assert "Traceback" not in refused.stderr
        assert "not empty" in refused.stderr


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "exit_code", "words"),
        [
            (["-n", "0"], 2, ["-n", "x>=1"]),
            (["--truncation", "0"], 2, ["--truncation", "0<x<=1"]),
            (["--truncation", "1.5"], 2, ["--truncation"]),
            (["--truncation", "nan"], 1, ["truncation: found nan"]),
            (["--seed", "-1"], 2, ["--seed"]),
            (
                ["--class", "kat"],
                1,
                ["unknown class 'kat'; expected one of ", "'con'", "Did you mean 'cat' or 'Cat'?"],
            ),
            (["--out", "x.jpg"], 1, ["'.jpg'", "samples.npz", "samples.png", "folder"]),
            (["--out", "x.png", "-n", "65"], 1, ["65", "at most 64", ".npz"]),
            (["--out", "x.npz", "--scale", "2"], 1, ["--scale", "x.npz", ".png"]),
            (["--out", "x.png", "-n", "64", "--scale", "64"], 1, ["pixels", "Lower -n or --scale"]),
        ],
    )
    def test_options(self, run, tmp_path, monkeypatch, arguments, exit_code, words):
        monkeypatch.chdir(tmp_path)
        said = acgan_sample(run, "--out", "fresh", *arguments, exit_code=exit_code)
        assert all(word in said for word in words), said
        assert [entry.name for entry in tmp_path.iterdir()] == ["run"]

    def test_out_is_required(self, run):
        assert "--out" in acgan_sample(run, exit_code=2)

    def test_no_such_run(self, tmp_path, out):
        assert "no such run" in acgan_sample(tmp_path / "walk", "--out", out, exit_code=1)

    @pytest.mark.parametrize("name", ["old.npz", "old.png", "old"])
    def test_a_file_stays_without_force(self, run, out, name):
        (out / name).write_text("precious")
        said = acgan_sample(run, "--out", out / name, exit_code=1)
        assert name in said
        assert tree(out) == {name: b"precious"}

    @pytest.mark.parametrize("name", ["old.npz", "old.png"])
    def test_force_replaces_a_file(self, run, out, name):
        (out / name).write_text("old")
        acgan_sample(run, "--out", out / name, "--force")
        assert list(tree(out)) == [name]
        assert (out / name).stat().st_size > 1000

    def test_a_folder_that_is_not_empty_stays_without_force(self, run, out):
        acgan_sample(run, "--out", out, "-n", 2)
        before = tree(out)
        assert "--force" in acgan_sample(run, "--out", out, "-n", 3, exit_code=1)
        assert tree(out) == before

    def test_force_replaces_what_it_wrote_and_keeps_the_rest(self, run, out):
        acgan_sample(run, "--out", out, "-n", 3)
        (out / "notes.txt").write_text("mine")
        (out / "holiday").mkdir()
        (out / "holiday" / "000000.png").write_text("mine")
        acgan_sample(run, "--out", out, "-n", 2, "--class", "Cat", "--seed", 1, "--force")
        assert set(tree(out)) == {
            *("Cat-2/000000.png", "Cat-2/000001.png", "sampler.json"),
            *("notes.txt", "holiday/000000.png"),
        }
        picture = np.asarray(Image.open(out / "Cat-2" / "000000.png"))
        assert np.array_equal(picture, drawn(run, 1, 1, seed=1)[0])
        assert sorted(entry.name for entry in out.iterdir()) == [
            "Cat-2",
            "holiday",
            "notes.txt",
            "sampler.json",
        ]

    @pytest.mark.parametrize(
        "foreign", ["cat/mine.jpg", "cat/000002.png", "cat/0.png", "_con/deeper/000000.png", "CAT-2/x.png"]
    )
    def test_force_stops_at_foreign_files_in_the_way(self, run, out, foreign):
        acgan_sample(run, "--out", out, "-n", 2, "--class", "cat", "--class", "con")
        (out / foreign).parent.mkdir(exist_ok=True, parents=True)
        (out / foreign).write_text("mine")
        before = tree(out)
        said = acgan_sample(run, "--out", out, "-n", 5, "--force", exit_code=1)
        assert foreign.split("/")[0] in said
        assert "in the way" in said
        assert tree(out) == before

    @pytest.mark.parametrize(
        "manifest",
        [
            None,
            "{}",
            "nonsense",
            '{"folders": 3}',
            '{"folders": {"cat": "cat"}, "ends": {}, "format": "png"}',
        ],
    )
    def test_force_leaves_folders_it_did_not_write(self, run, out, manifest):
        (out / "cat").mkdir()
        (out / "cat" / "000000.png").write_text("mine")
        if manifest is not None:
            (out / "sampler.json").write_text(manifest)
        before = tree(out)
        assert "not written by `acgan sample`" in acgan_sample(run, "--out", out, "--force", exit_code=1)
        assert tree(out) == before

    def test_force_trusts_no_changed_manifest(self, run, out):
        acgan_sample(run, "--out", out, "-n", 2, "--class", "cat")
        manifest = (out / "sampler.json").read_text()
        (out / "sampler.json").write_text(manifest.replace('"cat": 2', '"cat": 6'))
        before = tree(out)
        said = acgan_sample(run, "--out", out, "-n", 1, "--force", exit_code=1)
        assert "sampler.json: was changed after acgan wrote it" in said
        assert tree(out) == before
        (out / "sampler.json").write_text(manifest)
        acgan_sample(run, "--out", out, "-n", 1, "--force")

    def test_a_manifest_cannot_lead_outside(self, run, out):
        acgan_sample(run, "--out", out / "a", "-n", 1, "--class", "cat")
        acgan_sample(run, "--out", out / "b", "-n", 1, "--class", "cat")
        manifest = json.loads((out / "a" / "sampler.json").read_text())
        manifest["folders"] = {"../b/cat": "cat", "..": "cat", "link": "cat"}
        del manifest["check"]
        (out / "a" / "sampler.json").write_text(json.dumps(manifest))
        (out / "a" / "link").symlink_to(out / "b" / "cat")
        acgan_sample(run, "--out", out / "a", "--force", exit_code=1)
        assert (out / "b" / "cat" / "000000.png").exists()


def stopping(function, after, error):
    """The function, which raises the error at one call, after so many."""
    calls = itertools.count()

    def wrapped(*arguments, **keywords):
        if next(calls) == after:
            raise error
        return function(*arguments, **keywords)

    return wrapped


class TestNothingHalfWritten:
    ERRORS = pytest.mark.parametrize(
        ("error", "exit_code"),
        [(OSError(28, "No space left on device"), 1), (KeyboardInterrupt(), 130), (RuntimeError("bug"), 70)],
        ids=["full disk", "Ctrl-C", "bug"],
    )
    NAMES = pytest.mark.parametrize("name", ["folder", "a.npz", "a.png", "new/parents/folder", "new/a.npz"])

    @ERRORS
    @NAMES
    def test_where_nothing_was(self, run, out, monkeypatch, name, error, exit_code):
        monkeypatch.setattr(ClassSampler, "_draw", stopping(ClassSampler._draw, 2, error))
        said = acgan_sample(run, "--out", out / name, "-n", 20, exit_code=exit_code)
        assert list(out.iterdir()) == []
        if exit_code == 1:
            assert f"{out / name}: cannot be written (No space left on device)" in said

    @ERRORS
    @pytest.mark.parametrize("name", ["folder", "a.npz", "a.png"])
    def test_what_was_there_stays(self, run, out, monkeypatch, name, error, exit_code):
        acgan_sample(run, "--out", out / name, "-n", 2)
        before = tree(out)
        monkeypatch.setattr(ClassSampler, "_draw", stopping(ClassSampler._draw, 2, error))
        acgan_sample(run, "--out", out / name, "-n", 4, "--force", exit_code=exit_code)
        assert tree(out) == before
        assert [entry.name for entry in out.iterdir()] == [name]

    @pytest.mark.parametrize("after", [0, 1, 3, 5])
    def test_a_swap_that_fails_is_undone(self, run, out, monkeypatch, after):
        acgan_sample(run, "--out", out, "-n", 2, "--class", "cat", "--class", "con")
        before = tree(out)
        monkeypatch.setattr(Path, "rename", stopping(Path.rename, after, OSError(5, "Input/output error")))
        said = acgan_sample(
            run, "--out", out, "-n", 3, "--class", "cat", "--class", 1, "--force", exit_code=1
        )
        assert "Input/output error" in said
        assert tree(out) == before
        assert len(list(out.iterdir())) == 3

    def test_ctrl_c_gives_up(self, run, out):
        # A shell that runs tests in the background may have SIGINT ignored, which children inherit.
        heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
        arguments = ["sample", str(run), "--device", "cpu", "--out", str(out / "folder"), "-n", "1000000"]
        child = Child(arguments, run.parent / "log", heard)
        child.wait_for(lambda: list(out.rglob("*.png")))
        child.send(signal.SIGINT)
        assert child.wait() == 130
        assert list(out.iterdir()) == []
        assert "Traceback" not in child.stderr

    def test_in_the_middle_of_a_picture(self, run, out, monkeypatch):
        whole = sample_files.write_generated
        monkeypatch.setattr(
            sample_files, "write_generated", stopping(whole, 3, OSError(28, "No space left on device"))
        )
        acgan_sample(run, "--out", out, "-n", 2, exit_code=1)
        assert list(out.iterdir()) == []

    def test_where_it_may_not_write(self, run, tmp_path):
        (tmp_path / "file").write_text("in the way")
        said = acgan_sample(run, "--out", tmp_path / "file" / "a.npz", exit_code=1)
        assert "cannot be written" in said

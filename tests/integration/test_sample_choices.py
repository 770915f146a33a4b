"""``acgan sample``: formats, choice by a classifier, filling up of classes, walks and animations."""

import json
import shutil
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from sample_helpers import CLASSES, FOLDERS, acgan_sample, drawn, make_run, tree

from acgan.api.sample import PlannedWalk
from acgan.cli import main
from acgan.data import load_samples
from acgan.marks import is_generated
from acgan.models import GENERATORS
from acgan.plots import fonts
from acgan.plots.page import ClassPage
from acgan.predicting import load_classifier
from acgan.sampling import CHUNK, class_latents, load_generator
from acgan.sampling.walk import walk_classes, walk_latents

DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("sample") / "run")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A generator whose classes the shipped classifier of digits knows."""
    return make_run(tmp_path_factory.mktemp("sample") / "digits", channels=1, class_names=DIGITS)


class TestFormats:
    @pytest.mark.parametrize("name", ["png", "webp", "jpg"])
    def test_pictures_and_their_mark(self, run, tmp_path, name):
        acgan_sample(run, "--out", tmp_path / "out", "-n", 2, "--format", name)
        expected = drawn(run, 0, 2)
        for index in (0, 1):
            with Image.open(tmp_path / "out" / "cat" / f"{index:06d}.{name}") as picture:
                pixels = np.asarray(picture.convert("RGB")).astype(int)
                assert is_generated(picture)
            off = np.abs(pixels - expected[index])
            assert off.max() == 0 if name != "jpg" else off.mean() < 12
        manifest = json.loads((tmp_path / "out" / "sampler.json").read_text())
        assert manifest["format"] == name
        assert manifest["ends"] == dict.fromkeys(FOLDERS, 2)

    def test_force_knows_its_own_in_any_format(self, run, tmp_path):
        acgan_sample(run, "--out", tmp_path / "out", "-n", 2, "--format", "webp")
        acgan_sample(run, "--out", tmp_path / "out", "-n", 1, "--force")
        assert set(tree(tmp_path / "out")) == {"sampler.json", *(f"{name}/000000.png" for name in FOLDERS)}

    def test_marked_pictures_are_noticed_where_real_ones_are_expected(self, run, tmp_path):
        acgan_sample(run, "--out", tmp_path / "out", "-n", 3, "--format", "jpg")
        said = CliRunner().invoke(main, ["data", "show", str(tmp_path / "out")])
        assert "generated" in said.output


@pytest.fixture
def no_more_fonts(monkeypatch):
    """DejaVu Sans alone, which comes with matplotlib."""
    monkeypatch.setattr(fonts, "installed", dict)
    fonts.font_file.cache_clear()
    yield
    fonts.font_file.cache_clear()


@pytest.mark.usefixtures("no_more_fonts")
def test_letters_that_no_font_has_are_told_once_where_a_page_has_them(tmp_path):
    run = make_run(tmp_path / "run", class_names=("cat", "青蛙 frog"))
    told = "warning: no installed font has all letters of 青蛙 frog: "
    for options in (["--out", "page.png"], ["--out", "walk.png", "--interpolate", "latents"]):
        said = acgan_sample(run, *(tmp_path / o if o.endswith(".png") else o for o in options), "-n", 2)
        assert said.count(told) == 1
    assert told not in acgan_sample(run, "--out", tmp_path / "out", "-n", 2)
    assert told not in acgan_sample(run, "--out", tmp_path / "c.png", "-n", 2, "--class", "cat")
    said = CliRunner().invoke(
        main, ["data", "show", str(tmp_path / "out"), "--save", str(tmp_path / "s.png")]
    )
    assert said.output.count(told) == 1


class TestFolders:
    def test_a_class_whose_folder_has_another_name_is_told_and_read_as_that_class(self, run, tmp_path):
        said = acgan_sample(run, "--out", tmp_path / "out", "-n", 3, "--class", "../dog", "--class", "cat")
        assert "class ../dog is in the folder ___dog: " in said
        assert "class cat is" not in said
        said = CliRunner().invoke(main, ["data", "show", str(tmp_path / "out")]).output
        assert "the folder ___dog is of the class ../dog, as its sampler.json says" in said
        assert "in the folder" not in acgan_sample(run, "--out", tmp_path / "out.npz", "-n", 3)
        samples = load_samples(str(tmp_path / "out"), on_error="stop")
        assert samples.train.class_names == ("../dog", "cat")


class TestRoom:
    """Refusals of images that the disk has no room for, before any is drawn; its free bytes are made up."""

    @pytest.fixture
    def free(self, monkeypatch):
        def set_free(number):
            monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=number))

        return set_free

    @pytest.mark.parametrize("options", [[], ["--format", "webp"], ["--format", "jpg"]])
    def test_of_a_folder(self, run, tmp_path, free, options):
        free(400 << 10)
        said = acgan_sample(run, "--out", tmp_path / "new" / "out", "-n", 100, *options, exit_code=1)
        assert "400 images need about 1.6 MiB, and 400.0 KiB is free on the disk of " in said
        assert "Draw fewer (-n, " in said
        assert not list(tmp_path.iterdir())
        acgan_sample(run, "--out", tmp_path / "out", "-n", 20, *options)

    def test_of_arrays_which_are_written_twice(self, run, tmp_path, free):
        free(400 << 10)
        said = acgan_sample(run, "--out", tmp_path / "out.npz", "-n", 100, exit_code=1)
        assert "400 images need about 600.0 KiB, and 400.0 KiB is free" in said
        acgan_sample(run, "--out", tmp_path / "out.npz", "-n", 60)

    def test_what_an_earlier_call_left_is_no_more_to_be_found_room_for(self, run, tmp_path, free):
        free(1 << 20)
        left = tmp_path / ".out.acgan-unfinished" / "new"
        left.mkdir(parents=True)
        (left / "picture").write_bytes(bytes(1 << 20))
        acgan_sample(run, "--out", tmp_path / "out", "-n", 100)


class TestConfidence:
    OPTIONS = ("--classifier", "digits", "--out")

    def test_keeps_the_images_of_which_the_classifier_is_sure_in_their_order(self, digits, tmp_path):
        images = torch.from_numpy(drawn(digits, 1, 3 * CHUNK)).permute(0, 3, 1, 2)
        probabilities = load_classifier("digits")(images)[:, 1]
        least = float(probabilities.sort(descending=True).values[5])
        sure = (probabilities >= least).nonzero().flatten()[:4].tolist()
        options = ("-n", 4, "--min-confidence", least, "--class", "1")
        said = acgan_sample(digits, *self.OPTIONS, tmp_path / "out", *options)
        assert sorted(file.name for file in (tmp_path / "out" / "1").iterdir()) == [
            f"{index:06d}.png" for index in sure
        ]
        tried = sure[-1] + 1  # those after the last one were not needed, though they were drawn with it
        assert f"1: 4 kept of {tried:,} drawn ({4 / tried:.0%})" in said
        assert "more alike" in said
        manifest = json.loads((tmp_path / "out" / "sampler.json").read_text())
        assert manifest["min_confidence"] == least
        assert manifest["ends"] == {"1": sure[-1] + 1}

    def test_a_class_that_is_hardly_ever_seen_ends_it(self, digits, tmp_path):
        said = acgan_sample(
            digits, *self.OPTIONS, tmp_path / "o.npz", "-n", 1, "--min-confidence", 1, exit_code=1
        )
        assert "of 100 images drawn of '0' the classifier is as sure of 0; expected 1" in said.replace(
            "\n", " "
        )
        assert list(tmp_path.iterdir()) == []

    def test_the_classifier_has_to_know_the_classes(self, run, tmp_path):
        said = acgan_sample(run, *self.OPTIONS, tmp_path / "o.npz", "--min-confidence", 0.5, exit_code=1)
        assert "--classifier digits: knows 0, 1" in said
        assert "and not cat, Cat" in said


class TestBalance:
    def test_fills_up_to_the_largest_class(self, run, tmp_path):
        pictures = self.noise(tmp_path / "pictures", cat=5, con=30, bird=12)
        said = acgan_sample(run, "--out", tmp_path / "out", "--balance", pictures)
        manifest = json.loads((tmp_path / "out" / "sampler.json").read_text())
        assert set(manifest["images"]) == {"cat"}, "con is the largest, the others are not there"
        # A share of each class is held out for tests.
        assert manifest["images"]["cat"] in range(20, 26)
        assert "has no class Cat, ../dog: nothing is drawn of it" in said
        assert len(list((tmp_path / "out" / "cat").iterdir())) == manifest["images"]["cat"]

    def test_few_images_of_a_class_are_told(self, run, tmp_path):
        pictures = self.noise(tmp_path / "pictures", cat=5, con=30)
        said = acgan_sample(run, "--out", tmp_path / "out", "--balance", pictures)
        drawn_of_cat = len(list((tmp_path / "out" / "cat").iterdir()))
        assert (
            f"warning: more is drawn of classes with fewer than 20 training images: cat ({drawn_of_cat} of"
            in said
        )
        assert "near copies" in said

    def test_broken_pictures_are_read_as_the_training_read_them_or_as_told(self, run, tmp_path):
        pictures = self.noise(tmp_path / "pictures", cat=5, con=30)
        (pictures / "con" / "broken.png").write_bytes(b"no picture")
        options = ("--out", tmp_path / "out", "--balance", pictures)
        said = acgan_sample(run, *options, exit_code=1)
        assert "broken.png" in said
        assert "pass over such images with --on-error skip" in said
        assert "broken.png: it is empty or not" in acgan_sample(run, *options, "--on-error", "skip")
        config = {"data": {"on_error": "skip", "classes": [{"con": ["con", "other"]}, "cat"]}}
        trained = make_run(tmp_path / "trained", class_names=("con", "cat"), provenance={"config": config})
        (pictures / "con").rename(pictures / "other")
        self.noise(pictures, bird=90)
        said = acgan_sample(trained, *options, "--force")
        assert "skipped" in said
        manifest = json.loads((tmp_path / "out" / "sampler.json").read_text())
        assert set(manifest["images"]) == {"cat"}
        assert manifest["images"]["cat"] in range(20, 26), (
            "merged, and birds left out, as the training had it"
        )
        assert "goes with --balance" in acgan_sample(run, "--out", "x", "--on-error", "skip", exit_code=2)

    def noise(self, folder, **counts):
        for name, count in counts.items():
            (folder / name).mkdir(parents=True)
            for index in range(count):
                pixels = np.random.default_rng([index, count]).integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / name / f"{index}.png")
        return folder

    def test_nothing_to_fill_up(self, digits, tmp_path):
        pictures = tmp_path / "pictures"
        for name in ("1", "2"):
            (pictures / name).mkdir(parents=True)
            for index in range(4):
                pixels = np.random.default_rng(index).integers(0, 256, (16, 16), dtype=np.uint8)
                Image.fromarray(pixels).save(pictures / name / f"{index}.png")
        said = acgan_sample(digits, "--out", tmp_path / "out", "--balance", pictures, exit_code=1)
        assert "lacks nothing" in said


class TestWalks:
    def test_ends_are_the_images_themselves(self, run):
        sampler = load_generator(run)
        walk = walk_latents(sampler, [0, 3], 2, 5, seed=4)
        assert walk.frames == 6
        images = walk.draw(sampler).unflatten(0, (2, 6))
        for row, label in enumerate((0, 3)):
            expected = torch.from_numpy(drawn(run, label, 2, seed=4)).permute(0, 3, 1, 2).int()
            assert (images[row, [0, -1]].int() - expected).abs().max() <= 1

    def test_latents_turn_and_keep_their_length(self, run):
        sampler = load_generator(run)
        z = walk_latents(sampler, [1], 2, 8).z[0]
        ends = class_latents(sampler.generator, 1, 0, seed=0, truncation=1.0)[:2]
        lengths = z.norm(dim=1)
        assert torch.allclose(lengths, torch.lerp(*ends.norm(dim=1), torch.linspace(0, 1, 9)), rtol=1e-5)
        steps = torch.nn.functional.cosine_similarity(z[1:], z[:-1])
        assert torch.allclose(steps, steps[:1].expand(8), atol=1e-5), "equal angles"

    def test_classes_are_mixed_with_the_same_latent(self, run):
        sampler = load_generator(run)
        walk = walk_classes(sampler, [0, 2], 1, 4)
        assert (walk.z == walk.z[:, :1]).all()
        assert walk.y[0].tolist() == [[1 - share, 0.0, share, 0.0] for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
        first = torch.from_numpy(drawn(run, 0, 1)).permute(0, 3, 1, 2).int()
        assert (walk.draw(sampler)[:1].int() - first).abs().max() <= 1

    @pytest.mark.parametrize("kind", list(GENERATORS))
    def test_every_generator_takes_shares_of_classes(self, kind):
        sizes = {"latent_dim": 8, "num_classes": 3, "resolution": 32, "image_channels": 1}
        own = {
            "paper": {},
            "dcgan": {"channels": 4},
            "resnet": {
                "channels": 4,
                "max_channels": 8,
                "class_dim": 4,
                "patch": 1,
                "modulation": "norm",
                "mapping_layers": 1,
                "attention": [],
            },
            "biggan": {
                "channels": 4,
                "class_dim": 4,
                "skip_z": True,
                "spectral_norm": True,
                "attention": [],
            },
        }
        torch.manual_seed(0)
        generator = GENERATORS[kind](**sizes, **own[kind]).eval()
        z, y = torch.randn(3, 8), torch.arange(3)
        with torch.no_grad():
            labelled, shared = generator(z, y), generator(z, torch.eye(3))
        assert torch.allclose(labelled, shared, atol=1e-6)

    @pytest.mark.parametrize("between", ["latents", "classes"])
    def test_as_a_page(self, run, tmp_path, between):
        said = acgan_sample(run, "--out", tmp_path / "walk.png", "--interpolate", between, "-n", 5)
        names = CLASSES if between == "latents" else [f"{a} to {b}" for a, b in pairwise(CLASSES)]
        page = ClassPage.planned(names, 5, 16, is_walk=True)
        assert page.columns == 5
        with Image.open(tmp_path / "walk.png") as picture:
            assert picture.size == (page.width, page.height)
            assert is_generated(picture)
        assert f"walk between {between}" in said

    @pytest.mark.parametrize("between", ["latents", "classes"])
    def test_as_an_animation_there_and_back(self, run, tmp_path, between):
        options = () if between == "latents" else ("--interpolate", "classes")
        acgan_sample(
            run, "--animate", tmp_path / "walk.webp", "--scale", 1, "--class", 0, "--class", 3, *options
        )
        with Image.open(tmp_path / "walk.webp") as picture:
            legs = 3 if between == "latents" else 1
            assert picture.n_frames == 2 * (legs * 16 + 1) - 2
            assert picture.info["loop"] == 0
            frames = []
            for number in range(picture.n_frames):
                picture.seek(number)
                frames.append(np.asarray(picture.convert("RGB")))
        assert all(np.array_equal(frames[-number], frames[number]) for number in range(1, 4))
        assert not np.array_equal(frames[0], frames[len(frames) // 2])

    def test_an_animation_names_the_two_classes_that_it_is_between(self, run, monkeypatch):
        """Fails where a walk through all classes has one label, cut after the second class."""
        named = []
        plain = ClassPage.named
        monkeypatch.setattr(ClassPage, "named", lambda page, names: named.append(names) or plain(page, names))
        sampler = load_generator(run)
        frames = PlannedWalk(sampler, range(len(CLASSES)), "classes").frames()
        assert len({frame.shape for frame in frames}) == 1
        pairs = [f"{a} to {b}" for a, b in pairwise(CLASSES)]
        expected = [pairs[0], *(pair for pair in pairs for _ in range(16))]
        assert [names[0] for names in named] == expected

    def test_files_that_are_there_stay(self, run, tmp_path):
        (tmp_path / "walk.webp").write_text("mine")
        assert "exists already" in acgan_sample(run, "--animate", tmp_path / "walk.webp", exit_code=2)
        assert (tmp_path / "walk.webp").read_text() == "mine"
        acgan_sample(run, "--animate", tmp_path / "walk.webp", "--force", "--class", 0)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], 2, "--out"),
        (["--animate", "x.gif"], 2, ".webp"),
        (["--out", "x.npz", "--interpolate", "latents"], 2, "FILE.png"),
        (["--out", "x.png", "--interpolate", "classes", "--class", "cat"], 1, "two or more"),
        (["--out", "x.npz", "--min-confidence", "0.5"], 2, "--classifier"),
        (["--out", "x.npz", "--classifier", "digits"], 2, "--min-confidence"),
        (["--out", "x.npz", "--balance", "y", "-n", "3"], 2, "Leave one out"),
        (["--animate", "x.webp", "--balance", "y"], 2, "a walk has none"),
    ],
)
def test_refusals(run, options, code, words):
    assert words in acgan_sample(run, *options, exit_code=code)

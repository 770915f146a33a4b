"""Classes of data beside those that a network knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import options, picture, values

from acgan.data import SAMPLES, fingerprint, load_dataset, regroup
from acgan.data.splitting.class_sets import match_classes, match_dataset, match_source
from acgan.errors import DataError
from acgan.sampling.folder import folder_names
from acgan.types import Dataset, ImageStore

FOUND = {"cat": 3, "dog": 2, "fox": 1}


def matched(known: tuple[str, ...], found: dict[str, int], choice: Any = None) -> Any:
    return match_classes(known, found, choice, data="pictures", whose="generator")


@pytest.mark.parametrize(
    ("known", "choice", "groups", "lacking", "left_out"),
    [
        (("cat", "dog", "fox"), None, {"cat": ["cat"], "dog": ["dog"], "fox": ["fox"]}, (), {}),
        (("fox", "cat"), None, {"fox": ["fox"], "cat": ["cat"]}, (), {"dog": 2}),
        (("cat", "owl", "yak"), None, {"cat": ["cat"]}, ("owl", "yak"), {"dog": 2, "fox": 1}),
        # A merge holds where its names are there, all of them or some.
        (("pet", "fox"), ["fox", {"pet": ["cat", "dog"]}], {"pet": ["cat", "dog"], "fox": ["fox"]}, (), {}),
        (("pet",), [{"pet": ["cat", "hamster"]}], {"pet": ["cat"]}, (), {"dog": 2, "fox": 1}),
        # Data whose classes have the new names already.
        (("dog", "yak"), [{"dog": ["pug"]}, {"yak": ["ox"]}], {"dog": ["dog"]}, ("yak",), {"cat": 3, "fox": 1}),
        # Names that trade places: the source's "cat" is the training's "dog", and nothing else.
        (("cat", "dog"), [{"cat": ["tom"]}, {"dog": ["cat"]}], {"dog": ["cat"]}, ("cat",), {"dog": 2, "fox": 1}),
    ],
)  # fmt: skip
def test_classes_are_matched_by_name(
    known: tuple[str, ...],
    choice: Any,
    groups: dict[str, list[str]],
    lacking: tuple[str, ...],
    left_out: dict[str, int],
) -> None:
    sets, found = matched(known, FOUND, choice)
    assert (found, list(found)) == (groups, list(groups))
    assert (sets.known, sets.scored, sets.lacking, sets.left_out) == (known, tuple(groups), lacking, left_out)
    assert sets.describe() == {
        "known": list(known),
        "scored": list(groups),
        "not_scored": list(lacking),
        "left_out": left_out,
    }


def test_what_is_not_scored_is_listed_with_numbers() -> None:
    sets, _ = matched(("cat", "owl", "yak"), {"cat": 3, "dog": 1200, "fox": 1})
    assert sets.remarks("generator", "test ") == [
        "left out, because the generator does not know them: dog (1,200 images), fox (1 image)",
        "not scored: no test images of owl, yak",
    ]
    assert not sets.doubts("generator")
    many, _ = matched(("cat",), {"cat": 3, **{f"x{number}": 1 for number in range(30)}})
    assert many.remarks("generator", "")[0].endswith("x19 (1 image) and 10 more")
    part = sets.narrowed(np.array([0, 0, 2]))
    assert (part.scored, part.lacking) == (("yak",), ("cat", "owl"))


@pytest.mark.parametrize(
    "other", ["Cat dog", "cat  dog", " cat dog", "CAT_DOG", "cat-dog", "catdog", "cat\u00a0dog"]
)
def test_names_that_are_alike_are_told(other: str) -> None:
    sets, _ = matched(("cat dog", "owl"), {other: 4, "owl": 2})
    (doubt,) = sets.doubts("generator")
    assert f"{other!r}" in doubt
    assert "did you mean 'cat dog'?" in doubt
    with pytest.raises(DataError, match="did you mean 'cat dog'"):
        matched(("cat dog",), {other: 4})


@pytest.mark.parametrize(
    ("name", "folder"), [("a<b>", "a_b_"), ("what?", "what_"), ("...", "___"), ("con", "_con")]
)
def test_folders_of_samples_that_lost_their_names_are_told(name: str, folder: str) -> None:
    assert folder_names([name]) == [folder]
    sets, _ = matched((folder, "owl"), {name: 4, "owl": 2})
    (doubt,) = sets.doubts(SAMPLES)
    assert f"did you mean {folder!r}? The samples have that one" in doubt
    assert "put sampler.json back" in doubt
    assert "sampler.json" not in sets.doubts("generator")[0]


def test_all_names_that_are_alike_are_told() -> None:
    sets, _ = matched(("Cat", "CAT", "owl"), {"cat": 4, "owl": 2})
    assert [doubt.split("did you mean ")[1][:5] for doubt in sets.doubts("generator")] == ["'Cat'", "'CAT'"]


def test_compositions_of_a_letter_are_alike() -> None:
    sets, _ = matched(("B\u00e4r", "owl"), {"Ba\u0308r": 4, "owl": 2})
    assert len(sets.doubts("generator")) == 1


def test_none_in_common_names_both_sides() -> None:
    message = (
        r"pictures: none of its classes \(cat, dog, fox\) is one of the generator.s \(owl, yak\); .*Choose"
    )
    with pytest.raises(DataError, match=message) as found:
        matched(("owl", "yak"), FOUND)
    assert "data." not in str(found.value)


def store_of(names: tuple[str, ...], labels: list[int]) -> ImageStore:
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 4, 4), np.uint8)
    array = np.array(labels, np.int64)
    return ImageStore(images, array, names, fingerprint(images, array, names))


def test_a_store_is_regrouped() -> None:
    store = store_of(("a", "b", "c"), [0, 1, 2, 1])
    assert regroup(store, {"a": ["a"], "b": ["b"], "c": ["c"]}) is store
    found = regroup(store, {"none": ["x"], "two": ["c", "a"]})
    assert found.class_names == ("none", "two")
    assert found.labels.tolist() == [1, 1]
    assert found.images[:, 0, 0, 0].tolist() == [0, 2]
    assert found.fingerprint == fingerprint(found.images, found.labels, found.class_names)


def test_generated_images_and_groups_of_classes_that_are_not_scored_go_too() -> None:
    train = store_of(("cat", "dog"), [0, 1, 0, 1, 1, 0, 1])
    dataset = Dataset("set", train, store_of(("cat", "dog"), [0, 1]), num_generated=3, groups=np.arange(4))
    _, found = match_dataset(dataset, ("dog", "fox"), None, whose="generator")
    assert (len(found.train), found.num_generated, found.num_real) == (4, 2, 2)
    assert found.groups is not None
    assert found.groups.tolist() == [1, 3]


def test_a_source_of_the_same_classes_is_decoded_as_for_training(write: Any, tmp_path: Path) -> None:
    folder = write({f"{name}/{i}.png": picture(10 * i) for name in ("cat", "dog") for i in range(6)})
    plain = options(tmp_path / "cache", test_share=0.3)
    expected = load_dataset(str(folder), plain)
    sets, chosen = match_source(str(folder), plain, ("cat", "dog"), whose="generator")
    assert chosen == replace(plain, for_scoring=True)
    assert sets.left_out == {}
    entries = set((tmp_path / "cache" / "datasets").iterdir())
    assert load_dataset(str(folder), chosen).train.fingerprint == expected.train.fingerprint
    assert set((tmp_path / "cache" / "datasets").iterdir()) == entries, "one entry serves both"
    merging = options(tmp_path / "cache", classes=[{"pet": ["cat", "dog"]}])
    assert match_source(str(folder), merging, ("pet",), whose="generator")[1].classes == merging.classes


def test_a_class_more_changes_nothing_about_the_others(write: Any, tmp_path: Path) -> None:
    files = {f"{name}/{i}.png": picture(10 * i + len(name)) for name in ("cat", "mouse") for i in range(9)}
    folder = write(files)
    plain = options(tmp_path / "cache", test_share=0.3)
    before = load_dataset(str(folder), plain)
    (folder / "bird").mkdir()
    for number in range(9):
        picture(10 * number + 1).save(folder / "bird" / f"{number}.png")
    sets, chosen = match_source(str(folder), plain, ("cat", "mouse"), whose="generator")
    assert sets.left_out == {"bird": 9}
    after = load_dataset(str(folder), chosen)
    assert (after.train.fingerprint, after.test.fingerprint) == (
        before.train.fingerprint,
        before.test.fingerprint,
    )


def test_a_class_without_training_images_can_be_scored(write: Any, tmp_path: Path) -> None:
    folder = write(
        {
            "train/cat/1.png": picture(1),
            "test/cat/2.png": picture(2),
            "test/dog/3.png": picture(3),
            "test/dog/4.png": b"no image",
        }
    )
    plain = options(tmp_path / "cache", on_error="skip")
    with pytest.raises(DataError, match="the training split has none"):
        load_dataset(str(folder), plain)
    sets, chosen = match_source(str(folder), plain, ("cat", "dog"), whose="generator")
    assert sets.scored == ("cat", "dog")
    dataset = load_dataset(str(folder), chosen)
    assert values(dataset.test) == [("cat", 2), ("dog", 3)]
    assert len(dataset.skipped) == 1
    with pytest.raises(DataError, match="the training split has none"):
        load_dataset(str(folder), plain)  # also now that the other is in the cache


def test_a_class_of_broken_images_is_one_without_images(write: Any, tmp_path: Path) -> None:
    folder = write({"cat/1.png": picture(1), "dog/1.png": b"x", "dog/2.png": b"y"})
    _, chosen = match_source(
        str(folder), options(tmp_path / "cache", on_error="skip"), ("cat", "dog"), whose="generator"
    )
    dataset = load_dataset(str(folder), chosen)
    assert values(dataset.train) == [("cat", 1)]
    assert len(dataset.skipped) == 2
    nothing = write({"dog/1.png": b"x", "cat/1.png": b"y"}, "nothing")
    _, chosen = match_source(
        str(nothing), options(tmp_path / "cache", on_error="skip"), ("cat", "dog"), whose="generator"
    )
    with pytest.raises(DataError, match="none of its 2 images could be decoded"):
        load_dataset(str(nothing), chosen)


def test_a_folder_of_one_class_that_is_known_is_no_doubt(write: Any, tmp_path: Path) -> None:
    plain = options(tmp_path / "cache")
    known = write({f"cat/{number}.png": picture(number) for number in range(3)}, "known")
    with pytest.raises(DataError, match="not sure"):
        load_dataset(str(known), plain)
    sets, chosen = match_source(str(known), plain, ("cat", "dog"), whose="generator")
    assert sets.scored == ("cat",)
    assert len(load_dataset(str(known), chosen).train) == 3
    other = write({f"pictures/{number}.png": picture(number) for number in range(3)}, "other")
    with pytest.raises(DataError, match="not sure"):
        match_source(str(other), plain, ("cat", "dog"), whose="generator")

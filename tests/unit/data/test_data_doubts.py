"""Doubts about decoded images: copies, contradictions, torn groups, near-duplicates, generated ones."""

import numpy as np
import pytest
from data_helpers import noise, options
from PIL import Image

from acgan.data import pack as packing
from acgan.data.index import Index
from acgan.data.sources.arrays import ArrayReader
from acgan.data.store import Cache, make_dataset, report_of
from acgan.types import Reading

NAMES = ("cat", "dog")
MADE = 200  # the first pixel of an image that counts as generated here


def pictures(number, seed=0):
    """Smooth random pictures, (N, 16, 16) uint8."""
    small = noise((number, 5, 5), seed)
    return np.stack(
        [np.asarray(Image.fromarray(one).resize((16, 16), Image.Resampling.BICUBIC)) for one in small]
    )


@pytest.fixture
def pack(monkeypatch, tmp_path):
    """Pack arrays; images whose first pixel is ``MADE`` are generated."""
    monkeypatch.setattr(packing, "generated", lambda decoded: decoded.images[:, 0, 0, 0] == MADE)

    def pack(images, labels, held_out=None, groups=None, test_share=0.2, for_scoring=False, **more):
        images = np.where(images == MADE, MADE - 1, images).astype(np.uint8)
        if (made := more.pop("made", None)) is not None:
            images[made, 0, 0] = MADE
        settings = options(tmp_path, channels=1, test_share=test_share, for_scoring=for_scoring)
        index = Index(
            reader=ArrayReader([images], ["a"]),
            rows=np.arange(len(images)),
            labels=np.asarray(labels, dtype=np.int64),
            class_names=NAMES,
            held_out=held_out,
            groups=groups,
            reading=Reading("list", "", "", ""),
            **more,
        )
        return packing.pack(index, settings, None, None)

    return pack


def places(packed, images):
    """Places of the packed images among ``images``, by all but their first pixel."""
    images = np.where(images == MADE, MADE - 1, images).astype(np.uint8)
    where = {image.ravel()[1:].tobytes(): place for place, image in enumerate(images)}
    return np.array([where[image.ravel()[1:].tobytes()] for image in packed.images])


def only(messages, start):
    (found,) = [message for message in messages if start in message]
    return found


def test_sound_images_raise_no_doubts(pack):
    packed = pack(pictures(60), np.arange(60) % 2)
    assert packed.warnings == ()
    assert packed.notes == ("held out: 12 of 60 images, 20% a class (seed 0)",)
    assert packed.report.pairs == ()
    assert packed.report.num_searched == 12


def test_groups_stay_together(pack):
    images = pictures(100)
    groups = np.arange(100) // 4
    packed = pack(images, np.arange(100) % 2, groups=groups)
    found = groups[places(packed, images)]
    assert not set(found[: packed.num_train]) & set(found[packed.num_train :])
    assert packed.groups.tolist() == found[: packed.num_train].tolist()
    assert 10 <= len(found) - packed.num_train <= 20
    assert only(packed.notes, "25 groups, each kept together: ").endswith("held out")


def test_a_class_of_one_group_is_warned_of(pack):
    groups = np.concatenate([np.zeros(20, np.int64), np.arange(1, 41)])
    packed = pack(pictures(60), np.repeat([0, 1], [20, 40]), groups=groups)
    assert "No image of cat could be held out" in only(packed.warnings, "groups")


def test_groups_on_both_sides_are_warned_of(pack):
    held = np.arange(40) >= 30
    groups = np.arange(40)
    groups[[30, 31]] = 3
    groups[39] = 4
    packed = pack(pictures(40), np.arange(40) % 2, held, groups)
    warning = only(packed.warnings, "groups")
    assert warning.startswith(
        "2 groups have images in both of the source's own parts (3 test images), such as a[3] and a[30]"
    )
    assert packed.warnings == (warning,)
    assert packed.groups.tolist() == groups[:30].tolist()


def test_blank_images_do_not_tie_groups(pack):
    images = pictures(60)
    images[::3] = 0  # a black frame in each video
    packed = pack(images, np.arange(60) % 2, groups=np.arange(60) // 3)
    assert len(packed.images) - packed.num_train > 5
    assert not [one for one in (*packed.notes, *packed.warnings) if "pixel" in one or "class" in one[:20]]


def test_copies_in_a_class_and_in_two(pack):
    images = pictures(60)
    images[[10, 12]] = images[0]
    images[3] = images[5]
    images[[21, 20]] = images[40]  # a cat thrice, once called a dog
    packed = pack(images, np.arange(60) % 2, test_share=0)
    repeated = only(packed.notes, "repeat")
    assert "4 images repeat others of the same class, pixel for pixel: cat (3), dog (1), such as" in repeated
    pair = repeated.partition("such as ")[2].partition(";")[0].split(" and ")
    assert set(pair) < {"a[0]", "a[10]", "a[12]", "a[20]", "a[40]"}
    assert len(set(pair)) == 2
    assert packed.warnings == (
        "1 picture lies in more than one class: cat and dog (1), such as a[20] and a[21]. Keep each picture in the"
        " class that it belongs to.",
    )


def test_copies_across_the_sources_own_split(pack):
    images = pictures(80)
    images[[70, 71]] = images[[2, 3]]
    packed = pack(images, np.arange(80) % 2, np.arange(80) >= 60)
    warning = only(packed.warnings, "training part too")
    assert warning.startswith("2 of 20 test images are in the training part too, such as a[70] and a[2]: ")
    assert [(pair.held_out, pair.train, pair.distance) for pair in packed.report.pairs] == [
        (10, 2, 0),
        (11, 3, 0),
    ]


def test_near_duplicates_across_the_split(pack):
    images = pictures(80).astype(np.int64)
    images[70] = images[2] + 4
    images[75] = images[9][:, ::-1]
    packed = pack(np.clip(images, 0, 255).astype(np.uint8), np.arange(80) % 2, np.arange(80) >= 60)
    warning = only(packed.warnings, "nearly the same")
    assert warning.startswith("2 of 20 test images are nearly the same as a training image, such as a[7")
    assert "data.group" in warning
    report = packed.report
    assert (report.num_pairs, report.num_searched) == (2, 20)
    found = {(pair.held_out, pair.train, pair.held_out_name, pair.train_name) for pair in report.pairs}
    assert found == {(10, 2, "a[70]", "a[2]"), (15, 9, "a[75]", "a[9]")}


def test_doubts_about_a_well_known_set_are_remarks(pack):
    images = pictures(80)
    images[[70, 71]] = images[[2, 3]]
    images[20] = images[21]
    packed = pack(images, np.arange(80) % 2, np.arange(80) >= 60, well_known=True)
    assert packed.warnings == ()
    assert only(packed.notes, "training part too")
    assert only(packed.notes, "more than one class")


def test_generated_images_are_never_held_out(pack):
    images = pictures(60)
    made = np.arange(60) % 5 == 0
    packed = pack(images, np.arange(60) % 2, groups=np.arange(60) // 2, made=made)
    found = places(packed, images)
    assert packed.num_generated == 12
    assert found[packed.num_train - 12 : packed.num_train].tolist() == np.flatnonzero(made).tolist()
    assert not made[found[packed.num_train :]].any()
    assert len(packed.groups) == packed.num_train - 12
    warning = only(packed.warnings, "generator")
    assert warning.startswith(
        "12 pictures were made by a generator: 6 of 30 of cat, 6 of 30 of dog. 12 are trained on, and never held out."
    )
    assert "acgan classify train --synthetic RUN" in warning


def test_generated_images_of_a_test_part_are_left_out(pack):
    images = pictures(60)
    made = np.isin(np.arange(60), [3, 50, 51])
    packed = pack(images, np.arange(60) % 2, np.arange(60) >= 40, made=made)
    assert places(packed, images).tolist() == [
        *(place for place in range(40) if place != 3),
        *(3, *(place for place in range(40, 60) if place not in (50, 51))),
    ]
    assert (packed.num_train, packed.num_generated) == (40, 1)
    assert "1 is trained on, and never held out; 2 in the source's own test part are left out" in only(
        packed.warnings, "generator"
    )


def test_a_test_part_of_generated_images_alone_is_none(pack):
    held = np.arange(60) >= 40
    packed = pack(pictures(60), np.arange(60) % 2, held, made=held)
    assert not packed.own_split
    assert (packed.num_train, len(packed.images)) == (32, 40)
    assert "drawn from its training part" in only(packed.warnings, "no image that can be used")


def test_what_a_network_is_scored_on_is_not_drawn_from_a_training_part(pack):
    held = np.arange(60) >= 40
    packed = pack(pictures(60), np.arange(60) % 2, held, made=held, for_scoring=True)
    assert packed.own_split
    assert packed.num_train == len(packed.images) == 40
    assert not packed.can_train  # so that no training finds it in the cache


def test_generated_images_alone(pack):
    packed = pack(pictures(30), np.arange(30) % 2, made=np.ones(30, dtype=bool))
    assert packed.num_train == packed.num_generated == 30


def test_the_split_is_that_of_before(pack):
    """Runs are gone on with by the fingerprint of their training images; the draw was another one before 2026-12-01."""
    dataset = make_dataset("set", pack(noise((60, 16, 16)), np.arange(60) % 2))
    assert (dataset.train.fingerprint, dataset.test.fingerprint) == (
        "740c4312002bdcc2a1259a7b8d553602",
        "685000f932f88b26e5ed467034dac932",
    )


def test_doubts_are_kept_in_the_cache(pack, tmp_path):
    images = pictures(80)
    images[[70, 71]] = images[[2, 3]]
    packed = pack(images, np.arange(80) % 2, np.arange(80) >= 60, np.arange(80), made=np.arange(80) == 5)
    dataset = make_dataset("set", packed)
    cache = Cache(tmp_path / "cache")
    with cache.workspace("key") as scratch:
        cache.write("key", dataset, packed, scratch)
    again = cache.read("key", "set")
    assert again.num_generated == 1
    assert again.num_real == 59
    assert again.warnings == dataset.warnings
    assert again.report == dataset.report
    assert len(again.report.pairs) == 2
    assert again.groups.tolist() == dataset.groups.tolist()
    assert report_of(None) is None


def test_many_classes_of_one_picture(write, load):
    data = load(write({f"c{number}/a.png": number for number in range(6)}))
    assert any("6 of 6 classes have one picture each: c0, c1" in warning for warning in data.warnings)
    few = load(write({f"d{number}/a.png": number for number in range(4)}, folder="few"))
    assert not any("one picture" in warning for warning in few.warnings)

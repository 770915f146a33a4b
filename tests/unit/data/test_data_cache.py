"""Data sets are decoded once, then read back the same, and damage is noticed."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from data_helpers import noise, options, zip_folder
from PIL import Image

from acgan.data import fingerprint as digest_of
from acgan.data import load, pack
from acgan.data.blocks import MappedImages
from acgan.data.decoding import decode
from acgan.data.decoding.unfinished import in_folder
from acgan.errors import DataError, Interrupted


@pytest.fixture
def folder(write):
    """Two classes of 6 and 12 different images in colour."""
    pixels = noise((18, 16, 16, 3))
    names = [f"{'cats' if number < 6 else 'dogs'}/{number}.png" for number in range(18)]
    return write({name: Image.fromarray(image) for name, image in zip(names, pixels, strict=True)})


@pytest.fixture
def forbid_decoding(monkeypatch):
    def forbid():
        monkeypatch.setattr(decode, "decode", lambda *_: pytest.fail("decoded again"))

    return forbid


def same(one, other):
    for part in ("train", "test"):
        a, b = getattr(one, part), getattr(other, part)
        assert a.images.tobytes() == b.images.tobytes()
        assert a.images.shape == b.images.shape
        assert a.labels.tolist() == b.labels.tolist()
        assert a.labels.dtype == b.labels.dtype
        assert (a.class_names, a.fingerprint) == (b.class_names, b.fingerprint)
    assert (one.name, one.skipped, one.notes) == (other.name, other.skipped, other.notes)


@pytest.mark.parametrize("kind", ["folder", "zip", "csv", "npz"])
def test_second_load_decodes_nothing(folder, load, forbid_decoding, kind, tmp_path):
    source = folder
    if kind == "zip":
        source = zip_folder(folder)
    elif kind == "csv":
        rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in folder.rglob("*.png")]
        source = tmp_path / "list.csv"
        source.write_text("\n".join(["path,label", *rows]))
    elif kind == "npz":
        source = tmp_path / "arrays.npz"
        np.savez(source, images=noise((20, 16, 16)), labels=np.arange(20) % 2)
    first = load(source, test_share=0.2)
    assert len(first.test) > 0
    forbid_decoding()
    same(first, load(source, test_share=0.2))


def test_every_option_and_change_of_a_file_is_decoded_anew(folder, load):
    first = load(folder)
    changes = [
        {"classes": ["cats"]},
        {"classes": [{"cats": ["cats", "dogs"]}]},
        {"resolution": 32},
        {"channels": 1},
        {"test_share": 0.2},
        {"test_share": 0.2, "seed": 1},
    ]
    prints = [load(folder, **change).train.fingerprint for change in changes]
    assert len({first.train.fingerprint, *prints}) == len(changes) + 1
    assert load(folder, resolution=32, fit="pad").train.fingerprint != prints[2]
    image = folder / "cats" / "0.png"
    Image.fromarray(noise((16, 16, 3), 99)).save(image)
    os.utime(image, ns=(1, 1))
    assert load(folder).train.fingerprint != first.train.fingerprint
    image.unlink()
    assert len(load(folder).train) == 17


def test_equal_folders_in_two_places_are_two_sources(folder, load, tmp_path):
    first = load(folder)
    shutil.copytree(folder, tmp_path / "copy")  # keeps the times
    path = tmp_path / "copy" / "cats" / "0.png"
    times, size = path.stat(), path.stat().st_size
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    path.write_bytes(path.read_bytes()[:size].ljust(size, b"\0"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "copy").rename(tmp_path / "moved")
    assert load(tmp_path / "moved").train.fingerprint != first.train.fingerprint


def test_seed_does_not_matter_to_a_source_with_a_split(write, load, forbid_decoding):
    source = write({"train/cats/a.png": 1, "test/cats/b.png": 2})
    first = load(source, test_share=0.2, seed=1)
    forbid_decoding()
    same(first, load(source, test_share=0.5, seed=2))


def damage(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flip":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["cut", "flip", "empty", "gone"])
@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "meta.json"])
def test_damaged_entry_is_rebuilt(folder, tmp_path, name, how, forbid_decoding):
    cache = tmp_path / "cache"
    first = load.load_dataset(str(folder), options(cache))
    (path,) = cache.rglob(name)
    before = path.read_bytes()
    damage(path, how)
    same(first, load.load_dataset(str(folder), options(cache)))
    assert path.read_bytes() == before
    forbid_decoding()
    same(first, load.load_dataset(str(folder), options(cache)))


def test_meta_with_other_content_is_not_believed(folder, tmp_path):
    cache = tmp_path / "cache"
    first = load.load_dataset(str(folder), options(cache))
    (path,) = cache.rglob("meta.json")
    content = json.loads(path.read_text())
    content["meta"]["class_names"] = ["dogs", "cats"]
    path.write_text(json.dumps(content))
    same(first, load.load_dataset(str(folder), options(cache)))


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_large_sets_are_mapped(folder, tmp_path, monkeypatch, forbid_decoding, share):
    small = load.load_dataset(str(folder), options(tmp_path / "small", test_share=share))
    monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    cache = tmp_path / "cache"
    large = load.load_dataset(str(folder), options(cache, test_share=share))
    assert isinstance(large.train.images, MappedImages)
    same(small, large)
    assert sorted(path.suffix for path in (cache / "datasets").iterdir()) == [
        "",
        ".lock",
    ]  # nothing left behind
    forbid_decoding()
    again = load.load_dataset(str(folder), options(cache, test_share=share))
    assert isinstance(again.train.images, MappedImages)
    same(small, again)
    again.train.images[:][:] = 0  # copy on write: the cache is not touched
    same(small, load.load_dataset(str(folder), options(cache, test_share=share)))
    (path,) = cache.rglob("labels.npy")
    damage(path, "flip")
    with pytest.raises(pytest.fail.Exception):
        load.load_dataset(str(folder), options(cache, test_share=share))


def test_failed_load_leaves_nothing(write, tmp_path):
    with pytest.raises(DataError):
        load.load_dataset(str(write({"k/a.png": b"x"})), options(tmp_path / "cache"))
    assert [path.suffix for path in (tmp_path / "cache" / "datasets").iterdir()] == [".lock"]


def test_cache_that_cannot_be_written(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cache folder .*file.datasets cannot be written.*ACGAN_CACHE"):
        load.load_dataset(str(folder), options(tmp_path / "file"))


def test_concurrent_loads_decode_once(folder, tmp_path, monkeypatch):
    calls = []
    original = pack.decode_rows
    monkeypatch.setattr(pack, "decode_rows", lambda *a, **k: calls.append(1) or original(*a, **k))
    with ThreadPoolExecutor(4) as pool:
        every = list(
            pool.map(lambda _: load.load_dataset(str(folder), options(tmp_path / "cache")), range(4))
        )
    assert len(calls) == 1
    for one in every[1:]:
        same(every[0], one)


def test_fingerprint_tells_everything_apart():
    images, labels = noise((4, 1, 16, 16)), np.array([0, 1, 0, 1])
    names = ("a", "b")
    other = images.copy()
    other[3, 0, 15, 15] ^= 1
    prints = [
        digest_of(images, labels, names),
        digest_of(other, labels, names),
        digest_of(images[::-1], labels, names),
        digest_of(images, labels[::-1], names),
        digest_of(images, labels, ("a", "c")),
        digest_of(images, labels, ("ab", "")),
        digest_of(images.reshape(4, 4, 8, 8), labels, names),
        digest_of(images[:3], labels[:3], names),
    ]
    assert len(set(prints)) == len(prints)
    assert digest_of(images.copy(), labels.astype(np.int32), names) == prints[0]
    assert digest_of(np.asfortranarray(images), labels, names) == prints[0]


def test_every_image_is_on_one_side(folder, load):
    whole, split = load(folder), load(folder, test_share=0.3, seed=3)
    assert len(whole.test) == 0
    assert whole.test.images.shape == (0, 3, 16, 16)
    assert np.bincount(split.test.labels).tolist() == [2, 4]
    everything = [
        sorted((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))
        for images, labels in [
            (whole.train.images, whole.train.labels),
            (
                np.concatenate([split.train.images, split.test.images]),
                np.concatenate([split.train.labels, split.test.labels]),
            ),
        ]
    ]
    assert everything[0] == everything[1]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Interrupted("SIGTERM", 75)])
def test_a_large_set_goes_on_where_it_was_stopped(folder, tmp_path, monkeypatch, stop):
    small = load.load_dataset(str(folder), options(tmp_path / "small"))
    monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    monkeypatch.setattr(pack, "DECODED_BYTES", 5 * 3 * 16 * 16)
    original, decoded = decode.decode_rows, []

    def decode_or_stop(reader, rows, *args, **kwargs):
        if len(decoded) == 10 and stop:
            raise stop
        decoded.extend(rows)
        return original(reader, rows, *args, **kwargs)

    monkeypatch.setattr(pack, "decode_rows", decode_or_stop)
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        load.load_dataset(str(folder), options(tmp_path / "cache"))
    assert len(decoded) == 10
    stop = None
    same(small, load.load_dataset(str(folder), options(tmp_path / "cache")))
    assert sorted(decoded) == list(range(18)), "each image once"
    assert not list((tmp_path / "cache" / "datasets").glob("*.unfinished"))


@pytest.mark.parametrize("large", [False, True])
def test_a_broken_image_is_named_wherever_it_lies(folder, tmp_path, monkeypatch, large):
    (folder / "dogs" / "13.png").write_bytes(b"broken")
    whole = load.load_dataset(str(folder), options(tmp_path / "whole", on_error="skip"))
    assert [os.path.basename(image.path) for image in whole.skipped] == ["13.png"]
    monkeypatch.setattr(pack, "DECODED_BYTES", 5 * 3 * 16 * 16)
    if large:
        monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    same(whole, load.load_dataset(str(folder), options(tmp_path / "parts", on_error="skip")))


def test_what_was_left_of_another_form_or_damaged_is_not_taken(tmp_path):
    shape, record = (6, 3, 4, 4), np.dtype([("width", "<i4")])
    work = in_folder(tmp_path, shape, record, {"channels": 3})
    work.images[:4] = 7
    work.add({2: "broken"}, 4)
    again = in_folder(tmp_path, shape, record, {"channels": 3})
    assert (again.done, again.failed, int(again.images[3].max())) == (4, {2: "broken"}, 7)
    assert in_folder(tmp_path, shape, record, {"channels": 1}).done == 0
    work = in_folder(tmp_path, shape, record, {"channels": 3})
    work.add({}, 2)
    assert in_folder(tmp_path, (7, 3, 4, 4), record, {"channels": 3}).done == 0
    for name in ("decoded.npy", "seen.npy", "decoded.json"):
        in_folder(tmp_path, shape, record, {"channels": 3}).add({}, 2)
        (tmp_path / name).write_bytes(b"garbage")
        assert in_folder(tmp_path, shape, record, {"channels": 3}).done == 0


def test_what_nobody_touched_for_a_week_goes(folder, tmp_path):
    left = {name: tmp_path / "cache" / "datasets" / f"{name}.unfinished" for name in ("old", "new")}
    for path in left.values():
        path.mkdir(parents=True)
        (path / "decoded.npy").write_bytes(b"x")
    for path in (left["old"] / "decoded.npy", left["old"]):
        os.utime(path, (1, 1))
    load.load_dataset(str(folder), options(tmp_path / "cache"))
    assert [path.exists() for path in left.values()] == [False, True]

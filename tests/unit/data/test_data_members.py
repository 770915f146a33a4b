"""Files in archives that are larger than they look: their sizes and ratios are checked before they are read."""

import io
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_helpers import picture, values, zip_folder

from acgan.data.sources.arrays import read_array
from acgan.data.sources.members import LIMITS, Limits, OversizedError, read_member
from acgan.errors import DataError

PLAIN = {"cats/a.png": 10, "cats/b.png": 20, "dogs/a.png": 30}
MB = 10**6
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.fixture
def memory():
    """A function that tells the most bytes that Python has held since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def _add(archive: Path, name: str, content: bytes, says: int | None = None) -> None:
    """Add a packed member that says it has another size."""
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(name, content)
        opened.filelist[-1].file_size = len(content) if says is None else says


def _png(value: int) -> bytes:
    file = io.BytesIO()
    picture(value).save(file, format="PNG")
    return file.getvalue()


def test_a_large_member_of_a_zip_is_a_broken_image_which_is_not_read(write, load):
    archive = zip_folder(write(PLAIN))
    _add(archive, "cats/x.png", _png(1), says=4000 * MB)
    data = load(archive, on_error="skip")
    assert values(data.train) == [("cats", 10), ("cats", 20), ("dogs", 30)]
    (skipped,) = data.skipped
    assert skipped.reason == "it has 4,000 MB; expected at most 512, see data.max_file_mb"
    with pytest.raises(DataError, match=r"cats/x\.png cannot be decoded: it has 4,000 MB"):
        load(archive)


def test_a_ratio_that_no_picture_has(write, load):
    archive = zip_folder(write(PLAIN))
    _add(archive, "cats/x.png", _png(1) + bytes(70 * MB))
    with pytest.raises(
        DataError, match=r"70 MB, 1,0\d\d times as much as packed; expected at most 200 times"
    ):
        load(archive)
    assert len(load(archive, limits=Limits(max_ratio=2000)).train) == 4


def test_members_that_are_harmless_by_themselves_and_not_together(write, load):
    archive = zip_folder(write(PLAIN))
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        for number in range(30):
            opened.writestr(f"cats/x{number}.png", _png(1))
            opened.filelist[-1].file_size = 50 * MB
    with pytest.raises(
        DataError, match=r"set\.zip cannot be read: its files have 1,500 MB, .* data\.max_ratio"
    ):
        load(archive)


def test_a_limit_is_set_by_a_key(write, load):
    archive = zip_folder(write(PLAIN))
    _add(archive, "cats/x.png", _png(1) + bytes(3 * MB))
    assert len(load(archive).train) == 4
    (skipped,) = load(archive, on_error="skip", limits=Limits(max_mb=2)).skipped
    assert "expected at most 2, see data.max_file_mb" in skipped.reason


@pytest.mark.parametrize("name", ["labels.csv", "dataset.json"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_large_list(write, load, name, zipped):
    folder = write({**PLAIN, name: bytes(3 * MB)})
    source = zip_folder(folder) if zipped else folder
    with pytest.raises(DataError, match=rf"{name} cannot be read: it has 3 MB"):
        load(source, layout="list", limits=Limits(max_mb=2))


def test_a_large_list_by_itself(write, load):
    folder = write({"list.csv": b"path,label\n" + bytes(3 * MB)})
    with pytest.raises(DataError, match=r"list\.csv cannot be read: it has 3 MB"):
        load(folder / "list.csv", limits=Limits(max_mb=2))


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_member_that_is_larger_than_it_says_is_stopped(tmp_path, packing, memory):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", packing) as opened, opened.open("x", "w") as member:
        for _ in range(60):
            member.write(bytes(MB))
    with zipfile.ZipFile(archive) as opened:
        member = opened.getinfo("x")
        member.file_size = 200_000
        before = memory()
        with pytest.raises((OversizedError, zipfile.BadZipFile)):
            read_member(opened, member, LIMITS)
        assert memory() - before < 40 * MB


def test_a_member_is_read_whole(tmp_path):
    content = np.random.default_rng(0).bytes(MB // 4) + bytes(2 * MB + 1)
    for packing in PACKINGS:
        with zipfile.ZipFile(tmp_path / "x.zip", "w", packing) as archive:
            archive.writestr("x", content)
        with zipfile.ZipFile(tmp_path / "x.zip") as archive:
            member = archive.getinfo("x")
            assert read_member(archive, member, LIMITS).read() == content
            member.CRC += 1
            with pytest.raises(zipfile.BadZipFile):
                read_member(archive, member, LIMITS)


def test_an_array_that_is_packed_a_thousandfold(tmp_path):
    file = tmp_path / "x.npz"
    np.savez_compressed(file, images=np.zeros((70_000, 32, 32), np.uint8))
    with pytest.raises(
        DataError, match=r"x\.npz: images cannot be read: it has 72 MB, .* see data\.max_ratio"
    ):
        read_array(file, "images", "")
    assert len(read_array(file, "images", "", Limits(max_ratio=2000))) == 70_000


def test_a_header_that_fills_the_memory(tmp_path, memory):
    file = tmp_path / "x.npz"
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", 50 * MB)
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as member,
    ):
        member.write(header)
        for _ in range(50):
            member.write(bytes(MB))
    before = memory()
    with pytest.raises(DataError, match=r"x\.npz cannot be read"):
        read_array(file, "images", "")
    assert memory() - before < 5 * MB


def test_large_members_of_a_shard(tmp_path, load):
    shard = tmp_path / "x-000.tar"
    with tarfile.open(shard, "w") as archive:
        for name, content in (
            ("a.png", _png(10)),
            ("a.cls", b"0"),
            ("b.png", _png(20) + bytes(3 * MB)),
            ("b.cls", b"1"),
            ("c.png", _png(30)),
            ("c.cls", b"1"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (skipped,) = load(shard, on_error="skip", limits=Limits(max_mb=2)).skipped
    assert skipped.reason == "it has 3 MB; expected at most 2, see data.max_file_mb"

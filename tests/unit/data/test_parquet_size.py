"""Parquet files that are larger than they look: by compression, and by values that are written once and repeated."""

import io
import subprocess
import sys

import numpy as np
import pytest
from data_helpers import picture

from acgan.data.sources.members import LIMITS, Limits, OversizedError
from acgan.data.sources.parquet_size import unpacked_size
from acgan.errors import DataError

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
MB = 10**6
ROWS = 3000


def written(columns, **options):
    """A Parquet file in memory, and its size."""
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file, compression="zstd", **options)
    return file, len(file.getvalue())


TEXT = "x" * (MB // 10)
BOMBS = {
    "repeated texts": {"path": [TEXT] * ROWS},
    "repeated bytes of pictures": {"image": [{"bytes": TEXT.encode(), "path": "a"}] * ROWS},
    "repeated texts in lists": {"of": [[TEXT]] * ROWS},
    "repeated texts in maps": {"of": pa.array([[("k", TEXT)]] * ROWS, pa.map_(pa.string(), pa.string()))},
    "repeated bytes of one length": {"of": pa.array([TEXT.encode()] * ROWS, pa.binary(len(TEXT)))},
    "repeated texts, which are read as such": {
        "of": pa.StructArray.from_arrays([pa.DictionaryArray.from_arrays([0] * ROWS, [TEXT])], ["x"])
    },
    "equal numbers": {"label": pa.array([1] * (20 * MB), pa.int8())},
    "nothing": {"label": pa.nulls(20 * MB, pa.int64())},
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_much_more_is_refused(kind):
    file, packed = written(BOMBS[kind])
    assert packed < MB
    with pytest.raises(
        OversizedError, match=r"unpacked it has [\d,]+ MB, .* times as much as packed.*data\.max_ratio"
    ):
        unpacked_size(file, packed, LIMITS)
    assert unpacked_size(file, packed, Limits(max_ratio=10**9)) >= 150 * MB


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"text": ["x" * (MB // 10)] * ROWS}, {"use_dictionary": False}),
        (
            {"text": ["x" * (40 * number) for number in range(ROWS)]},
            {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"},
        ),
    ],
)
def test_other_ways_to_pack_are_seen_too(columns, options):
    file, packed = written(columns, **options)
    with pytest.raises(OversizedError, match="times as much as packed"):
        unpacked_size(file, packed, LIMITS)


def test_the_size_is_that_of_the_values():
    file, packed = written({"path": ["abc", "abc", None, "de"], "label": [1, 2, 3, 4]})
    assert 8 + 8 * 8 <= unpacked_size(file, packed, LIMITS) <= 8 + 8 * 8 + 32


def test_pictures_that_are_all_different():
    """The writer begins a dictionary of them, and gives it up after a megabyte."""
    pictures = np.random.default_rng(0).integers(0, 256, (400, 10_000), dtype=np.uint8)
    file, packed = written(
        {"image": [{"bytes": one.tobytes(), "path": "a"} for one in pictures], "label": [1] * 400}
    )
    assert {"PLAIN", "RLE_DICTIONARY"} <= set(
        parquet.ParquetFile(file).metadata.row_group(0).column(0).encodings
    )
    assert 4 * MB < unpacked_size(file, packed, LIMITS) < 4.1 * MB


CHECK = """
import sys
from pathlib import Path
from acgan.data.sources.members import LIMITS, OversizedError
from acgan.data.sources.parquet_size import unpacked_size
import pyarrow.parquet, pyarrow.compute
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, file = peak(), Path(sys.argv[1])
try:
    unpacked_size(file, file.stat().st_size, LIMITS)
except OversizedError:
    print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("nested", [False, True])
def test_it_takes_little_memory_to_find_out(tmp_path, nested):
    """A file of a few kilobytes that stands for 3 GB."""
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), ["x" * MB])
    column = pa.StructArray.from_arrays([shared], ["bytes"]) if nested else shared
    parquet.write_table(pa.table({"path": column}), tmp_path / "x.parquet", store_schema=False)
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(tmp_path / "x.parquet")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < 200 * MB


def png():
    file = io.BytesIO()
    picture(5).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize("prefix", ["", "hf:"])
def test_a_set_of_pictures_that_is_packed_too_far_is_refused(tmp_path, load, prefix):
    pytest.importorskip("datasets")
    folder = tmp_path / "set"
    folder.mkdir()
    padded = png() + bytes(MB // 10)
    table = pa.table({"image": [{"bytes": padded, "path": None}] * ROWS, "label": ["a", "b"] * (ROWS // 2)})
    parquet.write_table(table, folder / "x.parquet", compression="zstd")
    with pytest.raises(DataError, match=r"x\.parquet cannot be read: unpacked it has .*data\.max_ratio"):
        load(f"{prefix}{folder}")


def test_a_list_that_is_packed_too_far_is_refused(tmp_path, load):
    picture(3).save(tmp_path / "a.png")
    for columns in (
        {"path": ["a.png"] * ROWS, "label": [TEXT] * ROWS},
        {"path": pa.array(["a.png"]), "label": pa.array(["x" * (600 * MB)])},
    ):
        parquet.write_table(pa.table(columns), tmp_path / "list.parquet", compression="zstd")
        with pytest.raises(DataError, match=r"list\.parquet cannot be read as parquet: .*see data\.max_"):
            load(tmp_path / "list.parquet")

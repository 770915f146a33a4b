"""A set of four times the memory that there is: it is packed, read through and trained on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

LIMIT = 670 << 20
SIDE, PICTURES = 256, 14_400  # 2.8 GB
GROUPS = Path("/sys/fs/cgroup/memory")

LOAD = """
import sys
from pathlib import Path
import torch
from acgan.config import RunConfig, load
from acgan.config.recipes import find_recipe
from acgan.assembly import data_options
from acgan.data import BatchOrder, load_dataset
from acgan.data.batches import DeviceImages

def anonymous():
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))

config = load(RunConfig, find_recipe("folder", "gan"), [f"data.source={sys.argv[1]}", "data.resolution=256"])
dataset = load_dataset(config.data.source, data_options(config.data))
store = dataset.train
print("bytes", dataset.train.images.nbytes + dataset.test.images.nbytes)
images = DeviceImages(store, device=torch.device("cpu"), max_bytes_on_device=0)
order, seen = BatchOrder(store.labels, seed=0, balance=False), []
for position in range(0, len(store) - 64, 64):
    batch = images.batch(order.indices(position, 64), None)
    assert torch.isfinite(batch.images).all()
    seen.append(anonymous())
quarter = len(seen) // 4  # a batch may or may not be freed when it is looked at
print("grown", max(seen[quarter:]) - max(seen[:quarter]))
"""


@pytest.fixture
def limited() -> Iterator[list[str]]:
    """A command that starts another within the limit."""
    group = GROUPS / f"acgan-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError:
        pytest.skip("needs the right to limit the memory of a process (cgroups, version 1)")
    yield ["sh", "-c", f'echo $$ > {group / "cgroup.procs"} && exec "$@"', "limited", sys.executable]
    for _ in range(50):
        try:
            return group.rmdir()
        except OSError:
            time.sleep(0.1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
    for number in range(PICTURES):
        picture = Image.new("RGB", (SIDE, SIDE), (number % 256, number // 256, 128))
        picture.putpixel((number % SIDE, number // SIDE), (255, 255, 255))
        picture.save(folder / ("a" if number % 2 else "b") / f"{number}.png", compress_level=1)
    return folder


@pytest.mark.slow
def test_a_set_of_four_times_the_memory(limited: list[str], pictures: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ACGAN_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    command = [*limited, "-c", LOAD, str(pictures)]
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state: list[Path] = []
    while not state:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.05)
        state = list((tmp_path / "cache" / "datasets").glob("*.unfinished/decoded.json"))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert json.loads(state[0].read_text())["done"] > 0, "the next process goes on from there"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=550)
    assert done.returncode == 0, done.stderr
    told = {name: int(number) for name, number in (line.split() for line in done.stdout.splitlines())}
    assert told["bytes"] >= 4 * LIMIT
    assert told["grown"] < 64 << 20, "a few batches, which may be freed late, and not the set"
    sets = ["model.generator.channels=4", "model.discriminator.channels=4", "model.generator.max_channels=8"]
    sets += [
        "model.discriminator.max_channels=8",
        "train.total_nimg=16",
        "train.batch_size=4",
        "model.starter=false",
        "report=false",  # which takes memory of its own
    ]
    sets += ["data.resolution=256", "train.precision=float32", "monitor.num_per_class=0"]
    arguments = [
        "-m",
        "acgan",
        "train",
        "folder",
        "--data",
        str(pictures),
        "--run-dir",
        str(tmp_path / "run"),
    ]
    trained = subprocess.run(
        [*limited, *arguments, *(word for key in sets for word in ("--set", key))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert trained.returncode == 0, trained.stderr
    assert json.loads((tmp_path / "run" / "provenance.json").read_text())

"""Checks of the doctor on devices, cores and files: their verdicts and remedies."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from doctor_helpers import alone, by_name

from acgan import parallel
from acgan.doctor import computing, storage
from acgan.doctor.diagnosis import Diagnosis

# Devices and cores.


@pytest.mark.parametrize(("native", "verdict"), [(True, "ok"), (False, "remark")])
def test_bf16(native: bool, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acgan.runtime.has_native_bf16", lambda device: native)
    found = by_name(computing.check_devices())["bf16"]
    assert found.verdict == verdict
    assert ("float32" in found.found) == (not native)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "gpu" not in by_name(computing.check_devices())
    monkeypatch.setattr(computing.shutil, "which", lambda name: f"/usr/bin/{name}")
    found = by_name(computing.check_devices())["gpu"]
    assert found.verdict == "remark"
    assert "nvidia-smi is here, but torch" in found.found


@pytest.mark.parametrize(
    ("used", "affinity", "quota", "remedy"),
    [
        (8, 8, None, ""),
        (8, 8, 2.0, "set OMP_NUM_THREADS=2"),
        (3, 8, 2.5, ""),
        (8, 4, None, "set OMP_NUM_THREADS=4"),
        (1, 8, None, "To use all 8: set OMP_NUM_THREADS=8"),
        (2, 8, 2.0, ""),
    ],
)
def test_cores(
    used: int, affinity: int, quota: float | None, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "cores", lambda: used)
    monkeypatch.setattr(computing.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(computing.os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(computing, "cpu_quota", lambda: quota)
    monkeypatch.setenv("OMP_NUM_THREADS", str(used))
    found = alone(computing.check_cores())
    assert found.verdict == ("remark" if remedy else "ok")
    assert remedy in found.remedy
    assert f"{used} used, of 8" in found.found
    assert f"OMP_NUM_THREADS = {used}" in found.found
    assert ("quota of 2" in found.found) == (quota is not None)
    assert found.values["quota"] == quota


@pytest.mark.parametrize(("load", "verdict"), [(0.1, "ok"), (1.4, "remark")])
def test_load(load: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing.os, "getloadavg", lambda: (load, 9.0, 9.0), raising=False)
    monkeypatch.setattr(computing.os, "cpu_count", lambda: 2)
    found = alone(computing.check_load())
    assert found.verdict == verdict
    assert f"{load:.1f} processes" in found.found


# Files.


def test_missing_weights_of_inception(empty_hub: Path) -> None:
    found = alone(storage.check_inception_weights())
    assert found.verdict == "remark"
    assert str(empty_hub) in found.remedy, "where to put them"
    assert not list(empty_hub.iterdir()), "nothing is fetched"


def test_weights_of_inception(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acgan.extracting.inception_weights import hub_file

    hub_file().write_bytes(b"half of it")
    found = alone(storage.check_inception_weights())
    assert (found.verdict, "Delete it" in found.remedy) == ("remark", True)
    monkeypatch.setattr("acgan.atomic.sha256", lambda file: "6726825d" + "0" * 56)
    assert alone(storage.check_inception_weights()) == Diagnosis(
        "inception", str(hub_file()), values=found.values
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def free(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: SimpleNamespace(free=number))


def test_the_cache_its_size_and_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 5 << 30)
    found = alone(storage.check_cache())
    assert (found.verdict, found.found) == ("ok", f"{cache}, 0.0 KiB, 5.0 GiB free")
    assert not cache.exists(), "nothing is written"
    (cache / "sub").mkdir(parents=True)
    (cache / "sub" / "a.npy").write_bytes(bytes(3 << 20))
    found = alone(storage.check_cache())
    assert f"{cache}, 3.0 MiB" in found.found
    assert found.values == {"folder": str(cache), "bytes": 3 << 20, "files": 1, "free_bytes": 5 << 30}


@pytest.mark.parametrize(("number", "verdict"), [(1 << 30, "remark"), (1 << 20, "problem")])
def test_little_room(number: int, verdict: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, number)
    found = alone(storage.check_cache())
    assert found.verdict == verdict
    assert ("Make room" in found.remedy) == (verdict == "problem")


def test_a_cache_that_cannot_be_written(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file is in the way")
    found = alone(storage.check_cache())
    assert found.verdict == "problem"
    assert "cannot be written (Not a directory)" in found.found
    assert found.remedy == "Set ACGAN_CACHE to a folder that can be written."


def test_a_folder_that_cannot_hold_runs_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert alone(storage.check_runs()).verdict == "ok"
    assert not list(tmp_path.iterdir())
    (tmp_path / "runs").write_text("a file is in the way")
    found = alone(storage.check_runs())
    assert (found.verdict, found.remedy) == ("remark", "Name another place with --run-dir.")

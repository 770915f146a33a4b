"""Checks of devices, cores and the load of the machine."""

from __future__ import annotations

import math
import os
import shutil

from acgan.doctor.cgroup import cpu_quota
from acgan.doctor.diagnosis import Diagnosis

#: Load of other work from which it is told, as a share of the cores.
_BUSY = 0.3
_THREADS = "OMP_NUM_THREADS"


def check_devices() -> list[Diagnosis]:
    """List the devices, and whether ``auto`` computes in bf16."""
    import torch

    from acgan.runtime import choose_device, has_native_bf16

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    names = [*(f"cuda:{index} {name}" for index, name in enumerate(gpus)), "cpu"]
    if torch.backends.mps.is_available():
        names.insert(0, "mps")
    chosen = choose_device("auto")
    found = [Diagnosis("devices", f"{', '.join(names)}; auto takes {chosen}", values={"devices": names})]
    if not gpus and shutil.which("nvidia-smi"):
        why = "built without CUDA" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}"
        told = f"nvidia-smi is here, but torch, {why}, finds no GPU"
        remedy = "Install a torch that fits the driver: https://pytorch.org/get-started/locally."
        found.append(Diagnosis("gpu", told, "remark", remedy))
    native = has_native_bf16(chosen)
    values = {"native": native, "device": str(chosen)}
    if native:
        return [
            *found,
            Diagnosis("bf16", f"native on {chosen}: `train.precision: auto` uses it", values=values),
        ]
    told = f"not native on {chosen}: `train.precision: auto` computes in float32, at about half the speed"
    return [*found, Diagnosis("bf16", told, "remark", values=values)]


def check_cores() -> list[Diagnosis]:
    """Compare the cores that acgan uses with those that it may use."""
    from acgan import parallel

    used, all_of_them = parallel.cores(), os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_of_them
    quota, variable = cpu_quota(), os.environ.get(_THREADS)
    values = {"cpu_count": all_of_them, "affinity": allowed, "quota": quota, _THREADS: variable, "used": used}
    parts = [f"{used} used, of {all_of_them}"]
    if allowed != all_of_them:
        parts.append(f"{allowed} by affinity")
    parts.append("no container's quota" if quota is None else f"a container's quota of {quota:g}")
    parts.append(f"{_THREADS} {'not set' if variable is None else f'= {variable}'}")
    told, best = ", ".join(parts), min(allowed, math.ceil(quota) if quota is not None else allowed)
    if used > best:
        remedy = f"More threads than cores wait for each other: set {_THREADS}={best}."
        return [Diagnosis("cores", told, "remark", remedy, values)]
    if used < best:
        return [Diagnosis("cores", told, "remark", f"To use all {best}: set {_THREADS}={best}.", values)]
    return [Diagnosis("cores", told, values=values)]


def check_load() -> list[Diagnosis]:
    """Compare the load of the machine with its cores."""
    if not hasattr(os, "getloadavg"):
        return []
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    told, values = f"{load:.1f} processes ran at a time in the last minute", {"load": load}
    if load < _BUSY * cores:
        return [Diagnosis("load", told, values=values)]
    remedy = "Other work makes a training slower: `acgan benchmark train --neighbours 1` says how much."
    return [Diagnosis("load", f"{told}, on {cores} cores", "remark", remedy, values)]

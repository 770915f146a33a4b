"""Memory that a training needs, known before it is taken."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from build_helpers import CPU, make_store

from acgan import parallel
from acgan.assembly import build_gan
from acgan.assembly.memory import MemoryEstimate, estimate_memory
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.recipes import find_recipe, recipes
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.runtime import own_memory_bytes, total_memory_bytes


def _estimate(
    model: Any, *overrides: str, file: Path | None = None, side: int = 16, **options: Any
) -> MemoryEstimate:
    config = load(model, file, overrides)
    precision = options.pop("precision", "float32")
    store = make_store(config.data.resolution or side, 3)
    found = estimate_memory(
        config,
        store,
        device=options.pop("device", CPU),
        precision=precision,
        ranks=options.pop("ranks", Ranks()),
    )
    assert found is not None
    return found


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_has_an_estimate_and_fits_a_small_machine(name: str) -> None:
    found = _estimate(RunConfig, file=find_recipe(name), side=32)
    assert 2**20 < found.networks < 2**30
    compiled = load(RunConfig, find_recipe(name)).train.compile
    assert found.step == 0 if compiled else 2**22 < found.step < 16 * 2**30
    found.check(CPU)


@pytest.mark.parametrize("backbone", ["small", "{kind: torchvision, name: resnet18}"])
def test_classifiers_have_one_too(backbone: str) -> None:
    kind = backbone if backbone.startswith("{") else "{kind: small}"
    found = _estimate(ClassifierConfig, f"model.backbone={kind}", side=64)
    assert found.networks > 2**20
    assert found.step > 2**20


def test_networks_are_counted_with_gradients_adam_and_the_mean_weights() -> None:
    config = load(RunConfig, None, ["data.resolution=16"])
    store = make_store(16, 3)
    gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
    g, d = (
        sum(one.numel() for one in network.parameters()) for network in (gan.generator, gan.discriminator)
    )
    assert _estimate(RunConfig, "data.resolution=16", "train.portions=1").networks == 4 * (5 * g + 4 * d)
    in_three = _estimate(RunConfig, "data.resolution=16", "train.portions=3")
    assert in_three.networks == 4 * (5 * g + 4 * d + 2 * max(g, d)), "gradients of each portion"


def test_what_a_pass_keeps_is_what_torch_keeps() -> None:
    """The same sum, with real tensors, for a batch of another size."""
    config, store, num = (
        load(RunConfig, None, ["train.portions=1", "train.batch_size=8"]),
        make_store(16, 3),
        8,
    )
    gan = build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())
    kept = dict[int, int]()
    own = {one.untyped_storage().data_ptr() for one in gan.discriminator.parameters()}
    held = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        gan.discriminator(torch.zeros(num, 3, 16, 16), torch.zeros(num, dtype=torch.int64))
    real = sum(size for pointer, size in kept.items() if pointer not in own)
    found = _estimate(RunConfig, "train.portions=1", "train.batch_size=8").step
    assert 1.5 * real < found / 6 < 3 * real  # of a real and a generated image


def test_the_batch_counts_as_far_as_it_is_there_at_once() -> None:
    given = (RunConfig, "train.batch_size=64", "train.portions=1")
    whole, half = _estimate(*given), _estimate(*given, "train.micro_batch=32")
    assert (whole.batch, whole.step) == (2 * half.batch, 2 * half.step)
    assert whole.networks == half.networks
    shared = _estimate(*given, ranks=Ranks(0, 2))
    assert (shared.batch, shared.step) == (half.batch, half.step)


def test_a_step_needs_what_the_cores_compute_at_the_same_time() -> None:
    found = []
    for cores in (1, 2, 3, 4, 9):
        with parallel.using_cores(cores):
            found.append(_estimate(RunConfig, "train.batch_size=64", "train.portions=4").step)
    assert [round(step / found[0], 6) for step in found] == [1, 2, 3, 4, 4]


def test_what_the_process_has_before_counts() -> None:
    found = _estimate(RunConfig)
    if sys.platform.startswith("linux"):
        assert found.process > own_memory_bytes() > 2**26
    assert found.needed == found.process + found.networks + found.batch + found.step


def test_other_devices_have_an_estimate_from_below() -> None:
    """Nothing was measured there: what the layers keep of the whole batch, and nothing else."""
    here = _estimate(RunConfig, "train.batch_size=64", "train.portions=1")
    there = _estimate(RunConfig, "train.batch_size=64", device=torch.device("cuda"))
    assert (there.process, there.margin, there.step) == (0, 1, here.step / 6)
    assert str(there).startswith("at least ")
    assert str(here).startswith("about ")


def test_precision_counts() -> None:
    single, double, half = (_estimate(RunConfig, precision=one) for one in ("float32", "float64", "bf16"))
    assert double.networks == 2 * single.networks == 2 * half.networks
    assert double.step == 2 * single.step == 3 * half.step


@pytest.mark.parametrize(
    "overrides",
    [
        ["model.generator.channels=16384", "model.generator.max_channels=16384"],
        ["model.discriminator.channels=16384", "model.discriminator.max_channels=16384"],
        ["train.batch_size=1048576", "train.portions=1"],
    ],
)
def test_what_no_machine_like_this_holds_is_refused(overrides: list[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("acgan.assembly.memory.total_memory_bytes", lambda device: 32 * 2**30)
    with pytest.raises(
        ConfigError,
        match=r"memory: the training needs about [\d,.]+ GiB .*cpu has 32\.0 GiB.*at most 64\.0 GiB",
    ) as caught:
        _estimate(RunConfig, *overrides).check(CPU)
    for part in ("networks with Adam", "numbers of a batch", "a step", "Lower train.batch_size"):
        assert part in str(caught.value)


def _of(networks: int, margin: float = 2) -> MemoryEstimate:
    return MemoryEstimate(images=0, process=0, networks=networks, batch=0, step=0, margin=margin)


def test_what_fits_if_the_estimate_is_too_high_is_not_refused(monkeypatch: Any) -> None:
    monkeypatch.setattr("acgan.assembly.memory.total_memory_bytes", lambda device: 2**30)
    _of(2**31).check(CPU)
    _of(2**30, margin=1).check(CPU)
    for refused in (_of(2**31 + 1), _of(2**30 + 1, margin=1)):
        with pytest.raises(ConfigError):
            refused.check(CPU)


def test_a_machine_that_does_not_tell_is_not_judged(monkeypatch: Any) -> None:
    monkeypatch.setattr("acgan.assembly.memory.total_memory_bytes", lambda device: None)
    _of(2**60).check(CPU)


def test_the_machine_tells() -> None:
    total = total_memory_bytes(CPU)
    assert total is None or total > 2**28

"""Memory that a training needs, known before it is taken."""

from pathlib import Path
from typing import Any

import pytest
import torch
from build_helpers import CPU, make_store

from acgan.assembly import build_gan
from acgan.assembly.memory import MemoryEstimate, estimate_memory
from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.recipes import find_recipe, recipes
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.runtime import total_memory_bytes


def _estimate(
    model: Any, *overrides: str, file: Path | None = None, side: int = 16, **options: Any
) -> MemoryEstimate:
    config = load(model, file, overrides)
    precision = options.pop("precision", "float32")
    store = make_store(config.data.resolution or side, 3)
    found = estimate_memory(
        config, store, device=CPU, precision=precision, ranks=options.pop("ranks", Ranks())
    )
    assert found is not None
    return found


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_has_an_estimate_and_fits_a_small_machine(name: str) -> None:
    found = _estimate(RunConfig, file=find_recipe(name), side=32)
    assert 2**20 < found.networks < 2**30
    compiled = load(RunConfig, find_recipe(name)).train.compile
    assert found.step == 0 if compiled else 2**20 < found.step < 8 * 2**30
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
    assert _estimate(RunConfig, "data.resolution=16").networks == 4 * (5 * g + 4 * d)


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
    assert 1.5 * real < found < 3 * real  # of a real and a generated image


def test_the_batch_counts_as_far_as_it_is_there_at_once() -> None:
    whole, half = (
        _estimate(RunConfig, "train.batch_size=64"),
        _estimate(RunConfig, "train.batch_size=64", "train.micro_batch=32"),
    )
    assert whole.batch == 2 * half.batch
    assert whole.networks == half.networks
    shared = _estimate(RunConfig, "train.batch_size=64", ranks=Ranks(0, 2))
    assert shared.batch == half.batch


def test_precision_counts() -> None:
    single, double, half = (_estimate(RunConfig, precision=one) for one in ("float32", "float64", "bf16"))
    assert double.networks == 2 * single.networks == 2 * half.networks
    assert double.step == 2 * single.step == 4 * half.step


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
        ConfigError, match=r"memory: the training needs [\d,.]+ GiB or more .*cpu has 32\.0 GiB"
    ) as caught:
        _estimate(RunConfig, *overrides).check(CPU)
    for part in ("networks with Adam", "numbers of a batch", "a step", "Lower train.batch_size"):
        assert part in str(caught.value)


def test_a_machine_that_does_not_tell_is_not_judged(monkeypatch: Any) -> None:
    monkeypatch.setattr("acgan.assembly.memory.total_memory_bytes", lambda device: None)
    MemoryEstimate(images=0, networks=2**60, batch=0, step=0).check(CPU)


def test_the_machine_tells() -> None:
    total = total_memory_bytes(CPU)
    assert total is None or total > 2**28

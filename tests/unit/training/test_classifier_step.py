"""One step of a classifier: micro-batches add up, settings arrive, what is logged and drawn is right."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from classifier_task import (
    ALL_CHANGES,
    BATCH,
    OPTIONS,
    WEIGHTS,
    colour_store,
    gradients_of,
    make_task,
    norm_net,
    same,
    step_of,
)
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import distributed
from acgan.distributed import Ranks
from acgan.predicting import Normalisation
from acgan.training.schedule import WarmupDecay

# ---------------------------------------------------------------- micro-batches and ranks


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_micro_batches_add_up_to_the_batch(options: dict[str, Any]) -> None:
    whole = gradients_of(make_task(**options), iteration=2)
    assert sum(gradient.abs().sum() for gradient in whole) > 0
    for micro_batch in (1, 3):  # 3 + 3 + 2
        assert_close(gradients_of(make_task(micro_batch=micro_batch, **options), iteration=2), whole)


@pytest.mark.parametrize("options", [OPTIONS["plain"], OPTIONS["all"]], ids=["plain", "all"])
def test_processes_average_to_the_batch(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gradients_of(make_task(**options))
    monkeypatch.setattr(distributed, "average_over_ranks", lambda values, ranks: values)  # done below
    ranks = [
        gradients_of(make_task(ranks=Ranks(rank, 2), micro_batch=micro_batch, **options))
        for rank, micro_batch in enumerate((4, 3))
    ]
    assert_close([sum(own) / 2 for own in zip(*ranks, strict=True)], whole)


def test_what_is_logged_does_not_depend_on_micro_batches() -> None:
    logs = [step_of(make_task(micro_batch=micro_batch, **OPTIONS["all"]), 1) for micro_batch in (BATCH, 3)]
    assert list(logs[0]) == list(logs[1])
    for name, value in logs[0].items():
        assert_close(logs[1][name], value, check_dtype=False, msg=name)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), torchvision.ops.StochasticDepth(0.5, "row")], ids=repr)
def test_torchvision_s_own_dropout_depends_on_seed_and_iteration_alone(layer: nn.Module) -> None:
    # Such layers draw from the global generator, which a resumed run does not find as it was.
    found = []
    for global_seed in (5, 6):
        task = make_task(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Tanh(), layer), aux={})
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        found.append([gradients_of(task, iteration) for iteration in range(2)])
        assert torch.equal(torch.get_rng_state(), before)  # which is the user's
    assert same(found[0][0], found[1][0])
    assert same(found[0][1], found[1][1])
    assert not same(*(gradients_of(task, iteration) for iteration in range(2)))


def test_micro_batches_differ_in_what_torchvision_s_own_dropout_drops() -> None:
    layer, seen = nn.Dropout(0.5), []
    layer.register_forward_hook(lambda m, i, out: seen.append(out == 0))
    step_of(make_task(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), layer), aux={}, micro_batch=4))
    assert not torch.equal(*seen[-2:])  # the first were to find out shapes


# ---------------------------------------------------------------- what is logged


def test_the_log_holds_each_head_s_term_and_accuracy_and_the_gradient() -> None:
    task = make_task(aux={"0": 0.3, "3": 0.0}, label_smoothing=0.1, class_weights=WEIGHTS)
    batch = task.batch(4, slice(0, BATCH))
    outputs = task.network(batch.images)
    terms = task.loss.terms(outputs, batch.labels)
    (terms["main"] + 0.3 * terms["0"]).backward()
    norm = torch.stack([p.grad.norm() for p in task.network.parameters() if p.grad is not None]).norm()
    log = step_of(task, 4)
    heads = ("main", "0", "3")
    kinds = ("loss", "weighted/loss", "accuracy")
    assert set(log) == {f"{kind}_{name}" for kind in kinds for name in heads} | {"gradient_norm"}
    for name, weight in zip(heads, (1.0, 0.3, 0.0), strict=True):
        assert_close(log[f"loss_{name}"], terms[name].detach())
        assert_close(log[f"weighted/loss_{name}"], weight * terms[name].detach())
        right = (outputs[name].argmax(dim=1) == batch.labels).sum().item()
        assert log[f"accuracy_{name}"].item() == pytest.approx(right / BATCH)
    assert_close(log["gradient_norm"], norm)
    assert not any(value.requires_grad for value in log.values())


def test_a_term_is_the_mean_of_weighted_cross_entropies() -> None:
    task = make_task(aux={}, class_weights=WEIGHTS)
    batch = task.batch(0, slice(0, BATCH))
    losses = F.cross_entropy(task.network(batch.images)["main"], batch.labels, reduction="none")
    assert_close(step_of(task)["loss_main"], (WEIGHTS[batch.labels] * losses).mean().detach())


def test_the_network_sees_normalised_images_in_channels_last_memory() -> None:
    seen: list[Tensor] = []
    normalise = Normalisation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    task = make_task(normalise=normalise)
    run_network = task.run_network
    task.run_network = lambda x: seen.append(x) or run_network(x)  # type: ignore[func-returns-value]
    step_of(task, 3)
    assert_close(seen[0], normalise(task.batch(3, slice(0, BATCH)).images))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_bf16_is_a_matter_of_autocast_and_losses_are_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(dtype=torch.float32, precision="bf16")
    seen: list[torch.dtype] = []
    task.network.backbone[3].register_forward_hook(lambda m, i, out: seen.append(out.dtype))
    log = step_of(task)
    assert seen == [torch.bfloat16]
    assert log["loss_main"].dtype == torch.float32
    assert {p.dtype for p in task.network.parameters()} == {torch.float32}


# ---------------------------------------------------------------- the learning rate


@pytest.mark.parametrize("decay", ["linear", "cosine", "none"])
def test_every_group_s_rate_is_its_highest_times_the_schedule(decay: str) -> None:
    schedule = WarmupDecay(0.25, decay)
    task = make_task(rates=(1e-3, 1e-2), schedule=schedule, iterations=20)
    for iteration in (7, 0, 4, 5, 19):  # in any order: nothing is carried from step to step
        step_of(task, iteration)
        factor = schedule.factor((iteration + 0.5) / 20)
        assert [group["lr"] for group in task.optimizer.param_groups] == [1e-3 * factor, 1e-2 * factor]


def test_the_schedule_is_by_images_and_ends_where_the_training_does() -> None:
    task = make_task(schedule=WarmupDecay(0.0, "linear"), iterations=20)
    task.total_nimg = 20 * BATCH - 3  # no whole number of batches
    step_of(task, 10)
    expected = 1e-2 * (1 - 10.5 * BATCH / (20 * BATCH - 3))
    assert task.optimizer.param_groups[0]["lr"] == pytest.approx(expected)
    step_of(task, 25)  # beyond the end, where a training is made shorter
    assert task.optimizer.param_groups[0]["lr"] == 0


def test_a_step_is_adamw_s() -> None:
    task, twin = make_task(), make_task()
    adam = torch.optim.AdamW(twin.network.parameters(), lr=1e-2, fused=True)
    twin.optimizer = adam
    adam.param_groups[0]["max_lr"] = 1e-2
    for iteration in range(3):
        step_of(task, iteration)
        step_of(twin, iteration)
    assert_close(task.network.state_dict(), twin.network.state_dict())


# ---------------------------------------------------------------- what is frozen


def test_frozen_parts_do_not_move() -> None:
    task = make_task(norm_net, aux={}, freeze="until:1")
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    for iteration in range(3):
        step_of(task, iteration)
    moved = {
        name for name, value in task.network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {
        "backbone.3.weight",
        "backbone.4.weight",
        "backbone.4.bias",
        "backbone.4.running_mean",
        "backbone.4.running_var",
        "backbone.4.num_batches_tracked",
        "heads.main.classify.weight",
        "heads.main.classify.bias",
    }


def test_with_a_frozen_backbone_heads_alone_move() -> None:
    task = make_task(norm_net, aux={}, freeze="backbone")
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    for iteration in range(3):
        log = step_of(task, iteration)
    moved = {
        name for name, value in task.network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"heads.main.classify.weight", "heads.main.classify.bias"}
    assert log["gradient_norm"] > 0


# ---------------------------------------------------------------- what a step draws


def test_a_step_s_batch_depends_on_seed_and_iteration_alone() -> None:
    task = make_task(changes=ALL_CHANGES, seed=3)
    first = [task.batch(iteration, slice(0, BATCH)) for iteration in range(3)]
    np.random.seed(1)  # noqa: NPY002  (global state, which must not matter)
    torch.manual_seed(7)
    twin = make_task(changes=ALL_CHANGES, seed=3)
    for iteration in (2, 0, 1):
        batch = twin.batch(iteration, slice(0, BATCH))
        assert torch.equal(batch.images, first[iteration].images)
        assert torch.equal(batch.labels, first[iteration].labels)
    other = make_task(changes=ALL_CHANGES, seed=4).batch(0, slice(0, BATCH))
    assert not torch.equal(other.images, first[0].images)


def test_what_a_step_does_depends_on_seed_and_iteration_alone() -> None:
    options = OPTIONS["all"]
    runs = []
    for steps in ([0, 1, 2], [2]):
        task = make_task(seed=3, **options)
        torch.manual_seed(len(steps))
        runs.append([gradients_of(task, iteration) for iteration in steps][-1])
    assert same(*runs)
    assert not same(gradients_of(make_task(seed=4, **options), 2), runs[0])
    assert not same(gradients_of(make_task(seed=3, **options), 1), runs[0])


def test_images_are_changed_anew_in_each_step() -> None:
    store = colour_store(1)
    batches = [
        make_task(changes=ALL_CHANGES, store=store).batch(step, slice(0, BATCH)).images for step in (0, 1)
    ]
    images = torch.cat(batches)  # 16 times the same image
    assert len({image.numpy().tobytes() for image in images}) == len(images)


@pytest.mark.parametrize("own", [True, False], ids=["own", "torch's"])
def test_dropout_is_drawn_anew_in_each_step(own: bool) -> None:
    task = make_task(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.0 if own else 0.5)),
        aux={},
        dropout=0.5 if own else 0.0,
    )
    layer = task.network.heads["main"].dropout if own else task.network.backbone[1]
    seen: list[Tensor] = []
    layer.register_forward_hook(lambda m, inputs, out: seen.append(out == 0))
    for iteration in (0, 1, 0):
        step_of(task, iteration)
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    assert 0 < seen[0].double().mean() < 1


def test_unchanged_images_are_the_store_s() -> None:
    store = colour_store()
    task = make_task(store=store)
    batch = task.batch(1, slice(2, 5))
    indices = task.feed.order.indices(BATCH + 2, 3)
    assert_close(batch.images, torch.from_numpy(store.images[indices] / 127.5 - 1), rtol=0, atol=1e-6)
    assert batch.labels.tolist() == store.labels[indices].tolist()

"""A classifier's steps: portions add up, settings arrive, what is logged is right, and it learns."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from acgan import distributed
from acgan._torchvision import torchvision
from acgan.data import Augmentation, BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.models import AuxClassifier
from acgan.predicting import Normalisation
from acgan.runtime import Draws, FiniteGuard
from acgan.training.classifier_loop import Classification, classifier_step, train_classifier
from acgan.training.schedule import WarmupDecay
from acgan.training.step import Feed
from acgan.types import Batch, ImageStore

CPU = torch.device("cpu")
K, BATCH, SIDE = 3, 8, 16
NO_CHANGE = {"mirror": False, "shift": 0.0, "rotate_deg": 0.0, "zoom": 0.0, "erase": 0.0, "color": 0.0}
ALL_CHANGES = {"mirror": True, "shift": 0.2, "rotate_deg": 20.0, "zoom": 0.2, "erase": 0.3, "color": 0.3}


def _store(num: int = 30) -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (num, 3, SIDE, SIDE), np.uint8)
    return ImageStore(images, np.arange(num) % K, ("a", "b", "c"), "0" * 32)


def _plain_net() -> nn.Module:
    """Without BatchNorm, which would tell portions apart; its last layer is taken out of it."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def _norm_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
    )


def _task(
    net: Callable[[], nn.Module] = _plain_net,
    *,
    dtype: torch.dtype = torch.float64,
    aux: dict[str, float] | None = None,
    head: Any = "linear",
    dropout: float = 0.0,
    freeze: str = "none",
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
    changes: dict[str, Any] = NO_CHANGE,
    store: ImageStore | None = None,
    seed: int = 0,
    balance: bool = False,
    rates: tuple[float, float] = (1e-2, 1e-2),
    schedule: WarmupDecay = WarmupDecay(0.2, "linear"),  # noqa: B008
    iterations: int = 10,
    micro_batch: int = BATCH,
    precision: str = "float64",
    normalise: Callable[[Tensor], Tensor] = lambda x: x,
    ranks: Ranks = Ranks(),  # noqa: B008
) -> Classification:
    torch.manual_seed(1)
    store = store or _store()
    network = AuxClassifier(
        net(), K, {"3": 0.4} if aux is None else aux, head=head, dropout=dropout, image_size=SIDE
    ).to(dtype)
    network.freeze(freeze)
    network.train()
    groups = [
        {"params": [p for p in part.parameters() if p.requires_grad], "lr": rate, "max_lr": rate}
        for part, rate in zip((network.backbone, network.heads), rates, strict=True)
    ]
    return Classification(
        network=network,
        loss=network.summed_loss(label_smoothing=label_smoothing, class_weights=class_weights),
        optimizer=torch.optim.AdamW([group for group in groups if group["params"]], fused=True),
        schedule=schedule,
        feed=Feed(
            images=DeviceImages(store, device=CPU, max_bytes_on_device=1 << 30),
            order=BatchOrder(store.labels, seed=seed, balance=balance),
            draws=Draws(seed),
            batch_size=BATCH,
        ),
        augmentation=Augmentation(**changes),
        normalise=normalise,
        device=CPU,
        precision=precision,
        total_nimg=iterations * BATCH,
        micro_batch=micro_batch,
        run_network=network,
        ranks=ranks,
    )


def _step(task: Classification, iteration: int = 0) -> dict[str, Tensor]:
    return classifier_step(task, FiniteGuard(CPU), iteration)


def _gradients(task: Classification, iteration: int = 0) -> list[Tensor]:
    """Those of one step, which moves nothing, so that several can be compared."""
    for group in task.optimizer.param_groups:
        group["max_lr"] = 0.0
    _step(task, iteration)
    return [parameter.grad.clone() for parameter in task.network.parameters() if parameter.grad is not None]


def _state(task: Classification) -> list[Tensor]:
    """Weights, buffers and all of the optimiser's tensors."""
    own = [value for values in task.optimizer.state_dict()["state"].values() for value in values.values()]
    return [tensor.clone() for tensor in (*task.network.state_dict().values(), *own)]


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------- portions and ranks


WEIGHTS = torch.tensor([0.5, 3.0, 1.25], dtype=torch.float64)
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"aux": {}},
    "auxiliary head": {},
    "two auxiliary heads, one of them without weight": {"aux": {"0": 0.3, "3": 0.0}},
    "class weights": {"class_weights": WEIGHTS},
    "label smoothing": {"label_smoothing": 0.2, "class_weights": WEIGHTS},
    "dropout": {"dropout": 0.5},
    "stem": {"head": "stem"},  # with dropout of its own
    "augmentation": {"changes": ALL_CHANGES},
    "balance": {"balance": True},
    "normalisation": {"normalise": Normalisation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))},
    "all": {
        "aux": {"0": 0.3, "3": 0.7},
        "head": "stem",
        "dropout": 0.3,
        "label_smoothing": 0.1,
        "class_weights": WEIGHTS,
        "changes": ALL_CHANGES,
        "balance": True,
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_portions_add_up_to_the_batch(options: dict[str, Any]) -> None:
    whole = _gradients(_task(**options), iteration=2)
    assert sum(gradient.abs().sum() for gradient in whole) > 0
    for micro_batch in (1, 3):  # 3 + 3 + 2
        assert_close(_gradients(_task(micro_batch=micro_batch, **options), iteration=2), whole)


@pytest.mark.parametrize("options", [OPTIONS["plain"], OPTIONS["all"]], ids=["plain", "all"])
def test_processes_average_to_the_batch(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _gradients(_task(**options))
    monkeypatch.setattr(distributed, "average_gradients", lambda parameters, ranks: None)  # done below
    monkeypatch.setattr(distributed, "average_over_ranks", lambda values, ranks: values)
    ranks = [
        _gradients(_task(ranks=Ranks(rank, 2), micro_batch=micro_batch, **options))
        for rank, micro_batch in enumerate((4, 3))
    ]
    assert_close([sum(own) / 2 for own in zip(*ranks, strict=True)], whole)


def test_what_is_logged_does_not_depend_on_portions() -> None:
    logs = [_step(_task(micro_batch=micro_batch, **OPTIONS["all"]), 1) for micro_batch in (BATCH, 3)]
    assert list(logs[0]) == list(logs[1])
    for name, value in logs[0].items():
        assert_close(logs[1][name], value, check_dtype=False, msg=name)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), torchvision.ops.StochasticDepth(0.5, "row")], ids=repr)
def test_torchvision_s_own_dropout_depends_on_seed_and_iteration_alone(layer: nn.Module) -> None:
    # Such layers draw from the global generator, which a resumed run does not find as it was.
    found = []
    for global_seed in (5, 6):
        task = _task(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Tanh(), layer), aux={})
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        found.append([_gradients(task, iteration) for iteration in range(2)])
        assert torch.equal(torch.get_rng_state(), before)  # which is the user's
    assert _same(found[0][0], found[1][0])
    assert _same(found[0][1], found[1][1])
    assert not _same(*(_gradients(task, iteration) for iteration in range(2)))


def test_portions_differ_in_what_torchvision_s_own_dropout_drops() -> None:
    layer, seen = nn.Dropout(0.5), []
    layer.register_forward_hook(lambda m, i, out: seen.append(out == 0))
    _step(_task(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), layer), aux={}, micro_batch=4))
    assert not torch.equal(*seen[-2:])  # the first were to find out shapes


# ---------------------------------------------------------------- what is logged


def test_the_log_holds_each_head_s_term_and_accuracy_and_the_gradient() -> None:
    task = _task(aux={"0": 0.3, "3": 0.0}, label_smoothing=0.1, class_weights=WEIGHTS)
    batch = task.batch(4, slice(0, BATCH))
    outputs = task.network(batch.images)
    terms = task.loss.terms(outputs, batch.labels)
    (terms["main"] + 0.3 * terms["0"]).backward()
    norm = torch.stack([p.grad.norm() for p in task.network.parameters() if p.grad is not None]).norm()
    log = _step(task, 4)
    heads = ("main", "0", "3")
    assert set(log) == {f"{what}_{name}" for what in ("loss", "accuracy") for name in heads} | {
        "gradient_norm"
    }
    for name in heads:
        assert_close(log[f"loss_{name}"], terms[name].detach())
        right = (outputs[name].argmax(dim=1) == batch.labels).sum().item()
        assert log[f"accuracy_{name}"].item() == pytest.approx(right / BATCH)
    assert_close(log["gradient_norm"], norm)
    assert not any(value.requires_grad for value in log.values())


def test_a_term_is_the_mean_of_weighted_cross_entropies() -> None:
    task = _task(aux={}, class_weights=WEIGHTS)
    batch = task.batch(0, slice(0, BATCH))
    losses = F.cross_entropy(task.network(batch.images)["main"], batch.labels, reduction="none")
    assert_close(_step(task)["loss_main"], (WEIGHTS[batch.labels] * losses).mean().detach())


def test_the_network_sees_normalised_images_in_channels_last_memory() -> None:
    seen: list[Tensor] = []
    normalise = Normalisation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    task = _task(normalise=normalise)
    run_network = task.run_network
    task.run_network = lambda x: seen.append(x) or run_network(x)  # type: ignore[func-returns-value]
    _step(task, 3)
    assert_close(seen[0], normalise(task.batch(3, slice(0, BATCH)).images))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_bf16_is_a_matter_of_autocast_and_losses_are_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(dtype=torch.float32, precision="bf16")
    seen: list[torch.dtype] = []
    task.network.backbone[3].register_forward_hook(lambda m, i, out: seen.append(out.dtype))
    log = _step(task)
    assert seen == [torch.bfloat16]
    assert log["loss_main"].dtype == torch.float32
    assert {p.dtype for p in task.network.parameters()} == {torch.float32}


# ---------------------------------------------------------------- the learning rate


@pytest.mark.parametrize("decay", ["linear", "cosine", "none"])
def test_every_group_s_rate_is_its_highest_times_the_schedule(decay: str) -> None:
    schedule = WarmupDecay(0.25, decay)
    task = _task(rates=(1e-3, 1e-2), schedule=schedule, iterations=20)
    for iteration in (7, 0, 4, 5, 19):  # in any order: nothing is carried from step to step
        _step(task, iteration)
        factor = schedule.factor((iteration + 0.5) / 20)
        assert [group["lr"] for group in task.optimizer.param_groups] == [1e-3 * factor, 1e-2 * factor]


def test_the_schedule_is_by_images_and_ends_where_the_training_does() -> None:
    task = _task(schedule=WarmupDecay(0.0, "linear"), iterations=20)
    task.total_nimg = 20 * BATCH - 3  # no whole number of batches
    _step(task, 10)
    expected = 1e-2 * (1 - 10.5 * BATCH / (20 * BATCH - 3))
    assert task.optimizer.param_groups[0]["lr"] == pytest.approx(expected)
    _step(task, 25)  # beyond the end, where a training is made shorter
    assert task.optimizer.param_groups[0]["lr"] == 0


def test_a_step_is_adamw_s() -> None:
    task, twin = _task(), _task()
    adam = torch.optim.AdamW(twin.network.parameters(), lr=1e-2, foreach=False)
    twin.optimizer = adam
    adam.param_groups[0]["max_lr"] = 1e-2
    for iteration in range(3):
        _step(task, iteration)
        _step(twin, iteration)
    assert_close(task.network.state_dict(), twin.network.state_dict())


# ---------------------------------------------------------------- what is frozen


def test_frozen_parts_do_not_move() -> None:
    task = _task(_norm_net, aux={}, freeze="until:1")
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    for iteration in range(3):
        _step(task, iteration)
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
    task = _task(_norm_net, aux={}, freeze="backbone")
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    for iteration in range(3):
        log = _step(task, iteration)
    moved = {
        name for name, value in task.network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"heads.main.classify.weight", "heads.main.classify.bias"}
    assert log["gradient_norm"] > 0


# ---------------------------------------------------------------- what a step draws


def test_a_step_s_batch_depends_on_seed_and_iteration_alone() -> None:
    task = _task(changes=ALL_CHANGES, seed=3)
    first = [task.batch(iteration, slice(0, BATCH)) for iteration in range(3)]
    np.random.seed(1)  # noqa: NPY002  (global state, which must not matter)
    torch.manual_seed(7)
    twin = _task(changes=ALL_CHANGES, seed=3)
    for iteration in (2, 0, 1):
        batch = twin.batch(iteration, slice(0, BATCH))
        assert torch.equal(batch.images, first[iteration].images)
        assert torch.equal(batch.labels, first[iteration].labels)
    other = _task(changes=ALL_CHANGES, seed=4).batch(0, slice(0, BATCH))
    assert not torch.equal(other.images, first[0].images)


def test_what_a_step_does_depends_on_seed_and_iteration_alone() -> None:
    options = OPTIONS["all"]
    runs = []
    for steps in ([0, 1, 2], [2]):
        task = _task(seed=3, **options)
        torch.manual_seed(len(steps))
        runs.append([_gradients(task, iteration) for iteration in steps][-1])
    assert _same(*runs)
    assert not _same(_gradients(_task(seed=4, **options), 2), runs[0])
    assert not _same(_gradients(_task(seed=3, **options), 1), runs[0])


def test_images_are_changed_anew_in_each_step() -> None:
    store = _store(1)
    batches = [_task(changes=ALL_CHANGES, store=store).batch(step, slice(0, BATCH)).images for step in (0, 1)]
    images = torch.cat(batches)  # 16 times the same image
    assert len({image.numpy().tobytes() for image in images}) == len(images)


@pytest.mark.parametrize("own", [True, False], ids=["own", "torch's"])
def test_dropout_is_drawn_anew_in_each_step(own: bool) -> None:
    task = _task(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Dropout(0.0 if own else 0.5)),
        aux={},
        dropout=0.5 if own else 0.0,
    )
    layer = task.network.heads["main"].dropout if own else task.network.backbone[1]
    seen: list[Tensor] = []
    layer.register_forward_hook(lambda m, inputs, out: seen.append(out == 0))
    for iteration in (0, 1, 0):
        _step(task, iteration)
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[1])
    assert 0 < seen[0].double().mean() < 1


def test_unchanged_images_are_the_store_s() -> None:
    store = _store()
    task = _task(store=store)
    batch = task.batch(1, slice(2, 5))
    indices = task.feed.order.indices(BATCH + 2, 3)
    assert_close(batch.images, torch.from_numpy(store.images[indices] / 127.5 - 1), rtol=0, atol=1e-6)
    assert batch.labels.tolist() == store.labels[indices].tolist()


# ---------------------------------------------------------------- the loop


@dataclasses.dataclass
class StubRun:
    """What the loop asks of a run."""

    iterations: int
    guard: FiniteGuard = dataclasses.field(default_factory=lambda: FiniteGuard(CPU))
    iteration: int = 0
    nimg: int = 0
    log: list[dict[str, Tensor]] = dataclasses.field(default_factory=list)
    at_each: Callable[[], None] = lambda: None

    def finished(self) -> bool:
        return self.iteration >= self.iterations

    def record(self, phase: str, values: dict[str, Tensor]) -> None:
        assert phase == "train"
        self.log.append(values)

    def advance(self, images: int) -> None:
        self.iteration += 1
        self.nimg += images

    def do_what_is_due(self) -> None:
        self.at_each()


def _train(task: Classification, run: StubRun) -> StubRun:
    train_classifier(task, run)  # type: ignore[arg-type]
    return run


def _separable() -> ImageStore:
    """Classes of plain colours with noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % K
    images = rng.integers(0, 100, (60, 3, SIDE, SIDE))
    images[np.arange(60), labels] += 120
    return ImageStore(images.astype(np.uint8), labels, ("red", "green", "blue"), "0" * 32)


@pytest.mark.parametrize("net", [_plain_net, _norm_net], ids=["plain", "BatchNorm"])
def test_training_learns_what_can_be_learned(net: Callable[[], nn.Module]) -> None:
    store = _separable()
    task = _task(net, dtype=torch.float32, store=store, iterations=40, rates=(2e-2, 2e-2))
    task.network.eval()  # a loop puts it into training mode
    run = _train(task, StubRun(40))
    assert (run.iteration, run.nimg) == (40, 40 * BATCH)
    assert run.log[0]["loss_main"] > 0.5
    assert run.log[-1]["loss_main"] < 0.1
    assert run.log[-1]["loss_3"] < run.log[0]["loss_3"]
    task.network.eval()
    with torch.no_grad():
        logits = task.network(torch.from_numpy(store.images / 127.5 - 1).float())
    assert (logits.argmax(dim=1).numpy() == store.labels).all()


def test_the_loop_takes_up_where_the_run_is() -> None:
    whole, parts = _task(**OPTIONS["all"]), _task(**OPTIONS["all"])
    _train(whole, StubRun(4))
    first = StubRun(2)
    _train(parts, first)
    resumed = _task(**OPTIONS["all"])
    resumed.load_state_dict(parts.state_dict())
    _train(resumed, StubRun(4, iteration=2))
    assert _same(_state(whole), _state(resumed))
    assert resumed.networks() == (resumed.network,)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("bad", "term"),
    [(float("nan"), "loss_main"), (float("inf"), "gradient")],  # tanh of an infinite value is 1
)
def test_what_is_not_finite_reaches_neither_weights_nor_moments(
    bad: float, term: str, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = _task()
    batch = Classification.batch
    bad_step = 0 if first else 2

    def spoilt(self: Classification, step: int, part: slice) -> Batch:
        found = batch(self, step, part)
        if step == bad_step:
            found.images[0, 0, 0, 0] = bad
        return found

    monkeypatch.setattr(Classification, "batch", spoilt)
    before: list[list[Tensor]] = [_state(task)]
    run = StubRun(bad_step + 2, at_each=lambda: before.append(_state(task)))  # good again, but masked
    _train(task, run)
    good, after = before[bad_step], before[-1]
    if first:  # AdamW made its moments meanwhile: all zero
        good = good + [torch.zeros_like(tensor) for tensor in after[len(good) :]]
    assert _same(good, after)
    assert run.guard.found.item() == 1
    assert run.guard.first_bad() == (bad_step, f"classifier: {term}")
    if not first:
        assert not _same(before[1], before[2])  # good steps do move

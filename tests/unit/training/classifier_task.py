"""What the tests of a classifier's training share: a small task, and what a step does to it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acgan.augment import Augmentation
from acgan.data import BatchOrder, DeviceImages
from acgan.distributed import Ranks
from acgan.models import AuxClassifier
from acgan.predicting import Normalisation
from acgan.runtime import Draws, FiniteGuard
from acgan.training.classifier_loop import ClassifierTask, classifier_step
from acgan.training.schedule import WarmupDecay
from acgan.training.step import Feed
from acgan.training.working import WorkingCopy
from acgan.types import ImageStore

CPU = torch.device("cpu")
K, BATCH, SIDE = 3, 8, 16
NO_CHANGE = {"mirror": False, "shift": 0.0, "rotate_deg": 0.0, "zoom": 0.0, "erase": 0.0, "color": 0.0}
ALL_CHANGES = {"mirror": True, "shift": 0.2, "rotate_deg": 20.0, "zoom": 0.2, "erase": 0.3, "color": 0.3}

#: What a step can be asked to do, by a name of it.
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


def colour_store(num: int = 30) -> ImageStore:
    images = np.random.default_rng(0).integers(0, 256, (num, 3, SIDE, SIDE), np.uint8)
    return ImageStore(images, np.arange(num) % K, ("a", "b", "c"), "0" * 32)


def plain_net() -> nn.Module:
    """Without BatchNorm, which would tell micro-batches apart; its last layer is taken out of it."""
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


def norm_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
    )


def make_task(
    net: Callable[[], nn.Module] = plain_net,
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
    portion_size: int = BATCH,
    precision: str = "float64",
    normalise: Callable[[Tensor], Tensor] = lambda x: x,
    ranks: Ranks = Ranks(),  # noqa: B008
) -> ClassifierTask:
    torch.manual_seed(1)
    store = store or colour_store()
    network = AuxClassifier(
        net(), K, {"3": 0.4} if aux is None else aux, head=head, dropout=dropout, image_size=SIDE
    ).to(dtype)
    network.freeze(freeze)
    network.train()
    groups = [
        {"params": [p for p in part.parameters() if p.requires_grad], "lr": rate, "max_lr": rate}
        for part, rate in zip((network.backbone, network.heads), rates, strict=True)
    ]
    return ClassifierTask(
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
        portion_size=portion_size,
        working=WorkingCopy(network, None),
        run_network=network,
        ranks=ranks,
    )


def step_of(task: ClassifierTask, iteration: int = 0) -> dict[str, Tensor]:
    return classifier_step(task, FiniteGuard(CPU), iteration)


def gradients_of(task: ClassifierTask, iteration: int = 0) -> list[Tensor]:
    """Those of one step, which moves nothing, so that several can be compared."""
    for group in task.optimizer.param_groups:
        group["max_lr"] = 0.0
    step_of(task, iteration)
    return [parameter.grad.clone() for parameter in task.network.parameters() if parameter.grad is not None]


def state_of(task: ClassifierTask) -> list[Tensor]:
    """Weights, buffers and all of the optimiser's tensors."""
    own = [value for values in task.optimizer.state_dict()["state"].values() for value in values.values()]
    return [tensor.clone() for tensor in (*task.network.state_dict().values(), *own)]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

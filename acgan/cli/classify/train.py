"""``acgan classify train``."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from acgan.cli.options import training_options
from acgan.cli.training import train_each_seed

if TYPE_CHECKING:
    from acgan.api import TrainResult
    from acgan.cli.progress import Reporter


def _aux(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
    """``LAYER[=W]`` to weights; ``none`` alone is none at all."""
    if not values:
        return None
    if values == ("none",):
        return {}
    weights = {}
    for value in values:
        layer, equals, weight = value.partition("=")
        try:
            weights[layer] = float(weight) if equals else 0.3
        except ValueError:
            raise click.BadParameter(
                f"{value!r}; expected LAYER or LAYER=WEIGHT, as in layer3=0.3."
            ) from None
    return weights


def _backbone(_ctx: click.Context, _param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    if value is None:
        return None
    if value.startswith("discriminator:"):
        return {"kind": "discriminator", "run": value.removeprefix("discriminator:")}
    return {"kind": "small"} if value == "small" else {"kind": "torchvision", "name": value}


def _synthetic(_ctx: click.Context, _param: click.Parameter, value: str | None) -> dict[str, Any] | None:
    if value is None:
        return None
    run, colon, number = value.rpartition(":")
    if colon and number == "balance":
        return {"run": run, "num_per_class": "balance"}
    if colon and number.isdecimal() and int(number) > 0:
        return {"run": run, "num_per_class": int(number)}
    return {"run": value, "num_per_class": None}


@click.command()
@click.argument("config", required=False)
@click.option(
    "--backbone",
    metavar="NAME",
    callback=_backbone,
    help="small, a classification network of torchvision's, or discriminator:RUN.",
)
@click.option(
    "--aux",
    metavar="LAYER[=W]",
    multiple=True,
    callback=_aux,
    help="An auxiliary head at this layer, its loss weighted W (0.3); may be repeated. `none` is none.",
)
@click.option("--freeze", metavar="WHAT", help="What is not trained: none, backbone, or until:LAYER.")
@click.option("--pretrained", is_flag=True, help="Start from torchvision's weights.")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), help="Passes over the real images.")
@click.option(
    "--synthetic",
    metavar="RUN[:N|:balance]",
    callback=_synthetic,
    help="Add generated images, N a class or so many that all are as large as the largest; train without, too.",
)
@training_options("runs/classify-<recipe>[-<data name>]")
def command(
    config: str | None,
    data: str | None,
    dry_run: bool,
    backbone: dict[str, Any] | None,
    aux: dict[str, float] | None,
    freeze: str | None,
    pretrained: bool,
    epochs: float | None,
    synthetic: dict[str, Any] | None,
    overrides: tuple[str, ...],
    **options: Any,
) -> None:
    """Train a classifier; the same command again goes on where it stopped.

    CONFIG is a shipped recipe's name (`acgan config` lists them) or a YAML path; without one it is `digits`, or
    `folder` where --data is given. With --synthetic, the same training without generated images follows, in
    without_synthetic/ under the run directory, and both are compared on the test images.
    """
    from acgan import api

    # null first: a section and a table of layers are replaced, not merged into what the recipe has.
    given = {
        "model.backbone": backbone,
        "model.backbone.pretrained": True if pretrained else None,
        "model.aux": aux,
        "model.freeze": freeze,
        "train.epochs": epochs,
        "synthetic": synthetic,
    }
    changes = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    if aux is not None:
        changes.insert(0, "model.aux=null")
    if epochs is not None:
        changes.append("train.total_nimg=null")
    overrides = (*changes, *overrides)
    resolved, name = api.resolve_config(config, data, overrides, "classify")
    if dry_run:
        from acgan.cli.dry_run import show_dry_run

        show_dry_run(resolved, name, overrides=overrides, **options)
        return
    arms: list[tuple[str, tuple[str, ...]]] = [("", ())]
    if resolved.synthetic is not None:
        arms.append((api.WITHOUT_SYNTHETIC, ("synthetic=null",)))
    train = partial(api.train_classifier, config, data)
    train_each_seed(train, _conclude, name, overrides=overrides, arms=arms, **options)


def _conclude(result: TrainResult, reporter: Reporter) -> None:
    """What to do with what was made."""
    from acgan import api

    if result.finished and result.directory.name == api.WITHOUT_SYNTHETIC:
        reporter.say(_comparison(api.compare_with_synthetic(result.directory.parent)))
        return
    reporter.say(f"Scores: acgan classify evaluate {result.directory}")
    reporter.say(f"Classes of images: acgan classify predict {result.directory} IMAGE...")


def _comparison(found: dict[str, Any]) -> str:
    """What generated images changed, as a text."""
    lines = [f"On {found['num_images']:,} test images, with and without generated training images:"]
    for key in ("accuracy", "balanced_accuracy"):
        before, now = found["without"][key], found["with"][key]
        lines.append(f"  {key.replace('_', ' ')}: {now:.4f} and {before:.4f} ({now - before:+.4f})")
    changes = {
        name: recall - found["without"]["recall"][name]
        for name, recall in found["with"]["recall"].items()
        if recall is not None
    }
    for word, name in (
        ("most gained", max(changes, key=changes.__getitem__)),
        ("least", min(changes, key=changes.__getitem__)),
    ):
        lines.append(f"  recall {word}: {name} ({changes[name]:+.4f})")
    lines.append(
        f"  McNemar's exact test: p = {found['p_value']:.3g} (one training each: another seed would differ, too)"
    )
    return "\n".join(lines)

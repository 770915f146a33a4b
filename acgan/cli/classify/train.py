"""``acgan classify train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from acgan.atomic import write_text
from acgan.cli.options import training_options
from acgan.cli.output import echo
from acgan.cli.ranks import is_first_process
from acgan.cli.training import Clock, PlannedRun, outcome, planned_runs, watched
from acgan.reading import to_json

if TYPE_CHECKING:
    from acgan.cli.progress import Reporter


def _aux(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
    """Weights from ``LAYER[=W]``; a single ``none`` is no head."""
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
@training_options("runs/classify-<recipe>[-<data name>]", " --classify")
def command(
    config: str | None,
    data: str | None,
    backbone: dict[str, Any] | None,
    aux: dict[str, float] | None,
    freeze: str | None,
    pretrained: bool,
    epochs: float | None,
    synthetic: dict[str, Any] | None,
    run_dir: Path | None,
    overrides: tuple[str, ...],
    max_time: float | None,
    seeds: tuple[int, ...] | None,
    init_from: Path | None,
    device: str,
    fresh: bool,
    dry_run: bool,
    print_config: bool,
    quiet: bool,
) -> None:
    """Train a classifier; the same command again goes on where it stopped.

    CONFIG is a shipped recipe's name (`acgan config` lists them), a YAML path, or the directory of a run, which is gone
    on with there, from any folder; --run-dir then names no other one. Without CONFIG it is `digits`, or `folder` where
    --data is given. With --synthetic, the same training without generated images follows, in
    without_synthetic/ under the run directory, and both are compared on the test images.
    """
    from acgan import api
    from acgan.config import to_yaml

    if pretrained and backbone is not None and backbone["kind"] != "torchvision":
        raise click.UsageError("--pretrained goes with a network of torchvision's.")
    given = {
        "model.backbone": backbone,
        "model.backbone.pretrained": pretrained or None,
        "model.aux": aux,
        "model.freeze": freeze,
        "train.epochs": epochs,
        "synthetic": synthetic,
    }
    overrides = (*_changes(given), *overrides)
    resolved = api.resolve(config, data, overrides, "classify", run_dir)
    if print_config:
        echo(to_yaml(resolved.config), nl=False)
        return
    if dry_run:
        from acgan.cli.dry_run import show_dry_run

        show_dry_run(
            resolved, seeds, device=device, init_from=init_from, fresh=fresh, quiet=quiet, max_time=max_time
        )
        return
    time = Clock(max_time)
    runs = planned_runs(resolved.directory, seeds, overrides)
    if resolved.config.synthetic is not None:
        runs = [arm for run in runs for arm in (run, _without_synthetic(run))]
    for run in runs:
        with watched(quiet, time) as reporter:
            result = api.train_classifier(
                resolved.given,
                data,
                reporter.tick,
                overrides=run.overrides,
                run_dir=run.directory,
                device=device,
                max_time_sec=time.left_sec,
                init_from=init_from,
                fresh=fresh,
                on_data=reporter.data,
                on_images=reporter.images,
                say=reporter.say,
                warn=reporter.warn,
            )
        reporter.say(outcome(result))
        report = result.directory / "report.html"
        if report.exists():
            reporter.say(f"Report, to be opened in a browser: {report}")
        if resolved.config.synthetic is None or not result.finished:
            _conclude(result.directory, reporter)
        if not result.finished:  # the time is up
            break
        if (
            resolved.config.synthetic is not None
            and result.directory.name == api.WITHOUT_SYNTHETIC
            and is_first_process()
        ):
            _compare(result.directory.parent, device, reporter)


def _conclude(run: Path, reporter: Reporter) -> None:
    """Tell the last accuracy on images that were held out, and the commands that come next."""
    from acgan import api
    from acgan.evaluation import accuracy_in

    found = accuracy_in(run)
    if found is not None:
        reporter.say(
            f"Accuracy: {found.value:.1%} of the {found.part} images, at {found.nimg:,} images shown."
        )
    evaluate, predict = (api.run_command(run, "classify", what, str(run)) for what in ("evaluate", "predict"))
    reporter.say(f"Scores: {evaluate}")
    reporter.say(f"Classes of images: {predict} IMAGE...")


def _changes(given: dict[str, Any]) -> list[str]:
    changes = [
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in given.items() if value is not None
    ]
    backbone = given["model.backbone"]
    if backbone is not None:  # the recipe's layers and weights are those of its own network
        changes += ["model.aux=null"] * (given["model.aux"] is None)
        changes += ["model.backbone.weights=null"] * (backbone["kind"] == "torchvision")
    if given["train.epochs"] is not None:
        changes.append("train.total_nimg=null")
    return changes


def _without_synthetic(run: PlannedRun) -> PlannedRun:
    from acgan.api import WITHOUT_SYNTHETIC

    return PlannedRun(run.directory / WITHOUT_SYNTHETIC, (*run.overrides, "synthetic=null"))


def _compare(run: Path, device: str, reporter: Reporter) -> None:
    from acgan import api

    found = api.compare_with_synthetic(run, device)
    text = to_json(found) + "\n"
    write_text(run / "comparison.json", text)
    reporter.say(_comparison(found))
    reporter.say(f"More: {run / 'comparison.json'}")


def _comparison(found: dict[str, Any]) -> str:
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

"""Training a GAN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from acgan.api.inputs import resolve
from acgan.api.opening import TrainOptions, TrainResult, open_training
from acgan.api.provenance import command_line, recorded, sampling_flops, training_flops
from acgan.api.report import report_after
from acgan.assembly import build_gan, build_monitor, build_score
from acgan.assembly.initialise import first_weights
from acgan.assembly.portions import remark_on_cores
from acgan.assembly.product import GanProduct
from acgan.config import RunConfig, to_yaml
from acgan.plots.fonts import letters_missing
from acgan.training.gan_loop import train_gan
from acgan.training.product import Intervals
from acgan.training.run import TrainingRun
from acgan.training.tracking import Listener


def train(
    config: RunConfig | str | Path | None = None,
    data: Any = None,
    on_tick: Listener | None = None,
    *,
    overrides: Sequence[str] = (),
    **options: Unpack[TrainOptions],
) -> TrainResult:
    """Train an AC-GAN, or go on with a training.

    Args:
        config: A ``RunConfig``, a recipe's name, a YAML path, or a run directory, which it goes on with.
        data: A source as ``acgan train --data`` takes it, a map-style torch Dataset of (image, label), or a
            pair (images, labels) of arrays, tensors or lists.
        on_tick: Called at each log interval.
        overrides: ``KEY=VALUE`` texts, as ``--set`` takes them.
        **options: ``run_dir``, ``device``, ``max_time_sec``, ``init_from``, ``fresh`` and others: see ``TrainOptions``.

    Raises:
        UserError: For whatever the user can mend.
        Interrupted: If a signal stopped it; a checkpoint was left.
    """
    asked = resolve(config, data, overrides, run_dir=options.get("run_dir"))
    with open_training(asked, data, options) as opened:
        resolved: RunConfig = opened.here
        store, device, ranks = opened.dataset.train, opened.device, opened.ranks
        gan = build_gan(resolved, store, device=device, precision=opened.precision, ranks=ranks)
        remark = remark_on_cores(resolved.train, device, gan.micro_batch)
        if remark is not None and opened.checkpoint is None:  # a run keeps its portions
            opened.say(remark)
        monitor = build_monitor(resolved, store)
        score = build_score(
            resolved, opened.dataset, device=device, ranks=ranks, say=opened.say, warn=opened.warn
        )
        origin = None
        if opened.checkpoint is None:
            report, origin = first_weights(
                gan,
                store.class_names,
                init_from=opened.init_from,
                starter=resolved.model.starter,
                chosen_form=resolved.data.names_form,
            )
            if report is not None:
                opened.say(report)
        if warning := letters_missing(store.class_names):  # pages of samples have them
            opened.warn(warning)
        provenance = opened.provenance(origin)
        product = GanProduct(resolved, gan, store, provenance, monitor, score)
        intervals = Intervals(
            total_nimg=resolved.train.total_nimg,
            patience_nimg=resolved.train.patience_nimg,
            **resolved.every.model_dump(),
        )
        opened.claim()
        run = TrainingRun(
            opened.directory,
            intervals=intervals,
            state=gan,
            product=product,
            meta=opened.new_meta(provenance),
            device=device,
            ranks=ranks,
            checkpoint=opened.checkpoint,
            listeners=[on_tick] if on_tick is not None else [],
            on_images=opened.on_images,
            deadline=opened.deadline,
            texts={"command": command_line(), "config": to_yaml(opened.config)},
            say=opened.say,
        )
        networks = {"generator": gan.generator, "discriminator": gan.discriminator}
        flops = {**sampling_flops(gan.ema.network, resolved.model.latent_dim, device), **training_flops(gan)}
        with recorded(opened, run, networks, flops), run.running():
            train_gan(gan, run)
        if ranks.first:
            report_after(
                opened.directory, resolved.report, data=opened.dataset, device=device, warn=opened.warn
            )
    return TrainResult.of(run)

"""D's features of generated and held-out images, for the projector of TensorBoard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from acgan.api.evaluate_options import EvaluateOptions
from acgan.api.real_images import real_images_of_generator
from acgan.api.subjects import find_subjects
from acgan.assembly.backbones import read_discriminator
from acgan.errors import RunError, UserError
from acgan.export.projector import check_projector_folder, feature_points, most_points, write_projector
from acgan.sampling import ClassSampler
from acgan.showing import warn_shown

PER_CLASS = 100


@dataclass(frozen=True)
class ProjectorResult:
    """Numbers of points in a folder for the projector.

    Attributes:
        out: The folder.
        generated: Number of generated images.
        held_out: Number of real ones.
        features: Number of D's features.
    """

    out: Path
    generated: int
    held_out: int
    features: int


def export_projector(
    run: str | Path,
    out: str | Path | None = None,
    *,
    num_per_class: int = PER_CLASS,
    seed: int = 0,
    which: str | None = None,
    force: bool = False,
    say: Callable[[str], None] = lambda message: None,
    warn: Callable[[str], None] = warn_shown,
) -> ProjectorResult:
    """Write the features that a run's discriminator has of generated and of held-out images, class by class.

    The discriminator is that of the last checkpoint; the real images are those that the training did not see.

    Args:
        run: A run directory of ``acgan train``.
        out: The folder; None is ``tensorboard/projector`` in the run, where TensorBoard finds it.
        num_per_class: Generated images of each class, and held-out ones where there are as many.
        seed: Seed of the samples.
        which: ``best`` or ``last`` generator; None is the best if one was scored.
        force: Replace what an earlier call wrote.
        say: Receives remarks.
        warn: Receives problems that do not end it.

    Raises:
        UserError: If the run has no discriminator, its data is not at hand, or the points are too many.
    """
    run = Path(run)
    if not run.is_dir():
        raise RunError(
            f"{run}: expected a run directory of `acgan train`, whose checkpoint has the discriminator."
        )
    target = run / "tensorboard" / "projector" if out is None else Path(out)
    check_projector_folder(target, force)
    d, names = read_discriminator(run)
    (subject,) = find_subjects(run, which, torch.device("cpu"), beside_real=False)
    sampler = subject.samples
    assert isinstance(sampler, ClassSampler)
    most = most_points(sampler.image_shape[-1])
    if 2 * num_per_class * len(names) > most:
        raise UserError(
            f"-n {num_per_class}: {len(names)} classes with {num_per_class} generated and {num_per_class} real images "
            f"each are more than the {most:,} whose pictures TensorBoard takes; expected at most "
            f"{most // (2 * len(names))}."
        )
    real = real_images_of_generator(subject, EvaluateOptions(), say, warn).reference
    drawn, drawn_labels = sampler.sample(num_per_class * len(names), seed=seed)
    chosen = np.concatenate([np.flatnonzero(real.labels == k)[:num_per_class] for k in range(len(names))])
    kept, kept_labels = torch.from_numpy(real.images[chosen]), torch.from_numpy(real.labels[chosen])
    points = [
        feature_points(d, drawn, drawn_labels, names, "generated"),
        feature_points(d, kept, kept_labels, names, "held out"),
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_projector(points, target)
    return ProjectorResult(target, len(drawn), len(chosen), points[0].features.shape[1])

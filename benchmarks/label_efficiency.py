"""Measure how much the trunk of a GAN's discriminator helps a classifier with few labels.

    python benchmarks/label_efficiency.py digits FOLDER
    python benchmarks/label_efficiency.py mnist:ROOT FOLDER

For 10, 50 and 100 labelled images a class, a GAN is trained on these images. Then the trunk and AuxHead of its
discriminator are trained on as a classifier. It is compared with the same network from nothing: trained as long as that
classifier, and trained as long as GAN and classifier together, because the GAN learned the classes too.

Five seeds, in pairs, set the order and augmentation of images, and the initial weights of the network from nothing. All
share one GAN and one choice of images, so the intervals do not show the effect of another GAN or of other images. The
table has accuracies on the test images, and paired differences with a 95 % t interval. Runs are kept in FOLDER, and not
made again.
"""

from __future__ import annotations

import math
import statistics
from datetime import date
from pathlib import Path

import click
import torch
from scipy.stats import t as student_t

from acgan import api
from acgan.runtime import machine

_LABELS, _SEEDS = (10, 50, 100), range(5)
#: Images shown to a GAN, and to a classifier.
_GAN_NIMG = {"digits": 25_600, "mnist": 19_200}
_CLASSIFIER_NIMG = 6_400


def gan_run(source: str, labels: int, folder: Path) -> Path:
    run, recipe = folder / f"gan-{labels}", source.partition(":")[0]
    changes = (
        f"data.max_per_class={labels}",
        f"train.total_nimg={_GAN_NIMG[recipe]}",
        "monitor.num_per_class=0",
    )
    api.train(recipe, source, run_dir=run, overrides=changes)
    return run


def accuracy(source: str, labels: int, seed: int, gan: Path, trained: bool, nimg: int, folder: Path) -> float:
    run = folder / str(labels) / f"{'trunk' if trained else 'nothing'}-{nimg}-{seed}"
    changes = (
        f"seed={seed}",
        f"model.backbone={{kind: discriminator, run: {gan}, trained: {str(trained).lower()}}}",
        "model.aux=null",
        f"data.max_per_class={labels}",
        "train.batch_size=64",
        f"train.total_nimg={nimg}",
        "optim.lr=1e-3",
        f"every.evaluate_nimg={nimg}",
        f"every.checkpoint_nimg={nimg}",
    )
    api.train_classifier(source.partition(":")[0], source, run_dir=run, overrides=changes)
    return api.evaluate_classifier(run).main.accuracy


def summary(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} (sd {statistics.stdev(values):.4f})"


def interval(differences: list[float]) -> str:
    half = (
        student_t.ppf(0.975, len(differences) - 1)
        * statistics.stdev(differences)
        / math.sqrt(len(differences))
    )
    mean = statistics.mean(differences)
    return f"{mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f})"


@click.command()
@click.argument("source")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(source: str, folder: Path) -> None:
    """Measure how much a GAN's trunk helps with few labels. SOURCE is digits or mnist:ROOT; FOLDER keeps the runs."""
    recipe = source.partition(":")[0]
    print(
        f"{recipe}; {machine()}; torch {torch.__version__}; {date.today()}; mean (sd: standard deviation) of 5 seeds"
    )
    together = _GAN_NIMG[recipe] + _CLASSIFIER_NIMG
    print(f"GAN {_GAN_NIMG[recipe]:,} images shown, classifier {_CLASSIFIER_NIMG:,}, together {together:,}\n")
    print(
        "| labels a class | from the GAN's trunk | from nothing | difference | from nothing, longer | difference |"
    )
    print("|---|---|---|---|---|---|")
    for labels in _LABELS:
        gan = gan_run(source, labels, folder)
        trunk, nothing, longer = (
            [accuracy(source, labels, seed, gan, trained, nimg, folder) for seed in _SEEDS]
            for trained, nimg in ((True, _CLASSIFIER_NIMG), (False, _CLASSIFIER_NIMG), (False, together))
        )
        cells = [str(labels), summary(trunk)]
        for other in (nothing, longer):
            cells += [summary(other), interval([a - b for a, b in zip(trunk, other, strict=True)])]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

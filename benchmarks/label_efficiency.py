"""What a GAN-trained trunk is worth to a classifier that has few labels.

    python benchmarks/label_efficiency.py digits FOLDER
    python benchmarks/label_efficiency.py mnist:ROOT FOLDER

For 10, 50 and 100 labelled images a class: a GAN is trained on these very images (and one on all of them), then its
discriminator's trunk and AuxHead go on as a classifier of the same images; against the same network from nothing.
Five seeds (of initial weights, order, augmentation), paired: both arms of a seed differ in the start alone. Prints a
table of accuracies on the test images, and the paired differences with a 95 % t interval. Runs are kept in FOLDER,
and not made again where they are there.
"""

from __future__ import annotations

import math
import statistics
import sys
from datetime import date
from pathlib import Path

import torch
from scipy.stats import t as student_t

from acgan import api
from acgan.runtime import machine

_LABELS, _SEEDS = (10, 50, 100), range(5)
#: Images shown to a GAN, and to a classifier.
_GAN_NIMG = {"digits": 25_600, "mnist": 25_600}
_CLASSIFIER_NIMG = {"digits": 6_400, "mnist": 6_400}


def gan_run(source: str, recipe: str, labels: int | None, folder: Path) -> Path:
    run = folder / f"gan-{labels or 'all'}"
    limit = "null" if labels is None else str(labels)
    nimg = _GAN_NIMG[recipe]
    changes = (f"data.max_per_class={limit}", f"train.total_nimg={nimg}", "monitor.num_per_class=0")
    api.train(recipe, source, run_dir=run, overrides=changes, say=lambda text: None)
    return run


def accuracy(source: str, labels: int, seed: int, gan: Path, trained: bool, folder: Path) -> float:
    recipe = source.partition(":")[0]
    run = folder / f"{labels}" / f"{gan.name if trained else 'nothing'}-{seed}"
    nimg = _CLASSIFIER_NIMG[recipe]
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
    api.train_classifier(recipe, source, run_dir=run, overrides=changes, say=lambda text: None)
    return api.evaluate_classifier(run).main.accuracy


def summary(values: list[float]) -> str:
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


def interval(differences: list[float]) -> str:
    half = (
        student_t.ppf(0.975, len(differences) - 1)
        * statistics.stdev(differences)
        / math.sqrt(len(differences))
    )
    mean = statistics.mean(differences)
    return f"{mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f})"


def main(source: str, folder: Path) -> None:
    recipe = source.partition(":")[0]
    print(
        f"{recipe}; {machine()}; torch {torch.__version__}; {date.today()}; mean ± standard deviation of 5 seeds\n"
    )
    print("| labels a class | trunk of a GAN of | from the GAN's trunk | from nothing | difference (95 %) |")
    print("|---|---|---|---|---|")
    all_labels = gan_run(source, recipe, None, folder)
    for labels in _LABELS:
        same_labels = gan_run(source, recipe, labels, folder)
        nothing = [accuracy(source, labels, seed, all_labels, False, folder) for seed in _SEEDS]
        for gan, name in ((same_labels, "the same images"), (all_labels, "all images and their labels")):
            trunk = [accuracy(source, labels, seed, gan, True, folder) for seed in _SEEDS]
            differences = [a - b for a, b in zip(trunk, nothing, strict=True)]
            cells = (str(labels), name, summary(trunk), summary(nothing), interval(differences))
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))

"""``acgan evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from acgan.cli.options import (
    Count,
    UserPath,
    check_json_file,
    device_option,
    expanded,
    on_error_option,
    parse_seeds,
    seed_option,
    truncation_option,
    which_option,
)
from acgan.cli.output import echo
from acgan.cli.progress import counting
from acgan.cli.ranks import is_first_process, warn_once
from acgan.metrics.catalogue import CATALOGUE, default_metrics
from acgan.types import JUDGES, LABEL_PRIORS, MAX_SAMPLES, REFERENCES, RESIZES

_OTHERS = [key for key in CATALOGUE if key not in default_metrics()]


class _Metrics(click.ParamType):
    name = "metrics"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        from acgan.errors import did_you_mean

        keys = {score.name: key for key, entry in CATALOGUE.items() for score in entry.scores}
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        known = tuple(CATALOGUE)
        for name in names:
            if name not in known:
                also = f" It is a score of {keys[name]}." if name in keys else did_you_mean(name, known)
                self.fail(
                    f"{name!r} is no metric.{also} Expected {', '.join(known)}.",
                    param,
                    ctx,
                )
        if not names:
            self.fail(f"expected at least one of {', '.join(known)}.", param, ctx)
        return names


@click.command()
@click.argument("runs", metavar="RUN_OR_SAMPLES...", nargs=-1, required=True, type=UserPath())
@click.option(
    "--data",
    metavar="SOURCE",
    help="Real images; the classes that the generator knows are scored.  [default: what it was trained on]",
)
@click.option(
    "--train-data",
    metavar="SOURCE",
    help="Of SAMPLES: images that their generator was trained on, in which copies are looked for.  [default: the "
    "training part of --data]",
)
@click.option(
    "--split",
    type=click.Choice(REFERENCES),
    default="test",
    show_default=True,
    help="Reference: images held out, those trained on, or the whole training set with the validation images, as FID "
    "of papers has it.",
)
@click.option(
    "--metrics",
    type=_Metrics(),
    default=lambda: ",".join(default_metrics()),  # those of a script too
    metavar="NAME,...",
    help=f"Some of {', '.join(CATALOGUE)}.  [default: all but {', '.join(_OTHERS)}]",
)
@click.option(
    "-n",
    "num_images",
    metavar="N",
    type=Count(min=2),
    help=f"Samples.  [default: as many as the reference has images, at most {MAX_SAMPLES:,}]",
)
@click.option(
    "--extractor",
    metavar="inception|NAME|FILE|timm:NAME|torchvision:NAME",
    callback=expanded,
    help="Makes the features: FID's Inception, a shipped classifier, a run or file of `acgan classify train`, or a "
    "network of timm (pip install 'acgan[timm]') or torchvision with --weights.  "
    "[default: Inception where its weights are at hand, else what is shipped for the data, else the run's "
    "evaluate.extractor]",
)
@click.option(
    "--weights",
    "--inception-weights",
    "weights",
    metavar="FILE",
    type=UserPath(),
    help="Weights of Inception (pt_inception-2015-12-05-6726825d.pth), or of a network of timm or torchvision.  "
    "[default: Inception's in torch's hub cache]",
)
@click.option(
    "--resize",
    type=click.Choice(RESIZES),
    help="How images are brought to Inception's size: as pytorch-fid does, or as clean-fid does.  [default: bilinear]",
)
@click.option(
    "--label-prior",
    type=click.Choice(LABEL_PRIORS),
    default="reference",
    show_default=True,
    help="Classes as often as in the reference, or equally often.",
)
@click.option(
    "--nearest-k",
    metavar="K",
    type=click.IntRange(min=1),
    help="Neighbour that the balls of prdc reach to.  [default: the run's evaluate.nearest_k, 5 unless it was set]",
)
@click.option(
    "--repeats",
    metavar="R",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of times to draw and score, with seeds from --seed on: mean and deviation.",
)
@seed_option("Random seed of the samples and of every other random choice.")
@truncation_option
@which_option
@on_error_option()
@device_option
@click.option(
    "--seeds",
    callback=parse_seeds,
    metavar="0,1,2",
    help="Seeds of cas's trainings, three or more.  [default: five from --seed on]",
)
@click.option(
    "--steps",
    metavar="N",
    type=Count(min=1),
    help="Steps of each of cas's trainings.  [default: 6 passes over the real images, within 400 to 1,000]",
)
@click.option(
    "--judge",
    type=click.Choice(JUDGES),
    default="small",
    show_default=True,
    help="Network that cas trains.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=UserPath(dir_okay=False),
    help="Where to write all scores, and no pictures.",
)
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    type=UserPath(file_okay=False),
    help="Where to write evaluation.json and pictures.  [default: RUN, nothing of a file or of SAMPLES]",
)
@click.option("--quiet", is_flag=True, help="Print nothing but warnings.")
def command(
    runs: tuple[Path, ...], json_file: Path | None, folder: Path | None, quiet: bool, **options: Any
) -> None:
    """Score a generator, overall and class by class, beside what real images score.

    RUN is a run directory of `acgan train` or its generator.safetensors. SAMPLES are labelled pictures that something
    else generated, as --data takes them (a folder with a folder for each class, .zip, .npz, a list); --data then names
    the real images. Several, or the directory of `acgan train --seeds`, are one method trained several times: mean
    and deviation over trainings.
    """
    from acgan import api
    from acgan.cli.evaluation_table import show

    check_json_file(json_file)
    _check_folder(runs, json_file, folder)
    first = is_first_process()
    quiet = quiet or not first
    with counting("evaluating", quiet) as progress:
        evaluated = api.evaluate(
            runs,
            api.EvaluateOptions(**options),
            say=lambda message: None if quiet else echo(message),
            warn=warn_once,
            progress=progress,
        )
    if not first:
        return
    written = api.write_evaluation(evaluated, runs, json_file, folder, warn=warn_once)
    if not quiet:
        show(evaluated.scores)
        for what, file in written.items():
            echo(f"{what}: {file}")
        if not written:
            echo(
                "nothing was written: --out DIR keeps scores and pictures, for acgan compare and acgan table"
            )


def _check_folder(runs: tuple[Path, ...], json_file: Path | None, folder: Path | None) -> None:
    from acgan.api.subjects import is_given
    from acgan.errors import ConfigError
    from acgan.evaluation import is_run_directory

    if folder is None:
        return
    if json_file is not None:
        raise ConfigError(f"--out {folder}: and --json {json_file} are given; expected one of them.")
    if is_run_directory(folder):
        raise ConfigError(
            f"--out {folder}: is a run, which keeps its own scores; expected another folder. Leave it out to write "
            "into the run that is evaluated."
        )
    for path in runs:
        if path.is_dir() and is_given(path) and folder.resolve().is_relative_to(path.resolve()):
            raise ConfigError(
                f"--out {folder}: lies in {path}, whose pictures are scored, and would be taken for more of them; "
                "expected another folder."
            )

"""Compare members of the AC-GAN family at equal training time, in a Markdown table.

    python benchmarks/ablation.py mnist FOLDER --data mnist:ROOT --time 10m --seeds 0,1,2
    python benchmarks/ablation.py digits FOLDER --nimg 20000 --only AC --only TAC
    python benchmarks/ablation.py digits FOLDER --nimg 20000 --variants variants.yaml

Equal time does not depend on what else the machine does: a variant shows MINUTES times the images a second that it
reached in the best of several rehearsals, however long that takes. The rehearsals are made once, before any training,
and kept in throughput.json with their configuration. Each run is an `acgan train` of its own in FOLDER; its schedules
are stretched to its length. The last state is evaluated, not the best. results.jsonl has a line for each run, table.md
the means. The same command resumes after an interruption. A file of variants maps names to keys:

    no penalty: {loss.penalty: null}
    lower rates: {optim.generator.lr: 1e-4, optim.discriminator.lr: 1e-4}

In the table, ± is a 95 % t interval of the mean over three seeds or more. Differences to the first variant have the
intervals of `acgan compare`.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import torch
from ablation_table import METRICS, table
from ablation_variants import built_in, override, read_variants, settings, stretched_schedules

from acgan import api
from acgan.api.dry_run import rehearse
from acgan.atomic import write_text
from acgan.cli.options import Count, Duration, device_option, stopped_by_sigterm
from acgan.config import RunConfig, diff
from acgan.data import data_name
from acgan.errors import ConfigError, Interrupted, NotFiniteError, RunError, UserError
from acgan.evaluation import Scores
from acgan.metrics.catalogue import plain_name
from acgan.predicting import shipped
from acgan.runtime import machine

_REHEARSALS = 5
_STOPPED = (75, 130)


@dataclass(frozen=True)
class Cell:
    """One run: a variant with a seed.

    Attributes:
        variant: Name of the variant.
        seed: Seed of the training.
        directory: Run directory.
        overrides: All changes of the recipe.
    """

    variant: str
    seed: int
    directory: Path
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """Settings that all runs share.

    Attributes:
        recipe: Name or file.
        data: Source of images; None is the recipe's.
        folder: Folder of all files.
        overrides: Changes of the recipe by variant, with those of all variants.
        seeds: Seeds of every variant.
        device: A value of ``--device``.
    """

    recipe: str
    data: str | None
    folder: Path
    overrides: Mapping[str, Sequence[str]]
    seeds: Sequence[int]
    device: str

    def config(self, variant: str) -> RunConfig:
        """A variant's configuration, before its length is known."""
        config: RunConfig = api.resolve_config(self.recipe, self.data, self.overrides[variant])[0]
        return config

    def lengths(self, seconds: float) -> dict[str, int]:
        """Images that each variant shows in so many seconds if it has this machine for itself."""
        file = self.folder / "throughput.json"
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        wanted = {variant: self._timed(variant) for variant in self.overrides}
        missing = [
            v for v, timed in wanted.items() if v not in known or not timed.items() <= known[v].items()
        ]
        best = dict.fromkeys(missing, 0.0)
        for _ in range(_REHEARSALS):
            for variant in missing:  # in turns, so that a busy moment slows all of them
                speed = rehearse(self.config(variant), self.device).images_per_sec
                best[variant] = max(best[variant], speed)
        origin = {"machine": machine(), "torch": torch.__version__, "date": str(date.today())}
        known |= {v: {"images_per_sec": speed, **origin, **wanted[v]} for v, speed in best.items()}
        write_text(file, json.dumps(known, indent=2) + "\n")
        return {v: max(1, round(seconds * known[v]["images_per_sec"])) for v in self.overrides}

    def _timed(self, variant: str) -> dict[str, Any]:
        """The device, and the keys of a variant that are not the defaults: a known speed holds for these."""
        changed = diff(RunConfig(), self.config(variant))
        return {"device": self.device, "config": {key: value for key, (_, value) in changed.items()}}

    def cells(self, lengths: Mapping[str, int]) -> Iterator[Cell]:
        """Every run; all variants of a seed before the next seed."""
        for seed in self.seeds:
            for variant, overrides in self.overrides.items():
                nimg, config = lengths[variant], self.config(variant)
                length = {
                    "seed": seed,
                    "train.total_nimg": nimg,
                    "train.patience_nimg": None,
                    "every.evaluate_nimg": nimg,
                    "every.sample_nimg": nimg,
                    "every.checkpoint_nimg": max(1, nimg // 4),  # a kill loses a quarter at most
                }
                stretched = stretched_schedules(config, nimg / config.train.total_nimg)
                settings = [override(key, value) for key, value in {**dict(stretched), **length}.items()]
                directory = self.folder / re.sub(r"[^a-z0-9]+", "-", variant.lower()) / f"seed{seed}"
                yield Cell(variant, seed, directory, (*overrides, *settings))

    def train(self, cell: Cell) -> None:
        """Train a cell, or go on with it, in a process of its own."""
        source = [] if self.data is None else ["--data", self.data]
        sets = [word for text in cell.overrides for word in ("--set", text)]
        place = ["--run-dir", str(cell.directory), "--device", self.device]
        arguments = [sys.executable, "-m", "acgan", "train", self.recipe, *source, *place, *sets]
        # In its own session: Ctrl-C reaches only us, and we stop the training once.
        process = subprocess.Popen(arguments, start_new_session=True)
        try:
            code = process.wait()
        except BaseException:
            process.send_signal(signal.SIGTERM)
            process.wait()  # until its checkpoint is written
            raise
        if code in _STOPPED:
            raise Interrupted(f"{cell.directory}: stopped; the same command resumes.", code)
        if code == NotFiniteError.exit_code:
            raise NotFiniteError(f"{cell.directory}: not finite.")
        if code:
            raise RunError(f"{cell.directory}: `acgan train` ended with exit code {code}.")


def result(cell: Cell, scores: Scores) -> dict[str, Any]:
    """A line of results.jsonl."""
    lines = (cell.directory / "stats.jsonl").read_text(encoding="utf-8").splitlines()
    stats = [json.loads(line) for line in lines]
    looks = [row["monitor/collapsed_classes"] for row in stats if "monitor/collapsed_classes" in row]
    of_classes = [
        (metric, value)
        for values in scores.per_class.values()
        for metric, value in values.items()
        if plain_name(metric) == "class_accuracy" and value is not None
    ]
    return {
        "images_shown": stats[-1]["nimg"],
        "trained_sec": next(row["time/trained_sec"] for row in reversed(stats) if "time/trained_sec" in row),
        "scores": {metric: one.value for metric, one in scores.overall.items()},
        "worst_class": dict([min(of_classes, key=lambda pair: pair[1])] if of_classes else []),
        "collapsed_classes": looks[-1] if looks else None,
        "evaluation": {key: scores.provenance[key] for key in ("machine", "torch", "date", "num_images")},
    }


def run_all(study: Study, cells: Sequence[Cell], how: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Train and evaluate each cell that has no result yet; yield the results so far."""
    file = study.folder / "results.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    known = {(row["variant"], row["seed"]): row for row in map(json.loads, lines)}
    done = []
    for number, cell in enumerate(cells, start=1):
        key = cell.variant, cell.seed
        row: dict[str, Any] = {"recipe": study.recipe, "data": study.data, "variant": cell.variant}
        row |= {"seed": cell.seed, "overrides": list(cell.overrides), "how": {**how}}
        if row.items() <= known.get(key, {}).items():
            done.append(known[key])
            continue
        click.echo(f"{number} of {len(cells)}: {cell.variant}, seed {cell.seed}")
        try:
            study.train(cell)
        except NotFiniteError:
            known[key] = row | {"not_finite": True}
        else:
            evaluated = api.evaluate(
                cell.directory, api.EvaluateOptions(which="last", metrics=METRICS, **how)
            )
            api.write_evaluation(evaluated, cell.directory)
            known[key] = row | result(cell, evaluated.scores)
        text = "".join(json.dumps(one) + "\n" for one in known.values())
        write_text(file, text)
        done.append(known[key])
        yield done
    yield done


def _seeds(_context: click.Context, _param: click.Parameter, value: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(,\d+)*", value):
        raise click.BadParameter(f"{value!r}; expected whole numbers with commas between, as in 0,1,2.")
    return tuple(dict.fromkeys(map(int, value.split(","))))


@click.command()
@click.argument("recipe")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--data", metavar="SOURCE", help="Source of images, as in `acgan train`.  [default: the recipe's]"
)
@click.option(
    "--variants",
    "file",
    type=click.Path(path_type=Path),
    help="YAML file of variants.  [default: the family]",
)
@click.option("--only", multiple=True, metavar="NAME", help="Run only this variant; may be repeated.")
@click.option(
    "--seeds", default="0", callback=_seeds, metavar="0,1,2", show_default=True, help="Seeds of each variant."
)
@click.option(
    "--time", "seconds", type=Duration(), metavar="TIME", help="Training time of each run, as in 10m."
)
@click.option("--nimg", type=Count(1), metavar="N", help="Images to show, instead of --time.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a key in all variants.")
@click.option(
    "--extractor", metavar="NAME|FILE", help="Extractor of the scores.  [default: shipped for the data]"
)
@click.option(
    "-n", "num_images", type=Count(2), metavar="N", help="Number of samples.  [default: that of real images]"
)
@device_option
def main(
    recipe: str, folder: Path, data: str | None, file: Path | None, only: tuple[str, ...], seeds: tuple[int, ...],
    seconds: float | None, nimg: int | None, changes: tuple[str, ...], device: str, **how: Any,
) -> None:  # fmt: skip
    """Compare variants of a recipe at equal time."""
    if bool(seconds) == bool(nimg):  # no time at all trains nothing
        raise ConfigError("expected one of --time and --nimg.")
    base, _ = api.resolve_config(recipe, data, changes)
    variants = built_in() if file is None else read_variants(file)
    unknown = [name for name in only if name not in variants]
    if unknown:
        raise ConfigError(f"--only: found {unknown[0]!r}; expected some of {', '.join(variants)}.")
    chosen = {name: keys for name, keys in variants.items() if not only or name in only}
    overrides = {
        name: (*changes, *(override(key, value) for key, value in keys.items()))
        for name, keys in chosen.items()
    }
    name = data_name(base.data.source)
    how["extractor"] = how["extractor"] or (name if name in shipped() else None)  # the same on every machine
    study = Study(recipe, data, folder, overrides, seeds, device)
    folder.mkdir(parents=True, exist_ok=True)
    lengths = study.lengths(seconds) if seconds is not None else dict.fromkeys(chosen, nimg or 0)
    told = settings({name: study.config(name) for name in chosen})
    budget = f"{seconds / 60:g} minutes each" if seconds is not None else f"{nimg:,} images each"
    with stopped_by_sigterm("the same command resumes"):
        for rows in run_all(study, list(study.cells(lengths)), {**how, "device": device}):
            metric = next((metric for row in rows for metric in row.get("scores", {})), "no scores")
            head = f"{recipe}: {budget}; `{metric}`; {machine()}; torch {torch.__version__}; {date.today()}"
            text = f"{head}\n\n{told}\n{table(rows)}"
            write_text(folder / "table.md", text)
    click.echo(text)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        sys.exit(f"Error: {error}")
    except Interrupted as stopped:
        click.echo(stopped, err=True)
        sys.exit(stopped.exit_code)
    except click.Abort:  # Ctrl-C
        sys.exit(130)

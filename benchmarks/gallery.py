"""Make the gallery: a picture and a card for each run, and the tables of docs/gallery.md from the cards.

    python benchmarks/gallery.py add runs/mnist
    python benchmarks/gallery.py add runs/plain --which last --failure "classes 3 and 8 are one image each"
    python benchmarks/gallery.py add runs/folder-PICTURES --extractor cifar10_jpg --cas
    python benchmarks/gallery.py table
    python benchmarks/gallery.py check

`make gallery` trains the recipes and calls this.

- `add` samples and evaluates a finished run of `acgan train`, and writes samples/NAME.png and samples/NAME.json (the
  card; samples/README.md explains its keys). The card holds the command that gives the same run. `add` refuses a
  command that gives another configuration.
- `table` rewrites the tables in docs/gallery.md.
- `check` fails if the tables are not those of the cards, or a picture is not the one of its card.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
from gallery_command import check_command, likely_command
from gallery_tables import GALLERY, Card, problems, read_cards, split_page, tables

import acgan
from acgan import api
from acgan.api.provenance import read_provenance
from acgan.atomic import sha256, write_atomically, write_text
from acgan.cli.options import device_option, which_option
from acgan.code_version import git_commit
from acgan.config import RunConfig, diff, load
from acgan.config.recipes import recipes
from acgan.config.schema import MonitorConfig
from acgan.errors import ConfigError, RunError, UserError
from acgan.evaluation import Scores, verdict
from acgan.evaluation.trained_run import read_stats
from acgan.metrics.catalogue import better, default_metrics, plain_name
from acgan.plots.grid import write_png
from acgan.predicting import shipped
from acgan.sampling import ClassSampler, grid, load_generator
from acgan.weights import find_generator

_REPOSITORY = Path(__file__).resolve().parents[1]
_COLUMNS, _SEED = 10, 0
_SIGNIFICANT = 4


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        config: Configuration in the run directory.
        stats: Rows of stats.jsonl.
        file: File of the generator that is shown.
        sampler: That generator.
        command: Command that gives the same run.
        recipe: Recipe in the command.
        given: Configuration that the command gives.
        code: Commit of acgan, for the card; it is read first, because files may change before the scores are there.
        provenance: Content of its provenance.json.
    """

    config: RunConfig
    stats: Sequence[Mapping[str, Any]]
    file: Path
    sampler: ClassSampler
    command: str
    recipe: str
    given: RunConfig
    code: Card | None
    provenance: Mapping[str, Any]


def read_run(directory: Path, which: str | None, command: str | None) -> Run:
    """Read a finished run, and check the command that makes it."""
    file, stats_file = find_generator(directory, which), directory / "stats.jsonl"
    sampler, config = load_generator(file), load(RunConfig, directory / "config.yaml")
    if not stats_file.is_file():
        raise RunError(f"{directory}: no stats.jsonl in it; expected a run of `acgan train`.")
    stats = list(read_stats(stats_file))
    nimg, patience = stats[-1]["nimg"], config.train.patience_nimg
    origin = sampler.info.provenance
    if nimg < config.train.total_nimg and not (patience and nimg - origin["nimg"] >= patience):
        raise RunError(
            f"{directory}: {nimg:,} of {config.train.total_nimg:,} images shown; expected a finished run. "
            "The command that began it goes on."
        )
    command = command or likely_command(config)
    return Run(
        config,
        stats,
        file,
        sampler,
        command,
        *check_command(command, config, origin),
        code_card(),
        read_provenance(directory),
    )


def make_card(run: Run, scores: Scores) -> Card:
    """A card without its name, picture and failure."""
    origin, nimg = run.sampler.info.provenance, run.stats[-1]["nimg"]
    seconds = next(row["time/trained_sec"] for row in reversed(run.stats) if "time/trained_sec" in row)
    recipe = load(RunConfig, recipes()[run.recipe])
    changed = {
        key: {"recipe": before, "here": after}
        for key, (before, after) in diff(recipe, run.given).items()
        if key not in ("data.source", "data.root", "description")  # the first two are in the command
    }
    keys = ("torch", "acgan", "precision", "data", "data_fingerprint")
    last = run.provenance["invocations"][-1]
    return {
        # The recipe's description does not fit a run with other networks, losses or length.
        "description": recipe.description if set(changed) <= {"train.threads", "seed"} else "",
        "command": run.command,
        "recipe": run.recipe,
        "config": changed,
        "seed": run.config.seed,
        "images_shown": nimg,
        "trained_sec": round(seconds, 1),
        "images_per_sec": rounded(nimg / seconds),
        **{key: origin[key] for key in keys},
        "machine": f"{last['processor']}, {last['threads']} {'core' if last['threads'] == 1 else 'cores'}",
        "date": last["ended"],
        "code": run.code,
        "monitor": rounded(monitor_card(run.stats, run.config.monitor)),
        "scores": rounded(score_cards(scores)),
        **({} if scores.help is None else {"cas": rounded(cas_card(scores, scores.help))}),
        "worst_class": rounded(worst_classes(scores)),
        "verdict": verdict(scores),
        "evaluation": evaluation_card(scores),
    }


def rounded(value: Any) -> Any:
    """Round all floats in a card to a few significant digits."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    return float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value


def monitor_card(stats: Sequence[Mapping[str, Any]], settings: MonitorConfig) -> Card | None:
    """Number of looks and warnings of the collapse monitor, and its last collapsed classes; None if it was off."""
    looks = [row for row in stats if "monitor/collapsed_classes" in row]
    if not looks:
        return None
    warned = [row["nimg"] for row in looks if row["monitor/collapsed_classes"]]
    last, prefix, collapsed = looks[-1], "monitor/coverage/", {}
    for name in (key.removeprefix(prefix) for key in last if key.startswith(prefix)):
        duplicates, coverage = last[f"monitor/duplicates/{name}"], last[f"{prefix}{name}"]
        if duplicates > settings.max_duplicates or coverage < settings.min_coverage:
            collapsed[name] = {"duplicates": duplicates, "coverage": coverage}
    return {
        "looks": len(looks),
        "warnings": len(warned),
        "first_warning_nimg": min(warned, default=None),
        "last_nimg": last["nimg"],
        "collapsed_at_last": collapsed,
    }


def score_cards(scores: Scores) -> dict[str, Card]:
    """Each metric: of all samples, of as many samples as the floor has images, and the floor."""
    cards = {}
    for metric, summary in scores.overall.items():
        if metric not in scores.floor:  # a metric of CAS
            continue
        halves, floor = (part[metric].value for part in (scores.at_floor_count, scores.floor))
        cards[metric] = {"value": summary.value, "at_floor_count": halves, "floor": floor}
        if plain_name(metric) in ("fid", "fcd") and halves is not None and floor:
            cards[metric]["times_floor"] = halves / floor
    return cards


def cas_card(scores: Scores, found: Mapping[str, Any]) -> Card:
    """CAS: the verdict, the accuracies, and their differences."""
    accuracies = {metric: one.value for metric, one in scores.overall.items() if metric not in scores.floor}
    differences = {key: found[key] for key in ("cas_gain", "cas_gap")}
    return {"verdict": found["verdict"], **accuracies, **differences}


def worst_classes(scores: Scores) -> dict[str, Card]:
    """The worst class and its value, for each metric that has a better side.

    A Fréchet distance grows with fewer images, and differs between classes of real images. So it counts as a multiple
    of the class's floor, as in the verdict.
    """
    worst: dict[str, Card] = {}
    for metric in dict.fromkeys(metric for values in scores.per_class.values() for metric in values):
        values = ((name, found.get(metric)) for name, found in scores.per_class.items())
        known = {name: value for name, value in values if value is not None}
        direction = better(metric)
        if known and direction is not None:
            name = (max if direction == "lower" else min)(known, key=known.__getitem__)
            worst[metric] = {"class": name, "value": known[name]}
            ratios = times_floor(scores, metric) if plain_name(metric) in ("fid", "fcd") else {}
            if len(ratios) == len(known):
                name = max(ratios, key=ratios.__getitem__)
                worst[metric] = {"class": name, "value": known[name], "times_floor": ratios[name]}
    return worst


def times_floor(scores: Scores, metric: str) -> dict[str, float]:
    """A distance as a multiple of its floor, by class, at the count of the floor."""
    measured = ((name, found.get(metric)) for name, found in scores.at_floor_count_per_class.items())
    floors = {name: found.get(metric) for name, found in scores.floor_per_class.items()}
    return {
        name: value / floor for name, value in measured if value is not None and (floor := floors.get(name))
    }


def evaluation_card(scores: Scores) -> Card:
    """Provenance of the scores, without paths of the machine."""
    origin = dict(scores.provenance)
    origin["generator"] = {key: value for key, value in origin.pop("generators")[0].items() if key != "path"}
    for key in ("samples_by_class", "reference_by_class", "metrics", "units", "repeats"):
        del origin[key]
    return origin


def code_card() -> Card | None:
    """The commit of acgan, and ``clean`` if its code is unchanged; None outside git."""
    found = git_commit(Path(acgan.__file__).parents[1], "acgan", "configs", "benchmarks")
    return None if found is None else dict(zip(("commit", "clean"), found, strict=True))


@click.group()
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    default=_REPOSITORY,
    help="Folder of docs/gallery.md and samples/.",
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Keep the gallery: samples/, and the tables in docs/gallery.md."""
    context.obj = root


@main.command()
@click.argument("directory", metavar="RUN", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--name", help="Name of the files.  [default: the run directory's]")
@click.option("--command", help="Command that made the run.  [default: by the nearest recipe]")
@click.option("--failure", metavar="TEXT", help="Show the run as a failure; TEXT says what to look for.")
@click.option(
    "--extractor", metavar="NAME|FILE", help="Extractor of the scores.  [default: shipped for the data]"
)
@click.option("--cas", is_flag=True, help="Also measure whether samples help a classifier; takes minutes.")
@which_option
@device_option
@click.pass_obj
def add(
    root: Path,
    /,
    directory: Path,
    name: str | None,
    command: str | None,
    failure: str | None,
    extractor: str | None,
    cas: bool,
    which: str | None,
    device: str,
) -> None:
    """Sample and evaluate a finished run, and write its picture and card."""
    name = name or directory.resolve().name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ConfigError(f"--name: found {name!r}; expected letters, digits, '_', '-' and '.'.")
    run = read_run(directory, which, command)
    data = run.sampler.info.provenance["data"]
    # Never Inception by chance, because its weights are on the machine: cards of several machines must compare.
    extractor = extractor or (data if data in shipped() else None)
    metrics = (*default_metrics(), *["cas"] * cas)
    options = api.EvaluateOptions(metrics=metrics, which=which, extractor=extractor, device=device)
    scores = api.evaluate(directory, options, say=partial(click.echo, err=True)).scores
    card = make_card(run, scores) | {"name": name, "failure": failure is not None}
    if failure is not None:
        card["seen"] = failure
    picture = root / "samples" / f"{name}.png"
    image = grid(run.sampler, _COLUMNS, seed=_SEED)
    write_atomically(picture, partial(write_png, image))
    card["picture"] = {
        "columns": _COLUMNS,
        "seed": _SEED,
        "generator": run.file.name,
        "sha256": sha256(picture),
    }
    text = json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(picture.with_suffix(".json"), text)
    click.echo("\n".join([str(picture.with_suffix(".json")), *card["verdict"]]))


@main.command()
@click.pass_obj
def table(root: Path) -> None:
    """Rewrite the tables in docs/gallery.md."""
    before, _, after = split_page(root)
    text = f"{before}{tables(read_cards(root))}{after}"
    write_text(root / GALLERY, text)


@main.command()
@click.pass_obj
def check(root: Path) -> None:
    """Fail if the tables in docs/gallery.md are not those of the cards."""
    found = list(problems(root))
    if found:
        raise ConfigError("\n".join(found))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")

"""The gallery: a picture and a card for each run worth showing, and the README's tables made from the cards.

    python benchmarks/gallery.py add runs/mnist
    python benchmarks/gallery.py add runs/plain --which last --failure "classes 3 and 8 are one image each"
    python benchmarks/gallery.py table
    python benchmarks/gallery.py check

`make gallery` trains the recipes and calls this. `add` samples and evaluates a finished run of `acgan train`, and
writes samples/NAME.png and samples/NAME.json; samples/README.md says what is in a card. The command in a card is
what a user types to get the same: it is resolved, and refused where it gives another configuration than the run's.
`check` fails where README.md is not what the cards give, or a picture is not the one its card was written with.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from acgan import api
from acgan.cli.options import clock, device_option, which_option, write_text
from acgan.cli.train import command as train_command
from acgan.comparing.comparison import HIGHER_IS_BETTER, LOWER_IS_BETTER
from acgan.config import RunConfig, diff, load
from acgan.config.recipes import recipes
from acgan.config.schema import MonitorConfig
from acgan.data import data_name
from acgan.errors import ConfigError, RunError, UserError
from acgan.evaluation import Scores, plain_name, verdict
from acgan.sampling import ClassSampler, find_generator, grid, load_generator, write_png
from acgan.training.checkpoint import write_atomically
from acgan.weights_file import sha256

_REPOSITORY = Path(__file__).resolve().parents[1]
_BEGIN, _END = "<!-- gallery -->", "<!-- /gallery -->"
_COLUMNS, _WIDTH = 10, 240
_SIGNIFICANT = 4
#: Where things lie on a machine: told by the command in its own words, and not compared.
_PLACES = ("data.source", "data.root", "evaluate.extractor")
_ABSOLUTE = re.compile(r"""(?:^|[=:,\[{\s"'])(?:[/~\\]|[A-Za-z]:[\\/])""")

Card = dict[str, Any]


def read_stats(run: Path, config: RunConfig, best_nimg: int) -> list[dict[str, Any]]:
    """The rows of stats.jsonl of a run that came to its end."""
    file = run / "stats.jsonl"
    if not file.is_file():
        raise RunError(f"{run}: no stats.jsonl in it; expected one run of `acgan train`.")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    nimg, patience = rows[-1]["nimg"], config.train.patience_nimg
    if nimg < config.train.total_nimg and not (patience and nimg - best_nimg >= patience):
        raise RunError(
            f"{run}: {nimg:,} of {config.train.total_nimg:,} images shown; expected a finished run. "
            "The same command goes on."
        )
    return rows


def monitor_card(rows: Sequence[Mapping[str, Any]], settings: MonitorConfig) -> Card | None:
    """What the collapse monitor said, and of which classes at last; None where it was off."""
    looks = [row for row in rows if "monitor/collapsed_classes" in row]
    if not looks:
        return None
    last, collapsed = looks[-1], {}
    prefix = "monitor/coverage/"
    for name in (key.removeprefix(prefix) for key in last if key.startswith(prefix)):
        duplicates, coverage = last[f"monitor/duplicates/{name}"], last[f"{prefix}{name}"]
        if duplicates > settings.max_duplicates or coverage < settings.min_coverage:
            collapsed[name] = {"duplicates": duplicates, "coverage": coverage}
    warned = [row["nimg"] for row in looks if row["monitor/collapsed_classes"]]
    return {
        "looks": len(looks),
        "warnings": len(warned),
        "first_warning_nimg": min(warned, default=None),
        "last_nimg": last["nimg"],
        "collapsed_at_last": collapsed,
    }


def score_cards(scores: Scores) -> dict[str, Card]:
    """Every metric: of all samples, and of as many as the floor is of beside the floor."""
    cards = {}
    for metric, summary in scores.overall.items():
        halves, floor = (part[metric].value for part in (scores.at_floor_count, scores.floor))
        cards[metric] = {"value": summary.value, "at_floor_count": halves, "floor": floor}
        if plain_name(metric) in ("fid", "fcd") and halves is not None and floor:
            cards[metric]["times_floor"] = halves / floor
    return cards


def worst_classes(scores: Scores) -> dict[str, Card]:
    """The worst class by each metric that has a better side, and its value."""
    worst: dict[str, Card] = {}
    for metric in dict.fromkeys(metric for values in scores.per_class.values() for metric in values):
        known = {name: v[metric] for name, v in scores.per_class.items() if v.get(metric) is not None}
        base = plain_name(metric)
        if known and base in LOWER_IS_BETTER | HIGHER_IS_BETTER:
            choose = max if base in LOWER_IS_BETTER else min
            name = choose(known, key=lambda name: known[name] or 0.0)
            worst[metric] = {"class": name, "value": known[name]}
    return worst


def code_card() -> Card | None:
    """The commit of the code that wrote the card, and whether the code was changed since; None outside git."""

    def git(*arguments: str) -> str:
        found = subprocess.run(
            ["git", *arguments], cwd=_REPOSITORY, check=True, capture_output=True, text=True
        )
        return found.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "acgan", "configs", "benchmarks/gallery.py")
        return {"commit": git("rev-parse", "HEAD"), "clean": not changed}
    except (OSError, subprocess.CalledProcessError):
        return None


def evaluation_card(scores: Scores) -> Card:
    """Where the scores come from, without paths of the machine."""
    origin = dict(scores.provenance)
    origin["generator"] = {key: value for key, value in origin.pop("generators")[0].items() if key != "path"}
    for key in ("samples_by_class", "reference_by_class", "metrics", "units", "repeats"):
        del origin[key]
    return origin


def rounded(value: Any) -> Any:
    """Numbers that are not whole to a few significant digits, however deep."""
    if isinstance(value, Mapping):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value


def make_card(run: Path, sampler: ClassSampler, scores: Scores, command: str | None) -> Card:
    """All of a card but its name, its picture, and whether it is a failure."""
    config, origin = load(RunConfig, run / "config.yaml"), sampler.info.provenance
    rows = read_stats(run, config, origin["nimg"])
    command = command or likely_command(config)
    recipe, given = check_command(command, config, origin)
    trained_sec = next(row["time/trained_sec"] for row in reversed(rows) if "time/trained_sec" in row)
    return {
        "description": config.description,
        "command": command,
        "recipe": recipe,
        "config": {
            key: {"recipe": before, "here": after}
            for key, (before, after) in diff(load(RunConfig, recipes()[recipe]), given).items()
            if key not in ("data.source", "data.root", "seed")
        },
        "seed": config.seed,
        "images_shown": rows[-1]["nimg"],
        "trained_sec": trained_sec,
        "images_per_sec": rows[-1]["nimg"] / trained_sec,
        "code": code_card(),
        **{key: origin[key] for key in ("machine", "torch", "acgan", "precision", "date", "data", "data_fingerprint")},
        "monitor": monitor_card(rows, config.monitor),
        "scores": score_cards(scores),
        "worst_class": worst_classes(scores),
        "verdict": verdict(scores),
        "evaluation": evaluation_card(scores),
    }  # fmt: skip


@click.group()
@click.option(
    "--root", type=click.Path(path_type=Path), default=_REPOSITORY, help="Of README.md and samples/."
)
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Keep the gallery: samples/, and the tables in README.md."""
    context.obj = root


@main.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--name", help="Of the files.  [default: the run directory's]")
@click.option("--command", help="That made it.  [default: by the nearest recipe]")
@click.option("--failure", metavar="TEXT", help="It goes to the table of failures: what is to be seen.")
@click.option("--extractor", metavar="NAME|FILE", help="As `acgan evaluate` takes it.")
@which_option
@device_option
@click.pass_obj
def add(
    root: Path, run: Path, name: str | None, command: str | None, failure: str | None, which: str | None, **how: Any
) -> None:  # fmt: skip
    """Sample and evaluate a finished run, and write its picture and card."""
    name = name or run.resolve().name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ConfigError(f"--name: found {name!r}; expected letters, digits, '_', '-' and '.'.")
    file = find_generator(run, which)
    sampler = load_generator(file)
    # Before minutes are spent on the evaluation.
    config = load(RunConfig, run / "config.yaml")
    read_stats(run, config, sampler.info.provenance["nimg"])
    check_command(command or likely_command(config), config, sampler.info.provenance)
    scores = api.evaluate(
        run, api.EvaluateOptions(which=which, **how), say=partial(click.echo, err=True)
    ).scores
    card = make_card(run, sampler, scores, command)
    picture = root / "samples" / f"{name}.png"
    write_atomically(picture, partial(write_png, grid(sampler, _COLUMNS)))
    card["name"], card["failure"] = name, failure is not None
    if failure is not None:
        card["seen"] = failure
    card["picture"] = {"columns": _COLUMNS, "seed": 0, "generator": file.name, "sha256": sha256(picture)}
    text = json.dumps(rounded(card), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(picture.with_suffix(".json"), partial(write_text, text))
    click.echo("\n".join([str(picture.with_suffix(".json")), *card["verdict"]]))


@main.command()
@click.pass_obj
def table(root: Path) -> None:
    """Rewrite the tables in README.md."""
    before, _, after = split_readme(root)
    text = f"{before}\n\n{tables(read_cards(root))}\n\n{after}"
    write_atomically(root / "README.md", partial(write_text, text))


@main.command()
@click.pass_obj
def check(root: Path) -> None:
    """Fail where README.md is not what the cards give."""
    found = list(problems(root))
    if found:
        raise ConfigError("\n".join(found))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")

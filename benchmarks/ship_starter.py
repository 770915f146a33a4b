"""Copy a trained generator and discriminator, with their card, to the starter that comes with acgan.

    acgan train benchmarks/starter.yaml --data cifar10_jpg.zip
    python benchmarks/ship_starter.py runs/starter-cifar10_jpg

The file holds the averaged generator and the last discriminator in 16 bits; the card has its hash and its origin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from acgan import api
from acgan.atomic import sha256, write_text
from acgan.training.checkpoint import read_latest
from acgan.weights import STARTER_FILE, Starter, save_starter


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(run: Path) -> None:
    """Copy both networks of RUN."""
    sampler = api.load_generator(run, which="last")
    payload = read_latest(run / "checkpoints", print)
    origin = dict(sampler.info.provenance)
    config = origin["config"]
    nimg, planned = origin["nimg"], config["train"]["total_nimg"]
    if payload is None or not payload["nimg"] == nimg >= planned:
        sys.exit(f"{run}: {nimg:,} of {planned:,} images shown; expected a finished run")
    # The name of the data, not its path on a machine.
    origin["config"] = {**config, "data": {**config["data"], "source": origin["data"], "root": None}}
    origin["paths"] = {}
    starter = Starter(
        sampler.class_names, sampler.generator.state_dict(), payload["state"]["discriminator"], origin
    )
    STARTER_FILE.parent.mkdir(exist_ok=True)
    save_starter(STARTER_FILE, starter)
    card = {
        "sha256": sha256(STARTER_FILE),
        "bytes": STARTER_FILE.stat().st_size,
        "class_names": list(starter.class_names),
        "provenance": origin,
    }
    write_text(STARTER_FILE.with_suffix(".json"), json.dumps(card, indent=2) + "\n")
    print(f"{STARTER_FILE.name}: {card['bytes']:,} bytes, after {nimg:,} images")


if __name__ == "__main__":
    main()

"""Copy a trained classifier and its card to the fixed extractors that come with acgan.

    python benchmarks/ship_extractor.py NAME RUN

`make extractors` trains all of them and calls this. The card holds the scores of the shipped file on held-out images,
its hash, and its origin. The file must have at most 2 MB and 128 features.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click
import torch

import acgan
from acgan import api
from acgan.weights import CLASSIFIER_FILE

_FOLDER = Path(acgan.__file__).with_name("extractors")
_MAX_BYTES, _MAX_FEATURES = 2_000_000, 128
_LEAST_ACCURACY = {"digits": 0.985, "mnist": 0.995, "cifar10_jpg": 0.85}


@click.command()
@click.argument("name")
@click.argument("run", type=click.Path(path_type=Path, exists=True))
def main(name: str, run: Path) -> None:
    """Copy the classifier of RUN to the fixed extractors, as NAME."""
    classifier = api.load_classifier(run)
    features = classifier.network.heads["main"].in_channels
    origin = dict(classifier.info.provenance)
    config = origin["config"]
    source = config["data"]["source"]
    # The name of the data, not its path on a machine.
    origin["config"] = {**config, "data": {**config["data"], "source": origin["data"], "root": None}}
    origin["paths"] = {}
    _FOLDER.mkdir(exist_ok=True)
    file = _FOLDER / f".{name}.safetensors"
    CLASSIFIER_FILE.save(file, classifier.network, replace(classifier.info, provenance=origin), torch.float16)
    scores, size = api.evaluate_classifier(file, source), file.stat().st_size
    found = scores.provenance
    if size > _MAX_BYTES or features > _MAX_FEATURES or scores.main.accuracy < _LEAST_ACCURACY[name]:
        file.unlink()
        sys.exit(
            f"{run}: {size:,} bytes, {features} features, accuracy {scores.main.accuracy}: not good enough"
        )
    file.replace(_FOLDER / f"{name}.safetensors")
    card = {
        "name": name,
        "sha256": found["classifier_sha256"],
        "bytes": size,
        "features": features,
        "accuracy": scores.main.accuracy,
        "ece": scores.main.ece,
        "held_out": {key: found[key] for key in ("data", "split", "num_images", "data_fingerprint")},
        "provenance": origin,
    }
    (_FOLDER / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    print(
        f"{name}: accuracy {scores.main.accuracy:.4f} on {found['num_images']:,} held-out images, {size:,} bytes"
    )


if __name__ == "__main__":
    main()

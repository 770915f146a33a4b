"""The fixed extractors that come with acgan: whole, small, and as good as their cards say."""

import json
from pathlib import Path

import pytest

from acgan import api
from acgan.atomic import sha256
from acgan.predicting import find_classifier, load_classifier, shipped

#: The least accuracy on held-out images.
LEAST = {"digits": 0.985, "mnist": 0.995, "cifar10_jpg": 0.85}


def _card(name: str) -> dict:
    return json.loads(shipped()[name].with_suffix(".json").read_text(encoding="utf-8"))


def test_they_are_all_there() -> None:
    assert shipped().keys() == LEAST.keys()


@pytest.mark.parametrize("name", LEAST)
def test_the_file_is_that_of_its_card(name: str) -> None:
    file, card = shipped()[name], _card(name)
    assert find_classifier(name) == file
    assert card["sha256"] == sha256(file)
    assert card["bytes"] == file.stat().st_size <= 2_000_000
    classifier = load_classifier(name)
    assert card["features"] == classifier.network.heads["main"].in_channels <= 128
    assert card["provenance"] == classifier.info.provenance
    assert card["accuracy"] >= LEAST[name]
    assert "/" not in card["provenance"]["config"]["data"]["source"]


def _check_accuracy(name: str, source: str | None) -> None:
    card, scores = _card(name), api.evaluate_classifier(name, source)
    assert scores.provenance["data_fingerprint"] == card["held_out"]["data_fingerprint"]
    assert scores.main.num_images == card["held_out"]["num_images"]
    # Another processor may round a few images to the other side.
    assert scores.main.accuracy == pytest.approx(card["accuracy"], abs=0.001 if name != "digits" else 0.004)


def test_digits_scores_what_its_card_says() -> None:
    _check_accuracy("digits", None)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), [("mnist", "mnist:{}"), ("cifar10_jpg", "{}/cifar10_jpg.zip")])
def test_the_others_score_what_their_cards_say(name: str, place: str, shared_data: Path) -> None:
    _check_accuracy(name, place.format(shared_data))

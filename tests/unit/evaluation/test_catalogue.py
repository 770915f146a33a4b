"""Catalogue of metrics: it agrees with the functions, and a new entry reaches everything that reads it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from comparison_helpers import evaluation, other
from eyes import Projection, Replay, make_store

from acgan.api import EvaluateOptions
from acgan.cli.evaluate import command
from acgan.cli.evaluation_table import show
from acgan.evaluation import (
    METRICS,
    Context,
    Judge,
    Scores,
    class_counts,
    compare,
    look_at_reference,
    look_at_samples,
    mean_per_class,
    summarise_all,
)
from acgan.evaluation.bank import View
from acgan.evaluation.measures import Found
from acgan.metrics.catalogue import (
    CATALOGUE,
    CatalogueEntry,
    ClassColumn,
    PrintedScore,
    better,
    default_metrics,
    printed_scores,
)


def test_the_functions_are_those_of_the_catalogue() -> None:
    assert tuple(CATALOGUE) == (*METRICS, "cas")
    assert set(METRICS) - set(default_metrics()) == {"authenticity", "frechet_infinity", "mind"}


def test_no_two_scores_share_a_name() -> None:
    assert len(printed_scores()) == sum(len(entry.scores) for entry in CATALOGUE.values())


@pytest.mark.parametrize("key", METRICS)
def test_a_metric_yields_the_scores_of_its_entry_and_names_the_extractor_if_it_needs_one(key: str) -> None:
    store, eyes = make_store([30, 30]), Projection(num_classes=2)
    judge = Judge(eyes, None, store.class_names, lambda count: None)
    reference = look_at_reference(
        judge, Context(eyes, None, 0), [key], store, make_store([9, 9], 1), [30, 30]
    )
    entry = CATALOGUE[key]
    known = {score.name for score in entry.scores}
    found = reference.floor[0]
    assert bool(found.overall) == ("classifier" not in entry.needs)
    for name in (*found.overall, *found.per_class):
        plain, bracket, _ = name.partition("[")
        assert plain in known
        assert bool(bracket) == bool(entry.needs & {"features", "logits"})
    assert all(printed_scores()[name.partition("[")[0]].title for name in found.overall)


def test_directions_are_those_of_full_names() -> None:
    assert better("fcd[digits@738debee]") == better("intra_fid_worst") == "lower"
    assert better("recall[digits@738debee]") == "higher"
    assert better("density") is better("ms_ssim") is better("unheard_of") is None


def _toy(fake: View, _real: View, context: Context) -> Found:
    """Number of samples."""
    each = [float(fake.count(label)) for label in range(fake.num_classes)]
    return Found({context.name("toy"): sum(each)}, {context.name("toy"): list(each)})


def test_a_new_metric_is_a_function_and_an_entry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes through the options, the measurement, the tables, the comparison and the command line."""
    score = PrintedScore("toy", "toy score", ".1f", better="higher", column=ClassColumn("TOY", ".2f"))
    monkeypatch.setitem(METRICS, "toy", _toy)
    monkeypatch.setitem(CATALOGUE, "toy", CatalogueEntry((score,), frozenset({"features"})))

    EvaluateOptions(metrics=["toy"]).check()
    store, eyes = make_store([30, 20]), Projection()
    judge, context = Judge(eyes, None, store.class_names, lambda count: None), Context(eyes, None, 0)
    reference = look_at_reference(judge, context, ["toy"], store, None, class_counts(store))
    found = look_at_samples(
        judge, context, ["toy"], Replay(store), class_counts(store), reference, seed=0, truncation=1.0
    ).found  # type: ignore[arg-type]
    assert found.overall == {"toy[projection@0]": 50.0}

    provenance = {"generators": [], "extractor": None, "floor_images": 0}
    per_class = mean_per_class([found], store.class_names)
    scores = Scores(provenance, summarise_all([found.overall]), {}, {}, per_class, {}, {}, None)
    show(scores)
    text = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in text.splitlines()]
    assert ["toy score", "50.0"] in rows
    assert "TOY" in text
    assert ["a", "30.00"] in rows

    a, b = ({"toy[projection@0]": values} for values in ((1.0, 1.1, 0.9), (3.0, 3.1, 2.9)))
    assert compare(evaluation(a), other(b)).rows[0].better == "B"

    refused = CliRunner().invoke(command, ["RUN", "--metrics", "toys"])
    assert refused.exit_code == 2
    assert "Did you mean 'toy'?" in " ".join(refused.output.split())

"""The model card: ``README.md`` of an exported folder, with what the hub reads in its front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import yaml

from acgan.evaluation import INTERVAL_NOTE, Scores, Summary, verdict, with_interval
from acgan.export.about import ExportSource
from acgan.export.folder import SAMPLES_PICTURE
from acgan.export.measured import HeldOutAccuracy
from acgan.export.samples import CLASSES_ON_PICTURE
from acgan.metrics.catalogue import better, full_title, plain_name
from acgan.sampling import ClassSampler
from acgan.showing import shown
from acgan.weights.starting import started_from

_Measured: TypeAlias = Scores | HeldOutAccuracy | None
_CLASSES_LISTED = 1000
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#!|~$&])")


def model_card(
    source: ExportSource,
    name: str,
    licence: str | None,
    measured: _Measured,
    *,
    images: Mapping[str, int] | None = None,
    picture: bool,
) -> str:
    """The text of a model card.

    Args:
        source: The network.
        name: Name of the repository, or of the run.
        licence: Licence of the weights as the hub names it; None leaves it out, and the text says so.
        measured: Its scores.
        images: Training images of each class by name; those of unknown number are left out.
        picture: True if there is a picture of samples.
    """
    front = yaml.safe_dump(
        _front_matter(source, name, licence, measured), sort_keys=False, allow_unicode=True
    )
    lines = [f"---\n{front}---", "", f"# {_plain(name)}", "", *_introduction(source)]
    if picture:
        lines += ["", f"![samples of the classes]({SAMPLES_PICTURE})", "", _of_picture(source)]
    lines += ["", "## Use", "", *_use(source, name), "", "## Classes", "", *_classes(source, images or {})]
    lines += ["", "## Scores", "", *_scores(measured), "", "## Limits, as measured", "", *_limits(measured)]
    lines += ["", "## Licence", "", _licence(licence), "", "## Origin", "", *_origin(source)]
    return "\n".join(lines) + "\n"


def _front_matter(
    source: ExportSource, name: str, licence: str | None, measured: _Measured
) -> dict[str, Any]:
    is_generator = isinstance(source.trained, ClassSampler)
    tags = (
        ["gan", "ac-gan", "class-conditional", "image-generation"]
        if is_generator
        else ["ac-gan", "aux-heads"]
    )
    front: dict[str, Any] = {} if licence is None else {"license": licence}
    front |= {
        "library_name": "acgan",
        "pipeline_tag": "unconditional-image-generation" if is_generator else "image-classification",
        "tags": tags,
    }
    values = list(_metrics(measured))
    if values:
        origin = source.provenance
        data = str(origin.get("data", "unknown"))
        images: dict[str, Any] = {"type": data, "name": data}
        if isinstance(measured, HeldOutAccuracy):
            images |= {"split": measured.split}
        else:
            reference = _reference(measured)
            images |= {"split": reference["split"], "revision": reference["fingerprint"]}
        task = front["pipeline_tag"] if not is_generator else "image-generation"
        result = {
            "task": {"type": task},
            "dataset": images,
            "metrics": values,
        }
        front["model-index"] = [{"name": name, "results": [result]}]
    return front


def _metrics(measured: _Measured) -> Iterator[dict[str, Any]]:
    if isinstance(measured, HeldOutAccuracy):
        yield {"type": "accuracy", "name": "accuracy", "value": measured.value}
    elif measured is not None:
        origin = measured.provenance
        how = {key: origin.get(key) for key in ("num_images", "seed", "truncation", "floor_images")}
        for metric, summary in _known(measured.overall):
            beside = {
                "floor": measured.floor.get(metric),
                "at_floor_count": measured.at_floor_count.get(metric),
            }
            values = {
                key: one.value for key, one in beside.items() if one is not None and one.value is not None
            }
            yield {
                "type": plain_name(metric),
                "name": metric,
                "value": summary.value,
                "args": {**how, **values},
            }


def _introduction(source: ExportSource) -> Iterator[str]:
    info, origin = source.trained.info, source.provenance
    data, count = _plain(str(origin.get("data", "unknown data"))), len(info.class_names)
    side, channels = (
        (source.trained.image_shape[1], source.trained.image_shape[0])
        if isinstance(source.trained, ClassSampler)
        else (source.trained.info.resolution, source.trained.info.channels)
    )
    form = f"{side} x {side} pixels, {'gray' if channels == 1 else 'colour'}"
    if isinstance(source.trained, ClassSampler):
        yield f"A generator that draws images ({form}) of {count:,} classes, one chosen class at a time."
    else:
        yield f"A classifier of images ({form}) in {count:,} classes."
    began = started_from(source.provenance)
    start = f", from {_plain(began)}" if began is not None else ""
    yield f"It was trained by acgan on {data}{start}; this is {source.state}."


def _of_picture(source: ExportSource) -> str:
    rest = len(source.trained.class_names) - CLASSES_ON_PICTURE
    first = f"; {rest:,} more classes are not shown" if rest > 0 else ""
    return (
        f"Beside each class, its first samples with seed 0{first}. Nobody chose them. All are generated, and none is a "
        "photograph."
    )


def _use(source: ExportSource, name: str) -> Iterator[str]:
    place = f"hf://{name}" if "/" in name else "PATH/OF/THIS/FOLDER"
    first = source.trained.class_names[0]
    yield "With the Python package acgan (and its extra `hub` for addresses of the hub):"
    yield "\n```python\nimport acgan\n"
    if isinstance(source.trained, ClassSampler):
        yield f'sampler = acgan.load_generator("{place}")'
        yield f"images, labels = sampler.sample(16, classes=[{first!r}])  # (16, C, H, W) uint8"
        yield "```\n\nOn the command line, one folder of pictures for each class:"
        yield f"\n```\nacgan sample {place} --out samples/\n```"
    else:
        yield f'classifier = acgan.load_classifier("{place}")'
        yield "probabilities = classifier(images)  # images (N, C, H, W) uint8, classes in the order below\n```"
    yield "\nThe file of weights has a check of all its bytes; acgan refuses it if one has changed."


def _classes(source: ExportSource, images: Mapping[str, int]) -> Iterator[str]:
    names = source.trained.class_names
    head, rule, cells = "| label | class |", "|---|---|", [""] * len(names)
    if images:
        head, rule = f"{head} training images |", f"{rule}---:|"
        cells = [f" {images[name]:,} |" if name in images else " unknown |" for name in names]
    yield f"{head}\n{rule}"
    for label, name in enumerate(names[:_CLASSES_LISTED]):
        yield f"| {label} | {_plain(name)} |{cells[label]}"
    if len(names) > _CLASSES_LISTED:
        yield f"\nand {len(names) - _CLASSES_LISTED:,} more: `class_names` of config.json has them all."


def _scores(measured: _Measured) -> Iterator[str]:
    if measured is None:
        yield "No scores were measured of this state."
    elif isinstance(measured, HeldOutAccuracy):
        yield f"Accuracy on the {measured.split} images: {measured.value:.4f}."
    else:
        yield from _table_beside_real(measured)
        yield from _table_of_all(measured)


def _table_beside_real(scores: Scores) -> Iterator[str]:
    """Scores with their floors, at equal counts."""
    if not scores.floor or not scores.provenance["floor_images"]:
        return
    half = scores.provenance["floor_images"]
    yield (
        f"{half:,} samples, and {half:,} real images, each against {half:,} other held-out images: real images show "
        "what a perfect generator would score (the floor).\n"
    )
    yield "| measure | samples | real images |\n|---|---|---|"
    for metric, score in _known(scores.at_floor_count):
        figures = (_figure(metric, one, of_halvings=True) for one in (score, scores.floor.get(metric)))
        yield f"| {_title(metric)} | {' | '.join(figures)} |"
    yield ""


def _table_of_all(scores: Scores) -> Iterator[str]:
    origin, reference = scores.provenance, _reference(scores)
    extractor = origin.get("extractor") or {}
    yield (
        f"All {origin['num_images']:,} samples (seed {origin['seed']}, truncation {origin['truncation']}) against "
        f"{reference['num_images']:,} images of {_plain(str(reference['data']))} ({reference['split']}); features: "
        f"{_plain(str(extractor.get('name') or 'FID Inception'))}. Compare with other evaluations of as many alone.\n"
    )
    yield "| measure | key | all samples |\n|---|---|---|"
    for metric, summary in _known(scores.overall):
        yield f"| {_title(metric)} | `{metric}` | {_figure(metric, summary, of_halvings=False)} |"
    yield f"\n{INTERVAL_NOTE}"


def _limits(measured: _Measured) -> Iterator[str]:
    if isinstance(measured, Scores):
        yield from (f"- {_plain(line)}" for line in verdict(measured))
    elif isinstance(measured, HeldOutAccuracy):
        yield (
            "- Nothing else was measured here. How it does by class, and how sure it may be, `acgan classify evaluate` "
            "measures."
        )
    else:
        yield "- Nothing was measured: how good its results are is unknown."
    yield "- It knows its classes and no others, as its training data showed them."
    yield "- What is said here holds for the data above; of other data nothing was measured."


def _licence(licence: str | None) -> str:
    if licence is None:
        return "Nobody named one: ask whoever published the weights what you may do with them."
    return f"{_plain(licence)}. The licence of the training data is a matter of its own."


def _origin(source: ExportSource) -> Iterator[str]:
    origin = source.provenance
    rows = {
        "weights, SHA-256": source.sha256,
        "state": source.state,
        "trained by": f"acgan {origin.get('acgan')}, torch {origin.get('torch')}",
        "started from": started_from(source.provenance),
        "data": origin.get("data"),
        "fingerprint of the images": origin.get("data_fingerprint"),
        "seed": origin.get("seed"),
        "precision": origin.get("precision"),
        "exported by": f"acgan {source.describe()['acgan']}",
    }
    yield "| what | value |\n|---|---|"
    yield from (f"| {key} | {_plain(str(value))} |" for key, value in rows.items() if value is not None)
    yield "\nThe whole configuration of the training is in the file of weights: `acgan info` prints it."


def _known(summaries: Mapping[str, Summary]) -> list[tuple[str, Summary]]:
    return [(metric, one) for metric, one in summaries.items() if one.value is not None]


def _reference(scores: _Measured) -> Mapping[str, Any]:
    assert isinstance(scores, Scores)
    found: Mapping[str, Any] = scores.provenance["reference"]
    return found


def _title(metric: str) -> str:
    title, direction = full_title(metric).partition("[")[0], better(metric)
    return title + (f" ({direction} is better)" if direction else "")


def _figure(metric: str, summary: Summary | None, *, of_halvings: bool) -> str:
    if summary is None or summary.value is None:
        return "-"
    return with_interval(metric, summary, of_halvings=of_halvings)


def _plain(text: str) -> str:
    """A text that someone else made, in Markdown: its letters, and none that format or make tags."""
    return _SPECIAL.sub(r"\\\1", shown(text))

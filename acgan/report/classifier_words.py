"""Plain words on what is known of a classifier: good or not, and why, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from acgan.evaluation import ClassifierScores, Skill
from acgan.metrics.classification import ClassScores
from acgan.report.commands import command_on
from acgan.report.gather import KnownRun
from acgan.report.judgement import Advice, Answer, Judgement, State

_OFF = 0.05  # an expected calibration error above that is worth a word
_HARDLY = 0.5  # of the images of a class, below which it is hardly recognised
_NAMED = 10


def judge_classifier(run: KnownRun, scores: ClassifierScores | None) -> Judgement:
    """The first screen: all that was measured, and whether the training is at its end."""
    evaluate = command_on(run, "classify", "evaluate", str(run.directory))
    if scores is None:
        return Judgement(
            "unknown",
            "Not known whether the classifier is good.",
            f"There were no test images to judge it on. `{evaluate} --data SOURCE` judges it on others.",
            tuple(_unfinished(run)),
            (),
            (*_going_on(run), Advice("Score it on images of the same classes.", f"{evaluate} --data SOURCE")),
        )
    main, skill = scores.main, _skill(scores)
    state, sentence = _verdict(run, scores, skill)
    whole = int(scores.provenance.get("of_images", main.num_images))
    of_all = "" if whole == main.num_images else f" of {whole:,}; `acgan report` judges it on all"
    basis = (
        f"On {main.num_images:,} test images{of_all}: accuracy {main.accuracy:.2%} ({skill.low:.1%} to "
        f"{skill.high:.1%}), mean over classes {main.balanced_accuracy:.2%}; always the most frequent class would "
        f"have {skill.chance:.2%}."
    )
    missing = [name for name in scores.class_names if name not in scores.scored]
    if missing:
        basis += f" Not judged, without test images: {_listed(missing)}."
    answers = (*_unfinished(run), *_answers(scores, skill))
    return Judgement(state, sentence, basis, answers, (), tuple(_advice(run, scores)))


def recalls_of(scores: ClassifierScores) -> dict[str, float]:
    """Share that is recognised of each class that has images."""
    return {name: one.recall for name, one in scores.scored.items() if one.recall is not None}


def _skill(scores: ClassifierScores) -> Skill:
    main = scores.main
    return Skill.of(main.accuracy, main.num_images, main.confusion.sum(axis=1).tolist())


def _verdict(run: KnownRun, scores: ClassifierScores, skill: Skill) -> tuple[State, str]:
    """Good only where nothing that was measured stands against it."""
    right = f"It is right about {skill.accuracy:.1%} of images that it was not trained on"
    if skill.accuracy <= skill.chance:
        return "bad", "Poor. It is right no more often than the most frequent class alone would be."
    faults = []
    if hardly := _hardly(scores):
        faults.append(f"hardly recognises {len(hardly)} of {len(scores.scored)} classes")
    if _is_unfinished(run):
        faults.append("was not trained to its end")
    also = f"; and it {' and '.join(faults)}" if faults else ""
    if skill.is_weak:
        return "fair", f"Weak. {right}, too seldom to judge samples{also}."
    if faults:
        return "fair", f"Usable. {right}, but {' and '.join(faults)}."
    if not skill.is_strong:
        return "fair", f"Usable. {right}; too few images to show that it is good."
    return "good", f"Good. {right}."


def _hardly(scores: ClassifierScores) -> dict[str, ClassScores]:
    """Classes that are hardly recognised, the worst first."""
    recalls = recalls_of(scores)
    worst = sorted((name for name in recalls if recalls[name] < _HARDLY), key=lambda name: recalls[name])
    return {name: scores.scored[name] for name in worst}


def _answers(scores: ClassifierScores, skill: Skill) -> Iterator[Answer]:
    yield _worst(scores)
    yield _as_judge(skill)
    off = scores.main.ece > _OFF
    sure, right = float(scores.confidence.mean()), skill.accuracy
    short = "Not quite" if off else "Yes"
    way = "It is surer than it is right" if sure > right else "It is less sure than it is right"
    text = f"On average it is {sure:.1%} sure and {right:.1%} right; calibration error {scores.main.ece:.3f}."
    yield Answer(
        "Can its confidence be trusted?", short, f"{way}. {text}" if off else text, "fair" if off else "good"
    )
    if len(scores.heads) > 1:
        text = ", ".join(f"{name} {accuracy:.1%}" for name, accuracy in scores.heads.items())
        yield Answer("What do the auxiliary heads know?", "See below", f"Right: {text}.", "unknown")


def _worst(scores: ClassifierScores) -> Answer:
    recalls, hardly = recalls_of(scores), _hardly(scores)
    worst = min(recalls, key=lambda name: recalls[name])
    images, mean = scores.scored[worst].images, scores.main.balanced_accuracy
    pictures = "image is" if images == 1 else "images are"
    text = f"{recalls[worst]:.1%} of its {images:,} test {pictures} recognised; mean {mean:.1%}."
    if hardly:
        text += f" Hardly recognised, less than half: {_listed(_with_counts(hardly))}."
    short = worst if recalls[worst] < max(recalls.values()) else "None: all are recognised alike"
    return Answer("Which class is the worst?", short, text, "bad" if hardly else "unknown")


def _with_counts(classes: Mapping[str, ClassScores]) -> list[str]:
    return [f"{name} ({one.recall or 0:.0%} of {one.images:,})" for name, one in classes.items()]


def _as_judge(skill: Skill) -> Answer:
    """Answer by the rule that doubts judges in evaluations."""
    question = "Can it judge a generator's samples?"
    text = (
        f"It is right about {skill.low:.1%} to {skill.high:.1%} of real images; the most frequent class alone would "
        f"be about {skill.chance:.1%}."
    )
    if skill.is_weak:
        return Answer(question, "Hardly", f"{text} acgan evaluate calls such a judge weak.", "bad")
    if skill.is_strong:
        return Answer(question, "Yes", text, "good")
    return Answer(question, "Not certain", f"{text} That is too wide to tell.", "unknown")


def _is_unfinished(run: KnownRun) -> bool:
    return run.total_nimg is not None and run.nimg < run.total_nimg


def _unfinished(run: KnownRun) -> Iterator[Answer]:
    if _is_unfinished(run):
        shown = f"{run.nimg:,} of {run.total_nimg:,} images were shown. The first step below goes on with it."
        yield Answer("Is its training at its end?", "No", shown, "bad")


def _going_on(run: KnownRun) -> Iterator[Advice]:
    if _is_unfinished(run):
        yield Advice(
            f"Go on with the training: {run.nimg:,} of {run.total_nimg:,} images were shown.",
            command_on(run, "classify", "train", str(run.directory)),
        )


def _advice(run: KnownRun, scores: ClassifierScores) -> Iterator[Advice]:
    yield from _going_on(run)
    recalls = recalls_of(scores)
    if min(recalls.values()) < 0.8 * max(recalls.values()):
        yield Advice("Look at the worst mistakes below: wrong labels are common, and mended in the data.")
    if _hardly(scores):
        yield Advice(
            "Add images of the classes that are hardly recognised, or merge those that are confused with data.classes."
        )
    yield Advice(
        "Tell the classes of your own images.",
        f"{command_on(run, 'classify', 'predict', str(run.directory))} IMAGE...",
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"

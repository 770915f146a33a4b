"""Plain words on what is known of a run: good or not, and why, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator

from acgan.evaluation import Scores
from acgan.evaluation.class_findings import counts, not_scored, too_rare, worst_class
from acgan.evaluation.findings import Finding, Level
from acgan.evaluation.verdict import Headline, all_findings, headline, verdict
from acgan.report.commands import (
    UNKNOWN_EXTRACTOR,
    cas_command,
    command_on,
    commands_to_scores,
    evaluate_command,
    judge_command,
    needs_judge,
)
from acgan.report.gather import KnownRun
from acgan.report.judgement import Advice, Answer, Judgement, State
from acgan.report.watched import collapse_watched, later_warnings, not_known, with_counts, worst_watched

_STATES: dict[Level, State] = {
    Level.GOOD: "good",
    Level.USABLE: "fair",
    Level.POOR: "bad",
    Level.COLLAPSED: "bad",
}
_STILL_BETTER = 0.9  # of the images shown: a best state after that may not be the last word
_FEW_IMAGES = 2_000


def judge_gan(run: KnownRun) -> Judgement:
    """Judge the run of a GAN by its evaluation, or by what its training saw."""
    scores = run.scores
    found = [] if scores is None else all_findings(scores)
    answers = (*_class_answers(run, found), _copies(run, found), _help(run))
    if scores is None or not found:
        return Judgement(
            "unknown",
            *_not_evaluated(run),
            answers,
            tuple(verdict(scores)) if scores else (),
            tuple(_advice(run, found)),
        )
    top = headline(scores, found)
    state = "unknown" if top.level is None else _STATES[top.level]
    return Judgement(
        state,
        _plainly(top),
        top.text,
        answers,
        tuple(verdict(scores)[1:]),
        tuple(_advice(run, found)),
        run.stale,
    )


def _plainly(top: Headline) -> str:
    if top.level is None:
        if top.word.endswith("so few"):
            return "Not known: there are too few images to say whether the samples are good."
        if top.word.endswith("weak a judge"):
            return "Not known: the classifier that judges the samples errs too often on real images."
        if top.word.endswith("strange a judge"):
            return "Not known: the classifier that judges the samples was made for images of another kind."
        return "Not known: the scores that would tell were not measured."
    return {
        "good": "Good. The samples are as real images in all that was measured.",
        "usable": "Usable. The samples are somewhat worse than real images.",
        "usable at least": "Usable at least. Whether they are as good as real images is not certain.",
        "poor": "Poor. The samples are far worse than real images.",
        "collapsed": "Collapsed. The generator draws nearly the same image again and again.",
    }[top.word]


def _not_evaluated(run: KnownRun) -> tuple[str, str]:
    basis = f"The run was never evaluated on images that it was not trained on. {commands_to_scores(run)} does that."
    if run.best is not None:
        basis += (
            f" Known from the training: its best score is {run.best.name} {run.best.value:.4g} at {run.best.nimg:,} "
            "images; that ranks states of this run, and says nothing of how good they are."
        )
    return "Not known yet whether the samples are good.", basis


def _class_answers(run: KnownRun, found: list[Finding]) -> Iterator[Answer]:
    question = "Are they of the class that was asked for?"
    classes = [one for one in found if one.aspect == "Classes"]
    if classes:
        worst, possible = _ends(classes)
        good = "Yes" if possible == Level.GOOD else "No fault is shown, nor excluded"
        short = {Level.GOOD: good, Level.USABLE: "Mostly", Level.POOR: "Often not"}[min(worst, Level.POOR)]
        text = _with_unseen(run, " ".join(one.text for one in classes))
        yield Answer(question, short, text, _state(classes))
    else:
        yield not_known(run, question, "Class accuracy was not measured.")
    worst_found = None if run.scores is None else worst_class(run.scores)
    if worst_found is None:
        yield worst_watched(run)
    else:
        yield Answer(
            "Which class is the worst?",
            worst_found.name,
            _with_rare(run, worst_found.finding.text),
            "unknown",
        )
    yield _collapse(run, found)


def _ends(found: list[Finding]) -> tuple[Level, Level]:
    """The worst that is certain, and that is possible."""
    return max(one.certain for one in found), max(one.possible for one in found)


def _state(found: list[Finding]) -> State:
    """Good only where no fault that counts can be there."""
    certain, possible = _ends(found)
    return "unknown" if certain == Level.GOOD < possible else _STATES[certain]


def _with_rare(run: KnownRun, text: str) -> str:
    """A sentence more on the classes that have too few images to be judged, and one on those that have none."""
    rare = [] if run.scores is None else too_rare(run.scores)
    if run.scores is not None and rare:
        few = with_counts({name: min(counts(run.scores, name)) for name in rare}, "image")
        text = f"{text} Too few samples or real images to judge by themselves: {few}."
    return _with_unseen(run, text)


def _with_unseen(run: KnownRun, text: str) -> str:
    """A sentence more on the classes of which there were no real images to judge them by."""
    lacking = None if run.scores is None else not_scored(run.scores)
    return text if lacking is None else f"{text} {lacking}"


def _collapse(run: KnownRun, found: list[Finding]) -> Answer:
    question = "Did it collapse, so that images are all alike?"
    diversity = [one for one in found if one.aspect == "Diversity"]
    if diversity:
        worst, possible = _ends(diversity)
        short = {
            Level.GOOD: "No" if possible == Level.GOOD else "No sign of it, nor is it excluded",
            Level.USABLE: "No, but less diverse",
            Level.POOR: "In part",
            Level.COLLAPSED: "Yes",
        }[worst]
        text = " ".join([*(one.text for one in diversity), *later_warnings(run)])
        return Answer(question, short, _with_rare(run, text), _state(diversity))
    return collapse_watched(run)


def _copies(run: KnownRun, found: list[Finding]) -> Answer:
    question = "Are they copies of training images?"
    copies = [one for one in found if one.aspect.startswith("Copies")]
    if not copies:
        return not_known(run, question, "Copies were not looked for.")
    worst, possible = _ends(copies)
    short = "Some are, or may be" if worst > Level.GOOD else "No" if possible == Level.GOOD else "None found"
    if worst == Level.GOOD and run.scores is not None and run.scores.not_scored:
        short += f" in {len(run.scores.per_class)} of {len(run.scores.class_names)} classes"
    return Answer(question, short, _with_unseen(run, " ".join(one.text for one in copies)), _state(copies))


def _help(run: KnownRun) -> Answer:
    question = "Do they help a classifier?"
    if run.scores is None or run.scores.help is None:
        text = "No classifier was trained with these samples added to the real images."
        return Answer(question, "Not known", text, "unknown", cas_command(run))
    gain, words = run.scores.help.get("cas_gain"), str(run.scores.help["verdict"])
    low, high = (gain["low"], gain["high"]) if isinstance(gain, dict) else (0.0, 0.0)
    short, state = (
        ("Yes", "good") if low > 0 else ("No, they harm", "bad") if high < 0 else ("Not shown", "fair")
    )
    return Answer(question, short, f"{words[:1].upper()}{words[1:]}.", state)  # type: ignore[arg-type]


def _advice(run: KnownRun, found: list[Finding]) -> Iterator[Advice]:
    directory, total = str(run.directory), run.total_nimg
    if run.scores is None:
        yield from _first_evaluation(run)
    elif run.stale is not None:
        yield Advice("Evaluate again: the verdict above is of an earlier state.", evaluate_command(run))
    if total is not None and run.nimg < total:
        yield Advice(
            f"Go on with the training: {run.nimg:,} of {total:,} images were shown.",
            command_on(run, "train", directory),
        )
    elif total is not None and (run.best is None or run.best.nimg >= _STILL_BETTER * run.nimg):
        why = "no score tells whether it would improve still"
        if run.best is not None:
            why = f"the best state came at {run.best.nimg:,} of {run.nimg:,} images, so it may still improve"
        longer = command_on(run, "train", directory, "--set", f"train.total_nimg={2 * total}")
        yield Advice(f"Train longer, if you can: {why}.", longer)
    worst = {one.aspect: one.certain for one in reversed(found)}
    if worst.get("Diversity", Level.GOOD) >= Level.POOR:
        yield Advice(
            "Look at the history of diversity below: if an earlier state was more diverse, train anew with a smaller "
            "weight of G's class loss, which a collapsed generator pleases too well.",
            command_on(
                run, "train", f"{directory}/config.yaml", "--run-dir", f"{directory}-2", "--set",
                f"loss.classification.weight_g={_half_weight(run):g}",
            ),
        )  # fmt: skip
    if any(one.aspect.startswith("Copies") and one.certain > Level.GOOD for one in found):
        yield Advice(
            "Look at the pairs below. If they are copies, train on more images, or shorter, or with augmentation.",
            command_on(
                run, "train", f"{directory}/config.yaml", "--run-dir", f"{directory}-2", "--set",
                "augment={kind: diff_augment}",
            ),
        )  # fmt: skip
    if worst.get("Classes", Level.GOOD) >= Level.USABLE:
        yield Advice(
            "Look at the confusion matrix below: merge classes that people cannot tell apart either "
            "(data.classes), or give the confused ones more images."
        )
    if run.scores is not None:
        yield from _more_measures(run, run.scores)


def _first_evaluation(run: KnownRun) -> Iterator[Advice]:
    """The way to scores: a judge comes first where there is no extractor."""
    if not needs_judge(run):
        yield Advice("Find out how good the samples are, class by class.", evaluate_command(run))
        return
    yield Advice(
        "Train a classifier of the same images, a judge: its features tell samples from real images.",
        judge_command(run),
    )
    yield Advice("Then find out how good the samples are, class by class.", evaluate_command(run))


def _half_weight(run: KnownRun) -> float:
    loss = (run.config.get("loss") or {}).get("classification") or {}
    weight = loss.get("weight_g")
    return 0.5 if weight is None else float(weight) / 2


def _more_measures(run: KnownRun, scores: Scores) -> Iterator[Advice]:
    if scores.provenance.get("floor_images", 0) < _FEW_IMAGES // 2 and scores.provenance.get("repeats") == 1:
        several = evaluate_command(run, "--repeats", "5")
        text = "Few images leave wide intervals. Several draws, with the same extractor, are needed to compare runs."
        if UNKNOWN_EXTRACTOR in several:
            name = (scores.provenance.get("extractor") or {}).get("name")
            text += f" {UNKNOWN_EXTRACTOR} stands for {name}: the evaluation does not say where that lies."
        yield Advice(text, several)
    if scores.help is None:
        yield Advice("Find out whether the samples help a classifier.", cas_command(run))

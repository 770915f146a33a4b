"""Words on what a training's collapse monitor saw, where no evaluation tells more."""

from __future__ import annotations

from collections.abc import Iterator

from acgan.evaluation.monitor import EARLY
from acgan.report.commands import evaluate_command, needs_judge
from acgan.report.gather import KnownRun
from acgan.report.judgement import Answer, State
from acgan.types import MIN_IMAGES_PER_CLASS

_NAMED = 5  # classes of a sentence


def not_known(
    run: KnownRun, question: str, text: str, short: str = "Not known", state: State = "unknown"
) -> Answer:
    """An answer that scores would give, with the way to them."""
    if needs_judge(run):
        return Answer(question, short, text, state, two_steps=True)
    return Answer(question, short, text, state, evaluate_command(run))


def worst_watched(run: KnownRun) -> Answer:
    """The worst class by the last look of the training, where the evaluation has none."""
    question = "Which class is the worst?"
    last = {name: curve[-1][1] for name, curve in run.monitored("coverage").items() if curve}
    if len(last) < 2:
        short, text = "Not known", "No class was measured by itself, or there were too few images of each."
    else:
        short, text = _lowest(last)
    text = _with_unwatched(run, text)
    if run.scores is not None:  # another evaluation would tell no more
        return Answer(question, short, text, "unknown")
    return not_known(run, question, text, short)


def _lowest(last: dict[str, float]) -> tuple[str, str]:
    """In short and in full, the classes whose training images are covered the least."""
    lowest, mean = min(last.values()), sum(last.values()) / len(last)
    worst = [name for name, covered in last.items() if covered == lowest]
    if len(worst) == len(last):
        return "None by itself", (
            f"At the last look of the training, the samples of every class that was looked at covered {lowest:.0%} of "
            "its training images: a hint."
        )
    share = f"covered {lowest:.0%} of its training images; the mean of the classes is {mean:.0%}: a hint."
    if len(worst) == 1:
        return f"Perhaps {worst[0]}", f"At the last look of the training its samples {share}"
    quoted = [f"“{name}”" for name in worst[:_NAMED]]
    more = [f"{len(worst) - _NAMED:,} more"] if len(worst) > _NAMED else []
    *first, end = [*quoted, *more]
    text = f"At the last look of the training, the samples of each of the classes {', '.join(first)} and {end} {share}"
    return "Several alike", text


def collapse_watched(run: KnownRun) -> Answer:
    """Answer to whether samples collapsed, by the last look of the monitor."""
    question = "Did it collapse, so that images are all alike?"
    looks = run.curve("monitor/collapsed_classes")
    if not looks:
        return not_known(run, question, "Diversity was not measured.")
    nimg, number = looks[-1]
    if not number:
        text = f"The training's monitor, which looked at {nimg:,} images last, warned of no class."
        short = "The training saw no sign of it" + (", where it looked" if not_looked_at(run) else "")
        return not_known(run, question, _with_unwatched(run, text), short)
    classes = "1 class" if number == 1 else f"{number:.0f} classes"
    text = f"At {nimg:,} images the training's monitor warned of {classes}: collapsed, or unlike real images."
    return not_known(run, question, _with_unwatched(run, text), f"There is a warning for {classes}", "fair")


def later_warnings(run: KnownRun) -> Iterator[str]:
    """A sentence if the monitor's last look is later than the state that was evaluated, and warned."""
    looks, evaluated = run.curve("monitor/collapsed_classes"), run.evaluated_nimg
    if run.stale is None or not looks or evaluated is None:
        return
    nimg, number = looks[-1]
    if number and nimg > evaluated:
        classes = "1 class" if number == 1 else f"{number:.0f} classes"
        yield f"Later, at {nimg:,} images, the training's monitor warned of {classes}."


def not_looked_at(run: KnownRun) -> str | None:
    """A sentence on the classes that the monitor did not look at; None if it looked at all, or at none."""
    watched = run.monitored("coverage")
    left_out = {name: number for name, number in run.training_images.items() if name not in watched}
    if not watched or not left_out:
        return None
    few = with_counts(left_out, "training image")
    return f"The monitor did not look at {few}: it needs {MIN_IMAGES_PER_CLASS} of a class."


def early_looks(run: KnownRun) -> str | None:
    """A sentence on looks that found a class beyond a limit and warned of none; None if there are none."""
    limits = run.config.get("monitor") or {}
    highest, lowest = limits.get("max_duplicates"), limits.get("min_coverage")
    beyond = {
        nimg
        for curves, is_beyond in (
            (run.monitored("duplicates"), lambda value: highest is not None and value > highest),
            (run.monitored("coverage"), lambda value: lowest is not None and value < lowest),
        )
        for curve in curves.values()
        for nimg, value in curve
        if is_beyond(value)
    }
    if not beyond - set(run.warned_at):
        return None
    total = "" if run.total_nimg is None else f", up to {EARLY * run.total_nimg:,.0f} images,"
    return (
        f"In the first {EARLY:.0%} of a training{total} the monitor does not warn of a class beyond a limit while most "
        "of its samples are unlike real images: it is not trained yet."
    )


def with_counts(numbers: dict[str, int], noun: str) -> str:
    """Classes with their numbers of images, for a sentence; of many, some."""
    named = [
        f"“{name}” ({number:,} {noun}{'' if number == 1 else 's'})"
        for name, number in list(numbers.items())[:_NAMED]
    ]
    more = [f"{len(numbers) - _NAMED:,} more classes"] if len(numbers) > _NAMED else []
    *first, end = [*named, *more]
    return f"{', '.join(first)} and {end}" if first else end


def _with_unwatched(run: KnownRun, text: str) -> str:
    sentence = not_looked_at(run)
    if sentence is None:
        return text
    return f"{text} {sentence}"

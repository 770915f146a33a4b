"""Commands that a report prints, as one types them: with the run's own data and the extractor that there is."""

from __future__ import annotations

import re
from pathlib import Path

from acgan.report.gather import KnownRun
from acgan.showing import command

#: Stands for an extractor that was named, where the evaluation does not say how.
UNKNOWN_EXTRACTOR = "RUN_OR_FILE"


def command_on(run: KnownRun, *words: str) -> str:
    """A command on a run, with the scripts that register its parts."""
    return command(*run.imports, *words)


def evaluate_command(run: KnownRun, *options: str) -> str:
    """The command that scores a run: with the extractor of its last evaluation, or a judge where none is at hand.

    Args:
        run: The run.
        options: More options.
    """
    return command_on(run, "evaluate", str(run.directory), *_extractor(run), *options)


def cas_command(run: KnownRun) -> str:
    """The command that finds out whether samples help a classifier; it trains classifiers of its own."""
    return command_on(run, "evaluate", str(run.directory), "--metrics", "cas")


def needs_judge(run: KnownRun) -> bool:
    """True if a classifier must be trained before the run can be scored: there is no other extractor."""
    return not run.extractor_at_hand and not run.judge_at_hand and not _is_scored(run)


def judge_command(run: KnownRun) -> str:
    """The command that trains a classifier of the run's images, read as the run read them."""
    source = run.source or (run.config.get("data") or {}).get("source") or "SOURCE"
    settings = (word for setting in run.data_settings for word in ("--set", setting))
    return command_on(
        run, "classify", "train", "--data", source, "--run-dir", judge_of(run.directory), *settings
    )


def commands_to_scores(run: KnownRun) -> str:
    """Commands that score a run, for a sentence: one, or two where a judge comes first."""
    if needs_judge(run):
        return f"`{judge_command(run)}`, and then `{evaluate_command(run)}`"
    return f"`{evaluate_command(run)}`"


def _extractor(run: KnownRun) -> tuple[str, ...]:
    if not run.extractor_at_hand and not _is_scored(run):
        return "--extractor", judge_of(run.directory)
    origin = {} if run.scores is None else run.scores.provenance
    asked = {name: origin.get(f"{name}_asked_for") for name in ("extractor", "weights", "resize")}
    if not any(asked.values()):
        return () if run.extractor_at_hand else ("--extractor", UNKNOWN_EXTRACTOR)
    return tuple(
        word
        for name, value in asked.items()
        if value is not None
        for word in (f"--{name}", _typed(run, value))
    )


def _is_scored(run: KnownRun) -> bool:
    """True if an extractor has scored the run."""
    return run.scores is not None and run.scores.provenance.get("extractor") is not None


def _typed(run: KnownRun, value: str) -> str:
    """A path as one types it beside that of the run: from the present folder where that one is."""
    path, here = Path(value), Path.cwd()
    if run.directory.is_absolute() or not path.is_absolute() or not path.is_relative_to(here):
        return value
    return str(path.relative_to(here))


def judge_of(directory: Path) -> str:
    """Place of the classifier that judges a run: one for all seeds of a directory, as scores of one judge compare."""
    if re.fullmatch(r"seed\d+", directory.name):
        home = directory.parent
        return f"{home}-judge" if home.name else str(home / "judge")
    return f"{directory}-judge"

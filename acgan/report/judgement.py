"""The first screen of a report: questions, answers, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "fair", "bad", "unknown"]


@dataclass(frozen=True)
class Answer:
    """A question that people ask of a generator.

    Attributes:
        question: The question.
        short: The answer in a few words.
        text: What it rests on, with numbers.
        state: How good that is.
        command: The command that finds it out, where it is not known.
        two_steps: True if the first two pieces of advice find it out.
    """

    question: str
    short: str
    text: str
    state: State
    command: str | None = None
    two_steps: bool = False


@dataclass(frozen=True)
class Advice:
    """Something to try next, and its command."""

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Judgement:
    """The first screen of a report.

    Attributes:
        state: How good the run is.
        sentence: The verdict for anyone.
        basis: The verdict with its numbers.
        answers: Questions and answers.
        findings: All sentences of the evaluation.
        advice: What to try next.
        stale: A sentence where the verdict is of an earlier state than the generator is in now; else None.
    """

    state: State
    sentence: str
    basis: str
    answers: tuple[Answer, ...]
    findings: tuple[str, ...]
    advice: tuple[Advice, ...]
    stale: str | None = None

"""Whether adversarial training helps: the checkpoint of likelihood that it began with, beside what
came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from seqgen.report.history import History, Line
from seqgen.report.words import meaning, number

LIKELIHOOD = ("teacher-forcing", "scheduled-sampling", "data-as-demonstrator")
"""Methods whose phases at the beginning are pretraining by likelihood."""
QUALITY = ("oracle-nll", "grammatical", "bleu-4", "bleu-3", "bleu-5", "bleu-2")
"""Figures that tell quality, the most telling first."""
DIVERSITY = ("self-bleu-4", "self-bleu-3", "self-bleu-5", "distinct-2", "unique", "nll")
"""Figures that tell diversity; beside the NLL under an oracle, which rewards collapse, it is the
held-out NLL."""
SAME = 0.005
"""A change by less than this share of the figure is none."""


def likelihood_checkpoint(history: History, methods: Mapping[str, str]) -> Line | None:
    """The evaluation that all that follows is to be held against; None where there is none.

    It is the last one of the likelihood phases a run begins with, or, of a run that began with the
    weights of another, that of step 0; after it there must be an evaluation of another method.

    Args:
        history: the figures of the run.
        methods: kinds of methods by the names of the phases.
    """
    found: Line | None = None
    for line in history.evaluations:
        likelihood = methods.get(line.phase, line.phase) in LIKELIHOOD
        if likelihood or (found is None and line.step == 0):
            found = line
        else:
            return found
    return None


def said(history: History, start: Line | None) -> str | None:
    """In a sentence whether quality and diversity got better than at the likelihood checkpoint;
    None without one, or without figures of both."""
    if start is None:
        return None
    last = history.evaluations[-1]
    quality = _chosen(QUALITY, start, last)
    wanted = ("nll", *DIVERSITY) if quality == "oracle-nll" else DIVERSITY
    diversity = _chosen(wanted, start, last)
    if quality is None or diversity is None:
        return None
    changes = [_change(name, start, last) for name in (quality, diversity)]
    told = ", ".join(
        f"{what} {_word(change)} ({_name(name)} from {number(start.figures[name])} to "
        f"{number(last.figures[name])})"
        for what, name, change in zip(
            ("quality", "diversity"), (quality, diversity), changes, strict=True
        )
    )
    return (
        f"Beside the likelihood checkpoint (step {start.step:,}), the evaluation at step "
        f"{last.step:,} has {told}: {_judgement(*changes)}."
    )


def _chosen(wanted: Sequence[str], start: Line, last: Line) -> str | None:
    def known(line: Line, name: str) -> bool:
        return math.isfinite(line.figures.get(name, math.nan))

    return next((name for name in wanted if known(start, name) and known(last, name)), None)


def _change(name: str, start: Line, last: Line) -> int:
    """1 where the figure got better, -1 where it got worse, 0 where it hardly moved."""
    before, now = start.figures[name], last.figures[name]
    gap = now - before if meaning(name).better == "higher" else before - now
    if abs(gap) <= SAME * abs(before):
        return 0
    return 1 if gap > 0 else -1


def _word(change: int) -> str:
    return ("no different", "better", "worse")[change]


def _judgement(quality: int, diversity: int) -> str:
    match quality, diversity:
        case 1, 1:
            return "adversarial training made both better"
        case 1, -1:
            return "it bought quality with diversity, as a lower temperature does"
        case -1, 1:
            return "it bought diversity with quality, as a higher temperature does"
        case 1, 0:
            return "it made the quality better and cost no diversity"
        case 0, 1:
            return "it made the diversity better and cost no quality"
        case 0, 0:
            return "it changed little"
    return "it did not help"


def _name(name: str) -> str:
    return "held-out nll" if name == "nll" else name

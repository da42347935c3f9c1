"""Whether adversarial training helped: a run's last evaluation beside the one it began with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqgen.report.chance import explained
from seqgen.report.history import Line
from seqgen.report.story import Story
from seqgen.report.words import meaning, number

QUALITY = ("oracle-nll", "grammatical", "bleu-4", "bleu-3", "bleu-5", "bleu-2")
"""Figures that tell quality, the most telling first."""
DIVERSITY = ("self-bleu-4", "self-bleu-3", "self-bleu-5", "distinct-2", "unique", "nll")
"""Figures that tell diversity; beside the NLL under an oracle, which rewards collapse, it is the
held-out NLL."""
MOST_DECIMALS = 6


@dataclass(frozen=True)
class _Change:
    """How a figure changed: `better` is 1, -1, or 0 where chance explains it; `direction` is 1
    where the figure moved the way that its metric calls better, -1 where the other way."""

    better: int
    direction: int
    told: str


def said(story: Story) -> str | None:
    """In a sentence whether quality and diversity changed, beyond what chance explains, since
    adversarial training began; None where there is no such beginning, or no figures of both.

    The diversity of real text, where it is known, is what diversity is held against: self-BLEU far
    below that of real text is noise, and no merit.
    """
    begun = story.beginning
    if begun is None:
        return None
    last = story.history.evaluations[-1]
    name = _chosen(QUALITY, begun, last)
    wanted = ("nll", *DIVERSITY) if name == "oracle-nll" else DIVERSITY
    other = _chosen(wanted, begun, last)
    if name is None or other is None:
        return None
    real = math.nan if other == "nll" else story.history.real.get(other, math.nan)
    quality = _change("quality", name, begun, last, story)
    diversity = _change("diversity", other, begun, last, story, real)
    called = "likelihood checkpoint" if story.start is begun else "weights it began with"
    return (
        f"Beside the {called} (step {begun.step:,}), the evaluation at step {last.step:,} has "
        f"{quality.told}, {diversity.told}: {_judgement(quality, diversity)}. "
        "It is one run; other seeds tell whether it lasts."
    )


def apart(one: float, other: float) -> tuple[str, str]:
    """Two figures as people read them, with as many decimals as it takes to tell them apart."""
    shown = number(one), number(other)
    for decimals in range(4, MOST_DECIMALS + 1):
        if one == other or shown[0] != shown[1]:
            break
        shown = f"{one:.{decimals}f}", f"{other:.{decimals}f}"
    return shown


def _chosen(wanted: Sequence[str], begun: Line, last: Line) -> str | None:
    def known(line: Line, name: str) -> bool:
        return math.isfinite(line.figures.get(name, math.nan))

    return next((name for name in wanted if known(begun, name) and known(last, name)), None)


def _change(
    what: str, name: str, begun: Line, last: Line, story: Story, real: float = math.nan
) -> _Change:
    """How a figure changed; with the value of real text, whether it came nearer to that."""
    before, now = begun.figures[name], last.figures[name]
    sign = 1 if meaning(name).better == "higher" else -1
    near = math.isfinite(real)
    gain = abs(before - real) - abs(now - real) if near else sign * (now - before)
    system = story.row("system")
    scores = () if system is None else system.scores
    measured = next((score for score in scores if score.name == name), None)
    limit = explained(name, before, measured, story.history.signatures.get(name))
    better = 0 if abs(gain) <= limit else 1 if gain > 0 else -1
    words = ("about the same", "nearer to real text", "farther from real text")
    word = (words if near else ("about the same", "better", "worse"))[better]
    shown = "from {} to {}".format(*apart(before, now))
    beside = f", real text {number(real)}" if near else ""
    figure = "held-out nll" if name == "nll" else name
    direction = 1 if sign * (now - before) > 0 else -1
    return _Change(better, direction, f"{what} {word} ({figure} {shown}{beside})")


def _judgement(quality: _Change, diversity: _Change) -> str:
    match quality.better, diversity.better:
        case 1, 1:
            return "adversarial training made both better"
        case 1, -1 if diversity.direction < 0:
            return "it bought quality with diversity, as a lower temperature does"
        case -1, 1 if diversity.direction > 0:
            return "it bought diversity with quality, as a higher temperature does"
        case (1, -1) | (-1, 1):
            return "it made one better and the other worse"
        case 1, 0:
            return "it made the quality better and cost no diversity that chance does not explain"
        case 0, 1:
            return "it made the diversity better and cost no quality that chance does not explain"
        case 0, 0:
            return "nothing that chance does not explain"
    return "it did not help"

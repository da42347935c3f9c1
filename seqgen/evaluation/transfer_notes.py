"""What must be said beside a table of style transfer: are the judges sound, do systems differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.statistics import approximate_randomisation
from seqgen.metrics.style_transfer.factors import REAL_SHARE, known_styles
from seqgen.metrics.style_transfer.insertions import commonest_insertions
from seqgen.metrics.style_transfer.scores import Measured, Setting

HUMAN = "human (reference 0)"
TESTED = ("joint", "accuracy", "reference-bleu")
COPIES_AT_MOST = 5.0
"""Percent of copied sources that a sound style judge counts as the target style, over all
directions: in one direction a judge that knows only one answer would pass, or never."""
YELP_HUMAN = (65.0, 80.0)
"""Percent of reference 0 of the Yelp test set, both directions, that sound judges count as the
target style: its writers often changed less than the style. Of other corpora it says nothing."""
ROWS_AT_LEAST = 200
"""From which number of rows on a share above COPIES_AT_MOST is more than chance."""
SWAPPED = 50.0
"""Percent of copied sources from which on labels are more likely swapped than the judge wrong."""
NOTHING_SHARED = {"source-bleu": 1.0, "chrf": 30.0}
"""Below these, two sentences are as much alike as any two of one language."""


def on_judges(
    setting: Setting,
    labels: Sequence[str],
    rows: Sequence[Measured],
) -> list[str]:
    """Which judges there were and whether they are sound; `rows` are the human and trivial ones."""
    found = []
    if setting.style is None:
        found.append("no style judge: accuracy, geometric-mean, harmonic-mean and joint left out")
    else:
        other = "the label that is not its target"
        if len(labels) > 2:
            other = "the label most probable to the judge, its target aside"
        if known_styles(setting.task, labels):
            other = "its label in the corpus"
        found += [_shares(rows, setting), f"the style of a source is {other}"]
    if setting.language is None:
        found.append("no language judge: judge-perplexity and joint left out")
    else:
        found.append(
            f"joint asks for a perplexity below {setting.ceiling:.1f}, the {REAL_SHARE}th"
            f" percentile of {setting.real}"
        )
    return found


def on_references(count: int, human: str = HUMAN) -> list[str]:
    """How the row of reference 0 differs from the others, with so many references."""
    if count == 0:
        return []
    if count == 1:
        return [f"{human} is the one reference: it has no reference-bleu and no mean with it"]
    return [
        f"{human} is measured against the other {count - 1} references, all other rows against"
        f" {count}: its reference-bleu, geometric-mean and harmonic-mean are too low beside theirs"
    ]


def on_systems(rows: Sequence[Measured]) -> list[str]:
    """Which systems wrote nothing of what stands in their sources."""
    return [
        f"warning: {found.row.name} shares nothing with the sources (source-bleu"
        f" {_value(found, 'source-bleu'):.1f}): are files swapped, or lines out of step?"
        for found in rows
        if all(_value(found, name) < bound for name, bound in NOTHING_SHARED.items())
    ]


def on_insertions(name: str, predictions: Sequence[str], sources: Sequence[str]) -> str:
    """What a system puts into its sentences most often: one that only appends a phrase is seen."""
    found = commonest_insertions(predictions, sources)
    if not found:
        return f"{name} inserts no word"
    shown = ", ".join(f"{words!r} in {100 * share:.1f} %" for words, share in found)
    return f"{name} inserts most often {shown} of the sentences"


def paired(systems: Sequence[Measured], seed: int) -> list[str]:
    """How the first system differs from each of the others, and how easily equal ones would."""
    return [_difference(systems[0], other, seed) for other in systems[1:]]


def _shares(rows: Sequence[Measured], setting: Setting) -> str:
    """What the style judge says where the answer is known, and what follows from it."""
    shares = {found.row.name: float(found.sentences["accuracy"].mean()) for found in rows}
    copies = shares["copy-source"]
    said = f"style judge: {copies:.1f} % of the copied sources count as the target style"
    if HUMAN in shares:
        low, high = YELP_HUMAN
        where = "within" if low <= shares[HUMAN] <= high else "outside"
        said += (
            f", and {shares[HUMAN]:.1f} % of reference 0 ({where} {low:g} to {high:g}, the band of"
            " Yelp over both directions)"
        )
    return f"{said}: {_verdict(copies, setting)}"


def _verdict(copies: float, setting: Setting) -> str:
    if copies >= SWAPPED:
        return (
            "check the targets and the sources (--to and --sources): most sources already are of"
            " the style asked for, or the judge cannot read them"
        )
    if len(set(setting.task.targets)) < 2:
        return f"no verdict from one direction (over two, at most {COPIES_AT_MOST:g} % are sound)"
    if len(setting.task.sources) < ROWS_AT_LEAST:
        return (
            f"no verdict from fewer than {ROWS_AT_LEAST} rows (sound: at most {COPIES_AT_MOST:g} %)"
        )
    if copies > COPIES_AT_MOST:
        return f"above {COPIES_AT_MOST:g} %: NOT SOUND, do not trust accuracy and joint"
    return f"sound (at most {COPIES_AT_MOST:g} % of the copies)"


def _value(found: Measured, name: str) -> float:
    score = found.row.score(name)
    return np.inf if score is None else score.value


def _difference(first: Measured, other: Measured, seed: int) -> str:
    names = f"{first.row.name} against {other.row.name}"
    keys = [key for key in TESTED if key in first.sentences]
    if not keys or len(first.sentences[keys[0]]) < 2:
        return f"{names}: nothing to test"
    one, two = (np.stack([row.sentences[key] for key in keys]) for row in (first, other))
    shares = approximate_randomisation(one, two, seed)
    parts = [
        f"{key} {gap:+.2f} (p {share:.4f})"
        for key, gap, share in zip(keys, (one - two).mean(axis=1), shares, strict=True)
    ]
    return f"{names}: {', '.join(parts)}, two-sided, by approximate randomisation"

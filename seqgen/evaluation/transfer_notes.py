"""What must be said beside a table of style transfer: are the judges sound, do systems differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.metrics.statistics import approximate_randomisation
from seqgen.metrics.style_transfer.factors import REAL_SHARE
from seqgen.metrics.style_transfer.scores import Measured, Setting

HUMAN = "human (reference 0)"
TESTED = ("joint", "accuracy", "reference-bleu")
COPIES_AT_MOST = 5.0
HUMAN_BETWEEN = (65.0, 80.0)
"""Percent that a sound style judge counts as the target style: of copied sources, and of the human
rewritings of the Yelp test set, whose writers often changed less than the style."""


def on_judges(setting: Setting, labels: Sequence[str], rows: Sequence[Measured]) -> list[str]:
    """Which judges there were and whether they are sound; `rows` are the human and trivial ones."""
    found = []
    if setting.style is None:
        found.append("no style judge: accuracy, geometric-mean, harmonic-mean and joint left out")
    else:
        other = "the label that is not its target"
        if len(labels) > 2:
            other = "the label most probable to the judge, its target aside"
        found += [_soundness(rows), f"the style of a source is {other}"]
    if setting.language is None:
        found.append("no language judge: judge-perplexity and joint left out")
    else:
        found.append(
            f"joint asks for a perplexity below {setting.ceiling:.1f}, the {REAL_SHARE}th"
            f" percentile of {setting.real}"
        )
    return found


def paired(systems: Sequence[Measured], seed: int) -> list[str]:
    """How the first system differs from each of the others, and how easily equal ones would."""
    return [_difference(systems[0], other, seed) for other in systems[1:]]


def _soundness(rows: Sequence[Measured]) -> str:
    """What the style judge says where the answer is known."""
    shares = {found.row.name: found.sentences["accuracy"].mean() for found in rows}
    copies = shares["copy-source"]
    said = (
        f"style judge: {copies:.1f} % of the copied sources count as the target style (sound: at "
        f"most {COPIES_AT_MOST:g})"
    )
    sound = copies <= COPIES_AT_MOST
    if HUMAN in shares:
        low, high = HUMAN_BETWEEN
        said += f", and {shares[HUMAN]:.1f} % of reference 0 (sound on Yelp: {low:g} to {high:g})"
        sound = sound and low <= shares[HUMAN] <= high
    return f"{said}: {'sound' if sound else 'NOT SOUND, do not trust accuracy and joint'}"


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

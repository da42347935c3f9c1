"""How far a figure moves by chance between two evaluations of one training."""

from __future__ import annotations

import math
import re

from seqgen.metrics.score import Score

NATS = ("nll", "oracle-nll")
"""Figures in nats a token: their differences are relative ones, of the perplexity."""
NATS_APART = 0.03
"""Nats a token that two evaluations differ by before it counts: 3 % of the perplexity."""
SHARE_APART = 0.02
"""The same of a figure between 0 and 1, where its interval is not known."""
RELATIVE = 0.03
"""And as a share of the figure."""
LEAST = 0.005
"""However narrow an interval of the drawn sentences is: another seed would move the figure too."""


def explained(name: str, before: float, measured: Score | None, signature: str | None) -> float:
    """The largest change of a figure that chance explains.

    Where the run's final evaluation has a 95 % interval of the figure, its half width, widened from
    the number of sentences there to that of the evaluations while it trained and to the difference
    of two of them; else a wide threshold.

    Args:
        name: of the figure.
        before: its value in the earlier evaluation.
        measured: the figure of the final evaluation, where there is one.
        signature: how the figure was measured while the run trained.
    """
    then = _sentences(signature)
    if measured is not None and measured.interval is not None and then:
        half = (measured.interval.high - measured.interval.low) / 2
        final = _sentences(measured.signature)
        if final and math.isfinite(half):
            return max(LEAST, half * math.sqrt(2 * final / then))
    if name in NATS:
        return NATS_APART
    return max(SHARE_APART, RELATIVE * abs(before))


def _sentences(signature: str | None) -> int:
    """How many sentences a figure was measured on; 0 where its signature does not tell."""
    match = re.search(r"(?:^|\|)hypotheses:(\d+)", signature or "")
    return int(match[1]) if match else 0

"""A style judge with all that its verdicts on rewritten sentences need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.metrics.arrays import Flags
from seqgen.metrics.style_transfer.factors import free_of_markers, judged_right
from seqgen.metrics.style_transfer.markers import Markers


@dataclass(frozen=True)
class StyleJudging:
    """A style judge, the markers of its training text, and how it reads: `read` puts sentences in
    the form that the markers were counted in."""

    judge: StyleJudge
    markers: Markers
    read: Callable[[Sequence[str]], Sequence[str]] = list

    def right(self, texts: Sequence[str], targets: Sequence[str]) -> Flags:
        """Where the judge finds the wanted style, (rows,); never in a blank sentence.

        Raises:
            ValueError: a target style that the judge does not know.
        """
        return judged_right(texts, targets, self.judge.probabilities(texts), self.judge.labels)

    def clean(self, texts: Sequence[str], sources: Sequence[str], styles: Sequence[str]) -> Flags:
        """Where no marker of a source's style, (rows,), stands in both source and text, (rows,)."""
        return free_of_markers(self.read(texts), self.read(sources), styles, self.markers)

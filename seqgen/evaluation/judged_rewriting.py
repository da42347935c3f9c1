"""What judges say of rewritten sentences during training, where no grammar knows the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from seqgen.evaluation.judge_protocols import LanguageJudge, StyleJudge
from seqgen.metrics.bleu_family.sacrebleu_scores import sentence_chrf
from seqgen.metrics.style_transfer.factors import (
    Factors,
    fluency_ceiling,
    fluent,
    free_of_markers,
    judged_right,
)
from seqgen.metrics.style_transfer.markers import Markers


@dataclass(frozen=True)
class RewritingJudges:
    """The judges that choose a checkpoint.

    Attributes:
        style: tells styles apart; it knows all of `labels`.
        markers: words that give each style away.
        labels: names of the styles, by number.
        language: finds how probable a sentence is, or None.
        read: puts sentences in the form that the markers were counted in.

    Raises:
        ValueError: a style that the judge does not know.
    """

    style: StyleJudge
    markers: Markers
    labels: Sequence[str]
    language: LanguageJudge | None = None
    read: Callable[[Sequence[str]], Sequence[str]] = list

    def __post_init__(self) -> None:
        missing = [label for label in self.labels if label not in self.style.labels]
        if missing:
            raise ValueError(
                f"the sentences are {', '.join(self.labels)}; the style judge tells apart "
                f"{', '.join(self.style.labels)}"
            )

    def figures(
        self,
        sources: Sequence[str],
        texts: Sequence[str],
        own: Sequence[int],
        wanted: Sequence[int],
    ) -> Mapping[str, float]:
        """`transfer-accuracy`: the share found in the wanted style. With a language judge also
        `transfer-perplexity` of a token, and `transfer-joint`: the mean joint score of a sentence
        as `seqgen.metrics.style_transfer` has it, 0 to 1, the sources setting the perplexity that a
        fluent sentence stays below.

        Args:
            sources: sentences.
            texts: what became of them.
            own: the styles of the sources, by number.
            wanted: the styles that were asked for.
        """
        targets = [self.labels[number] for number in wanted]
        right = judged_right(texts, targets, self.style.probabilities(texts), self.style.labels)
        found = {"transfer-accuracy": float(right.mean())}
        if self.language is None:
            return found
        nats, tokens = self.language.score(texts)
        ceiling = fluency_ceiling(*self.language.score(sources))
        styles = [self.labels[number] for number in own]
        clean = free_of_markers(self.read(texts), self.read(sources), styles, self.markers)
        kept = sentence_chrf(texts, [sources], lowercase=True)
        joint = Factors(right, clean, kept, fluent(nats, tokens, ceiling)).joint()
        found["transfer-perplexity"] = math.exp(-float(nats.sum()) / float(tokens.sum()))
        found["transfer-joint"] = float(joint.mean()) / 100
        return found


def judged_score(figures: Mapping[str, float]) -> float:
    """What the best checkpoint is chosen by: the joint score, or without a language judge the
    geometric mean of accuracy and source-BLEU, which copies and constant sentences do not win."""
    if "transfer-joint" in figures:
        return figures["transfer-joint"]
    return math.sqrt(figures["transfer-accuracy"] * figures["source-bleu"])

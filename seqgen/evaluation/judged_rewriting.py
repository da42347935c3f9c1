"""What judges say of rewritten sentences during training, where no grammar knows the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqgen.evaluation.judge_protocols import LanguageJudge
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.metrics.style_transfer.factors import fluency_ceiling
from seqgen.metrics.style_transfer.scores import Verdicts, joint_scores


@dataclass(frozen=True)
class RewritingJudges:
    """The judges that choose a checkpoint.

    Attributes:
        style: tells styles apart; it knows all of `labels`.
        labels: names of the styles, by number.
        language: finds how probable a sentence is, or None.

    Raises:
        ValueError: a style that the judge does not know.
    """

    style: StyleJudging
    labels: Sequence[str]
    language: LanguageJudge | None = None
    _ceilings: dict[tuple[str, ...], float] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        known = self.style.judge.labels
        if any(label not in known for label in self.labels):
            raise ValueError(
                f"the sentences are {', '.join(self.labels)}; the style judge tells apart "
                f"{', '.join(known)}"
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
        right = self.style.right(texts, [self.labels[number] for number in wanted])
        found = {"transfer-accuracy": float(right.mean())}
        if self.language is None:
            return found
        clean = self.style.clean(texts, sources, [self.labels[number] for number in own])
        nats, tokens = self.language.score(texts)
        found["transfer-perplexity"] = math.exp(-float(nats.sum()) / float(tokens.sum()))
        verdicts = Verdicts(right, clean, nats, tokens)
        joint = joint_scores(texts, sources, verdicts, self._ceiling(self.language, sources))
        if joint is not None:
            found["transfer-joint"] = float(joint.mean()) / 100
        return found

    def _ceiling(self, language: LanguageJudge, sources: Sequence[str]) -> float:
        """Kept: every evaluation has the same sources."""
        key = tuple(sources)
        if key not in self._ceilings:
            self._ceilings[key] = fluency_ceiling(*language.score(sources))
        return self._ceilings[key]


def judged_score(figures: Mapping[str, float]) -> float:
    """What the best checkpoint is chosen by: the joint score, or without a language judge the
    geometric mean of accuracy and source-BLEU, which copies and constant sentences do not win."""
    if "transfer-joint" in figures:
        return figures["transfer-joint"]
    return math.sqrt(figures["transfer-accuracy"] * figures["source-bleu"])

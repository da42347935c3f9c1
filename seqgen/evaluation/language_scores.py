"""Sentences seen by language models: fluent where one of real text finds them probable, diverse
where one of theirs finds real text probable.

Together they span a plane in which models are compared ("Language GANs Falling Short", Caccia et
al. 2020, arXiv 1811.02549). There both are means over sentences of a neural model's nats a token;
here they are nats summed over all sentences and divided by the number of words, so that exp of them
is a perplexity, and by default under an interpolated Kneser-Ney n-gram model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from seqgen.evaluation.judge_protocols import LanguageJudge
from seqgen.metrics.arrays import Floats
from seqgen.metrics.score import Interval, Score, sign
from seqgen.metrics.statistics import bootstrap
from seqgen.ngram_model.model import NgramModel

Unit = Literal["word", "character"]
SPACE = "\u2581"  # stands for a space where every character is a word
_MARKER = re.compile(r"(?<!\S)(?:<unk>|<s>|</s>)(?!\S)")


def spaced(texts: Sequence[str], unit: Unit) -> list[str]:
    """The sentences with white space around what is counted, for judges of words."""
    if unit == "word":
        return list(texts)
    return [" ".join(SPACE if c.isspace() else c for c in text) for text in texts]


def literal(texts: Sequence[str]) -> list[str]:
    """The sentences, where <unk> and the other markers of n-gram models are words like any other:
    a model that writes <unk> has not written the rare word it stands for."""
    return [_MARKER.sub(rf"\g<0>{SPACE}", text) for text in texts]


@dataclass(frozen=True)
class LanguageScores:
    """The two scores, for any number of sets of sentences beside each other.

    Attributes:
        training: real sentences for the judge of `lm_score` where none is given.
        held_out: other real sentences, which the models of `reverse_lm_score` are asked about.
        judge: a language judge in the place of the n-gram model of `training`.
        unit: what is counted: words between white space, or characters. END counts as one more.
        order: of the n-gram models.
    """

    training: Sequence[str]
    held_out: Sequence[str]
    judge: LanguageJudge | None = None
    unit: Unit = "word"
    order: int = 5

    def lm_score(self, texts: Sequence[str], intervals: bool = False, seed: int = 0) -> Score:
        """Nats a word, END counted, of sentences under a model of real text; lower is likelier.

        Very short and very common sentences have the best ones: read it beside a measure of
        diversity. The interval is a bootstrap of the sentences.
        """
        nats, counts = self._judge.score(self._asked(texts))[0], self._counts(texts)
        value, interval = ratio_of_sums(-nats, counts, seed if intervals else None)
        return Score("lm-score", value, sign(self._settings(len(texts))), interval)

    def reverse_lm_score(self, texts: Sequence[str]) -> Score:
        """Nats a word, END counted, of the held-out real sentences under an n-gram model of these
        sentences; lower says that more of real text is found among them.

        It depends on how many sentences there are: compare equal numbers. The model knows the words
        of the real training text too, so that few words are no advantage: one that the sentences
        lack has the same small probability whatever they are. Infinite where no sentence has a
        word.
        """
        given, asked = self._words(texts), self._words(self.held_out)
        if not any(text.split() for text in given):
            return self._reverse(len(texts), math.inf)
        nats = NgramModel.train(given, self.order, vocabulary=self._vocabulary).score(asked)[0]
        return self._reverse(len(texts), ratio_of_sums(-nats, self._counts(self.held_out))[0])

    def reverse_lm_score_under(self, judge: LanguageJudge) -> Score:
        """The same of a language model that was trained on the sentences elsewhere, a neural one
        say. How many it has learned from is for its name to tell."""
        value, _ = ratio_of_sums(-judge.score(self.held_out)[0], self._counts(self.held_out))
        settings: dict[str, str | int] = {
            "judge": judge.name,
            "references": len(self.held_out),
            "per": f"{self.unit}+end",
        }
        return Score("reverse-lm-score", value, sign(settings))

    def unknown_share(self, texts: Sequence[str]) -> float | None:
        """The share of the sentences' words, 0 to 1, that the judge of `lm_score` does not know and
        that have the probability it gives to unknown ones; None of a judge that is no n-gram
        model."""
        if not isinstance(self._judge, NgramModel):
            return None
        return self._judge.score_tokens(self._asked(texts)).unknown_share

    def _asked(self, texts: Sequence[str]) -> list[str]:
        """As the judge of `lm_score` takes them: one from a file has its own words, and <unk> is
        none of them either."""
        if self.judge is None:
            return self._words(texts)
        return literal(texts) if isinstance(self.judge, NgramModel) else list(texts)

    def _reverse(self, count: int, value: float) -> Score:
        settings: dict[str, str | int] = {
            "judge": f"{self.order}-gram of the hypotheses",
            "hypotheses": count,
            "references": len(self.held_out),
            "words": len(self._vocabulary),
            "per": f"{self.unit}+end",
        }
        return Score("reverse-lm-score", value, sign(settings))

    @cached_property
    def _judge(self) -> LanguageJudge:
        return self.judge or NgramModel.train(self._words(self.training), self.order)

    @cached_property
    def _vocabulary(self) -> list[str]:
        words = (word for text in self._words(self.training) for word in text.split())
        return list(dict.fromkeys(words))

    def _words(self, texts: Sequence[str]) -> list[str]:
        return literal(spaced(texts, self.unit))

    def _settings(self, count: int) -> dict[str, str | int]:
        about: dict[str, str | int] = {"judge": self._judge.name}
        if self.judge is None:
            about["training"] = len(self.training)
        return {**about, "hypotheses": count, "per": f"{self.unit}+end"}

    def _counts(self, texts: Sequence[str]) -> Floats:
        """How many words, and one END, each sentence has; (rows,)."""
        sizes = [len(text.split()) if self.unit == "word" else len(text) for text in texts]
        return np.array(sizes, dtype=np.float64) + 1


def ratio_of_sums(
    values: Floats, counts: Floats, seed: int | None = None
) -> tuple[float, Interval | None]:
    """The sum of the values by that of the counts, (rows,) each; with a seed its bootstrap
    interval, None of fewer than two rows."""
    ratio = float(values.sum() / counts.sum())
    if seed is None or len(values) < 2:
        return ratio, None
    # One value a row, whose mean is the ratio and moves as it does when rows are drawn anew: its
    # linear part, exact for equal counts.
    influences = ratio + (values - ratio * counts) / counts.mean()
    return ratio, bootstrap(influences, seed)[0]

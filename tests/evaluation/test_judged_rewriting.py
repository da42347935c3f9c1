"""What judges say of rewritten sentences during training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from transfer_judges import WordJudge

from seqgen.evaluation.judged_rewriting import RewritingJudges, judged_score
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.metrics.bleu_family.sacrebleu_scores import sentence_chrf
from seqgen.metrics.style_transfer.markers import Markers

TEXTS = {
    "sad": ["the soup is awful"] * 8 + ["the tea is awful"] * 8,
    "glad": ["the soup is lovely"] * 8 + ["the tea is lovely"] * 8,
}
STYLE = StyleJudging(WordJudge(TEXTS), Markers.train(TEXTS))
SOURCES = ["the soup is awful", "the tea is awful", "the tea is lovely", "the soup is lovely"]
WRITTEN = ["the soup is lovely", "the tea is awful", "tea awful awful", "the tea is lovely"]
OWN, WANTED = [0, 0, 1, 1], [1, 1, 0, 0]


class Counting:
    """A language judge that finds a word 1/2 as probable as the end, and repetition improbable."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def score(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        self.asked.append(list(texts))
        words = [text.split() for text in texts]
        nats = [-float(len(w)) - 100 * (len(w) - len(set(w))) for w in words]
        return np.array(nats), np.array([len(w) + 1.0 for w in words])


def test_without_a_language_judge_there_is_the_accuracy_alone() -> None:
    judges = RewritingJudges(STYLE, ["sad", "glad"])
    assert judges.figures(SOURCES, WRITTEN, OWN, WANTED) == {"transfer-accuracy": 0.5}


def test_the_joint_score_asks_for_style_content_and_fluency() -> None:
    judges = RewritingJudges(STYLE, ["sad", "glad"], Counting())
    # Sources have 4 words and a ceiling above exp(4 / 5), which a short sentence stays below.
    texts = ["the soup is lovely", "the tea is awful", "tea awful awful", "lovely tea"]
    found = judges.figures(SOURCES, texts, OWN, WANTED)
    assert found["transfer-accuracy"] == 0.5  # the first and the third
    assert found["transfer-perplexity"] == pytest.approx(np.exp((4 + 4 + 3 + 100 + 2) / 17))
    # The ceiling is exp(4 / 5) itself, and a sentence must be below: no row of 4 words is fluent.
    assert found["transfer-joint"] == 0.0
    easier = judges.figures([*SOURCES, "a b c d e f g h"], [*texts, "x"], [*OWN, 0], [*WANTED, 1])
    kept = sentence_chrf([texts[0]], [[SOURCES[0]]], lowercase=True)[0]
    assert easier["transfer-joint"] == pytest.approx(kept / 100 / 5)


def test_the_same_sources_are_asked_about_once() -> None:
    language = Counting()
    judges = RewritingJudges(STYLE, ["sad", "glad"], language)
    first = judges.figures(SOURCES, WRITTEN, OWN, WANTED)
    assert judges.figures(SOURCES, WRITTEN, OWN, WANTED) == first
    assert language.asked == [WRITTEN, SOURCES, WRITTEN]
    judges.figures(SOURCES[:2], WRITTEN[:2], OWN[:2], WANTED[:2])
    assert language.asked[3:] == [WRITTEN[:2], SOURCES[:2]]


def test_the_best_checkpoint_is_by_the_joint_score_or_by_accuracy_and_bleu() -> None:
    figures = {"transfer-accuracy": 0.64, "source-bleu": 0.25}
    assert judged_score(figures) == pytest.approx(0.4)
    assert judged_score({**figures, "transfer-joint": 0.1}) == 0.1


def test_a_judge_of_other_styles_is_refused() -> None:
    with pytest.raises(ValueError, match="are sad, formal; the style judge tells apart sad, glad"):
        RewritingJudges(STYLE, ["sad", "formal"])

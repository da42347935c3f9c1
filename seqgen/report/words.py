"""What metrics are called and mean, and how numbers are written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", ""]
"""Which is better of two values; "" where neither is: compare with real text."""

QUALITY, DIVERSITY, LANGUAGE, COPYING, SHAPE, STYLE, OTHER = (
    "Quality",
    "Diversity",
    "Likelihood and language models",
    "Repeats and copies",
    "Lengths",
    "Style transfer",
    "Other figures",
)
GROUPS = (QUALITY, DIVERSITY, LANGUAGE, COPYING, STYLE, SHAPE, OTHER)


@dataclass(frozen=True)
class Meaning:
    """A metric in words: its group in tables, which value is better, and what it measures."""

    group: str
    better: Better
    text: str


_MEANINGS = {
    "bleu": Meaning(QUALITY, "higher", "n-grams of generated sentences found in real ones"),
    "corpus-bleu": Meaning(QUALITY, "higher", "BLEU over the whole corpus"),
    "bleu-ha": Meaning(QUALITY, "higher", "harmonic mean of BLEU and backward BLEU"),
    "grammatical": Meaning(QUALITY, "higher", "share of sentences that the grammar allows"),
    "frechet": Meaning(QUALITY, "lower", "distance of features of generated and real text"),
    "mauve": Meaning(QUALITY, "higher", "overlap of the distributions of features"),
    "ms-jaccard": Meaning(QUALITY, "higher", "overlap of n-gram counts with real text"),
    "self-bleu": Meaning(DIVERSITY, "lower", "n-grams of a sentence found in the other generated"),
    "backward-bleu": Meaning(DIVERSITY, "higher", "n-grams of real sentences found in generated"),
    "coverage": Meaning(DIVERSITY, "higher", "share of what is real that was generated"),
    "grammar-coverage": Meaning(
        DIVERSITY, "higher", "share of the grammar's choices that the sentences make use of"
    ),
    "distinct": Meaning(DIVERSITY, "higher", "share of n-grams that are different"),
    "expected-distinct": Meaning(DIVERSITY, "higher", "distinct n-grams, adjusted for length"),
    "entropy": Meaning(DIVERSITY, "higher", "entropy of the n-grams, nats"),
    "nll": Meaning(LANGUAGE, "lower", "of held-out text under the model, nats a token"),
    "perplexity": Meaning(LANGUAGE, "lower", "of held-out text under the model"),
    "oracle-nll": Meaning(LANGUAGE, "lower", "of generated text under the oracle, nats a token"),
    "forward-kl": Meaning(
        LANGUAGE, "lower", "of held-out sentences: log p of the grammar - log q, nats a sentence"
    ),
    "forward-kl-unread": Meaning(
        LANGUAGE, "lower", "share of held-out sentences the model cannot read, left out there"
    ),
    "reverse-kl": Meaning(
        LANGUAGE, "lower", "of grammatical draws: log q - log p of the grammar, nats a sentence"
    ),
    "grammar-nll": Meaning(LANGUAGE, "", "of grammatical sentences under the grammar, nats"),
    "lm-score": Meaning(LANGUAGE, "lower", "generated under a judge of real text, nats a token"),
    "reverse-lm-score": Meaning(
        LANGUAGE, "lower", "real under a judge of generated text, nats a token"
    ),
    "judge-perplexity": Meaning(LANGUAGE, "lower", "of the outputs under a judge of real text"),
    "unique": Meaning(COPYING, "higher", "share of sentences that are different"),
    "novel": Meaning(COPYING, "", "share of sentences that are not in the training text"),
    "repetition": Meaning(COPYING, "lower", "n-grams that come again within a sentence"),
    "accuracy": Meaning(STYLE, "higher", "share of outputs that a judge finds in the asked style"),
    "transfer-accuracy": Meaning(STYLE, "higher", "share of outputs in the asked style"),
    "content-kept": Meaning(STYLE, "higher", "share of the words without style still there"),
    "transfer-grammatical": Meaning(STYLE, "higher", "share of outputs that the grammar allows"),
    "transfer-score": Meaning(STYLE, "higher", "geometric mean of the three shares above"),
    "source-bleu": Meaning(STYLE, "", "overlap with the source: what was kept"),
    "reference-bleu": Meaning(STYLE, "higher", "overlap with human rewrites"),
    "corpus-source-bleu": Meaning(STYLE, "", "overlap with the source, whole corpus"),
    "corpus-reference-bleu": Meaning(STYLE, "higher", "overlap with human rewrites, whole corpus"),
    "chrf": Meaning(STYLE, "", "overlap of characters with the source"),
    "geometric-mean": Meaning(STYLE, "higher", "of accuracy and overlap"),
    "harmonic-mean": Meaning(STYLE, "higher", "of accuracy and overlap"),
    "joint": Meaning(STYLE, "higher", "style right, no marker left, content kept, fluent"),
}

KEY_FIGURES = (
    "bleu-4",
    "self-bleu-4",
    "joint",
    "accuracy",
    "transfer-accuracy",
    "content-kept",
    "transfer-grammatical",
    "source-bleu",
    "reference-bleu",
    "judge-perplexity",
    "lm-score",
    "reverse-lm-score",
    "oracle-nll",
    "grammatical",
    "nll",
    "frechet",
    "unique",
    "novel",
    "distinct-2",
    "entropy-4",
)
"""Those shown at a glance, the first eight that there are."""


def family(name: str) -> tuple[str, str]:
    """A score's name without its order, and the order: "self-bleu-4" -> ("self-bleu", "4")."""
    match = re.fullmatch(r"(.+)-(\d+)", name)
    return (match[1], match[2]) if match else (name, "")


def meaning(name: str) -> Meaning:
    """What a score of this name means; for an unknown one nothing is said."""
    exact = _MEANINGS.get(name) or _MEANINGS.get(family(name)[0])
    if exact is None and name.startswith("length"):
        return Meaning(SHAPE, "", "")
    if name.startswith("nll@oracle-"):
        return Meaning(LANGUAGE, "lower", "held-out NLL where the oracle-nll is this")
    return exact or Meaning(OTHER, "", "")


def spoken(name: str) -> str:
    """A score's name as a title: "self-bleu-4" -> "Self-BLEU-4"."""
    said = name.replace("bleu", "BLEU").replace("nll", "NLL").replace("lm-score", "LM score")
    said = said.replace("ms-jaccard", "MS-Jaccard").replace("-LM", " LM").replace("-kl", " KL")
    return f"{said[:1].upper()}{said[1:]}"


def number(value: float) -> str:
    """A figure as people read it: three decimals below 10, fewer above, "–" if it is not known."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size and size < 0.0001:
        shown = f"{value:.1e}"
    elif size and size < 0.001:
        shown = f"{value:.4f}"
    elif 0.9995 <= size < 1:
        shown = f"{value:.5f}"  # a share that is nearly, and not, all
    elif size < 10:
        shown = f"{value:.3f}"
    elif size < 1000:
        shown = f"{value:.4g}"
    else:
        shown = f"{value:,.0f}"
    return shown.replace("-", "−")

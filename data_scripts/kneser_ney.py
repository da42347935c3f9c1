"""Interpolated modified Kneser-Ney n-gram language model: the yardstick of the neural models.

"An empirical study of smoothing techniques for language modeling", Chen and Goodman 1999. The
conventions are those of KenLM's lmplz and of SRILM's ``-ukndiscount -interpolate``: one BEGIN in
front of a sentence, never predicted; END predicted and counted; n-grams that start with BEGIN keep
their raw counts; the unigrams are interpolated with 1/V, where V counts the words, UNKNOWN and END.
Perplexities are per token, END counted; logarithms are natural.

The image captions (lower case, a glued final period split off, the last 500 lines held out, words
seen once unknown):

    python data_scripts/kneser_ney.py --train train.txt --test test.txt --valid-last 500 \
        --lowercase --split-final-period --unknown-below 2

Exposure bias: mean negative log-likelihood of generated sentences at positions 1-10, 11-20, ...:

    python data_scripts/kneser_ney.py --train train.txt --score generated.txt --positions 10
"""

from __future__ import annotations

import argparse
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

# No whitespace-separated word can equal the first two: they contain spaces.
BEGIN, END, UNKNOWN = "<begin of sentence>", "<end of sentence>", "<unk>"
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # lmplz --discount_fallback

NGram = tuple[str, ...]


def discounts(counts: Iterable[int]) -> tuple[float, float, float]:
    """Return the discounts of n-grams with adjusted count 1, 2 and 3 or more, given all counts.

    A tiny corpus may lack some count of counts, or give a discount outside 0..count; then the three
    are FALLBACK_DISCOUNTS.
    """
    of = Counter(counts)
    if not (of[1] and of[2] and of[3]):
        return FALLBACK_DISCOUNTS
    share = of[1] / (of[1] + 2 * of[2])
    one, two, three = (k - (k + 1) * share * of[k + 1] / of[k] for k in (1, 2, 3))
    sound = 0 <= one <= 1 and 0 <= two <= 2 and 0 <= three <= 3
    return (one, two, three) if sound else FALLBACK_DISCOUNTS


def adjusted_counts(sentences: Iterable[Sequence[str]], order: int) -> list[dict[NGram, int]]:
    """Count n-grams of orders 1..order: raw at the top, below it the distinct words in front.

    Nothing stands in front of BEGIN, so n-grams starting with it keep their raw counts; BEGIN alone
    is no unigram, because it is never predicted.
    """
    raw: list[Counter[NGram]] = [Counter() for _ in range(order)]
    for sentence in sentences:
        tokens = (BEGIN, *sentence, END)
        for length in range(1, order + 1):
            raw[length - 1].update(zip(*(tokens[start:] for start in range(length)), strict=False))
    adjusted: list[dict[NGram, int]] = []
    for shorter, longer in pairwise(raw):
        in_front = Counter(gram[1:] for gram in longer)
        adjusted.append({g: c if g[0] == BEGIN else in_front[g] for g, c in shorter.items()})
    adjusted.append(dict(raw[-1]))
    adjusted[0].pop((BEGIN,))
    return adjusted


@dataclass(frozen=True)
class KneserNey:
    """A trained model: words keep a discounted share after each context seen, the rest of the
    probability is handed down to the next shorter context."""

    order: int
    vocabulary: frozenset[str]
    discounted: dict[NGram, float]  # context + (word,): the share the word keeps after the context
    backoff: dict[NGram, float]  # context: the share it hands down
    discounts: tuple[tuple[float, float, float], ...]  # of orders 1, 2, ...

    @classmethod
    def train(cls, sentences: Iterable[Sequence[str]], order: int = 5) -> KneserNey:
        """Train on sentences of tokens; ValueError for no sentence or an order below 1."""
        counted = [tuple(sentence) for sentence in sentences]
        if order < 1 or not counted:
            given = f"order {order} and {len(counted)} sentences"
            raise ValueError(f"{given} given: at least order 1 and one sentence are needed")
        discounted: dict[NGram, float] = {}
        backoff: dict[NGram, float] = {}
        of_order: list[tuple[float, float, float]] = []
        for counts in adjusted_counts(counted, order):
            of_order.append(discounts(counts.values()))
            discount = (0.0, *of_order[-1])
            totals: defaultdict[NGram, int] = defaultdict(int)
            taken: defaultdict[NGram, float] = defaultdict(float)
            for gram, count in counts.items():
                totals[gram[:-1]] += count
                taken[gram[:-1]] += discount[min(count, 3)]
            for gram, count in counts.items():
                discounted[gram] = (count - discount[min(count, 3)]) / totals[gram[:-1]]
            backoff.update({context: taken[context] / totals[context] for context in totals})
        words = {word for sentence in counted for word in sentence}
        vocabulary = frozenset(words | {UNKNOWN, END})
        return cls(order, vocabulary, discounted, backoff, tuple(of_order))

    def probability(self, word: str, context: Sequence[str]) -> float:
        """Return P(word | context), word END allowed; the context holds BEGIN where it reaches back
        to the start of the sentence, and all but its last order - 1 tokens are ignored."""
        tokens = (*context, word)
        known = (t if t in self.vocabulary or t == BEGIN else UNKNOWN for t in tokens)
        return self._probability(tuple(known))

    def _probability(self, gram: NGram) -> float:
        probability = 1 / len(self.vocabulary)
        for length in range(1, min(self.order, len(gram)) + 1):
            suffix = gram[-length:]
            handed_down = self.backoff.get(suffix[:-1])
            if handed_down is None:  # a context not seen is not seen with more in front either
                break
            probability = self.discounted.get(suffix, 0.0) + handed_down * probability
        return probability

    def log_probabilities(self, sentence: Sequence[str]) -> list[float]:
        """Return the natural-log probability of each token and, last, of END: length + 1 values."""
        words = (word if word in self.vocabulary else UNKNOWN for word in sentence)
        tokens = (BEGIN, *words, END)
        grams = (tokens[max(0, at + 1 - self.order) : at + 1] for at in range(1, len(tokens)))
        return [math.log(self._probability(gram)) for gram in grams]

    def perplexity(self, sentences: Iterable[Sequence[str]]) -> float:
        """Return exp(mean negative log-probability of a token) over all tokens, END counted."""
        values = [value for sentence in sentences for value in self.log_probabilities(sentence)]
        if not values:
            raise ValueError("no sentence given: perplexity needs at least one")
        return math.exp(-math.fsum(values) / len(values))


def by_position(
    model: KneserNey, sentences: Iterable[Sequence[str]], width: int
) -> list[tuple[int, int, int, float]]:
    """Group tokens by position, ``width`` positions a group; END stands one after the last word.

    Returns (first position, last position, tokens, mean negative log-likelihood in nats) of each
    group that has tokens; positions count from 1.
    """
    if width < 1:
        raise ValueError(f"groups of {width} positions given: give 1 or more")
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for sentence in sentences:
        for position, value in enumerate(model.log_probabilities(sentence)):
            groups[position // width].append(-value)
    return [
        (group * width + 1, (group + 1) * width, len(values), math.fsum(values) / len(values))
        for group, values in sorted(groups.items())
    ]


def read_sentences(path: Path, lowercase: bool, split_final_period: bool) -> list[list[str]]:
    """Read one sentence a line, split at whitespace; an empty line is a sentence without words.

    ``split_final_period`` makes a period glued to the last word a token of its own; not that of an
    ellipsis, which is how vocabularies with ``punctuation: final`` read it too.
    """
    sentences = []
    with path.open(encoding="utf-8-sig") as lines:
        for line in lines:
            words = (line.lower() if lowercase else line).split()
            if split_final_period and words and re.search(r"[^.]\.$", words[-1]):
                words[-1:] = [words[-1][:-1], "."]
            sentences.append(words)
    return sentences


def without_rare(sentences: Sequence[Sequence[str]], below: int) -> list[list[str]]:
    """Replace words seen fewer than ``below`` times in these sentences by UNKNOWN."""
    counts = Counter(word for sentence in sentences for word in sentence)
    return [[w if counts[w] >= below else UNKNOWN for w in sentence] for sentence in sentences]


def describe(model: KneserNey, name: str, sentences: Sequence[Sequence[str]]) -> str:
    """Return one line: perplexity, tokens with END, share of the words that are unknown."""
    words = [word for sentence in sentences for word in sentence]
    unknown = sum(w not in model.vocabulary or w == UNKNOWN for w in words) / max(1, len(words))
    tokens = len(words) + len(sentences)
    perplexity = model.perplexity(sentences)
    return f"{name}: perplexity {perplexity:.3f}, {tokens} tokens, {unknown:.2%} of words unknown"


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Modified Kneser-Ney n-gram language model.")
    add = parser.add_argument
    add("--train", type=Path, required=True, help="sentences, one a line")
    add("--test", type=Path, help="print the perplexity of these sentences")
    add("--score", type=Path, nargs="+", default=[], help="print mean token costs by position")
    add("--order", type=int, default=5, help="longest n-gram (default 5)")
    add("--valid-last", type=int, default=0, help="hold out so many last training lines")
    add("--lowercase", action="store_true", help="lower-case every file")
    add("--split-final-period", action="store_true", help="a period glued to the last word")
    add("--unknown-below", type=int, default=1, help="rarer training words become unknown")
    add("--positions", type=int, default=10, help="positions in a group of --score (default 10)")
    return parser


def report(chosen: argparse.Namespace) -> Iterator[str]:
    """Train, then give the lines to print."""
    clean = (chosen.lowercase, chosen.split_final_period)
    lines = [words for words in read_sentences(chosen.train, *clean) if words]
    if not 0 <= chosen.valid_last < len(lines):
        raise ValueError(f"--valid-last {chosen.valid_last}: {chosen.train} has {len(lines)} lines")
    kept = len(lines) - chosen.valid_last
    model = KneserNey.train(without_rare(lines[:kept], chosen.unknown_below), chosen.order)
    yield f"train: {kept} sentences, vocabulary {len(model.vocabulary)}, order {model.order}"
    for order, values in enumerate(model.discounts, start=1):
        fallback = ", fallback: too little text" if values == FALLBACK_DISCOUNTS else ""
        yield f"discounts {order}: " + " ".join(f"{value:.4f}" for value in values) + fallback
    if chosen.valid_last:
        yield describe(model, "valid", lines[kept:])
    if chosen.test:
        test = read_sentences(chosen.test, *clean)
        yield describe(model, "test", [words for words in test if words])
    for path in chosen.score:
        groups = by_position(model, read_sentences(path, *clean), chosen.positions)
        for first, last, tokens, cost in groups:
            yield f"{path.name}: positions {first}-{last}, {tokens} tokens, {cost:.4f} nats a token"


def main() -> None:
    """Print the report; a file or a number that does not fit is a usage error."""
    parser = arguments()
    try:
        for line in report(parser.parse_args()):
            print(line)
    except (OSError, ValueError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()

"""Small texts with the counts of counts of large ones, and Kneser-Ney written down once more."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

Gram = tuple[str, ...]
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"


def zipf_corpus(seed: int, sentences: int = 300) -> list[list[str]]:
    """Sentences of frequent and rare phrases, none without words."""
    stream = random.Random(seed)
    words = [f"w{rank}" for rank in range(200)]
    weights = [1 / (rank + 1) for rank in range(200)]
    phrases = [stream.choices(words, weights, k=stream.randint(1, 4)) for _ in range(200)]
    drawn = (stream.choices(phrases, weights, k=stream.randint(0, 3)) for _ in range(sentences))
    return [[word for phrase in chosen for word in phrase] for chosen in drawn if chosen]


def by_definition(
    sentences: Sequence[Sequence[str]],
    order: int,
    discounts: Callable[[Iterable[int]], Sequence[float]],
) -> Callable[[str, Sequence[str]], float]:
    """P(word | context) straight from the formulas, by recursion over the padded sentences;
    `discounts` gives those of counts 1, 2 and 3 or more of one order from its counts."""
    padded = [[BEGIN, *sentence, END] for sentence in sentences]
    vocabulary = {word for sentence in sentences for word in sentence} | {UNKNOWN, END}

    def grams(length: int) -> list[Gram]:
        return [tuple(s[at : at + length]) for s in padded for at in range(len(s) - length + 1)]

    def adjusted(length: int) -> dict[Gram, int]:
        raw = Counter(gram for gram in grams(length) if gram != (BEGIN,))
        if length == order:
            return raw
        left = defaultdict(set)
        for gram in grams(length + 1):
            left[gram[1:]].add(gram[0])
        return {gram: raw[gram] if gram[0] == BEGIN else len(left[gram]) for gram in raw}

    counts = [adjusted(length) for length in range(1, order + 1)]
    taken = [(0, *discounts(of.values())) for of in counts]

    def probability(word: str, context: Gram) -> float:
        below = probability(word, context[1:]) if context else 1 / len(vocabulary)
        at = len(context)
        followers = {gram[-1]: n for gram, n in counts[at].items() if gram[:-1] == context}
        if not followers:
            return below
        total, own = sum(followers.values()), followers.get(word, 0)
        rest = sum(taken[at][min(n, 3)] for n in followers.values())
        return (own - taken[at][min(own, 3)] + rest * below) / total

    return lambda word, context: probability(
        word, tuple(context[max(0, len(context) - order + 1) :])
    )


def chen_and_goodman(counts: Iterable[int]) -> tuple[float, float, float]:
    """Equation 26 of Chen and Goodman 1999, term by term; there are n-grams of all counts 1-3."""
    n = Counter(counts)
    y = n[1] / (n[1] + 2 * n[2])
    return 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]

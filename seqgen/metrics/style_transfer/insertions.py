"""What a system puts into its sentences most often: a constant phrase shows itself here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from seqgen.metrics.style_transfer.word_changes import word_changes

LONGEST = 8
"""Words of an n-gram, at most."""


class Inserted(NamedTuple):
    """An n-gram, in lower case, and the share of the sentences that it was put into, 0 to 1."""

    words: str
    share: float


def commonest_insertions(
    predictions: Sequence[str], sources: Sequence[str], count: int = 3
) -> list[Inserted]:
    """Return the n-grams that were put into the most sentences, ``count`` at most.

    Words are inserted where ``word_changes`` finds words of the prediction that its source has not,
    added or in the place of others. Every n-gram of such a run counts, up to LONGEST words and once
    a sentence. One that stands in a longer one of as many sentences is passed over, as is one that
    overlaps with another piece of a phrase above LONGEST: of a phrase that is appended everywhere
    the whole is told, and not its parts.

    Raises ValueError for another number of predictions than sources, or for none.
    """
    if not predictions or len(predictions) != len(sources):
        raise ValueError(
            f"{len(predictions)} predictions of {len(sources)} sources given: one a source is"
            " needed, and at least 1"
        )
    found: Counter[tuple[str, ...]] = Counter()
    for source, prediction in zip(sources, predictions, strict=True):
        found.update(_inserted(source, prediction))
    ordered = sorted(found, key=lambda ngram: (-found[ngram], -len(ngram), ngram))
    chosen: list[tuple[str, ...]] = []
    for ngram in ordered:
        if len(chosen) == count:
            break
        if not any(found[other] == found[ngram] and _told_by(ngram, other) for other in chosen):
            chosen.append(ngram)
    return [Inserted(" ".join(ngram), found[ngram] / len(predictions)) for ngram in chosen]


def _inserted(source: str, prediction: str) -> set[tuple[str, ...]]:
    """All n-grams of the words that were put into one sentence."""
    runs = [span.new for span in word_changes(source, prediction.lower()) if not span.kept]
    return {
        run[first:last]
        for run in runs
        for first in range(len(run))
        for last in range(first + 1, min(first + LONGEST, len(run)) + 1)
    }


def _told_by(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether it stands in the other; of two of LONGEST words, whether they overlap."""
    if len(part) == len(whole) == LONGEST:
        shifts = range(1, LONGEST)
        return any(whole[k:] == part[:-k] or part[k:] == whole[:-k] for k in shifts)
    starts = range(len(whole) - len(part) + 1)
    return any(whole[first : first + len(part)] == part for first in starts)

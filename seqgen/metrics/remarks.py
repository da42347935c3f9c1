"""What must be said of sentences before their figures are believed: collapse, copies, language."""

from collections.abc import Sequence
from itertools import chain

Sentences = Sequence[list[str]]

UNKNOWN = 0.5
"""The share of words the real text lacks from which on a warning says so."""
COLLAPSED = 0.1
"""The share of different sentences below which a warning says so."""
COPIED = 0.5
"""The share of sentences found word by word in a real text from which on a note says so."""


def on_copies(
    predictions: Sentences, references: Sentences, training: Sentences | None
) -> list[str]:
    """Return warnings where few predictions differ, or stand word by word in a real text."""
    rows = len(predictions)
    if rows < 2:
        return []
    found = _collapsed(predictions)
    equal = _share(predictions, references)
    if equal >= COPIED:
        found.append(
            f"warning: {equal:.1%} of the {rows} hypotheses stand word by word in the references:"
            " BLEU and overlap tell nothing of those; is it the right file?"
        )
    copied = 0.0 if training is None else _share(predictions, training)
    if copied >= COPIED:
        found.append(
            f"warning: {copied:.1%} of the {rows} hypotheses are copied word by word from the"
            " training text: the other figures are those of the training text"
        )
    return found


def on_words(sentences: Sentences, words: set[str]) -> list[str]:
    """Return a warning where most words of the sentences are not among the ``words`` of the real
    text."""
    tokens = list(chain.from_iterable(sentences))
    unknown = sum(token not in words for token in tokens)
    if not tokens or unknown / len(tokens) < UNKNOWN:
        return []
    known = "no word of" if unknown == len(tokens) else "few words of"
    return [
        f"warning: {known} the hypotheses in the real text: {unknown / len(tokens):.1%} of their "
        f"{len(tokens)} words are unknown there; are language, case and tokenisation the same?"
    ]


def _collapsed(predictions: Sentences) -> list[str]:
    rows, kinds = len(predictions), len({tuple(sentence) for sentence in predictions})
    if kinds == 1:
        return [f"warning: all {rows} hypotheses are one and the same sentence"]
    if kinds < COLLAPSED * rows:
        return [f"warning: only {kinds} of the {rows} hypotheses are different sentences"]
    return []


def _share(sentences: Sentences, known: Sentences) -> float:
    seen = {tuple(sentence) for sentence in known}
    return sum(tuple(sentence) in seen for sentence in sentences) / len(sentences)

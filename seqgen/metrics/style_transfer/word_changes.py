"""Which words a rewriting kept, took out and put in."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple


class Span(NamedTuple):
    """A run of words that was kept, or that others took the place of.

    ``old`` stands in the source and ``new`` in the rewriting, as they are written there; of a kept
    span both are of one length, and equal in lower case. One of the two may be empty.
    """

    kept: bool
    old: tuple[str, ...]
    new: tuple[str, ...]


def word_changes(source: str, prediction: str) -> Iterator[Span]:
    """Yield the spans of two sentences in their order, words between white space, compared in lower
    case.

    The alignment is difflib's: the longest common run of words first, then the same to the left and
    to the right of it. It is no shortest edit, but reads as people would mark it.
    """
    old, new = source.split(), prediction.split()
    one, other = ([word.lower() for word in words] for words in (old, new))
    # Without "junk": in a long sentence a frequent word is a word like any other.
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        yield Span(tag == "equal", tuple(old[first:last]), tuple(new[start:end]))

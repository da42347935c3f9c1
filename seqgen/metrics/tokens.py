"""Sentences as the metrics take them: strings, split at whitespace, or lists of tokens."""

from collections.abc import Sequence
from typing import NamedTuple

Sentence = str | Sequence[str]


class Tokenized(NamedTuple):
    """Sentences as lists of tokens, and the name of what cut them: ``whitespace``, ``given`` (the
    caller), or ``mixed``; ``none`` when there is no sentence."""

    sentences: list[list[str]]
    tokenizer: str


def tokenize(sentences: Sequence[Sentence], at_least: int = 0) -> Tokenized:
    """Split the sentences that are strings at whitespace, take the others as they are.

    Raises TypeError for one string in the place of a list of sentences, ValueError for fewer than
    ``at_least`` sentences.
    """
    if isinstance(sentences, str):
        raise TypeError(f"one string given ({sentences[:40]!r}): give a list of sentences")
    if len(sentences) < at_least:
        raise ValueError(f"{len(sentences)} sentences given: at least {at_least} are needed")
    lists = [s.split() if isinstance(s, str) else list(s) for s in sentences]
    return Tokenized(
        lists, _common(["whitespace" if isinstance(s, str) else "given" for s in sentences])
    )


def common_tokenizer(*parts: Tokenized) -> str:
    """Return the name of the tokenizer of several lists of sentences, ``mixed`` if they differ."""
    return _common([part.tokenizer for part in parts if part.sentences])


def _common(names: list[str]) -> str:
    different = set(names)
    return different.pop() if len(different) == 1 else "mixed" if different else "none"

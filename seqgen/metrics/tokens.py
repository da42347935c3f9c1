"""Sentences as the metrics take them: strings, cut by a named tokenizer, or lists of tokens."""

import itertools
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

Sentence = str | Sequence[str]
Tokenizer = Literal["whitespace", "nltk", "character"]
"""``nltk`` is the class NLTKWordTokenizer (Penn Treebank rules; it needs no download, and unlike
nltk's word_tokenize splits the full stop of the last sentence of a line only); ``character`` takes
every character, spaces too, as a token."""

TWO_FORMS = (
    "a sentence is a string or a list of its tokens, and the references here are one list of "
    "sentences that all predictions share. References of each row by itself, such as Hugging "
    "Face's nested lists, belong to the row-by-row metrics of seqgen.metrics.aligned and "
    "seqgen.metrics.corpus."
)


class Tokenized(NamedTuple):
    """Sentences as lists of tokens, and the name of what cut them, for signatures: a Tokenizer,
    ``given`` (lists of tokens came from the caller), or ``mixed``, with ``+lowercase`` where the
    case was dropped; ``none`` when there is no sentence."""

    sentences: list[list[str]]
    tokenizer: str


def tokenize(
    sentences: Sequence[Sentence],
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
    at_least: int = 0,
) -> Tokenized:
    """Cut the sentences that are strings, take the others as they are.

    Raises TypeError for one string in the place of a list of sentences and for what is no sentence,
    ValueError for fewer than ``at_least`` sentences, an unknown tokenizer, or lists of references
    in the place of sentences.
    """
    if isinstance(sentences, str):
        raise TypeError(f"one string given ({sentences[:40]!r}): give a list of sentences")
    if len(sentences) < at_least:
        raise ValueError(f"{len(sentences)} sentences given: at least {at_least} are needed")
    cut = _cutter(tokenizer)
    names = {tokenizer if isinstance(s, str) else "given" for s in sentences}
    if "given" in names:
        _check([s for s in sentences if not isinstance(s, str)])
    lists = [_tokens(s, cut, lowercase) for s in sentences]
    name = _common(names)
    return Tokenized(lists, f"{name}+lowercase" if lowercase and sentences else name)


def common_tokenizer(*parts: Tokenized) -> str:
    """Return the name of the tokenizer of several lists of sentences, ``mixed`` if they differ."""
    return _common({part.tokenizer for part in parts if part.sentences})


def _common(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else "mixed" if names else "none"


def _cutter(tokenizer: Tokenizer) -> Callable[[str], list[str]]:
    if tokenizer == "whitespace":
        return str.split
    if tokenizer == "character":
        return list
    if tokenizer == "nltk":
        from nltk.tokenize.destructive import NLTKWordTokenizer

        words: Callable[[str], list[str]] = NLTKWordTokenizer().tokenize
        return words
    raise ValueError(f"tokenizer {tokenizer!r} given: it may be one of {get_args(Tokenizer)}")


def _tokens(sentence: Sentence, cut: Callable[[str], list[str]], lowercase: bool) -> list[str]:
    if isinstance(sentence, str):
        return cut(sentence.lower() if lowercase else sentence)
    return [token.lower() for token in sentence] if lowercase else list(sentence)


def _check(given: Sequence[Sequence[str]]) -> None:
    """Refuse what are no lists of tokens, above all a list of whole references a sentence."""
    for sentence in given:
        if not isinstance(sentence, list | tuple):
            kind = type(sentence).__name__
            raise TypeError(f"a sentence of type {kind} given: give strings or lists of tokens")
    try:
        distinct = set(itertools.chain.from_iterable(given))
    except TypeError:  # lists are not hashable
        raise ValueError("a list within a list of tokens given: " + TWO_FORMS) from None
    for token in distinct:
        if not isinstance(token, str):
            kind = type(token).__name__
            raise TypeError(f"the token {token!r} of type {kind} given: tokens are strings")
        if len(token.split()) > 1:
            raise ValueError(f"{token!r} given as one token: " + TWO_FORMS)

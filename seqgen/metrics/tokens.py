"""Sentences as the metrics take them: strings, cut by a named tokenizer, or lists of tokens."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

Sentence = str | Sequence[str]
Tokenizer = Literal["whitespace", "nltk", "character"]
"""``nltk`` is the class NLTKWordTokenizer (Penn Treebank rules; it needs no download, and unlike
nltk's word_tokenize splits the full stop of the last sentence of a line only); ``character`` takes
every character, spaces too, as a token."""

SEVERAL_WORDS = re.compile(r"[^\s\0]\s+[^\s\0]")
TWO_FORMS = (
    "a sentence is a string or a list of its tokens, and the references here are one list of "
    "sentences that all predictions share. References of each row by itself, such as Hugging "
    "Face's nested lists, belong to the row-by-row metrics: aligned_bleu_orders and corpus_bleu."
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
    strings = _kinds(sentences)
    if False in strings:
        _check_tokens([s for s in sentences if not isinstance(s, str)])
    lists = [_tokens(s, cut, lowercase) for s in sentences]
    name = _common({tokenizer if string else "given" for string in strings})
    return Tokenized(lists, f"{name}+lowercase" if lowercase and lists else name)


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
    if lowercase:
        return [token.lower() for token in sentence]
    return sentence if isinstance(sentence, list) else list(sentence)


def _kinds(sentences: Sequence[Sentence]) -> set[bool]:
    """Return True for strings and False for lists of tokens, whichever there are."""
    kinds = set(map(type, sentences))
    for kind in kinds:
        if not issubclass(kind, str | list | tuple):
            raise TypeError(
                f"a sentence of type {kind.__name__} given: give strings or lists of tokens"
            )
    return {issubclass(kind, str) for kind in kinds}


def _check_tokens(given: Sequence[Sequence[str]]) -> None:
    """Refuse what are no tokens, above all whole references in the place of tokens."""
    try:
        distinct = set(itertools.chain.from_iterable(given))
    except TypeError:  # lists are not hashable
        raise ValueError("a list within a list of tokens given: " + TWO_FORMS) from None
    wrong = {kind.__name__ for kind in map(type, distinct) if not issubclass(kind, str)}
    if wrong:
        raise TypeError(f"tokens of type {', '.join(sorted(wrong))} given: tokens are strings")
    if SEVERAL_WORDS.search("\0".join(distinct)):
        token = next(token for token in sorted(distinct) if SEVERAL_WORDS.search(token))
        raise ValueError(f"{token!r} given as one token: " + TWO_FORMS)
